"""Any order of the sources' streams that keeps each one's own order gives the same revision-0 bytes."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streams.windows import Fold
from topics import Aggregate, Heartbeat, Trade, encode

START_MS = 1_700_000_040_000 // 3_600_000 * 3_600_000
STEP_MS, IDLE_MS = 7_000, 30_000
Record = tuple[bytes | None, bytes]


@st.composite
def honest_stream(draw: Any, source: str, venue: str) -> list[Record]:
    """One source that keeps its promises, from before the first event of all to the end of all."""
    made: list[Record] = [(None, beat(source, START_MS - 10_000))]
    number = 0
    for step in range(20):
        for _ in range(draw(st.integers(0, 3))):
            number += 1
            made.append((b"BTC", trade(draw, source, venue, number, START_MS + step * STEP_MS)))
        made.append((None, beat(source, START_MS + (step + 1) * STEP_MS)))
    return made


def beat(source: str, through_ms: int) -> bytes:
    return encode(Heartbeat(source=source, epoch=0, through_ms=through_ms))


def trade(draw: Any, source: str, venue: str, number: int, from_ms: int) -> bytes:
    at = from_ms + draw(st.integers(0, STEP_MS - 1))
    return encode(
        Trade(
            subject=draw(st.sampled_from(("BTC/USD", "BTC/EUR"))),
            source=source,
            venue=venue,
            trade_id=str(number),
            event_ms=at,
            received_ms=at,
            price=draw(st.decimals("1", "9", places=3)),
            size=draw(st.decimals("0.1", "9", places=3)),
            side=draw(st.sampled_from(("buy", "sell"))),
            sequence=None if venue == "beta" else number,
        )
    )


def interleave(streams: list[list[Record]], turns: int) -> list[Record]:
    """Merge two streams by the bits of ``turns``, never letting one's promises fall an idle span behind.

    Both first heartbeats come first, and both ends last: a source nobody has heard of holds nothing back.
    """
    left = [list(stream) for stream in streams]
    merged = [stream.pop(0) for stream in left]
    through = [START_MS, START_MS]
    while all(left):
        which, turns = turns & 1, turns >> 1
        if through[which] + STEP_MS - through[1 - which] > IDLE_MS:
            which = 1 - which
        key, value = left[which].pop(0)
        merged.append((key, value))
        if key is None:
            through[which] += STEP_MS
    rest = [record for stream in left for record in stream]
    return merged + rest + [(None, beat(name, START_MS + 7_200_000)) for name in ("one", "two")]


def published(log: list[Record]) -> dict[str, bytes]:
    fold = Fold("market", 0, partitions=1, subjects_max=10)
    for offset, (key, value) in enumerate(log):
        fold.feed(offset, START_MS + 10**9, key, value)
    windows = [o for o in fold.outputs if isinstance(o, Aggregate)]
    assert all(w.revision == 0 for w in windows), "an honest source corrects nothing"
    return {w.aggregate_id: encode(w) for w in windows}


@given(
    honest_stream("one", "alpha"),
    honest_stream("two", "beta"),
    st.integers(0, 2**160),
    st.integers(0, 2**160),
)
def test_the_order_of_arrival_does_not_show(
    one: list[Record], two: list[Record], turns: int, other_turns: int
) -> None:
    """Two sources, each in its own order, none idle."""
    first = published(interleave([one, two], turns))
    second = published(interleave([one, two], other_turns))
    assert first == second
    assert first or not any(key for key, _ in one + two)


def test_quantities_are_summed_exactly() -> None:
    """A million additions of a tenth are a hundred thousand: no double says so."""
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
