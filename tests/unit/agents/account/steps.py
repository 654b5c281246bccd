"""What can be done to a ledger, in any order: the pure books do it, and whoever must agree with them."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, rule

from agents.account.budget import Budget, Refused, Use
from agents.account.pacing import Amounts, Rates, Told
from agents.account.terms import EXACT_MAX, SIZE_MS, Ask, Terms, names_of

NOON_MS = 1_800_014_400_000
"""2027-01-15T12:00:00Z."""
MODELS = ("a/one", "a/two")
TERMS = Terms(
    caps={
        "minute/all/nano_usd": 1_000,
        "minute/class/state/tokens": 300,
        "hour/model/a/one/nano_usd": 1_501,
        "day/all/tokens": 5_003,
        "day/all/nano_usd": 3_007,
    },
    floor_permille=203,
    lease_ms=40_000,
    open_max=6,
    clock_ms_max=10**15,
    rates={"a/one": Rates(Amounts(30, 3_000, 700), 150)},
)
CAPS = (*TERMS.caps, "hour/class/deep_dive/nano_usd", "minute/model/a/two/tokens")
AMOUNTS = st.one_of(st.integers(0, 300), st.sampled_from([0, 1, 200, 797, 1_000, 3_007]))
SPANS_MS = st.sampled_from([0, 0, 1, 7, 999, 20_000, 39_999, 60_000, 3_600_000, 86_400_000])
REMAINING = st.one_of(st.none(), st.integers(0, 4_000))
LIMITS = st.one_of(st.none(), st.none(), st.integers(0, 5_000))


class Steps(RuleBasedStateMachine):
    """The pure books through any history. A subclass does the same elsewhere and compares."""

    attempts = Bundle("attempts")
    terms = TERMS

    def __init__(self) -> None:
        super().__init__()
        self.budget = Budget(self.terms)
        self.now_ms = NOON_MS
        self.number = 0
        self.caps_max = dict(self.terms.caps)

    def same(self, act: str, expected: Any, *words: Any, **named: Any) -> None:
        """Do the same elsewhere; nothing, here."""

    @initialize()
    def begin(self) -> None:
        """Hypothesis wants one, so that a subclass can begin."""

    @rule(span_ms=SPANS_MS)
    def pass_time(self, span_ms: int) -> None:
        self.now_ms += span_ms

    @rule(
        target=attempts,
        model=st.sampled_from(MODELS),
        priority=st.sampled_from(["alert", "deep_dive", "state"]),
        nano_usd=AMOUNTS,
        input_tokens=st.integers(0, 400),
        output_tokens=st.integers(0, 200),
        lease_ms=st.sampled_from([None, None, 1, 20_000, 3_600_000]),
    )
    def reserve(
        self, model: str, priority: Any, lease_ms: int | None = None, **amounts: int
    ) -> Ask:
        self.number += 1
        name = f"attempt/{self.number}"
        ask = Ask(attempt_id=name, model=model, priority=priority, lease_ms=lease_ms, **amounts)
        self.reserve_again(ask)
        return ask

    @rule(ask=attempts)
    def reserve_again(self, ask: Ask) -> None:
        self.same("reserve", self.budget.reserve(ask, self.now_ms), ask, self.now_ms)

    @rule(ask=attempts, more=st.sampled_from(["nano_usd", "input_tokens"]))
    def reserve_otherwise(self, ask: Ask, more: str) -> None:
        """The same attempt with another amount is never granted while it is open."""
        other = Ask(
            attempt_id=ask.attempt_id,
            model=ask.model,
            priority=ask.priority,
            nano_usd=ask.nano_usd + (more == "nano_usd"),
            input_tokens=ask.input_tokens + (more == "input_tokens"),
            output_tokens=ask.output_tokens,
        )
        if ask.attempt_id in self.budget.attempts:
            answer = self.budget.reserve(other, self.now_ms)
            assert isinstance(answer, Refused)
            self.same("reserve", answer, other, self.now_ms)

    @rule(ask=attempts)
    def confirm(self, ask: Ask) -> None:
        state = self.budget.confirm(ask.attempt_id, self.now_ms)
        self.same("confirm", state, ask.attempt_id, self.now_ms)

    @rule(ask=attempts, share=st.sampled_from([0.0, 0.1, 0.5, 1.0, 1.0, 1.2]))
    def settle(self, ask: Ask, share: float) -> None:
        used = Use(
            int(ask.nano_usd * share), int(ask.input_tokens * share), int(ask.output_tokens * share)
        )
        state = self.budget.settle(ask.attempt_id, used, self.now_ms)
        self.same("settle", state, ask.attempt_id, used, self.now_ms)

    @rule(ask=attempts)
    def release(self, ask: Ask) -> None:
        state = self.budget.release(ask.attempt_id, self.now_ms)
        self.same("release", state, ask.attempt_id, self.now_ms)

    @rule(ask=attempts)
    def charge(self, ask: Ask) -> None:
        self.same("charge", self.budget.charge(ask.attempt_id), ask.attempt_id, self.now_ms)

    @rule()
    def sweep(self) -> None:
        self.same("sweep", self.budget.sweep(self.now_ms), self.now_ms)

    @rule(
        model=st.sampled_from(MODELS),
        remaining=st.tuples(*[REMAINING] * 3),
        limits=st.tuples(*[LIMITS] * 3),
    )
    def heed(self, model: str, remaining: Any, limits: Any) -> None:
        told = Told(limits, remaining)
        self.budget.pacing(model).heed(told, self.now_ms)
        self.same("heed", None, model, self.now_ms, told=told)

    @rule(model=st.sampled_from(MODELS), retry_after_ms=st.sampled_from([0, 500, 30_000, 10**9]))
    def pause(self, model: str, retry_after_ms: int) -> None:
        self.budget.pacing(model).pause(retry_after_ms, self.now_ms)
        self.same("heed", None, model, self.now_ms, retry_after_ms=retry_after_ms)

    @rule(name=st.sampled_from(CAPS), amount=st.one_of(st.none(), AMOUNTS, st.just(EXACT_MAX)))
    def set_cap(self, name: str, amount: int | None) -> None:
        self.budget.set_cap(name, amount)
        self.same("set_cap", ..., name, amount)
        if name in self.caps_max:
            in_force = self.terms.caps.get(name, EXACT_MAX) if amount is None else amount
            self.caps_max[name] = max(self.caps_max[name], in_force)

    @rule(model=st.sampled_from(MODELS))
    def reopen(self, model: str) -> None:
        self.budget.closed_models.discard(model)
        self.same("reopen", ..., model)

    def check(self, book: Callable[..., dict[Any, int]]) -> None:
        """The invariant, in every window and account there is, whoever keeps the books."""
        for attempt in self.budget.attempts.values():
            for window, account, unit in names_of(attempt.ask):
                start = attempt.at_ms // SIZE_MS[window]
                found = book(window, start, account, unit)
                assert min(found.values()) >= 0
                used = found["settled"] + found["reserved"] + found["charged"] - found["overrun"]
                assert used <= self.caps_max.get(f"{window}/{account}/{unit}", EXACT_MAX)
