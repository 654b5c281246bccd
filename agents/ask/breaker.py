"""When to stop calling a model, and when to try it again. PURE: the caller says what time it is.

===========  =============================  ===================  ===========  ======================
state        outcomes are reported          ``open_s`` went by   open until   an operator says
===========  =============================  ===================  ===========  ======================
CLOSED       OPEN, when a rate reaches its  --                   OPEN         FORCED_OPEN, CLOSED
             limit
OPEN         --                             HALF_OPEN            OPEN, longer FORCED_OPEN, CLOSED
HALF_OPEN    a probe failed: OPEN, twice    --                   OPEN         FORCED_OPEN, CLOSED
             as long; all passed: CLOSED
FORCED_OPEN  --                             --                   --           CLOSED, or released:
                                                                              HALF_OPEN
===========  =============================  ===================  ===========  ======================

CLOSED lets every call through, HALF_OPEN a few probes, the others none. Outcomes are reported, not
exceptions: a rate limit, a refusal and a late answer are not failures of one kind. Each state has a
generation, and an outcome of an old generation changes nothing. A permit counts once, however often it is
reported. A probe that is never reported gives its place back when ``lost_s`` has gone by.
"""

from collections import Counter
from enum import Enum
from random import Random

from msgspec import Struct

from agents.settings import BreakerSettings

from .window import SlicedWindow, Tally

DOUBLINGS_MAX = 32
"""Of the open time. Its own bound is reached long before; this keeps the power of two a float."""


class State(Enum):
    """What the breaker lets through: all, none, a few, none."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    FORCED_OPEN = "forced_open"


class Cause(Enum):
    """Why the breaker is in its state, as one of few words; ``reason`` is the sentence."""

    START = "start"
    FAILURE_RATE = "failure_rate"
    SLOW_RATE = "slow_rate"
    PROBE_FAILED = "probe_failed"
    PROBE_SLOW = "probe_slow"
    PROBES_PASSED = "probes_passed"
    UNTIL = "until"
    """The provider said from when on it may be asked again, or that somebody has to act first."""
    WAITED = "waited"
    OPERATOR = "operator"


class Outcome(Enum):
    """What came of a permitted call, as far as the breaker cares."""

    SUCCESS = "success"
    FAILURE = "failure"
    IGNORED = "ignored"
    """Says nothing about the model's health: our own cancellation, a rate limit, a refusal."""


class Permit(Struct, eq=False):
    """Leave to make one call; its outcome must be reported."""

    number: int
    generation: int
    since_s: float
    reported: bool = False


class Transition(Struct, frozen=True):
    """One kind of change of state."""

    before: State
    after: State
    cause: Cause


