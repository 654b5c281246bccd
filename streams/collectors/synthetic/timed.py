"""Observations by the time they arrive, with the promises between them: PURE."""

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from typing import Literal, NamedTuple

from streams.collectors.port import Observation, Through
from streams.collectors.promise import PROMISE_STEP_MS

from .run import Run

Plant = Literal[
    "duplicates",
    "corrected",
    "late",
    "gaps_detected",
    "gaps_filled",
    "gaps_permanent",
    "refused",
]
"""What an observation makes rise by one, by the names of the counters of collector and fold."""


class Timed(NamedTuple):
    """One observation and the event time at which it arrives."""

    due_ms: int
    observation: Observation
    planted: tuple[Plant, ...] = ()


class Made(NamedTuple):
    """What came to be at an instant. Nothing of it arrives before; its parts may arrive much later."""

    made_ms: int
    arriving: list[Timed]


def in_order(
    made: Iterable[Made], run: Run, *, lateness_ms: int, since_ms: int | None = None
) -> Iterator[Timed]:
    """Yield observations in the order they arrive, with a promise behind each second of event time.

    The promise at an instant is that instant less ``lateness_ms``, never past the run's end. The first one,
    before everything else, is ``since_ms``. The last one is the end itself, when all has arrived.
    ``made`` must be in the order of its instants.
    """
    step_ms = last_ms = run.start_ms
    yield Timed(step_ms, Through(run.start_ms - lateness_ms if since_ms is None else since_ms))
    for timed in _by_arrival(made):
        while step_ms < timed.due_ms:
            yield Timed(step_ms, Through(min(step_ms - lateness_ms, run.end_ms)))
            step_ms += PROMISE_STEP_MS
        last_ms = timed.due_ms
        yield timed
    while step_ms < run.end_ms:
        yield Timed(step_ms, Through(step_ms - lateness_ms))
        step_ms += PROMISE_STEP_MS
    yield Timed(max(last_ms, run.end_ms), Through(run.end_ms))


def _by_arrival(made: Iterable[Made]) -> Iterator[Timed]:
    """Put in the order of arrival what is in the order of making."""
    waiting: list[tuple[int, int, Timed]] = []
    number = 0
    for made_ms, arriving in made:
        for timed in arriving:
            number += 1
            heappush(waiting, (timed.due_ms, number, timed))
        while waiting and waiting[0][0] <= made_ms:
            yield heappop(waiting)[2]
    while waiting:
        yield heappop(waiting)[2]
