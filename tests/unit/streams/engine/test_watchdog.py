"""When a worker counts as stalled: behind and not moving, seen often enough, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from streams.engine.watchdog import LOOKS, Watchdog
from streams.settings import StreamsSettings

STALLED_S = 60.0
STEP_S = STALLED_S / LOOKS
A, B = ("raw", 0), ("raw", 1)
OFFSETS = st.integers(0, 3)


def test_behind_and_not_moving_is_stalled_after_the_time_and_not_before() -> None:
    watchdog = Watchdog(STALLED_S)
    found = [watchdog.look(n * STEP_S, {A: 5, B: 9}, {A: 6, B: 9}) for n in range(LOOKS + 1)]
    assert found == [[]] * LOOKS + [[A]]
    assert (watchdog.lag_records, watchdog.longest_s) == (1, STALLED_S)


def test_one_partition_that_moves_does_not_excuse_another() -> None:
    watchdog = Watchdog(STALLED_S)
    found = [watchdog.look(n * STEP_S, {A: 5, B: n}, {A: 6, B: 99}) for n in range(LOOKS + 1)]
    assert found[-1] == [A]


@pytest.mark.parametrize("excuse", ["no lag", "unknown", "moved", "not assigned", "slept"])
def test_one_look_with_an_excuse_begins_the_time_again(excuse: str) -> None:
    """No lag, a broker that does not say, a record folded, a rebalance, a process that was frozen."""
    watchdog, at_s = Watchdog(STALLED_S), 0.0
    for _ in range(LOOKS):
        assert watchdog.look(at_s, {A: 5}, {A: 9}) == []
        at_s += STEP_S
    at_s += 10 * STALLED_S if excuse == "slept" else 0.0
    offset = 6 if excuse == "moved" else 5
    assigned = {} if excuse == "not assigned" else {A: offset}
    ends = None if excuse == "unknown" else {A: 5 if excuse == "no lag" else 9}
    assert watchdog.look(at_s, assigned, ends) == []
    for _ in range(LOOKS - 1):
        at_s += STEP_S
        assert watchdog.look(at_s, {A: offset}, {A: 9}) == []


@given(
    looks=st.lists(
        st.tuples(
            st.sampled_from((1.0, 1.0, 1.0, 1.7, 5.0)),
            st.dictionaries(st.sampled_from((A, B)), OFFSETS),
            st.none() | st.fixed_dictionaries({A: OFFSETS, B: OFFSETS}),
        ),
        max_size=30,
    )
)
def test_what_is_called_stalled_is_seen_behind_at_one_offset_all_the_time(looks: list) -> None:  # type: ignore[type-arg]
    """Against the definition, over the whole past: no excuse within the time, and never an alarm missed."""
    watchdog, at_s = Watchdog(STALLED_S), 0.0
    past: list[tuple[float, dict, dict | None, float]] = []  # type: ignore[type-arg]
    for steps, offsets, ends in looks:
        at_s += steps * STEP_S
        past.append((at_s, offsets, ends, steps))
        found = watchdog.look(at_s, offsets, ends)
        due = []
        for place in (A, B):
            since_s, last = None, None
            for when_s, at, end, gap in past:
                behind = end is not None and place in at and end[place] > at[place]
                if not behind or gap > 3 or at[place] != last:
                    since_s = when_s if behind else None
                last = at[place] if behind else None
            if since_s is not None and at_s - since_s >= STALLED_S:
                due.append(place)
        assert found == due


@pytest.mark.parametrize("stalled_s", [0, 1, -5, 86_400, "nan"])
def test_an_absurd_time_is_refused(stalled_s: object) -> None:
    """Too short and every pause is a death; too long and nobody is watched."""
    with pytest.raises(ValidationError, match="stalled_s"):
        StreamsSettings(stalled_s=stalled_s)  # type: ignore[arg-type]
