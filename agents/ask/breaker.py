"""When to stop calling a model, and when to try it again. PURE: the caller says what time it is.

===========  =============================  ============================  =======================
state        rates reach a limit            ``open_s`` went by            an operator says
===========  =============================  ============================  =======================
CLOSED       OPEN                           --                            FORCED_OPEN
OPEN         (no calls)                     HALF_OPEN                     FORCED_OPEN, CLOSED
HALF_OPEN    a probe failed: OPEN, twice    --                            FORCED_OPEN, CLOSED
             as long; all passed: CLOSED
FORCED_OPEN  (no calls)                     --                            CLOSED
===========  =============================  ============================  =======================

Outcomes are reported, not exceptions: a rate limit, a refusal and a late answer are not failures of one
kind. Each state has a generation, and an outcome of an old generation changes nothing. A probe that is
never reported gives its place back when the longer of ``open_s`` and ``slow_s`` has gone by.
"""

from collections import deque
from enum import Enum
from random import Random

from msgspec import Struct

from agents.settings import BreakerSettings


class State(Enum):
    """What the breaker lets through: all, none, a few, none."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    FORCED_OPEN = "forced_open"


class Outcome(Enum):
    """What came of a permitted call, as far as the breaker cares."""

    SUCCESS = "success"
    FAILURE = "failure"
    IGNORED = "ignored"
    """Says nothing about the model's health: our own cancellation, a rate limit, a refusal."""


class Permit(Struct, frozen=True):
    """Leave to make one call; its outcome must be reported."""

    number: int
    generation: int
    since_s: float


class _Slice(Struct):
    until_s: float
    calls: int = 0
    failures: int = 0
    slow: int = 0


class CircuitBreaker:
    """Counts outcomes of one (provider, model) and says whether a call may start."""

    def __init__(self, settings: BreakerSettings, seed: int = 0) -> None:
        """Begin closed. ``seed`` decides the jitter of the open times."""
        self.state = State.CLOSED
        self.reason = "no call yet"
        self.since_s = 0.0
        self.transitions = 0
        self.rejected = 0
        self._settings = settings
        self._random = Random(seed)  # noqa: S311 - jitter, not a secret
        self._generation = 0
        self._slices: deque[_Slice] = deque()
        self._permits: dict[int, Permit] = {}
        self._issued = 0
        self._passed = 0
        self._trials = 0
        self._open_until_s = 0.0

    def admit(self, now_s: float) -> Permit | None:
        """Return a permit, or None when the call must not start."""
        if self.state is State.OPEN and now_s >= self._open_until_s:
            self._enter(State.HALF_OPEN, "trying a few calls", now_s)
        if self.state is State.HALF_OPEN:
            self._drop_lost(now_s)
        in_trial = len(self._permits) + self._passed
        allowed = self.state is State.CLOSED or (
            self.state is State.HALF_OPEN and in_trial < self._settings.probes
        )
        if not allowed:
            self.rejected += 1
            return None
        self._issued += 1
        permit = Permit(self._issued, self._generation, now_s)
        if self.state is State.HALF_OPEN:
            self._permits[permit.number] = permit
        return permit

    def report(self, permit: Permit, outcome: Outcome, now_s: float) -> State:
        """Take the outcome of a permitted call and return the state after it."""
        if permit.generation != self._generation:
            return self.state  # the outcome of an old state says nothing about this one
        slow = now_s - permit.since_s > self._settings.slow_s
        if self.state is State.HALF_OPEN:
            self._report_probe(permit, outcome, now_s, slow=slow)
        elif self.state is State.CLOSED and outcome is not Outcome.IGNORED:
            self._count(outcome, now_s, slow=slow)
        return self.state

    def force(self, *, is_open: bool, reason: str, now_s: float) -> State:
        """Open until told otherwise, or close, because an operator says so."""
        self._trials = 0
        self._enter(State.FORCED_OPEN if is_open else State.CLOSED, reason, now_s)
        return self.state

    def retry_after_s(self, now_s: float) -> float:
        """Return how long until a call may be tried; 0 when one may be now."""
        return max(0.0, self._open_until_s - now_s) if self.state is State.OPEN else 0.0

    def _report_probe(self, permit: Permit, outcome: Outcome, now_s: float, *, slow: bool) -> None:
        if self._permits.pop(permit.number, None) is None:
            return  # given up for lost
        if outcome is Outcome.FAILURE or (outcome is Outcome.SUCCESS and slow):
            self._open("a probe failed" if not slow else "a probe was slow", now_s)
        elif outcome is Outcome.SUCCESS:
            self._passed += 1
            if self._passed >= self._settings.probes:
                self._trials = 0
                self._enter(State.CLOSED, f"{self._passed} probes passed", now_s)

    def _count(self, outcome: Outcome, now_s: float, *, slow: bool) -> None:
        settings = self._settings
        slice_s = settings.window_s / settings.slices
        while self._slices and self._slices[0].until_s <= now_s - settings.window_s:
            self._slices.popleft()
        if not self._slices or self._slices[-1].until_s <= now_s:
            self._slices.append(_Slice(now_s + slice_s))
        current = self._slices[-1]
        current.calls += 1
        current.failures += outcome is Outcome.FAILURE
        current.slow += slow
        calls = sum(s.calls for s in self._slices)
        if calls < settings.calls_min:
            return
        failures, slows = sum(s.failures for s in self._slices), sum(s.slow for s in self._slices)
        if failures >= settings.failure_rate * calls:
            self._open(f"{failures} of the last {calls} calls failed", now_s)
        elif slows >= settings.slow_rate * calls:
            self._open(f"{slows} of the last {calls} calls took over {settings.slow_s:g} s", now_s)

    def _open(self, reason: str, now_s: float) -> None:
        settings = self._settings
        base_s = min(settings.open_s * 2**self._trials, settings.open_s_max)
        self._trials = min(self._trials + 1, 32)
        spread = 1 + settings.jitter * (2 * self._random.random() - 1)
        self._open_until_s = now_s + min(base_s * spread, settings.open_s_max)
        self._enter(State.OPEN, reason, now_s)

    def _enter(self, state: State, reason: str, now_s: float) -> None:
        self.state, self.reason, self.since_s = state, reason, now_s
        self.transitions += 1
        self._generation += 1
        self._slices.clear()
        self._permits.clear()
        self._passed = 0

    def _drop_lost(self, now_s: float) -> None:
        lost = [
            number
            for number, permit in self._permits.items()
            if now_s - permit.since_s > max(self._settings.open_s, self._settings.slow_s)
        ]
        for number in lost:
            del self._permits[number]
