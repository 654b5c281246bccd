"""What a recording promises, and how long a source sleeps."""

import asyncio
import time

from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.pace import Pace
from streams.collectors.playback import SLICE_S, rest
from streams.collectors.promise import PROMISE_EVENTS_MAX, PROMISE_STEP_MS, Promise

LATENESS_MS = 2_000


def promises(times_ms: list[int], present_ms: int | None = None) -> list[tuple[int, int]]:
    """Return (index of the event it stands before, promise) of each promise."""
    promise, given_ = Promise(LATENESS_MS), []
    for index, event_ms in enumerate(times_ms):
        promise.read(event_ms)
        if (through := promise.next(present_ms)) is not None:
            given_.append((index, through.through_ms))
    return given_


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, LATENESS_MS)), max_size=50))
def test_no_event_is_before_a_promise_that_stands_before_it(moves: list[tuple[int, int]]) -> None:
    """Where no event is further than the lateness behind an earlier one, every promise holds."""
    times_ms, reached_ms = [], 0
    for ahead_ms, behind_ms in moves:
        reached_ms += ahead_ms
        times_ms.append(max(0, reached_ms - behind_ms))
        reached_ms = max(times_ms)
    for index, through_ms in promises(times_ms):
        assert all(event_ms >= through_ms for event_ms in times_ms[index:])


def test_promises_are_a_step_apart_or_a_thousand_events() -> None:
    """At the bound of either there is one, below both there is none."""
    assert promises([0, PROMISE_STEP_MS - 1]) == [(0, -LATENESS_MS)]
    assert promises([0, PROMISE_STEP_MS])[1] == (1, PROMISE_STEP_MS - LATENESS_MS)
    crowd = [0] + [1] * PROMISE_EVENTS_MAX
    assert promises(crowd) == [(0, -LATENESS_MS), (PROMISE_EVENTS_MAX, 1 - LATENESS_MS)]
    assert promises(crowd[:-1]) == [(0, -LATENESS_MS)]


def test_a_promise_says_something_new_or_nothing() -> None:
    """A promise is never given twice, and never goes back."""
    assert promises([9_000] * (3 * PROMISE_EVENTS_MAX)) == [(0, 7_000)]
    assert promises([9_000, 1_000, 8_999]) == [(0, 7_000)]


@given(st.lists(st.integers(0, 10**6)), st.integers(0, 10**6))
def test_a_promise_never_goes_past_the_present(times_ms: list[int], present_ms: int) -> None:
    """What a pace has not come to is not promised."""
    assert all(through_ms <= present_ms for _, through_ms in promises(times_ms, present_ms))


def test_nothing_read_is_nothing_promised() -> None:
    """Before the first event nothing is known."""
    assert Promise(LATENESS_MS).next(None) is None


async def test_a_rest_is_a_slice_at_most() -> None:
    """However far the time is, the sleep is short; when it has come there is none."""
    pace = Pace(event_ms=0, wall_ms=0, speed=1.0)
    began_s = time.monotonic()
    assert await rest(pace, 10**9, lambda: 0)
    assert SLICE_S / 2 < time.monotonic() - began_s < 20 * SLICE_S
    assert not await rest(pace, 1_000, lambda: 1_000)
    assert await rest(pace, 1_001, lambda: 1_000)
    assert not await rest(None, 10**15, lambda: 0)


async def test_a_rest_ends_at_once_when_it_is_cancelled() -> None:
    """Who waits for an event a year away can be stopped."""
    pace = Pace(event_ms=0, wall_ms=0, speed=1.0)
    task = asyncio.create_task(rest(pace, 10**12, lambda: 0))
    await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=SLICE_S / 2)
    assert done == {task}
    assert task.cancelled()
