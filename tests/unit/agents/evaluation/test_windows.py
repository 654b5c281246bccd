"""Windows: none begins before its forecast, none of an asset overlaps another, and what is left out has its reason."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.evaluation.forecast import Forecast
from agents.evaluation.marks import Mark
from agents.evaluation.windows import LeakError, windows_of
from tests.strategies.aggregates import BASE_MS, HOUR_MS, MINUTE_MS

FORECAST = Forecast(
    analysis_id="a",
    asset="BTC",
    subject="BTC/USDT",
    known_ms=BASE_MS,
    horizon_ms=HOUR_MS,
    said=0.6,
    momentum=0.5,
    rules=0.5,
)


def honest(subject: str, instant_ms: int) -> Mark:
    """Return a mark of the next whole minute, at a price that rises."""
    del subject
    begins_ms = -(-instant_ms // MINUTE_MS) * MINUTE_MS
    return Mark(begins_ms, float(begins_ms))


@given(st.integers(0, HOUR_MS), st.integers(1, 10 * MINUTE_MS), st.booleans())
def test_a_mark_that_begins_before_its_instant_is_refused(
    into_ms: int, early_ms: int, at_end: bool
) -> None:
    """At either end: what was known by then would be scored as if it had been foretold."""
    forecast = replace(FORECAST, known_ms=BASE_MS + into_ms)
    leaks_ms = forecast.known_ms + (HOUR_MS if at_end else 0)

    def leaking(subject: str, instant_ms: int) -> Mark:
        found = honest(subject, instant_ms)
        return Mark(instant_ms - early_ms, found.price) if instant_ms == leaks_ms else found

    with pytest.raises(LeakError, match="nothing is scored by what was known already"):
        windows_of([forecast], leaking)
    assert len(windows_of([forecast], honest)[0]) == 1


@given(st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 12 * 60)), max_size=30))
def test_windows_of_one_asset_do_not_overlap_and_the_earliest_counts(
    told: list[tuple[str, int]],
) -> None:
    """Each minute of an asset is in one window at most, and each forecast is scored or has its reason."""
    forecasts = [
        replace(FORECAST, analysis_id=str(n), asset=asset, known_ms=BASE_MS + number * MINUTE_MS)
        for n, (asset, number) in enumerate(told)
    ]
    windows, lost = windows_of(forecasts, honest)
    assert len(windows) + lost.total() == len(forecasts)
    by_id = {one.analysis_id: one for one in forecasts}
    for asset in "AB":
        begins = [by_id[w.analysis_id].known_ms for w in windows if w.asset == asset]
        assert all(after - before >= HOUR_MS for before, after in pairwise(begins))
        every = [one.known_ms for one in forecasts if one.asset == asset]
        assert begins[:1] == ([min(every)] if every else [])


def test_what_was_said_each_hour_is_scored_each_hour() -> None:
    """A window ends where the next begins."""
    forecasts = [
        replace(FORECAST, analysis_id=str(hour), known_ms=BASE_MS + hour * HOUR_MS + 1)
        for hour in range(5)
    ]
    windows, lost = windows_of(forecasts, honest)
    assert (len(windows), lost) == (5, Counter())


def test_what_cannot_be_scored_is_counted_by_its_reason() -> None:
    """Without a mark at either end, or with one for both; unchanged, which takes its place all the same."""
    forecasts = [
        replace(FORECAST, analysis_id=str(n), asset=str(n), subject=subject, known_ms=BASE_MS)
        for n, subject in enumerate(("none", "no end", "flat", "fine"))
    ]
    forecasts.append(replace(forecasts[2], analysis_id="behind", known_ms=BASE_MS + MINUTE_MS))
    short = replace(forecasts[3], analysis_id="short", asset="short", horizon_ms=1)
    forecasts.append(replace(short, known_ms=BASE_MS + 1))

    def find(subject: str, instant_ms: int) -> Mark | None:
        if subject == "none" or (subject == "no end" and instant_ms > BASE_MS):
            return None
        found = honest(subject, instant_ms)
        return Mark(found.begins_ms, 1.0) if subject == "flat" else found

    windows, lost = windows_of(forecasts, find)
    assert [window.analysis_id for window in windows] == ["3"]
    assert lost == {"no_mark": 3, "unchanged": 1, "overlap": 1}
    assert windows[0].rose
