"""Any order of the sources' streams that keeps each one's own order gives the same revision-0 bytes."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.windows import Fold
from streams.windows.kinds import KIND_RULES
from tests.strategies.logs import EVENTS, SUBJECTS
from topics import (
    KINDS,
    Aggregate,
    GapDetected,
    GapFilled,
    Heartbeat,
    Kind,
    Post,
    RepositoryEvent,
    Trade,
    encode,
)

START_MS = 1_700_000_040_000 // 3_600_000 * 3_600_000
STEPS = 20
SOURCES = ("one", "two", "three")
Record = tuple[bytes | None, bytes]


def step_of(kind: Kind) -> int:
    """Between two promises of a source: four of them, and not five, lie within the idle span."""
    return KIND_RULES[kind].source_idle_ms * 7 // 30


@st.composite
def honest_stream(draw: Any, kind: Kind, source: str) -> list[Record]:
    """One source that keeps its promises, from before the first event of all to the end of all; holes among them."""
    step_ms, number = step_of(kind), 0
    made: list[Record] = [(None, beat(source, START_MS))]
    for step in range(STEPS):
        from_ms = START_MS + step * step_ms
        for _ in range(draw(st.integers(0, 3))):
            number += 1
            at = from_ms + draw(st.integers(0, step_ms - 1))
            made.append((b"BTC", encode(own(EVENTS[kind](draw, at), source, number))))
        if draw(st.integers(0, 9)) == 0:
            made += hole(draw, kind, source, f"{source}/{step}", from_ms)
        made.append((None, beat(source, from_ms + step_ms)))
    return made


def own(event: Any, source: str, number: int) -> Any:
    """The event as one of this source, under an id that no other has: of two copies, the one that comes first counts.

    Venues are shared, but for the one whose trades are numbered.
    """
    name = f"{source}/{number}"
    match event:
        case Trade() if source == "one":
            return replace(event, source=source, venue=source, trade_id=name, sequence=number)
        case Trade():
            return replace(event, source=source, trade_id=name, sequence=None)
        case Post():
            return replace(event, source=source, post_id=name)
        case RepositoryEvent():
            return replace(event, source=source, event_id=name)
        case _:
            return replace(event, source=source, span_ms=60_000 + SOURCES.index(source))


def hole(draw: Any, kind: Kind, source: str, name: str, from_ms: int) -> list[Record]:
    """A gap, told and perhaps filled before the next promise."""
    place: dict[str, Any] = {
        "gap_id": name,
        "subject": draw(st.sampled_from(SUBJECTS[kind])),
        "source": source,
        "venue": source,
        "from_ms": from_ms,
        "to_ms": from_ms + draw(st.integers(0, step_of(kind) - 1)),
    }
    marks = [GapDetected(**place)] + ([GapFilled(**place)] if draw(st.booleans()) else [])
    return [(b"BTC", encode(mark)) for mark in marks]


def beat(source: str, through_ms: int) -> bytes:
    return encode(Heartbeat(source=source, epoch=0, through_ms=through_ms))


def interleave(streams: list[list[Record]], kind: Kind, turns: int) -> list[Record]:
    """Merge streams by the digits of ``turns``, never letting one's promises fall an idle span behind.

    All first heartbeats come first, and all ends last: a source nobody has heard of holds nothing back.
    """
    step_ms, idle_ms, count = step_of(kind), KIND_RULES[kind].source_idle_ms, len(streams)
    left = [list(stream) for stream in streams]
    merged = [stream.pop(0) for stream in left]
    through = [START_MS] * count
    while all(left):
        turns, which = divmod(turns, count)
        if through[which] + step_ms - min(through) > idle_ms:
            which = through.index(min(through))
        key, value = left[which].pop(0)
        merged.append((key, value))
        if key is None:
            through[which] += step_ms
    end_ms = START_MS + STEPS * step_ms + 7_200_000
    rest = [record for stream in left for record in stream]
    return merged + rest + [(None, beat(name, end_ms)) for name in SOURCES[:count]]


def published(kind: Kind, log: list[Record]) -> dict[str, bytes]:
    fold = Fold(kind, 0, partitions=1, subjects_max=10)
    for offset, (key, value) in enumerate(log):
        fold.feed(offset, START_MS + 10**9, key, value)
    assert fold.counters.late + fold.counters.dead_letters == 0
    windows = [o for o in fold.outputs if isinstance(o, Aggregate)]
    assert [w.aggregate_id for w in windows if w.revision] == [], (
        "an honest source corrects nothing"
    )
    return {w.aggregate_id: encode(w) for w in windows}


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), turns=st.integers(0, 3**300), other_turns=st.integers(0, 3**300))
def test_the_order_of_arrival_does_not_show(
    kind: Kind, data: st.DataObject, turns: int, other_turns: int
) -> None:
    """Two sources or three, each in its own order, none idle."""
    names = SOURCES[: data.draw(st.integers(2, 3))]
    streams = [data.draw(honest_stream(kind, name)) for name in names]
    first = published(kind, interleave(streams, kind, turns))
    second = published(kind, interleave(streams, kind, other_turns))
    assert first == second
    assert first or not any(b'"gap_id"' not in value and key for s in streams for key, value in s)


def test_quantities_are_summed_exactly() -> None:
    """Ten thousand additions of a tenth are a thousand: a sum of doubles is not."""
    fold = Fold("market", 0, partitions=1, subjects_max=10)
    for number in range(10_000):
        value = encode(
            Trade(
                subject="BTC/USD",
                source="one",
                venue="alpha",
                trade_id=str(number),
                event_ms=START_MS,
                received_ms=START_MS,
                price=Decimal("0.1"),
                size=Decimal("0.1"),
                side="buy",
                sequence=number,
            )
        )
        fold.feed(number, START_MS, b"BTC", value)
    fold.feed(10_000, START_MS + 70_000, None, beat("one", START_MS + 60_000))
    minute = next(o for o in fold.outputs if isinstance(o, Aggregate))
    values: Any = minute.values
    assert (values.volume, values.quote_volume, values.vwap) == (1_000.0, 100.0, 0.1)
