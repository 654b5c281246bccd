"""Candles that become one keep the prices at both ends, and the doubt."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.serving.pages.charts.candles import Candle, candles, merged

from .points import MINUTE_MS, point

PRICES = st.lists(st.floats(0.01, 1e6), min_size=4, max_size=4).map(sorted)


@st.composite
def rows(draw: st.DrawFn) -> list[Candle]:
    found: list[Candle] = []
    i = -1
    for prices, holed, rose, gap in draw(
        st.lists(st.tuples(PRICES, st.booleans(), st.booleans(), st.integers(0, 12)), max_size=60)
    ):
        i += 3 if gap == 0 else 1
        low, a, b, high = prices
        found.append(
            Candle(
                start_ms=i * MINUTE_MS,
                end_ms=(i + 1) * MINUTE_MS,
                open=a if rose else b,
                close=b if rose else a,
                low=low,
                high=high,
                holed=holed,
            )
        )
    return found


@given(rows(), st.integers(1, 20))
def test_there_are_as_few_as_asked_for_and_they_span_the_same_time(
    found: list[Candle], most: int
) -> None:
    kept = merged(found, most)
    apart = any(b.start_ms > a.end_ms for a, b in pairwise(found))
    assert min(len(found), most) <= len(kept) <= (2 * most if apart else most)
    if found:
        assert (kept[0].start_ms, kept[-1].end_ms) == (found[0].start_ms, found[-1].end_ms)
        assert (kept[0].open, kept[-1].close) == (found[0].open, found[-1].close)


@given(rows(), st.integers(1, 20))
def test_no_extreme_and_no_doubt_is_lost(found: list[Candle], most: int) -> None:
    kept = merged(found, most)
    for one in found:
        holder = next(k for k in kept if k.start_ms <= one.start_ms and one.end_ms <= k.end_ms)
        assert holder.low <= one.low
        assert holder.high >= one.high
        assert holder.holed or not one.holed


@given(rows(), st.integers(1, 20))
def test_none_is_drawn_through_a_gap_without_a_word(found: list[Candle], most: int) -> None:
    for one in merged(found, most):
        inside = [c for c in found if one.start_ms <= c.start_ms < one.end_ms]
        if any(b.start_ms > a.end_ms for a, b in pairwise(inside)):
            assert one.holed


def test_one_gap_makes_two_candles_beside_it() -> None:
    found = candles([point(i * MINUTE_MS) for i in (*range(4), *range(6, 10))])
    kept = merged(found, 1)
    assert [(c.start_ms, c.end_ms) for c in kept] == [(0, 240_000), (360_000, 600_000)]
    assert not any(c.holed for c in kept)


def test_a_window_without_trades_has_no_candle() -> None:
    silent = point(0, values={"open": None, "high": None, "low": None, "close": None})
    assert [one.start_ms for one in candles([silent, point(MINUTE_MS)])] == [MINUTE_MS]


def test_a_holed_window_makes_a_holed_candle() -> None:
    assert [c.holed for c in candles([point(0), point(MINUTE_MS, state="holed")])] == [False, True]


def test_candles_without_room_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one, not 0"):
        merged([], 0)
