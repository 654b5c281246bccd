"""The breakers of one process, by name: one per model, and a quality breaker per prompt version.

A model's breaker hears how calls went, a prompt's hears what answers were worth. Operators' orders are held
against all of them, also those that are made after the order was given.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from math import ceil
from typing import TypeVar

from agents.metrics import AGENT
from agents.settings import BreakerSettings, QualitySettings
from topics import Control, PipelineError
from topics.envelope import rfc3339

from .breaker import Cause, CircuitBreaker, Outcome, State, Transition

BREAKERS_MAX = 64
"""Models and prompt versions are configured: more of them is a defect, not load."""
ANSWERED = "answered"
"""The reason of an answer that was accepted."""
MISFIT = "render_rejected"
"""The reason of a narrative that was right of the state it was asked about, and does not fit the facts of the moment."""
MINUTES_FROM_S = 120.0
"""A longer wait is told in minutes: nobody counts so many seconds."""
HOURS_FROM_S = 7_200.0
ORDERS = ("open", "closed", "auto")
"""What an operator may say of a breaker."""
K = TypeVar("K", bound=Hashable)


class Breakers:
    """All breakers of the process."""

    def __init__(
        self,
        breaker: BreakerSettings,
        quality: QualitySettings,
        *,
        seed: int = 0,
        told_as: Callable[[str], str] = str,
    ) -> None:
        """Begin with none. ``told_as`` gives the name under which a part is told, by which operators know it."""
        self._settings, self._quality = breaker, quality.as_breaker()
        self._seed, self._told_as = seed, told_as
        self._breakers: dict[str, CircuitBreaker] = {}
        self._orders: tuple[Control, ...] = ()
        self._obeyed: dict[str, Control] = {}
        self._counted: dict[str, _Counted] = {}

    def __iter__(self) -> Iterator[tuple[str, CircuitBreaker]]:
        """Give each with its name, in the order they were made."""
        return iter(list(self._breakers.items()))

    def of_model(self, provider: str, model: str, now_s: float) -> CircuitBreaker:
        """Return a model's breaker: `breaker/anthropic/claude-haiku-5-5`.

        Raises:
            PipelineError: There would be more than `BREAKERS_MAX`.
        """
        return self._named(f"breaker/{provider}/{model}", self._settings, "calls failed", now_s)

    def of_prompt(self, version: str, now_s: float) -> CircuitBreaker:
        """Return a prompt version's quality breaker: `quality/deep_dive-0123abcd`.

        Raises:
            PipelineError: There would be more than `BREAKERS_MAX`.
        """
        return self._named(f"quality/{version}", self._quality, "answers were rejected", now_s)

    def heed(self, orders: Iterable[Control], now_s: float) -> None:
        """Take all `force_breaker` orders that stand now, each of one subject: a name, or a glob over names.

        Of those that fit a breaker the newest holds. An order is carried out once, however often it is given;
        one that stands no more (it has expired, or was taken back) is undone. Then an older one may be the newest:
        if it says open it holds again, and a trial follows one that closed the breaker long ago. One without sense
        is none.
        """
        known = [order for order in orders if order.value in ORDERS]
        self._orders = tuple(sorted(known, key=_place_of))
        for name, breaker in self._breakers.items():
            self._obey(name, breaker, now_s)

    def count(self) -> None:
        """Bring the metrics to where the breakers are."""
        for name, breaker in self._breakers.items():
            self._counted.setdefault(name, _Counted(name)).catch_up(breaker)

    def _named(
        self, name: str, settings: BreakerSettings, failed: str, now_s: float
    ) -> CircuitBreaker:
        name = self._told_as(name)
        found = self._breakers.get(name)
        if found is None:
            if len(self._breakers) >= BREAKERS_MAX:
                msg = f"{name}: a process has at most {BREAKERS_MAX} breakers"
                raise PipelineError(msg)
            found = CircuitBreaker(settings, self._seed + len(self._breakers), failed=failed)
            self._breakers[name] = found
            self._obey(name, found, now_s)
        return found

    def _obey(self, name: str, breaker: CircuitBreaker, now_s: float) -> None:
        order, before = self._order_of(name), self._obeyed.get(name)
        if order is None:
            if before is not None:
                del self._obeyed[name]
                breaker.release("the operator's order stands no more", now_s)
            return
        if before is not None and before.control_id == order.control_id:
            return
        self._obeyed[name] = order
        until = "" if order.expires_ms is None else f" (until {rfc3339(order.expires_ms)})"
        reason = f"{order.actor}: {order.reason}{until}"
        carried_out = before is not None and _place_of(order) < _place_of(before)
        if order.value == "auto" or (order.value == "closed" and carried_out):
            breaker.release(reason, now_s)
        else:
            breaker.force(is_open=order.value == "open", reason=reason, now_s=now_s)

    def _order_of(self, name: str) -> Control | None:
        """Return the newest order that is for this name."""
        fitting = (o for o in reversed(self._orders) if fnmatchcase(name, o.subject))
        return next(fitting, None)


def _place_of(order: Control) -> tuple[int, str]:
    """Return what puts orders of several subjects in one order."""
    return order.at_ms, order.control_id


class _Counted:
    """How far a breaker's counts have been told: Prometheus counters only take what was added."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._rejected = 0
        self._transitions: dict[Transition, int] = {}
        self._probes: dict[str, int] = {}

    def catch_up(self, breaker: CircuitBreaker) -> None:
        """Add what came since the last time."""
        name = self._name
        for state in State:
            AGENT.breaker_state.labels(name, state.value).set(breaker.state is state)
        for cause in Cause:
            AGENT.breaker_cause.labels(name, cause.value).set(breaker.cause is cause)
        AGENT.breaker_probing.labels(name).set(breaker.probes_in_flight)
        AGENT.breaker_rejected.labels(name).inc(breaker.rejected - self._rejected)
        self._rejected = breaker.rejected
        for kind, count in _added(breaker.transitions_by, self._transitions):
            labels = (name, kind.before.value, kind.after.value, kind.cause.value)
            AGENT.breaker_transitions.labels(*labels).inc(count)
        for outcome, count in _added(breaker.probes_by, self._probes):
            AGENT.breaker_probes.labels(name, outcome).inc(count)


