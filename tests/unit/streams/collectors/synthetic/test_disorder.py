"""What is planted is found, exactly, by the collector and the fold that know nothing of it."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from streams.collectors.port import Refused, Through
from streams.collectors.synthetic.disorder import (
    CORRECTED_MS_MAX,
    CORRECTED_MS_MIN,
    DUPLICATE_MS_MAX,
    LATE_MS_MIN,
)
from streams.collectors.synthetic.market import market
from streams.collectors.synthetic.plants import Planted, planted
from streams.collectors.synthetic.run import START_MS
from topics import Trade

from .folding import HOUR_MS, MINUTE_MS, Folded, folded, run_for, settings_for

# They make hours of events; shorter tests come to the same lines.
pytestmark = pytest.mark.no_cover

SEEDS = st.integers(0, 10**6)
DEMO_BEAT_MS = 15_000
"""Event time between heartbeats at the demo's speed 60, with one each 250 ms."""


def found(result: Folded) -> Planted:
    """Return what collector and fold have counted."""
    counters, tally = result.fold.counters, result.outbound.tally
    return Planted(
        duplicates=counters.duplicates,
        corrected=counters.corrected,
        late=counters.late,
        gaps_detected=tally.gaps_detected,
        gaps_filled=tally.gaps_filled,
        gaps_permanent=tally.gaps_permanent,
        refused=tally.refused,
    )


@settings(max_examples=5, deadline=None)
@given(SEEDS, st.integers(0, HOUR_MS), st.sampled_from([1_000, DEMO_BEAT_MS, 28_000]))
def test_an_hours_disorder_is_counted_to_the_last_one(
    seed: int, after_ms: int, beat_ms: int
) -> None:
    """Each plant is counted as what it is and nothing else is, also by a clock that lags by 28 s."""
    start_ms = START_MS + after_ms
    run = run_for(hours=2, seed=seed, start_ms=start_ms)
    until_ms = start_ms + HOUR_MS
    result = folded(market, run, "market", until_ms=until_ms, beat_ms=beat_ms)
    expected = planted(settings_for(seed=seed, hours=2), start_ms=start_ms, until_ms=until_ms)
    assert found(result) == expected
    counters = result.fold.counters
    assert counters.dead_letters == 0
    assert result.outbound.tally.sent == counters.applied + counters.duplicates + counters.late


@settings(max_examples=6, deadline=None)
@given(SEEDS)
def test_each_observation_moves_the_counters_it_names(seed: int) -> None:
    """One by one, at the moment it arrives: no other counter, and no other moment."""
    result = Folded("market", "synthetic")
    before = found(result)
    for timed in market(run_for(seed=seed)):
        result.take(timed)
        after = found(result)
        if timed.planted or after != before:  # most move nothing
            assert Counter(asdict(after)) - Counter(asdict(before)) == Counter(timed.planted)
            before = after


@settings(max_examples=6, deadline=None)
@given(SEEDS, st.sampled_from([0.5, 5, 30, 400]))
def test_disorder_is_counted_at_any_rate(seed: int, per_minute: float) -> None:
    """Few trades leave little to plant, many leave much; all of it is found, to the run's end."""
    run = run_for(hours=0.5, seed=seed, trades_per_minute=per_minute)
    set_ = settings_for(hours=0.5, seed=seed, trades_per_minute=per_minute)
    assert found(folded(market, run, "market")) == planted(
        set_, start_ms=run.start_ms, until_ms=run.end_ms + HOUR_MS
    )


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_ten_minutes_hold_every_kind(seed: int) -> None:
    """A gap is filled, another is left; that one is given up ten minutes later."""
    early = planted(settings_for(seed=seed), start_ms=START_MS, until_ms=START_MS + 10 * MINUTE_MS)
    assert min(early.duplicates, early.corrected, early.late, early.refused) >= 1
    assert early.gaps_detected >= 1
    assert early.gaps_filled == 1
    later = planted(settings_for(seed=seed), start_ms=START_MS, until_ms=START_MS + 45 * MINUTE_MS)
    assert later.gaps_permanent >= 1
    assert later.gaps_filled >= 2
    assert later.refused == 9


