"""Prices that wander, and what a crash does to them."""

from itertools import pairwise

import pytest

from streams.collectors.synthetic.incidents import incidents
from streams.collectors.synthetic.prices import REGIMES, crash_factor
from streams.collectors.synthetic.run import START_MS
from streams.collectors.synthetic.tape import tape

from .folding import HOUR_MS, MINUTE_MS, run_for


def test_regimes_leave_the_rate_as_it_is_set() -> None:
    """Their weighted mean pace is 1."""
    weights = sum(weight for _, weight in REGIMES)
    assert sum(regime.pace * weight for regime, weight in REGIMES) / weights == pytest.approx(1)


@pytest.mark.parametrize(
    ("second", "factor"),
    [(-1, 1), (0, 1), (30, 0.96), (60, 0.92), (150, 0.94), (240, 0.96), (9_999, 0.96)],
)
def test_a_crash_falls_by_eight_percent_and_recovers_half(second: int, factor: float) -> None:
    """Down in a minute, half way back in three, and there it stays."""
    (crash,) = [i for i in incidents(1, START_MS, 0.75) if i.kind == "flash_crash"]
    assert crash_factor(crash, crash.from_ms + second * 1_000) == pytest.approx(factor)


@pytest.mark.no_cover
def test_prices_stay_believable() -> None:
    """A normal minute moves little, and even after a day with crashes nothing has run away."""
    by_asset: dict[str, list[tuple[int, float]]] = {}
    run = run_for(hours=24)
    for printed in tape(run):
        by_asset.setdefault(printed.asset.name, []).append((printed.event_ms, float(printed.price)))
        assert 0.5 < float(printed.price) / printed.asset.price < 1.5
    for name, prices in by_asset.items():
        quiet = [
            abs(after / before - 1)
            for (before_ms, before), (after_ms, after) in pairwise(prices)
            if after_ms - before_ms < MINUTE_MS
        ]
        assert sorted(quiet)[len(quiet) * 99 // 100] < 0.01, name
    assert run.end_ms - run.start_ms == 24 * HOUR_MS
