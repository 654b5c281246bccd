"""A send that would be answered too late is not made, and a model that hangs is found out, by the default settings."""

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from agents.ask.attempts import Send, next_step
from agents.ask.breaker import CircuitBreaker, Outcome, Permit, State
from agents.ask.concurrency import ConcurrencyLimit, Slot
from agents.ask.outcomes import OUTCOMES
from agents.ask.patience import HEADROOM, KEPT, SHARE_MAX, AnswerTime
from agents.calling import FAIR_SHARE
from agents.settings import AgentSettings

SETTINGS = AgentSettings()
LONGEST_S = min(SETTINGS.model.timeout_s, SETTINGS.asking_s)
HANGS_S = float("inf")
Ending = tuple[float, int, float, bool]
"""When a call ends, its number, the time it had, and whether it is answered."""


class Told(Struct):
    """What came of a stretch of work."""

    calls: int = 0
    answered: int = 0
    opened_s: float | None = None


def work(
    rate: float, lasts_s: Callable[[], float], *, for_s: float = 600.0, hopes: bool = False
) -> Told:
    """Let candidates come at a rate, be asked about oldest first, and answered after so long.

    ``hopes`` plants the defect: a send is made however little time is left.
    """
    breaker = CircuitBreaker(SETTINGS.breaker)
    slots = ConcurrencyLimit(SETTINGS.model.concurrency, lost_s=HANGS_S)
    times, told = AnswerTime(LONGEST_S), Told()
    waiting: deque[float] = deque()
    coming = [n / rate for n in range(int(rate * for_s))]
    ending: list[Ending] = []
    out: dict[int, tuple[Slot, Permit]] = {}
    for now_s in _moments(coming, ending):
        while coming and coming[0] <= now_s:
            waiting.append(coming.pop(0) + SETTINGS.asking_s)
        while ending and ending[0][0] <= now_s:
            _, number, had_s, answered = heapq.heappop(ending)
            slot, permit = out.pop(number)
            outcome = OUTCOMES["answered" if answered else "timeout"]
            fair = answered or had_s >= FAIR_SHARE * LONGEST_S
            breaker.report(permit, outcome.breaker if fair else Outcome.IGNORED, now_s)
            slots.report(slot, outcome.concurrency, now_s)
            times.take(now_s - slot.since_s)
            told.answered += answered
        if breaker.state is not State.CLOSED:
            told.opened_s = now_s
            break
        needed_s = 0.0 if hopes else times.needed_s
        while waiting and slots.has_room(now_s):
            deadline_s = waiting.popleft()
            step = next_step([], now_s=now_s, deadline_s=deadline_s, seed="", answer_s=needed_s)
            if not isinstance(step, Send):
                continue
            taken, leave = slots.take(now_s), breaker.admit(now_s)
            assert taken is not None
            assert leave is not None
            told.calls += 1
            had_s, lasts = min(SETTINGS.model.timeout_s, deadline_s - now_s), lasts_s()
            out[told.calls] = taken, leave
            heapq.heappush(ending, (now_s + min(had_s, lasts), told.calls, had_s, lasts <= had_s))
    return told


def _moments(coming: list[float], ending: list[Ending]) -> Iterator[float]:
    """Yield the times at which something happens."""
    while coming or ending:
        yield min([*coming[:1], *(end[0] for end in ending[:1])])


@pytest.mark.parametrize("rate", [0.2, 0.5, 1.0, 5.0])
def test_a_model_that_hangs_is_asked_no_more_within_a_minute(rate: float) -> None:
    """Whatever comes: each of its time-outs is charged in full."""
    told = work(rate, lambda: HANGS_S)
    assert told.opened_s is not None
    assert told.opened_s <= 60
    assert (told.calls < 20, told.answered) == (True, 0)


@pytest.mark.parametrize("rate", [1.5, 2.0, 4.0])
def test_more_candidates_than_can_be_asked_about_do_not_lessen_the_answers(rate: float) -> None:
    """A sound model that takes three seconds answers 4 / 3 a second, and hardly a call is paid for nothing."""
    random = Random(1)
    told = work(rate, lambda: 3 * random.uniform(0.5, 1.5))
    assert told.opened_s is None
    assert told.answered >= 0.95 * 600 * 4 / 3
    assert told.answered >= 0.95 * told.calls
    worse = work(rate, lambda: 3 * random.uniform(0.5, 1.5), hopes=True)
    assert worse.answered < 0.5 * told.answered


def test_the_slow_rate_can_be_reached_by_the_default_settings() -> None:
    """A call that is as slow as that is one there is time for."""
    assert SETTINGS.breaker.slow_s < LONGEST_S


@given(st.lists(st.floats(0, 1e6), max_size=3 * KEPT))
def test_what_is_needed_is_bounded_and_of_the_latest_calls(lasted_s: list[float]) -> None:
    """Never so much that a fresh candidate is not asked about; and a time-out of one that had it tells of the model."""
    times = AnswerTime(10.0)
    assert times.needed_s == 0
    for each in lasted_s:
        times.take(each)
    latest = lasted_s[-KEPT:]
    assert times.needed_s <= SHARE_MAX * 10.0
    if latest:
        assert min(*latest, 6.0) <= times.needed_s <= HEADROOM * max(latest)
    beyond = sum(each > times.needed_s for each in latest)
    assert times.needed_s == SHARE_MAX * 10.0 or beyond <= len(latest) / 10
    assert FAIR_SHARE < SHARE_MAX < 1
