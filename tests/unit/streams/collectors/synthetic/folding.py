"""A run's observations through the real way: collector's records, one partition's fold, its aggregates."""

from collections.abc import Callable, Iterator

from streams.collectors.outbound import Outbound
from streams.collectors.port import Through
from streams.collectors.synthetic import SyntheticSettings
from streams.collectors.synthetic.run import START_MS, Run, run_of
from streams.collectors.synthetic.timed import Timed
from streams.windows import Fold
from topics import Aggregate, Kind, raw_topic
from topics.aggregate import Values
from topics.broker import BrokerSettings
from topics.outbox import OutRecord

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
BROKER = BrokerSettings(partitions=1)


def run_for(*, hours: float = 1.0, start_ms: int = START_MS, **settings: object) -> Run:
    """Return a run of that many hours, ``settings`` over the usual ones."""
    return run_of("synthetic", settings_for(hours=hours, **settings), start_ms)


def settings_for(**settings: object) -> SyntheticSettings:
    return SyntheticSettings.model_validate({"type": "synthetic", "hours": 1.0, **settings})


class Folded:
    """What became of a run's observations."""

    def __init__(self, kind: Kind, source: str, *, beat_ms: int = 1_000) -> None:
        """``beat_ms`` is the event time between two heartbeats."""
        self.outbound = Outbound(source, kind, BROKER, epoch=1)
        self.fold = Fold(kind, 0, partitions=1, subjects_max=100)
        self._topic = BROKER.topic(raw_topic(kind))
        self._beat_ms, self._beaten_ms, self._offset = beat_ms, 0, 0

    def take(self, timed: Timed) -> None:
        """Take what one runner would have sent and one worker would have folded."""
        self._feed(timed.due_ms, self.outbound.take(timed.observation, timed.due_ms))
        beat = isinstance(timed.observation, Through)
        if beat and timed.due_ms >= self._beaten_ms + self._beat_ms:
            self._beaten_ms = timed.due_ms
            self._feed(timed.due_ms, self.outbound.heartbeats(timed.due_ms))

    def close(self) -> None:
        """End the source, as a runner does."""
        self._feed(2**50, self.outbound.heartbeats(2**50, closed=True))

    def aggregates(self) -> list[Aggregate]:
        return [output for output in self.fold.outputs if isinstance(output, Aggregate)]

    def windows(self, subject: str, window_ms: int, step_ms: int) -> dict[int, Values]:
        """Return the last revision of each window of a subject, by its start."""
        return {
            aggregate.window_start_ms: aggregate.values
            for aggregate in self.aggregates()
            if (aggregate.subject, aggregate.window_ms, aggregate.step_ms)
            == (subject, window_ms, step_ms)
        }

    def _feed(self, now_ms: int, records: list[OutRecord]) -> None:
        for record in records:
            if record.topic == self._topic:
                self.fold.feed(self._offset, now_ms, record.key, record.value or b"")
                self._offset += 1


def folded(
    generate: Callable[[Run], Iterator[Timed]],
    run: Run,
    kind: Kind,
    *,
    beat_ms: int = 1_000,
    until_ms: int | None = None,
) -> Folded:
    """Return what became of a run up to an instant, or of all of it."""
    source = "simforge" if kind == "development" else run.name
    result = Folded(kind, source, beat_ms=beat_ms)
    for timed in generate(run):
        if until_ms is not None and timed.due_ms > until_ms:
            return result
        result.take(timed)
    result.close()
    return result
