"""What replays and inventions share: waiting for an event's time."""

import asyncio

from .pace import Pace
from .port import Clock

SLICE_S = 0.05
"""Longest single sleep: the clock is asked again after it, so that a clock that was set is noticed."""
GIVE_WAY_EVERY = 256
"""Observations between two chances for other tasks, where nothing makes a source wait."""


async def rest(pace: Pace | None, event_ms: int, now_ms: Clock) -> bool:
    """Sleep at most one slice towards an event time; return False, at once, if it has come.

    Without a pace every time has come.
    """
    if pace is None or (left_ms := pace.wall_at(event_ms) - now_ms()) <= 0:
        return False
    await asyncio.sleep(min(left_ms / 1000, SLICE_S))
    return True
