"""The books of one budget scope, as the ledger's scripts must keep them. PURE.

An attempt is reserved before anything is sent; what then becomes of it moves its amount, in each of its windows and
accounts, and never twice:

=========  =========  ===============  ========  =======  =============
state      confirm    settle           release   charge   lease expired
=========  =========  ===============  ========  =======  =============
reserved   confirmed  settled          released  charged  charged
confirmed  confirmed  settled          released  charged  charged
settled    -          -                -         -        -
released   -          settled, defect  -         -        -
charged    -          - (see below)    -         -        -
=========  =========  ===============  ========  =======  =============

Settled is the actual cost. Charged is the reservation, for an outcome nobody knows; it is not refunded when the
outcome comes late. Released is nothing: only what was surely not sent. After every step, in every window and account,
settled + reserved + charged - overrun <= cap.

An actual cost above its reservation is a defect of ours: it is booked in full, what goes beyond the reservation is
counted as overrun, and the model is closed until an operator opens it.
"""

from collections import Counter
from typing import Literal

from msgspec import Struct

from .pacing import Amounts, Pacing, Rates
from .terms import SIZE_MS, Ask, Terms, names_of, usable

State = Literal["reserved", "confirmed", "settled", "released", "charged", "unknown"]
"""Of an attempt; unknown is one these books have never seen."""
Column = Literal["reserved", "settled", "charged", "overrun"]
COLUMNS: tuple[Column, ...] = ("reserved", "settled", "charged", "overrun")
OPEN: frozenset[State] = frozenset({"reserved", "confirmed"})


class Granted(Struct, frozen=True):
    """An amount is set aside; the attempt may be confirmed, not yet sent."""

    at_ms: int
    """When it was: its windows are those of this time."""


class Wait(Struct, frozen=True):
    """Nothing is set aside: too fast. The same may be asked again after a while."""

    wait_ms: int


class Refused(Struct, frozen=True):
    """Nothing is set aside."""

    reason: Literal[
        "cap", "floor", "model_closed", "finished", "mismatch", "too_many_open", "closed", "clock"
    ]
    detail: str = ""
    """The cap's name, the model, or how far the clocks are apart."""

    @property
    def is_of_model(self) -> bool:
        """Whether it stands for one model alone: that is closed, or its own cap is reached."""
        _, _, account = self.detail.partition("/")
        return self.reason == "model_closed" or account.startswith("model/")


Answer = Granted | Wait | Refused


class Use(Struct, frozen=True):
    """What a call used: nano-dollars, and tokens as the provider counted them."""

    nano_usd: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def tokens(self) -> int:
        """All of them."""
        return self.input_tokens + self.output_tokens


class Attempt(Struct):
    """One attempt and where it stands."""

    ask: Ask
    at_ms: int
    until_ms: int
    """Its lease ends."""
    state: State = "reserved"
    used: Use = Use()


