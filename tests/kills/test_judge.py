"""Every sort of defect is planted, and the judge must find it and name it: a judge that finds nothing proves nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams.processors.aggregate import AggregateProgram
from streams.windows.intake import Logged
from streams.windows.state import Meta
from tests.integration.roles import pipeline
from tests.servers import SharedKafka
from topics import KINDS, raw_topic
from topics.broker import BrokerSettings
from topics.catalog import STATE
from topics.outbox import OutRecord

from .judge import Said, Verdict, compare, judge
from .tape import START_MS, Tape

TICKS = 40
"""Four minutes of the tape, and its end: corrections, late events and dead letters among its outputs."""
PLACE = "aggregates/0"
DAY_MS = 86_400_000

Logs = dict[str, list[list[Any]]]
"""The records of each raw topic, by partition."""

FAULTS = ("missing", "wrong", "extra", "doubled", "disordered", "contradicted", "uncounted")


def taped(broker: BrokerSettings) -> list[OutRecord]:
    """Return a market's raw records."""
    tape = Tape(broker, "judged")
    return [record for _ in range(TICKS) for record in tape.tick()] + tape.close()


def folded(broker: BrokerSettings, logs: Logs) -> tuple[list[OutRecord], list[OutRecord]]:
    """Return what a faultless worker writes of them: outputs, and the entries of its state."""
    outputs, entries = [], []
    for partition in range(broker.partitions):
        program = AggregateProgram(broker, partition, {}, subjects_max=100)
        for topic, parts in logs.items():
            program.feed(topic, parts[partition])
        if checkpoint := program.take():
            outputs += checkpoint.outputs
            state = broker.topic(STATE.name)
            entries += [OutRecord(state, partition, *entry) for entry in checkpoint.entries]
    return outputs, entries


@pytest.fixture(scope="module")
def wanted() -> list[Said]:
    """What one partition of the aggregates must hold."""
    broker = BrokerSettings(prefix="judged.", partitions=2)
    logs: Logs = {broker.topic(raw_topic(kind)): [[], []] for kind in KINDS}
    for record in taped(broker):
        log = logs[record.topic][record.partition]
        log.append(Logged(len(log), START_MS + DAY_MS, record.key, record.value))
    outputs, _ = folded(broker, logs)
    return [
        (r.key, r.value or b"", tuple(r.headers))
        for r in outputs
        if r.topic == broker.topic("aggregates") and r.partition == 0
    ]


def corrected(said: list[Said]) -> int:
    """Return the place of a second revision, whose first one is before it."""
    return next(n for n, one in enumerate(said) if _id(one).endswith("/1"))


def _id(said: Said) -> str:
    return dict(said[2])["ce_id"].decode()


def _missing(said: list[Said]) -> str:
    return _id(said.pop(len(said) // 2))


def _wrong(said: list[Said]) -> str:
    key, value, told = said[0]
    said[0] = (key, value.replace(b'"history_n":', b'"history_n":1'), told)
    assert said[0][1] != value
    return _id(said[0])


def _wrong_key(said: list[Said]) -> str:
    said[0] = (b"another", *said[0][1:])
    return _id(said[0])


def _extra(said: list[Said]) -> str:
    key, value, told = said[0]
    name = _id(said[0]).replace("/0", "/99").encode()
    said.append((key, value, tuple((n, name if n == "ce_id" else text) for n, text in told)))
    return name.decode()


def _doubled(said: list[Said]) -> str:
    at = corrected(said)
    said.append(said[at])
    return _id(said[at])


def _doubled_otherwise(said: list[Said]) -> str:
    key, value, told = said[corrected(said)]
    said.append((key, value + b" ", told))
    return dict(told)["ce_id"].decode()


def _disordered(said: list[Said]) -> str:
    at = corrected(said)
    first = next(n for n, one in enumerate(said) if _id(one) == _id(said[at])[:-1] + "0")
    said[first], said[at] = said[at], said[first]
    return _id(said[first])


@pytest.mark.parametrize(
    ("plant", "fault"),
    [
        (_missing, "missing"),
        (_wrong, "wrong"),
        (_wrong_key, "wrong"),
        (_extra, "extra"),
        (_doubled, "doubled"),
        (_doubled_otherwise, "doubled"),
        (_disordered, "disordered"),
    ],
)
def test_a_planted_defect_is_counted_as_what_it_is_and_named(
    wanted: list[Said], plant: Callable[[list[Said]], str], fault: str
) -> None:
    """One record differs: one count of that sort, none of another, and the record's id in the words."""
    got, verdict = list(wanted), Verdict()
    name = plant(got)
    compare(verdict, PLACE, got, wanted)
    assert {f: getattr(verdict, f) for f in FAULTS if getattr(verdict, f)} == {fault: 1}
    assert not verdict.faultless
    (words,) = verdict.examples
    assert words.startswith(PLACE)
    assert name in words


def test_a_log_as_it_must_be_has_no_fault(wanted: list[Said]) -> None:
    """Nor has one whose kinds are woven otherwise: the order between two kinds says nothing."""
    verdict = Verdict()
    compare(verdict, PLACE, list(wanted), wanted)
    woven = sorted(wanted, key=lambda said: _id(said).partition("/")[0], reverse=True)
    assert woven != wanted
    compare(verdict, PLACE, woven, wanted)
    assert verdict == Verdict()
    assert verdict.faultless


@pytest.mark.parametrize("fault", FAULTS)
def test_one_fault_of_any_sort_is_a_fault(fault: str) -> None:
    """None of the sorts is left out of the sum."""
    verdict = Verdict()
    setattr(verdict, fault, 1)
    assert not verdict.faultless


@pytest.mark.integration
async def test_counters_are_judged_by_the_brokers_offsets_and_by_the_audit(
    kafka: SharedKafka, topic_prefix: str, tmp_path: Path
) -> None:
    """A faultless log has no fault; a counter that is moved is the audit's to find, one too many is a wrong sum."""
    with pipeline(kafka.bootstrap, topic_prefix, tmp_path) as line:
        raw = taped(line.broker)
        await line.write(raw)
        topics = map(raw_topic, KINDS)
        outputs, entries = folded(
            line.broker, {line.broker.topic(name): await line.read(name) for name in topics}
        )
        await line.write([*outputs, *entries])
        clean = await judge(line)
        assert clean.examples == []
        assert clean.faultless
        assert (clean.records, clean.aborted) == (len(raw), 0)
        assert min(clean.outputs, clean.revisions, clean.late, clean.letters) > 0

        state = next(e for e in entries if e.key == b"0|market|meta")
        meta = msgspec.json.decode(state.value or b"", type=Meta)
        meta.counters.applied += 1
        meta.counters.heartbeats -= 1
        await line.write([_with_meta(state, meta)])
        moved = await judge(line)
        assert moved.contradicted > 0
        assert {f: getattr(moved, f) for f in FAULTS if f != "contradicted"} == dict.fromkeys(
            (f for f in FAULTS if f != "contradicted"), 0
        )
        assert any("applied" in words for words in moved.examples)

        meta.counters.heartbeats += 1
        await line.write([_with_meta(state, meta)])
        one_more = await judge(line)
        assert one_more.uncounted == 1
        due = sum(r.topic == line.broker.topic("raw.market") and r.partition == 0 for r in raw)
        assert f"market/0: {due} records, {due + 1} counted" in one_more.examples


def _with_meta(entry: OutRecord, meta: Meta) -> OutRecord:
    return OutRecord(entry.topic, entry.partition, entry.key, msgspec.json.encode(meta))
