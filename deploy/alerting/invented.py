"""The invented market through the very fold, in memory: its raw records in the order they arrive. PURE."""

import heapq
from collections.abc import Iterable, Iterator

from msgspec import Struct

from streams.alerts.rules import Rule
from streams.collectors.outbound import Outbound
from streams.collectors.synthetic.assets import FORGE
from streams.collectors.synthetic.incidents import Incident
from streams.collectors.synthetic.run import START_MS, Run, run_of
from streams.collectors.synthetic.settings import SyntheticSettings
from streams.collectors.synthetic.source import GENERATORS
from streams.processors.aggregate import AggregateProgram
from streams.windows.intake import Logged
from topics import BY_NAME, KINDS, Alert, Kind
from topics.record import OutRecord
from topics.settings import BrokerSettings

SOURCE = "simulated"
_BROKER = BrokerSettings(partitions=1)
DEMO_START_MS = START_MS + 40 * 60_000
"""Of an hour, as the demo begins: so its windows are cut as there."""
_BEAT_MS = 1_000
"""Of event time, between two heartbeats of a source."""


class Invented(Struct, frozen=True, kw_only=True):
    """A run of the invented market, what was planted in it and what the rules said."""

    seed: int
    start_ms: int
    incidents: tuple[Incident, ...]
    alerts: list[Alert]
    aggregates: int


def run_invented(seed: int, hours: float, start_ms: int, rules: Iterable[Rule]) -> Invented:
    """Return what the rules make of an invented market of a seed. It takes some seconds for an hour."""
    settings = SyntheticSettings(type="synthetic", seed=seed, hours=hours)
    run = run_of(SOURCE, settings, start_ms)
    program = AggregateProgram(_BROKER, 0, {}, subjects_max=1_000, rules=rules)
    alerts: list[Alert] = []
    aggregates = 0
    decode = BY_NAME["alerts"].decoder().decode
    for topic, logged in raw_records(run):
        if not program.feed(topic, [logged]):
            continue
        for record in written(program):
            aggregates += record.topic == _BROKER.topic("aggregates")
            if record.topic == _BROKER.topic("alerts"):
                alerts.append(decode(record.value or b""))
    return Invented(
        seed=seed, start_ms=start_ms, incidents=run.incidents, alerts=alerts, aggregates=aggregates
    )


def written(program: AggregateProgram) -> list[OutRecord]:
    """Return what a program writes of what it was fed; its state is let go."""
    checkpoint = program.take()
    return [] if checkpoint is None else checkpoint.outputs


def raw_records(run: Run) -> Iterator[tuple[str, Logged]]:
    """Yield the raw records of all kinds with their topics, those that arrive first first."""
    offsets = {_BROKER.topic(f"raw.{kind}"): 0 for kind in KINDS}
    streams = [_sent(run, kind, number) for number, kind in enumerate(KINDS)]
    for due_ms, _, record in heapq.merge(*streams):
        if record.topic not in offsets:  # a dead letter of the collector
            continue
        offset = offsets[record.topic]
        yield record.topic, Logged(offset, due_ms, record.key, record.value or b"")
        offsets[record.topic] += 1


def _sent(run: Run, kind: Kind, number: int) -> Iterator[tuple[int, tuple[int, int], OutRecord]]:
    outbound = Outbound(FORGE if kind == "development" else run.name, kind, _BROKER, epoch=0)
    beaten_ms, count = 0, 0
    for timed in GENERATORS[kind](run):
        records = outbound.take(timed.observation, timed.due_ms)
        if timed.due_ms - beaten_ms >= _BEAT_MS:
            beaten_ms = timed.due_ms
            records += outbound.heartbeats(timed.due_ms)
        for record in records:
            count += 1
            yield timed.due_ms, (number, count), record
