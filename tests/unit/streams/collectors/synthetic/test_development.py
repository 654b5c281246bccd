"""Acts in repositories: the hours before the start, and an exodus in the aggregates."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.collectors.port import Through
from streams.collectors.synthetic.development import HISTORY_MS, development
from streams.collectors.synthetic.incidents import EXODUS_BEFORE_MS
from streams.collectors.synthetic.run import START_MS
from topics import DevelopmentValues, RepositoryEvent

from .folding import HOUR_MS, MINUTE_MS, folded, run_for

SEEDS = st.integers(0, 10**6)


@pytest.mark.no_cover
@settings(max_examples=6, deadline=None)
@given(SEEDS, st.integers(0, 48 * HOUR_MS))
def test_an_exodus_is_a_drop_from_about_forty_to_two(seed: int, after_ms: int) -> None:
    """Bots and comments are not counted, so that somewhat less is seen, before as after."""
    start_ms = START_MS + after_ms
    run = run_for(seed=seed, hours=6, start_ms=start_ms)
    windows = {
        start: values.events
        for start, values in folded(development, run, "development")
        .windows("UNI", HOUR_MS, HOUR_MS)
        .items()
        if isinstance(values, DevelopmentValues)
    }
    first = start_ms - HISTORY_MS
    left_ms = start_ms - EXODUS_BEFORE_MS
    before = [n for s, n in windows.items() if first <= s and s + HOUR_MS <= left_ms]
    after = [n for s, n in windows.items() if left_ms <= s and s + HOUR_MS <= run.end_ms]
    assert len(before) >= 4
    assert 20 <= sum(before) / len(before) <= 40
    assert min(before) > 10 >= max(after, default=0)
    assert sum(after) / 5 < 5


def test_the_history_arrives_at_once_and_its_hours_close_early() -> None:
    """All of it at the start, in order, and two minutes later six hours have been published."""
    run = run_for(start_ms=START_MS + 12 * HOUR_MS)
    result = folded(development, run, "development", until_ms=run.start_ms + 2 * MINUTE_MS)
    hours = {a.window_start_ms for a in result.aggregates() if a.subject == "UNI"}
    assert hours == {run.start_ms - n * HOUR_MS for n in range(2, 7)}
    assert {a.reason for a in result.aggregates()} == {"closed"}
    assert {a.completeness.missing_sources == [] for a in result.aggregates()} == {True}
    history = [
        t
        for t in development(run)
        if isinstance(t.observation, RepositoryEvent)
        and t.observation.event_ms < run.start_ms - 10 * MINUTE_MS
    ]
    assert {timed.due_ms for timed in history} == {run.start_ms}
    times = [t.observation.event_ms for t in history if isinstance(t.observation, RepositoryEvent)]
    assert times == sorted(times)
    assert times[0] < run.start_ms - HISTORY_MS + 10 * MINUTE_MS


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_acts_keep_the_promise_and_have_an_id_each(seed: int) -> None:
    """At most ten minutes late; all five acts happen, some by bots."""
    through_ms, ids, events = 0, set(), 0
    acts: Counter[str] = Counter()
    for timed in development(run_for(seed=seed, hours=24)):
        seen = timed.observation
        if isinstance(seen, Through):
            through_ms = seen.through_ms
            continue
        assert isinstance(seen, RepositoryEvent)
        assert through_ms <= seen.event_ms < seen.received_ms == timed.due_ms
        assert seen.source == "simforge"
        events += 1
        ids.add(seen.event_id)
        acts[seen.act] += 1
    assert len(ids) == events
    assert set(acts) == {"commit", "pull_request", "issue", "comment", "release"}
