"""The bench's own check finds a window that is missing, extra or wrong in one event or one digit."""

import dataclasses
from collections.abc import Callable, Iterator

import pytest
from msgspec.structs import replace

from deploy.bench.check import GRID, Found, Minutes, judge
from deploy.bench.tape import MINUTE_MS, START_MS, Tape, Work, backlog
from streams.processors.aggregate import AggregateProgram
from topics import Aggregate, decoder_of
from topics.outbox import OutRecord
from topics.record import Labels
from topics.settings import BrokerSettings

END_MS = START_MS + 2 * MINUTE_MS


@dataclasses.dataclass
class Record:
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Labels = ()


def aggregates(work: Work) -> tuple[Tape, list[Aggregate]]:
    """Fold a tape by the real program, and return it with what is published."""
    tape = Tape(work)
    broker = BrokerSettings(prefix="t.", partitions=work.partitions)
    programs = [AggregateProgram(broker, p, {}, subjects_max=1_000) for p in range(work.partitions)]
    offsets = [0] * work.partitions
    for record in backlog(tape):
        at = offsets[record.partition]
        offsets[record.partition] += 1
        read = Record(at, END_MS, record.key, record.value)
        programs[record.partition].feed(broker.topic("raw.market"), [read])
    decode = decoder_of(Aggregate).decode
    return tape, [decode(out.value or b"") for out in outputs(programs)]


def outputs(programs: list[AggregateProgram]) -> Iterator[OutRecord]:
    for program in programs:
        taken = program.take()
        assert taken is not None
        yield from taken.outputs


@pytest.fixture(scope="module")
def folded() -> tuple[Tape, Minutes]:
    tape, published = aggregates(Work(events=10_000, minutes=2, assets=8))
    minutes = Minutes()
    for aggregate in published:
        minutes.add(aggregate)
    assert any(found.revision for found in minutes.found.values())
    return tape, minutes


def test_what_the_folds_publish_is_right(folded: tuple[Tape, Minutes]) -> None:
    """Each minute of each asset once, by its last revision, and every event in one of them."""
    tape, minutes = folded
    verdict = judge(tape.expected, minutes, watermark_ms=END_MS)
    assert verdict == (len(tape.expected), 10_000, 0, [])


def test_what_has_not_ended_is_counted_as_open(folded: tuple[Tape, Minutes]) -> None:
    """And a window published before its end is an error."""
    tape, minutes = folded
    early = Minutes()
    early.found = {m: f for m, f in minutes.found.items() if m[1] <= START_MS}
    half = judge(tape.expected, early, watermark_ms=END_MS - 1)
    assert half.counted + half.still_open == 10_000
    assert half.still_open > 0
    assert half.errors == []
    whole = judge(tape.expected, minutes, watermark_ms=END_MS - 1)
    assert whole.errors[0].startswith("8 published but not expected: A001/USDT at")


def one_more(found: Found) -> Found:
    return found._replace(trades=found.trades + 1)


def one_digit(found: Found) -> Found:
    return found._replace(volume=found.volume + 1 / GRID)


@pytest.mark.parametrize("change", [one_more, one_digit])
def test_one_event_or_one_digit_is_found(
    folded: tuple[Tape, Minutes], change: Callable[[Found], Found]
) -> None:
    """In one window of all."""
    tape, minutes = folded
    spoilt, at = Minutes(), ("A003/USDT", START_MS)
    spoilt.found = minutes.found | {at: change(minutes.found[at])}
    errors = judge(tape.expected, spoilt, watermark_ms=END_MS).errors
    assert errors[0] == f"1 wrong: A003/USDT at {START_MS}"
    assert len(errors) == (1 if change is one_more else 2)


def test_a_missing_window_is_found(folded: tuple[Tape, Minutes]) -> None:
    """By its place, and by the sum of its asset."""
    tape, minutes = folded
    less, at = Minutes(), ("A001/USDT", START_MS)
    less.found = {m: f for m, f in minutes.found.items() if m != at}
    errors = judge(tape.expected, less, watermark_ms=END_MS).errors
    assert errors == [
        f"1 missing: A001/USDT at {START_MS}",
        "1 wrong in volume over all windows: A001/USDT",
    ]


def test_the_highest_revision_counts_whenever_it_comes() -> None:
    """And windows of other sizes and kinds do not."""
    _, published = aggregates(Work(events=500, minutes=1, assets=1))
    last = max((a for a in published if a.window_ms == MINUTE_MS), key=lambda a: a.revision)
    minutes = Minutes()
    for aggregate in (last, replace(last, revision=last.revision - 1, values=last.values)):
        minutes.add(aggregate)
    minutes.add(replace(last, window_ms=5 * MINUTE_MS, revision=99))
    assert [found.revision for found in minutes.found.values()] == [last.revision]