def test_plants_are_as_frequent_as_stated() -> None:
    """One in 500, one in 300, one in 800, within four standard deviations; a hole each 10 minutes."""
    run = run_for(hours=24)
    counts: Counter[str] = Counter()
    trades = 0
    for timed in market(run):
        trades += isinstance(timed.observation, Trade)
        filling = isinstance(timed.observation, Trade) and _age_ms(timed.observation) > 59_000
        counts.update(plant for plant in timed.planted if not (plant == "corrected" and filling))
    # Fillings are corrections too: those that are younger than 59 s are all printed late.
    assert abs(counts["duplicates"] - trades / 500) < 4 * (trades / 500) ** 0.5
    assert abs(counts["late"] - trades / 800) < 4 * (trades / 800) ** 0.5
    assert abs(counts["gaps_detected"] - 24 * 6) <= 2
    assert abs(counts["gaps_filled"] - 12 * 6) <= 1
    assert abs(counts["refused"] - 24 * 12) <= 1


def _age_ms(trade: Trade) -> int:
    return trade.received_ms - trade.event_ms


@given(SEEDS)
@settings(max_examples=10, deadline=None)
def test_disorder_lies_where_it_is_stated(seed: int) -> None:
    """How old, how late and how soon again; everything else keeps the promise."""
    through_ms = 0
    first: dict[tuple[str, str, str], Trade] = {}
    for timed in market(run_for(seed=seed)):
        seen = timed.observation
        if isinstance(seen, Through):
            through_ms = max(through_ms, seen.through_ms)
        elif isinstance(seen, Trade):
            assert seen.received_ms == timed.due_ms
            key = (seen.venue, seen.subject, seen.trade_id)
            _check(timed.planted, seen, through_ms, first.setdefault(key, seen))
        else:
            assert isinstance(seen, Refused)


def _check(plants: tuple[str, ...], seen: Trade, through_ms: int, first: Trade) -> None:
    if "duplicates" in plants:
        assert 0 < seen.received_ms - first.received_ms <= DUPLICATE_MS_MAX
        assert replace(seen, received_ms=first.received_ms) == first
        return
    assert first is seen
    behind_ms = seen.received_ms - 2_000 - seen.event_ms
    if "late" in plants:
        assert LATE_MS_MIN < behind_ms <= 17 * MINUTE_MS
    elif "corrected" in plants:
        ended_ms = (seen.event_ms // MINUTE_MS + 1) * MINUTE_MS
        assert behind_ms > CORRECTED_MS_MIN
        assert ended_ms <= seen.received_ms - 2_000 - CORRECTED_MS_MIN
        assert behind_ms <= 2 * CORRECTED_MS_MAX + 92_000
    else:
        assert seen.event_ms >= through_ms


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_without_disorder_there_is_none(seed: int) -> None:
    """Every trade of the tape arrives once, in time."""
    run = run_for(seed=seed, disorder=False)
    result = folded(market, run, "market")
    assert found(result) == Planted()
    assert (
        planted(settings_for(seed=seed, disorder=False), start_ms=run.start_ms, until_ms=run.end_ms)
        == Planted()
    )


def test_disorder_moves_nothing_else() -> None:
    """Price and size of every trade that arrives are those of the tape without disorder."""
    plain = {
        (t.observation.venue, t.observation.trade_id, t.observation.subject): t.observation
        for t in market(run_for(disorder=False))
        if isinstance(t.observation, Trade)
    }
    for timed in market(run_for()):
        seen = timed.observation
        if isinstance(seen, Trade):
            same = plain[seen.venue, seen.trade_id, seen.subject]
            assert (seen.price, seen.size, seen.side) == (same.price, same.size, same.side)
            assert (
                "corrected" in timed.planted
                or "late" in timed.planted
                or (seen.event_ms == same.event_ms)
            )
