"""Candles that become one keep the prices at both ends, and the doubt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.serving.pages.charts.candles import Candle, candles, merged

from .points import MINUTE_MS, point

PRICES = st.lists(st.floats(0.01, 1e6), min_size=4, max_size=4).map(sorted)


@st.composite
def rows(draw: st.DrawFn) -> list[Candle]:
    found = []
    for i, (prices, holed, rose) in enumerate(
        draw(st.lists(st.tuples(PRICES, st.booleans(), st.booleans()), max_size=60))
    ):
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
    assert len(kept) == min(len(found), most)
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


def test_a_window_without_trades_has_no_candle() -> None:
    silent = point(0, values={"open": None, "high": None, "low": None, "close": None})
    assert [one.start_ms for one in candles([silent, point(MINUTE_MS)])] == [MINUTE_MS]


def test_a_holed_window_makes_a_holed_candle() -> None:
    assert [c.holed for c in candles([point(0), point(MINUTE_MS, state="holed")])] == [False, True]


def test_candles_without_room_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one, not 0"):
        merged([], 0)
