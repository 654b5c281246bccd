"""The incidents of the market, seen in the aggregates of the real fold."""

from random import Random
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.collectors.lateness import LATENESS_MS
from streams.collectors.synthetic.assets import BY_NAME
from streams.collectors.synthetic.incidents import Incident, incidents
from streams.collectors.synthetic.market import DELAY_MS_MAX, _delay_ms, market
from streams.collectors.synthetic.run import START_MS
from streams.collectors.synthetic.tape import WASH_SIZE
from topics import MarketValues

from .folding import HOUR_MS, MINUTE_MS, Folded, folded, run_for

# They make hours of events; shorter tests come to the same lines.
pytestmark = pytest.mark.no_cover

SEEDS = st.integers(0, 10**6)
OFFSETS = st.integers(0, HOUR_MS)


def half_hour(seed: int, after_ms: int) -> tuple[Folded, dict[str, Incident]]:
    """Fold the first half hour of a run and return it with its incidents by kind."""
    start_ms = START_MS + after_ms
    run = run_for(hours=0.5, seed=seed, start_ms=start_ms)
    planned = incidents(seed, start_ms, 0.5)
    return folded(market, run, "market"), {incident.kind: incident for incident in planned}


def minutes(result: Folded, incident: Incident) -> dict[int, MarketValues]:
    windows = result.windows(f"{incident.asset}/USDT", MINUTE_MS, MINUTE_MS)
    return {start: values for start, values in windows.items() if isinstance(values, MarketValues)}


def within(found: dict[int, MarketValues], incident: Incident) -> list[MarketValues]:
    """Return the minutes that lie whole inside an incident."""
    return [
        values
        for start, values in found.items()
        if incident.from_ms <= start and start + MINUTE_MS <= incident.to_ms
    ]


def outside(found: dict[int, MarketValues], incident: Incident) -> list[MarketValues]:
    """Return the minutes that share nothing with an incident."""
    return [
        values
        for start, values in found.items()
        if start + MINUTE_MS <= incident.from_ms or start >= incident.to_ms
    ]


@settings(max_examples=10, deadline=None)
@given(SEEDS, OFFSETS)
def test_every_incident_is_what_it_is_called(seed: int, after_ms: int) -> None:
    """In one run, which takes longer to invent than to look at."""
    result, planned = half_hour(seed, after_ms)
    is_a_fall_that_half_recovers(result, planned["flash_crash"])
    is_volume_without_a_move(result, planned["volume_spike"])
    is_huge_volume_at_one_price(result, planned["wash_trading"])


def is_a_fall_that_half_recovers(result: Folded, crash: Incident) -> None:
    """About 8 % down within its first two minutes, half of it back at its end, with more volume."""
    found = minutes(result, crash)
    before = max(start for start in found if start + MINUTE_MS <= crash.from_ms)
    after = min(start for start in found if start >= crash.to_ms)
    during = [v for start, v in found.items() if crash.from_ms - MINUTE_MS < start < crash.to_ms]
    start_price = found[before].close
    assert 0.90 < min(values.low for values in during) / start_price < 0.94
    assert 0.95 < found[after].open / start_price < 0.97
    usual = median(values.volume for values in outside(found, crash))
    assert sum(v.volume for v in within(found, crash)) > 3 * 4 * usual
    windows = result.windows("SOL/USDT", 5 * MINUTE_MS, MINUTE_MS).values()
    assert min(v.low / v.high for v in windows if isinstance(v, MarketValues)) < 0.94


def is_volume_without_a_move(result: Folded, spike: Incident) -> None:
    """Many times the usual volume of two minutes, while the price stays within one percent."""
    found = minutes(result, spike)
    touched = [v for s, v in found.items() if spike.from_ms - MINUTE_MS < s < spike.to_ms]
    usual = median(values.volume for values in outside(found, spike))
    assert sum(values.volume for values in touched) > 2 * 4 * usual
    low, high = min(v.low for v in touched), max(v.high for v in touched)
    assert high / low - 1 < 0.01


def is_huge_volume_at_one_price(result: Folded, wash: Incident) -> None:
    """Equal sizes to and fro: the largest trade is the wash's, buys are half, the range is tiny."""
    found = minutes(result, wash)
    usual = median(values.volume for values in outside(found, wash))
    washed = within(found, wash)
    assert washed
    for values in washed:
        assert values.volume > 15 * usual
        assert values.trades >= 19
        assert values.high / values.low - 1 < 0.003
        assert values.taker_buy_ratio is not None
        assert 0.4 < values.taker_buy_ratio < 0.6
        assert values.largest_trade == WASH_SIZE * BY_NAME["DOGE"].size
        assert values.venue_volume["simtrade"] > 10 * values.venue_volume.get("simex", 0)


@settings(max_examples=5, deadline=None)
@given(SEEDS)
def test_what_is_folded_is_complete_but_for_the_holes(seed: int) -> None:
    """Windows of what is never in a hole are complete; of the others some are holed, none unverifiable."""
    result, _ = half_hour(seed, 0)
    states: dict[bool, set[str]] = {True: set(), False: set()}
    for aggregate in result.aggregates():
        if aggregate.reason != "replay_start":
            states[aggregate.asset in ("BTC", "ETH")].add(aggregate.completeness.state)
    assert states == {True: {"complete", "holed"}, False: {"complete"}}


class Slow(Random):
    """Dice that always let wait the longest."""

    def expovariate(self, lambd: float = 1.0) -> float:
        """Return more than any wait may be."""
        return 1e9 / lambd


def test_the_slowest_trade_keeps_the_promise() -> None:
    """The delay's bound lies within the lateness that the promise allows for."""
    assert _delay_ms(Slow()) == DELAY_MS_MAX < LATENESS_MS["market"]