def _added(now: Mapping[K, int], told: dict[K, int]) -> list[tuple[K, int]]:
    """Return by how much each count has grown since it was told, and note that it is told."""
    grown = [(key, count - told.get(key, 0)) for key, count in now.items()]
    told.update(now)
    return [(key, count) for key, count in grown if count]


def worth_of(reason: str, *, judged: bool) -> Outcome:
    """Return what a prompt's quality breaker is to know of a call.

    ``reason`` is `answered`, or why the answer was rejected. ``judged`` is whether there was an answer that its
    prompt answers for: the model ended it, if only by refusing or by running out of tokens. What a time-out or
    an overload says is for the model's breaker; a narrative that does not fit is not the prompt's fault.
    """
    if not judged or reason == MISFIT:
        return Outcome.IGNORED
    return Outcome.SUCCESS if reason == ANSWERED else Outcome.FAILURE


def words_of(breaker: CircuitBreaker, now_s: float) -> str:
    """Return how a breaker is, in a sentence for people that begins with its state."""
    reason = breaker.reason
    match breaker.state:
        case State.CLOSED:
            return "closed" if breaker.cause is Cause.START else f"closed: {reason}"
        case State.HALF_OPEN:
            passed, flying = breaker.passed, breaker.probes_in_flight
            return (
                f"half open: {passed} of {breaker.settings.probes} probes passed, {flying} under way;"
                " rules answer the rest"
            )
        case State.FORCED_OPEN:
            return f"forced open: {reason}; rules answer meanwhile"
        case State.OPEN:
            wait_s = breaker.retry_after_s(now_s)
            left = f"for {_span(wait_s)} more" if wait_s else "until the next call tries"
            return f"open {left}: {reason}; rules answer meanwhile"


def _span(seconds: float) -> str:
    if seconds < MINUTES_FROM_S:
        return f"{ceil(seconds)} s"
    if seconds < HOURS_FROM_S:
        return f"{ceil(seconds / 60)} min"
    return f"{ceil(seconds / 3600)} h"
