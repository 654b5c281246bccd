"""A market's candles: whatever comes when, each is taken once, in order, and each hole is told once."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.volume.line import AGAIN_MS, LATE_MS, SETTLE_MS, Candle, Line, Missing

SPAN_MS = 60_000
T0 = 1_700_000_040_000
ONE = Decimal(1)


def candle(minute: int, volume: Decimal | None = ONE) -> Candle:
    return Candle(T0 + minute * SPAN_MS, volume)


def line(*, empty_candles: bool) -> Line:
    return Line(SPAN_MS, T0 + 1_234, empty_candles=empty_candles)


def at(minute: float, ms: int = SETTLE_MS) -> int:
    return T0 + round(minute * SPAN_MS) + ms


@pytest.mark.parametrize("empty_candles", [True, False])
def test_a_candle_is_read_two_seconds_after_its_close_and_not_before(
    *, empty_candles: bool
) -> None:
    one = line(empty_candles=empty_candles)
    assert not one.due(at(1) - 1)
    assert one.take([candle(0), candle(1)], asked_to_ms=at(9), now_ms=at(1) - 1) == []
    assert one.due(at(1))
    assert one.take([candle(0), candle(1)], asked_to_ms=at(9), now_ms=at(1)) == [candle(0)]
    assert one.settled_ms == T0 + SPAN_MS
    assert one.clear_ms(at(1.5)) == at(1.5) - SETTLE_MS
    assert one.due_ms() == at(2)


def test_of_a_venue_with_empty_candles_a_missing_one_is_waited_for_and_then_lost() -> None:
    one = line(empty_candles=True)
    there = [candle(0), candle(2)]
    assert one.take(there, asked_to_ms=at(9), now_ms=at(3)) == [candle(0)]
    assert one.clear_ms(at(3)) == T0 + SPAN_MS
    again = one.take(there, asked_to_ms=at(9), now_ms=at(3, 5_000))
    assert again == [Missing(T0 + SPAN_MS, T0 + 2 * SPAN_MS), candle(2)]


def test_of_a_venue_without_them_it_is_empty_but_one_that_comes_late_is_read() -> None:
    one = line(empty_candles=False)
    assert one.take([candle(0)], asked_to_ms=at(9), now_ms=at(2)) == [candle(0)]
    assert one.due(at(2, LATE_MS - 1))
    assert one.take([], asked_to_ms=at(9), now_ms=at(2, LATE_MS)) == []
    assert one.settled_ms == T0 + 2 * SPAN_MS
    assert one.take([candle(1)], asked_to_ms=at(9), now_ms=at(3)) == [candle(1)]


def test_only_what_was_asked_for_can_be_empty() -> None:
    one = line(empty_candles=False)
    assert one.take([], asked_to_ms=T0 + 3 * SPAN_MS, now_ms=at(20)) == []
    assert one.settled_ms == T0 + 3 * SPAN_MS


@pytest.mark.parametrize("empty_candles", [True, False])
def test_one_that_cannot_be_read_may_be_mended_and_else_is_lost(*, empty_candles: bool) -> None:
    one = line(empty_candles=empty_candles)
    broken = [candle(0, None), candle(1)]
    assert one.take(broken, asked_to_ms=at(9), now_ms=at(1)) == []
    assert one.take(broken, asked_to_ms=at(9), now_ms=at(1, AGAIN_MS - 1)) == []
    lost = [Missing(T0, T0 + SPAN_MS), candle(1)]
    assert one.take(broken, asked_to_ms=at(9), now_ms=at(2, AGAIN_MS)) == lost
    mended = line(empty_candles=empty_candles)
    assert mended.take(broken, asked_to_ms=at(9), now_ms=at(1)) == []
    assert mended.take([candle(0)], asked_to_ms=at(9), now_ms=at(1)) == [candle(0)]


def test_what_is_too_old_is_given_up_by_whole_candles() -> None:
    one = line(empty_candles=True)
    assert one.forget(T0) is None
    assert one.forget(T0 + SPAN_MS + 1) == Missing(T0, T0 + SPAN_MS)
    assert one.next_ms == T0 + SPAN_MS


@given(
    present=st.sets(st.integers(0, 19)),
    broken=st.sets(st.integers(0, 19)),
    polls=st.lists(
        st.tuples(st.integers(1, 90_000), st.sets(st.integers(0, 19))), min_size=1, max_size=40
    ),
    empty_candles=st.booleans(),
)
def test_each_candle_once_in_order_and_each_hole_told(
    present: set[int],
    broken: set[int],
    polls: list[tuple[int, set[int]]],
    *,
    empty_candles: bool,
) -> None:
    """However answers lack what is there: nothing comes twice, nothing is promised over, holes are exact."""
    one, now_ms = line(empty_candles=empty_candles), T0
    taken: list[int] = []
    lost: list[int] = []
    for wait_ms, hidden in [*polls, (3_000_000, set[int]()), *[(3_000, set[int]())] * 45]:
        now_ms += wait_ms
        shown = [candle(n, None if n in broken else ONE) for n in present - hidden]
        clear_ms = one.clear_ms(now_ms)
        for item in one.take(shown, asked_to_ms=now_ms, now_ms=now_ms):
            if isinstance(item, Candle):
                taken.append((item.open_ms - T0) // SPAN_MS)
                assert item.open_ms + SPAN_MS + SETTLE_MS <= now_ms
                # What comes behind a promise is a candle taken for empty, of a venue that prints none.
                assert item.open_ms + SPAN_MS > clear_ms or not empty_candles
            else:
                lost += range((item.from_ms - T0) // SPAN_MS, (item.to_ms - T0) // SPAN_MS)
        assert one.clear_ms(now_ms) >= clear_ms
    assert taken == sorted(set(taken))
    assert not set(taken) & set(lost)
    assert set(taken) <= present - broken
    assert len(lost) == len(set(lost))
    if empty_candles and present:
        assert sorted(taken + lost) == list(range(max(present) + 1))
    if not empty_candles:
        assert set(lost) <= present & broken