class CircuitBreaker:
    """Counts outcomes and says whether a call may start."""

    def __init__(
        self, settings: BreakerSettings, seed: int = 0, *, failed: str = "calls failed"
    ) -> None:
        """Begin closed. ``seed`` decides the jitter of the open times, ``failed`` is said of what is counted."""
        self.settings = settings
        self.state = State.CLOSED
        self.reason = "no call yet"
        self.cause = Cause.START
        self.since_s = 0.0
        self.rejected = 0
        self.transitions_by: Counter[Transition] = Counter()
        self.probes_by: Counter[str] = Counter()
        """Probes by what came of them: passed, failed, slow, ignored or lost."""
        self.passed = 0
        """Probes that passed in this trial."""
        self._failed = failed
        self._random = Random(seed)  # noqa: S311 - jitter, not a secret
        self._now_s = 0.0
        self._generation = 0
        self._window = SlicedWindow(settings.window_s, settings.slices)
        self._probes: dict[int, Permit] = {}
        self._issued = 0
        self._doublings = 0
        self._open_until_s = 0.0

    @property
    def transitions(self) -> int:
        """Changes of state, an operator's repetitions included."""
        return self.transitions_by.total()

    @property
    def probes_in_flight(self) -> int:
        """Probes not reported yet, of this trial and of those before."""
        return len(self._probes)

    def admit(self, now_s: float) -> Permit | None:
        """Return a permit, or None when the call must not start."""
        now_s = self._forward(now_s)
        if self.state is State.OPEN and now_s >= self._open_until_s:
            self._enter(State.HALF_OPEN, Cause.WAITED, "trying a few calls", now_s)
        if self.rejects(now_s):
            return None
        self._issued += 1
        permit = Permit(self._issued, self._generation, now_s)
        if self.state is State.HALF_OPEN:
            self._probes[permit.number] = permit
        return permit

    def is_shut(self, now_s: float) -> bool:
        """Return whether a call would get no permit now, for those who make none for it: nothing is counted."""
        return self._refuses(self._forward(now_s))

    def rejects(self, now_s: float) -> bool:
        """Return whether a call would get no permit now, and count it as rejected if so.

        For those who have to do something else before they ask for a permit.
        """
        now_s = self._forward(now_s)
        if self._refuses(now_s):
            self.rejected += 1
            return True
        return False

    def report(self, permit: Permit, outcome: Outcome, now_s: float, *, why: str = "") -> State:
        """Take the outcome of a permitted call and return the state after it. ``why`` is one word for a failure."""
        now_s = self._forward(now_s)
        self._drop_lost(now_s)
        probe = self._probes.pop(permit.number, None)
        if permit.reported or permit.generation != self._generation:
            return self.state  # the outcome of an old state says nothing about this one
        permit.reported = True
        slow = outcome is not Outcome.IGNORED and now_s - permit.since_s > self.settings.slow_s
        if self.state is State.HALF_OPEN and probe is not None:  # else it was given up for lost
            self._report_probe(outcome, why, now_s, slow=slow)
        elif self.state is State.CLOSED and outcome is not Outcome.IGNORED:
            self._count(outcome, why, now_s, slow=slow)
        return self.state

    def open_until(self, until_s: float | None, reason: str, now_s: float) -> State:
        """Open until a given time, whatever the rates, and return the state: a spend limit, a refused key.

        None: nobody knows until when, so one asks again after ``open_s_max``. A time is believed for at most
        ``hold_s_max``. It never shortens the time a breaker is open already, and an operator's word stands.
        It holds whoever was told it: also a call of an old generation.
        """
        now_s, settings = self._forward(now_s), self.settings
        if until_s is None:
            until_s = now_s + settings.open_s_max
        until_s = min(until_s, now_s + settings.hold_s_max)
        if self.state is State.FORCED_OPEN or until_s <= now_s:
            return self.state
        if self.state is not State.OPEN:
            self._open_until_s = until_s
            self._enter(State.OPEN, Cause.UNTIL, reason, now_s)
        elif until_s > self._open_until_s:
            self._open_until_s, self.cause, self.reason = until_s, Cause.UNTIL, reason
        return self.state

    def force(self, *, is_open: bool, reason: str, now_s: float) -> State:
        """Open until told otherwise, or close and begin anew, because an operator says so."""
        now_s = self._forward(now_s)
        self._doublings = 0
        state = State.FORCED_OPEN if is_open else State.CLOSED
        self._enter(state, Cause.OPERATOR, reason, now_s)
        return self.state

    def release(self, reason: str, now_s: float) -> State:
        """Take back what an operator forced, if it is forced: a trial decides how to go on."""
        now_s = self._forward(now_s)
        if self.state is State.FORCED_OPEN:
            self._enter(State.HALF_OPEN, Cause.OPERATOR, reason, now_s)
        return self.state

    def retry_after_s(self, now_s: float) -> float:
        """Return how long until a call may be tried; 0 when one may be now, or nobody knows."""
        return max(0.0, self._open_until_s - now_s) if self.state is State.OPEN else 0.0

    def tally(self, now_s: float) -> Tally:
        """Return what was reported within the window, while closed."""
        return self._window.tally(self._forward(now_s))

    def _forward(self, now_s: float) -> float:
        """Return the time, which never goes back."""
        self._now_s = max(self._now_s, now_s)
        return self._now_s

    def _refuses(self, now_s: float) -> bool:
        if self.state in (State.CLOSED, State.FORCED_OPEN):
            return self.state is State.FORCED_OPEN
        if self.state is State.OPEN and now_s < self._open_until_s:
            return True
        self._drop_lost(now_s)
        # Those of earlier trials are calls in flight too; but only those of this one can pass.
        ours = sum(probe.generation == self._generation for probe in self._probes.values())
        most = self.settings.probes
        return len(self._probes) >= most or ours + self.passed >= most

    def _report_probe(self, outcome: Outcome, why: str, now_s: float, *, slow: bool) -> None:
        if outcome is Outcome.IGNORED:
            self.probes_by["ignored"] += 1
        elif outcome is Outcome.FAILURE:
            self.probes_by["failed"] += 1
            told = f"a probe failed ({why})" if why else "a probe failed"
            self._open(Cause.PROBE_FAILED, told, now_s)
        elif slow:
            self.probes_by["slow"] += 1
            self._open(Cause.PROBE_SLOW, "a probe was slow", now_s)
        else:
            self.probes_by["passed"] += 1
            self.passed += 1
            if self.passed >= self.settings.probes:
                self._doublings = 0
                told = f"{self.passed} probes passed"
                self._enter(State.CLOSED, Cause.PROBES_PASSED, told, now_s)

    def _count(self, outcome: Outcome, why: str, now_s: float, *, slow: bool) -> None:
        settings = self.settings
        self._window.add(now_s, failed=outcome is Outcome.FAILURE, slow=slow, why=why)
        seen = self._window.tally(now_s)
        if seen.calls < settings.calls_min:
            return
        # By division, which rounds to the number that was set: 0.55 * 20 is more than 11.
        if seen.failures / seen.calls >= settings.failure_rate:
            told = f"{seen.failures} of the last {seen.calls} {self._failed}{seen.named()}"
            self._open(Cause.FAILURE_RATE, told, now_s)
        elif seen.slow / seen.calls >= settings.slow_rate:
            told = f"{seen.slow} of the last {seen.calls} calls took over {settings.slow_s:g} s"
            self._open(Cause.SLOW_RATE, told, now_s)

    def _open(self, cause: Cause, reason: str, now_s: float) -> None:
        settings = self.settings
        base_s = min(settings.open_s * 2**self._doublings, settings.open_s_max)
        self._doublings = min(self._doublings + 1, DOUBLINGS_MAX)
        spread = 1 + settings.jitter * (2 * self._random.random() - 1)
        self._open_until_s = now_s + min(base_s * spread, settings.open_s_max)
        self._enter(State.OPEN, cause, reason, now_s)

    def _enter(self, state: State, cause: Cause, reason: str, now_s: float) -> None:
        self.transitions_by[Transition(self.state, state, cause)] += 1
        self.state, self.cause, self.reason, self.since_s = state, cause, reason, now_s
        self._generation += 1
        self._window.clear()
        self.passed = 0

    def _drop_lost(self, now_s: float) -> None:
        lost = [
            number
            for number, permit in self._probes.items()
            if now_s - permit.since_s > self.settings.lost_s
        ]
        for number in lost:
            del self._probes[number]
            self.probes_by["lost"] += 1