class Budget:
    """The books, in memory."""

    def __init__(self, terms: Terms) -> None:
        """Begin empty and open."""
        self.terms = terms
        self.attempts: dict[str, Attempt] = {}
        self.closed_models: set[str] = set()
        self._caps = dict(terms.caps)
        self._accounts: Counter[tuple[str, int, str, str, Column]] = Counter()
        self._pacing: dict[str, Pacing] = {}

    def book(self, window: str, start: int, account: str, unit: str) -> dict[Column, int]:
        """Return one account's columns in the window of this number."""
        return {c: self._accounts[window, start, account, unit, c] for c in COLUMNS}

    def set_cap(self, name: str, amount: int | None) -> None:
        """Put an operator's cap before the worker's own; None takes it away again."""
        if amount is None:
            self._caps.pop(name, None)
            if name in self.terms.caps:
                self._caps[name] = self.terms.caps[name]
        else:
            self._caps[name] = amount

    def pacing(self, model: str) -> Pacing:
        """Return the buckets of a model."""
        rates = self.terms.rates.get(model, Rates())
        return self._pacing.setdefault(model, Pacing(rates))

    def reserve(self, ask: Ask, now_ms: int) -> Answer:
        """Set an amount aside in every window and account and take the pace for it: all of it or nothing."""
        known = self.attempts.get(ask.attempt_id)
        if known is not None:
            return _again(known, ask)
        if sum(a.state in OPEN for a in self.attempts.values()) >= self.terms.open_max:
            return Refused("too_many_open")
        if ask.model in self.closed_models:
            return Refused("model_closed", ask.model)
        refused = self._refusal(ask, now_ms)
        if refused is not None:
            return refused
        need = Amounts(1, ask.input_tokens, ask.output_tokens)
        wait_ms = self.pacing(ask.model).take(need, now_ms)
        if wait_ms:
            return Wait(wait_ms)
        lease_ms = self.terms.lease_ms if ask.lease_ms is None else ask.lease_ms
        attempt = Attempt(ask=ask, at_ms=now_ms, until_ms=now_ms + lease_ms)
        self.attempts[ask.attempt_id] = attempt
        self._post(attempt, "reserved", ask.nano_usd, ask.tokens)
        return Granted(now_ms)

    def confirm(self, attempt_id: str, now_ms: int) -> State:
        """Let an attempt be sent, if it answers `confirmed`. One whose lease is over is charged instead."""
        attempt = self.attempts.get(attempt_id)
        if attempt is None:
            return "unknown"
        if attempt.state in OPEN:
            if now_ms >= attempt.until_ms:
                return self.charge(attempt_id)
            attempt.state = "confirmed"
        return attempt.state

    def settle(self, attempt_id: str, used: Use, now_ms: int) -> State:
        """Book what a call cost in the place of what was reserved for it. Once: told again it changes nothing."""
        attempt = self.attempts.get(attempt_id)
        if attempt is None:
            return "unknown"
        if attempt.state in OPEN:
            ask = attempt.ask
            self._close(attempt, "settled", used)
            unused = Amounts(
                0, ask.input_tokens - used.input_tokens, ask.output_tokens - used.output_tokens
            )
            self.pacing(ask.model).give_back(unused, now_ms)
            self._count_overrun(attempt, used, ask.nano_usd, ask.tokens)
        elif attempt.state == "charged":
            self._raise_charge(attempt, used)
        elif attempt.state == "released" and used.nano_usd + used.tokens > 0:
            attempt.state, attempt.used = "settled", used
            self._post(attempt, "settled", used.nano_usd, used.tokens)
            self._count_overrun(attempt, used, 0, 0)
        return attempt.state

    def release(self, attempt_id: str, now_ms: int) -> State:
        """Give back what was reserved for an attempt that was surely not sent, its pace too."""
        attempt = self.attempts.get(attempt_id)
        if attempt is None:
            return "unknown"
        if attempt.state in OPEN:
            self._close(attempt, "released", Use())
            ask = attempt.ask
            unused = Amounts(1, ask.input_tokens, ask.output_tokens)
            self.pacing(ask.model).give_back(unused, now_ms)
        return attempt.state

    def charge(self, attempt_id: str) -> State:
        """Book a reservation in full: nobody knows what became of the call."""
        attempt = self.attempts.get(attempt_id)
        if attempt is None:
            return "unknown"
        if attempt.state in OPEN:
            ask = attempt.ask
            self._close(attempt, "charged", Use(ask.nano_usd, ask.input_tokens, ask.output_tokens))
        return attempt.state

    def sweep(self, now_ms: int) -> int:
        """Charge every attempt whose lease is over, and return how many there were."""
        over = [
            attempt_id
            for attempt_id, attempt in self.attempts.items()
            if attempt.state in OPEN and now_ms >= attempt.until_ms
        ]
        for attempt_id in over:
            self.charge(attempt_id)
        return len(over)

    def _refusal(self, ask: Ask, now_ms: int) -> Refused | None:
        for window, account, unit in names_of(ask):
            name = f"{window}/{account}/{unit}"
            cap = self._caps.get(name)
            if cap is None:
                continue
            book = self.book(window, now_ms // SIZE_MS[window], account, unit)
            used = book["reserved"] + book["settled"] + book["charged"]
            amount = ask.nano_usd if unit == "nano_usd" else ask.tokens
            if amount > cap - used:
                return Refused("cap", name)
            if amount > usable(cap, account, ask.priority, self.terms.floor_permille) - used:
                return Refused("floor", name)
        return None

    def _close(
        self, attempt: Attempt, state: Literal["settled", "released", "charged"], used: Use
    ) -> None:
        attempt.state, attempt.used = state, used
        self._post(attempt, "reserved", -attempt.ask.nano_usd, -attempt.ask.tokens)
        if state != "released":
            self._post(attempt, state, used.nano_usd, used.tokens)

    def _raise_charge(self, attempt: Attempt, used: Use) -> None:
        """A late outcome that cost more than was charged: the truth is the greater."""
        before = attempt.used
        more = Use(max(0, used.nano_usd - before.nano_usd), max(0, used.tokens - before.tokens), 0)
        if more.nano_usd + more.tokens > 0:
            self._post(attempt, "charged", more.nano_usd, more.tokens)
            attempt.used = Use(before.nano_usd + more.nano_usd, before.tokens + more.tokens, 0)
            self._count_overrun(attempt, more, 0, 0)

    def _count_overrun(self, attempt: Attempt, used: Use, nano_usd: int, tokens: int) -> None:
        beyond_usd, beyond_tokens = max(0, used.nano_usd - nano_usd), max(0, used.tokens - tokens)
        if beyond_usd + beyond_tokens > 0:
            self._post(attempt, "overrun", beyond_usd, beyond_tokens)
            self.closed_models.add(attempt.ask.model)

    def _post(self, attempt: Attempt, column: Column, nano_usd: int, tokens: int) -> None:
        for window, account, unit in names_of(attempt.ask):
            start = attempt.at_ms // SIZE_MS[window]
            amount = nano_usd if unit == "nano_usd" else tokens
            self._accounts[window, start, account, unit, column] += amount


def _again(known: Attempt, ask: Ask) -> Answer:
    """A reservation that is asked for again: the same is granted still, and nothing more is set aside."""
    if known.state not in OPEN:
        return Refused("finished", known.state)
    one, other = known.ask, ask
    same = (one.model, one.priority, one.nano_usd, one.tokens) == (
        *(other.model, other.priority, other.nano_usd, other.tokens),
    )
    return Granted(known.at_ms) if same else Refused("mismatch")
