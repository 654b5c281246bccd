"""The four folds of one partition number, as one program: raw records in, records to be written out."""

from collections.abc import Iterable, Mapping
from typing import assert_never

from streams.alerts.machine import Alerts
from streams.alerts.rules import Rule
from streams.alerts.state import has_entries
from streams.alerts.state import restore as restore_alerts
from streams.alerts.state import take_entries as take_alert_entries
from streams.engine.port import Checkpoint
from streams.windows import Fold, Output, feed_slice, restore, take_entries
from topics import KINDS, Aggregate, Alert, DeadLetter, Kind, Late, encode, raw_topic
from topics.alert import alert_key, transition_id
from topics.deadletter import to_record
from topics.envelope import headers
from topics.record import LogRecord, OutRecord
from topics.settings import BrokerSettings

ROLE = "streams"
OUTPUTS = ("aggregates", "late", "deadletters", "alerts")
"""The topics it writes."""


class AggregateProgram:
    """Folds raw events into windows, and hands their outputs and state to the checkpoint."""

    def __init__(
        self,
        broker: BrokerSettings,
        partition: int,
        entries: Mapping[bytes, bytes],
        *,
        subjects_max: int,
        epoch: int = 0,
        rules: Iterable[Rule] = (),
        instances_max: int = 20_000,
        kinds_apart_ms: int = 3_600_000,
    ) -> None:
        """Go on where the entries end. ``rules`` are those of alerts, for the last two see `AlertsSettings`.

        Raises:
            StateError: They were written by another version or other rules.
        """
        self.partition = partition
        self.folds: dict[Kind, Fold] = {}
        self._broker = broker
        self._kinds = {broker.topic(raw_topic(kind)): kind for kind in KINDS}
        self._changed: set[Kind] = set()
        for kind in KINDS:
            fold = Fold(
                kind,
                partition,
                partitions=broker.partitions,
                subjects_max=subjects_max,
                epoch=epoch,
            )
            restore(fold, entries, broker.partitions)
            self.folds[kind] = fold
        self._epoch = epoch
        self.alerts: Alerts | None = None
        """None where no rule is in force, and none was."""
        if (mine := tuple(rules)) or has_entries(entries, partition):
            self.alerts = Alerts(mine, instances_max=instances_max, kinds_apart_ms=kinds_apart_ms)
            restore_alerts(self.alerts, entries, partition)

    def feed(self, topic: str, records: Iterable[LogRecord]) -> bool:
        """Fold records, and return whether a window was published."""
        kind = self._kinds[topic]
        fold = self.folds[kind]
        published = fold.published
        feed_slice(fold, records)
        self._changed.add(kind)
        return fold.published > published

    def next_offsets(self) -> Mapping[str, int]:
        """Return, by raw topic, the offset to go on from."""
        return {
            topic: offset
            for topic, kind in self._kinds.items()
            if (offset := self.folds[kind].next_offset) is not None
        }

    def take(self) -> Checkpoint | None:
        """Return what has changed since the last call, or None when nothing has."""
        # A change of the rules may have ended alerts though nothing was folded.
        if not self._changed and (self.alerts is None or not self.alerts.changed):
            return None
        checkpoint = Checkpoint([], [])
        for kind in sorted(self._changed):
            fold = self.folds[kind]
            outputs, fold.outputs = fold.outputs, []
            checkpoint.outputs.extend(self._records(outputs))
            checkpoint.entries.extend(take_entries(fold, self._broker.partitions))
            if self.alerts is not None:
                for output in outputs:
                    if isinstance(output, Aggregate):
                        self.alerts.feed(output)
        self._changed.clear()
        if self.alerts is not None:
            self._take_alerts(self.alerts, checkpoint)
        return checkpoint

    def _take_alerts(self, alerts: Alerts, checkpoint: Checkpoint) -> None:
        """Let what came of the aggregates go with them: rules see them in the order in which they are written."""
        told, alerts.outputs = alerts.outputs, []
        checkpoint.outputs.extend(map(self._alert, told))
        checkpoint.entries.extend(take_alert_entries(alerts, self.partition, self._epoch))

    def _alert(self, alert: Alert) -> OutRecord:
        told = headers(
            event_id=transition_id(alert),
            event_type="alert",
            source=ROLE,
            time_ms=alert.as_of_ms,
        )
        topic, key = self._broker.topic("alerts"), alert_key(alert).encode()
        return OutRecord(topic, self.partition, key, encode(alert), told)

    def _records(self, outputs: Iterable[Output]) -> Iterable[OutRecord]:
        """Yield the records to write; what is said of a partition's records goes to that partition's number."""
        for output in outputs:
            match output:
                case Aggregate():
                    yield self._enveloped(
                        "aggregates",
                        output,
                        output.asset,
                        output.aggregate_id,
                        output.window_end_ms,
                    )
                case Late():
                    end_ms = output.window_start_ms + output.window_ms
                    yield self._enveloped("late", output, output.asset, output.event_id, end_ms)
                case DeadLetter():
                    key, value, told = to_record(output)
                    topic = self._broker.topic("deadletters")
                    yield OutRecord(topic, self.partition, key, value, told)
                case _:
                    assert_never(output)

    def _enveloped(
        self, topic: str, event: Aggregate | Late, asset: str, event_id: str, time_ms: int
    ) -> OutRecord:
        tag = "aggregate" if isinstance(event, Aggregate) else "late"
        told = headers(event_id=event_id, event_type=tag, source=ROLE, time_ms=time_ms)
        return OutRecord(
            self._broker.topic(topic), self.partition, asset.encode(), encode(event), told
        )
