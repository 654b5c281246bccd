"""The open windows' attempts, out of what the journal says of them. PURE.

The journal is the durable ledger: an intent is acknowledged before its attempt is confirmed, so whatever was sent is
in it. An intent without a result may be in flight: it is held until its lease is over, and charged then.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from topics import Control, Intent, PipelineError, Result

from .budget import State, Use
from .terms import SIZE_MS, Ask, CapError, check_cap

RECOVERED_MAX = 1_000_000
"""Attempts read back; more would be eleven a second, all day long."""
MARGIN_MS = 10_000
"""A worker whose clock is a little behind may still reserve in the window before."""
OPEN = "open"
"""What an operator's act says of a model that a defect had closed."""
NO_CAP = "none"
"""What an operator's act sets a cap to when it takes the cap away."""

Entry = Intent | Result | Control


class RecoveryError(PipelineError):
    """The journal cannot be gone through; the message says why."""


class Recovered(Struct, frozen=True):
    """An attempt as the journal knows it."""

    ask: Ask
    at_ms: int
    until_ms: int
    state: State
    used: Use = Use()
    opened: bool = False
    """Whether an operator has opened its model since: what it cost closes it no more."""


class Recovery:
    """Takes the entries of one scope, in the order of the log, and says what the books are."""

    def __init__(self, scope: str, *, now_ms: int, lease_ms: int) -> None:
        """Keep what the open windows need; ``now_ms`` is when the rebuild began."""
        self.since_ms = (now_ms - MARGIN_MS) // SIZE_MS["day"] * SIZE_MS["day"]
        self.caps: dict[str, int | None] = {}
        """Caps that operators have set, as they stand; None where the last act took one away."""
        self._opened_ms: dict[str, int] = {}
        """By model, when an operator last opened it."""
        self._scope, self._now_ms, self._lease_ms = scope, now_ms, lease_ms
        self._intents: dict[str, Intent] = {}
        self._results: dict[str, Result] = {}

    def take(self, entry: Entry) -> None:
        """Take one entry; what is another scope's or of windows that are over is nothing to us.

        Raises:
            RecoveryError: There are more than `RECOVERED_MAX`.
        """
        match entry:
            case Intent() if entry.scope == self._scope and entry.at_ms >= self.since_ms:
                self._intents.setdefault(entry.attempt_id, entry)
            case Result() if entry.ended_ms >= self.since_ms:
                # The first counts: what was charged is not refunded when its outcome comes late.
                self._results.setdefault(entry.attempt_id, entry)
            case Control(act="set_budget"):
                self._act(entry)
            case _:
                return
        if max(len(self._intents), len(self._results)) > RECOVERED_MAX:
            msg = f"the journal holds more than {RECOVERED_MAX} attempts of today"
            raise RecoveryError(msg)

    def take_all(self, entries: Iterable[Entry]) -> None:
        """Take many."""
        for entry in entries:
            self.take(entry)

    def attempts(self) -> Sequence[Recovered]:
        """Return what became of every attempt."""
        return [self._recovered(intent) for intent in self._intents.values()]

    def _recovered(self, intent: Intent) -> Recovered:
        ask = Ask(
            attempt_id=intent.attempt_id,
            model=f"{intent.provider}/{intent.model}",
            priority=intent.priority,
            nano_usd=intent.reserved_nano_usd,
            input_tokens=intent.reserved_tokens,
            output_tokens=0,
        )
        lease_ms = self._lease_ms if intent.lease_ms is None else intent.lease_ms
        until_ms = intent.at_ms + lease_ms
        whole = Use(ask.nano_usd, ask.tokens)
        result = self._results.get(intent.attempt_id)
        if result is None:
            open_ = self._now_ms < until_ms
            state: State = "confirmed" if open_ else "charged"
            return Recovered(ask, intent.at_ms, until_ms, state, Use() if open_ else whole)
        if result.known == "settled":
            opened = result.ended_ms <= self._opened_ms.get(ask.model, -1)
            return Recovered(ask, intent.at_ms, until_ms, "settled", use_of(result), opened)
        if result.known == "released":
            return Recovered(ask, intent.at_ms, until_ms, "released")
        return Recovered(ask, intent.at_ms, until_ms, "charged", whole)

    def _act(self, act: Control) -> None:
        root, _, rest = act.subject.partition("/")
        scope, _, name = rest.partition("/")
        if root != "budget" or scope != self._scope:
            return
        if act.value == OPEN:
            self._opened_ms[name] = act.at_ms
            return
        digits = act.value.isascii() and act.value.isdigit()
        amount = None if act.value == NO_CAP else int(act.value) if digits else -1
        try:
            check_cap(name, amount or 0)
        except CapError:
            return  # no ledger ever took it; refused here, it would keep the books closed for as long as it is kept
        self.caps[name] = amount


def use_of(result: Result) -> Use:
    """Return what a result says was used."""
    usage = result.usage
    written, read = usage.cache_creation_input_tokens, usage.cache_read_input_tokens
    return Use(result.cost_nano_usd, usage.input_tokens + written + read, usage.output_tokens)
