"""Rules tried on what is in Kafka: raw records through the very fold, or the aggregates as they stand. Nothing is written."""

import asyncio
from collections.abc import Callable, Sequence

from aiokafka.errors import KafkaError
from msgspec import Struct

from deploy.replay.request import Request
from deploy.replay.source import Source, Span
from deploy.replay.tape import Tape
from deploy.settings import Settings
from streams.alerts.machine import Alerts, Counts
from streams.alerts.rules import Rule
from streams.processors.aggregate import AggregateProgram
from streams.windows.intake import Logged
from topics import BY_NAME, KINDS, Alert, ContractError, TopicsError, raw_topic
from topics.broker import check_topics
from topics.catalog import RAW
from topics.record import OutRecord

from .invented import written
from .report import Trial

Told = Callable[[int, int | None], None]
Begun = Callable[[int], None]


class Range(Struct, frozen=True, kw_only=True):
    """What is asked for, by log time."""

    from_ms: int | None
    to_ms: int | None
    warm_up_ms: int
    """How much before it is read, so that windows and what stood at its beginning are known."""

    def request(self, kinds: Sequence[str] = KINDS) -> Request:
        """Return what is to be read."""
        begin_ms = None if self.from_ms is None else max(0, self.from_ms - self.warm_up_ms)
        return Request(into="", from_ms=begin_ms, to_ms=self.to_ms, speed=None, kinds=tuple(kinds))  # type: ignore[arg-type]


async def tried_on_raw(
    settings: Settings,
    rules: tuple[Rule, ...],
    asked: Range,
    *,
    stop: asyncio.Event,
    begun: Begun,
    told: Told,
) -> Trial:
    """Return what rules say of a range of the raw topics, folded anew from its beginning.

    Raises:
        TopicsError: The broker cannot be reached, or its topics are not what the catalog says.
        ReplayError: Told to stop, or records are not there any more.
    """
    broker = settings.broker
    await asyncio.to_thread(check_topics, broker, list(RAW))
    source, tested = Source(broker, broker), Trial(asked.from_ms)
    programs = _Programs(settings, rules)
    try:
        await _connected(source, settings)
        spans = await source.spans(asked.request())
        tested.cut = _cut(spans)
        begun(sum(span.records for span in spans))
        programs.begin(spans)
        async for due in source.rounds(spans, None, stop):
            for record in due:
                programs.take(record, tested)
            tested.read(len(due), due[0].timestamp_ms, due[-1].timestamp_ms)
            told(tested.records, due[-1].timestamp_ms)
            await asyncio.sleep(0)
    finally:
        await source.stop()
    tested.counted(programs.counts())
    return tested


async def tried_on_aggregates(
    settings: Settings,
    rules: tuple[Rule, ...],
    asked: Range,
    *,
    stop: asyncio.Event,
    begun: Begun,
    told: Told,
) -> Trial:
    """Return what rules say of a range of the aggregates as they were published.

    Raises:
        TopicsError: The broker cannot be reached, or its topics are not what the catalog says.
        ReplayError: Told to stop, or records do not come.
    """
    broker = settings.broker
    await asyncio.to_thread(check_topics, broker, [BY_NAME["aggregates"]])
    tape, tested = Tape(broker, stop), Trial(asked.from_ms)
    decode = BY_NAME["aggregates"].decoder().decode
    await tape.start()
    try:
        reaches = [
            await tape.reach(partition, 0.0, asked.request())
            for partition in range(broker.partitions)
        ]
        begun(sum(reach.records for reach in reaches))
        for reach in reaches:
            alerts = _alerts(settings, rules)
            async for batch in tape.between("aggregates", reach.partition, reach.begin, reach.end):
                for record in batch:
                    try:
                        alerts.feed(decode(record.value or b""))
                    except ContractError:
                        tested.unreadable += 1
                tested.add(alerts.outputs)
                alerts.outputs = []
                tested.read(len(batch), batch[0].timestamp, batch[-1].timestamp)
                told(tested.records, batch[-1].timestamp)
            tested.counted(alerts.counts)
    finally:
        await tape.stop()
    return tested


def _alerts(settings: Settings, rules: tuple[Rule, ...]) -> Alerts:
    told = settings.streams.alerts
    return Alerts(
        rules, instances_max=told.instances_max, kinds_apart_ms=told.kinds_apart_s * 1_000
    )


class _Programs:
    """The fold of each partition, with the rules."""

    def __init__(self, settings: Settings, rules: tuple[Rule, ...]) -> None:
        self._settings, self._rules = settings, rules
        self._of: dict[int, AggregateProgram] = {}
        self._next: dict[tuple[str, int], int] = {}
        self._alerts_topic = settings.broker.topic("alerts")
        self._decode = BY_NAME["alerts"].decoder().decode

    def begin(self, spans: Sequence[Span]) -> None:
        """Begin at the first offset of each span."""
        streams, broker = self._settings.streams, self._settings.broker
        for span in spans:
            self._next[broker.topic(raw_topic(span.kind)), span.partition] = span.begin
            self._of[span.partition] = AggregateProgram(
                broker,
                span.partition,
                {},
                subjects_max=streams.subjects_max,
                epoch=streams.epoch,
                rules=self._rules,
                instances_max=streams.alerts.instances_max,
                kinds_apart_ms=streams.alerts.kinds_apart_s * 1_000,
            )

    def take(self, record: OutRecord, tested: Trial) -> None:
        """Fold the next record of the log."""
        place = record.topic, record.partition
        offset = self._next[place]
        self._next[place] = offset + 1
        program = self._of[record.partition]
        logged = Logged(
            offset, record.timestamp_ms or 0, record.key, record.value or b"", record.headers
        )
        if program.feed(record.topic, [logged]):
            told: list[Alert] = [
                self._decode(one.value or b"")
                for one in written(program)
                if one.topic == self._alerts_topic
            ]
            tested.add(told)

    def counts(self) -> Counts:
        """Return what the rules of all partitions counted."""
        total = Counts()
        for program in self._of.values():
            if program.alerts is not None:
                total = total.plus(program.alerts.counts)
        return total


async def _connected(source: Source, settings: Settings) -> None:
    try:
        await source.start()
    except KafkaError as error:
        msg = f"no Kafka broker answers at {settings.broker.bootstrap}: {error}"
        raise TopicsError(msg) from None


def _cut(spans: Sequence[Span]) -> list[str]:
    """Return the logs whose beginning has been deleted and in which the range begins where they do now."""
    return [
        f"{raw_topic(span.kind)}/{span.partition}"
        for span in spans
        if span.log_begin > 0 and span.begin == span.log_begin
    ]
