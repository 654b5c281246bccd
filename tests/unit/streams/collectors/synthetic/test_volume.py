"""Candles that are sums of the tape, and a turnover that rolls."""

from collections import Counter
from decimal import Decimal
from itertools import product

import pytest

from streams.collectors.port import Through
from streams.collectors.synthetic.assets import ASSETS, VENUES
from streams.collectors.synthetic.run import START_MS
from streams.collectors.synthetic.tape import tape
from streams.collectors.synthetic.volume import LEVEL_MS, volume
from topics import VolumeFlow, VolumeLevel, VolumeValues

from .folding import MINUTE_MS, folded, run_for

PLACES = list(product([asset.name for asset in ASSETS], [name for name, _ in VENUES]))


@pytest.mark.parametrize("after_ms", [0, 1, 31_234])
def test_a_candle_is_the_sum_of_its_minutes_trades(after_ms: int) -> None:
    """For each asset and venue each whole minute has one, also an empty one; digits are the sizes'."""
    run = run_for(start_ms=START_MS + after_ms, trades_per_minute=20)
    traded: dict[tuple[str, str, int], Decimal] = {}
    for printed in tape(run):
        key = (printed.asset.name, printed.venue, printed.event_ms // MINUTE_MS)
        traded[key] = traded.get(key, Decimal(0)) + printed.size
    flows = [t.observation for t in volume(run) if isinstance(t.observation, VolumeFlow)]
    first = -(-run.start_ms // MINUTE_MS)
    whole = range(first, run.end_ms // MINUTE_MS)
    assert len(whole) == (60 if after_ms == 0 else 59)
    assert {(f.subject, f.venue, f.event_ms // MINUTE_MS - 1) for f in flows} == {
        (*place, minute) for place in PLACES for minute in whole
    }
    assert len(flows) == len(PLACES) * len(whole)
    for flow in flows:
        key = (flow.subject, flow.venue, flow.event_ms // MINUTE_MS - 1)
        assert flow.volume == traded.get(key, Decimal(0))
        assert flow.instrument == f"{flow.subject}/USDT"


def test_a_turnover_rolls_over_a_day() -> None:
    """Sampled each 5 minutes in turn; after more than a day it is the sum of the last day's candles."""
    run = run_for(hours=25, trades_per_minute=5, incidents=False)
    flows: dict[tuple[str, str], dict[int, Decimal]] = {place: {} for place in PLACES}
    levels = []
    for timed in volume(run):
        seen = timed.observation
        if isinstance(seen, VolumeFlow):
            flows[seen.subject, seen.venue][seen.event_ms] = seen.volume
        elif isinstance(seen, VolumeLevel):
            levels.append(seen)
    assert len(levels) == len(PLACES) * 25 * 60 // 5
    at_once = Counter(level.event_ms for level in levels)
    assert max(at_once.values()) - min(at_once.values()) <= 1
    for level in levels:
        begin_ms = level.event_ms - LEVEL_MS
        if begin_ms >= run.start_ms:
            candles = flows[level.subject, level.venue]
            assert level.volume == sum(
                candle
                for close_ms, candle in candles.items()
                if begin_ms < close_ms <= level.event_ms
            )
    first = {(level.subject, level.venue): level for level in reversed(levels)}
    last = {(level.subject, level.venue): level for level in levels}
    changes = [float(last[place].volume / first[place].volume) for place in PLACES]
    assert changes == [pytest.approx(1, rel=0.35)] * len(PLACES)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_volume_keeps_its_promise_and_shows_the_spike(seed: int) -> None:
    """No candle is before a promise; LINK's turnover jumps in the minutes of its spike."""
    run = run_for(seed=seed, hours=0.75)
    through_ms = 0
    for timed in volume(run):
        if isinstance(timed.observation, Through):
            through_ms = timed.observation.through_ms
        else:
            assert isinstance(timed.observation, VolumeFlow | VolumeLevel)
            assert through_ms <= timed.observation.event_ms < timed.due_ms
    windows = folded(volume, run, "volume").windows("LINK", 5 * MINUTE_MS, 5 * MINUTE_MS)
    flows = {
        (start - run.start_ms) // MINUTE_MS: values.flow
        for start, values in windows.items()
        if isinstance(values, VolumeValues)
    }
    # The candles of minutes 18 and 19 close at 19 and 20.
    usual = sorted(flows.values())[len(flows) // 2]
    assert flows[15] + flows[20] > 4 * usual
    assert max(flows, key=lambda minute: flows[minute]) in (15, 20)
