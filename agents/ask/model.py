"""What the analyst asks of a language model, and what comes back: outcomes, never exceptions."""

from typing import Protocol

from msgspec import Struct

from agents.ask.breaker import Outcome
from agents.ask.outcomes import OUTCOMES, CallOutcome, RateLimits
from agents.ask.prompt import Prompt
from topics import Usage


class Reply(Struct, frozen=True, kw_only=True):
    """What came of one call. ``outcome`` is a name of the table in `outcomes`: `answered`, or what went wrong."""

    outcome: str
    health: Outcome
    """What the breaker is told."""
    usage: Usage | None
    """None when nobody knows what was used: the reservation stays charged."""
    text: str | None = None
    """Of an answered call only."""
    message: str = ""
    stop_reason: str | None = None
    request_id: str | None = None
    retry_after_s: float | None = None
    """Bounded; None when the server asked for no time."""
    limits: RateLimits = RateLimits()
    """What the provider's headers say of its own limits."""

    @property
    def meaning(self) -> CallOutcome:
        """What the outcome means for breaker, pacing, concurrency, retries and money."""
        return OUTCOMES[self.outcome]


class LanguageModel(Protocol):
    """One model of one provider."""

    provider: str
    name: str

    async def ask(
        self, prompt: Prompt, *, attempt_id: str, output_tokens_max: int, timeout_s: float
    ) -> Reply:
        """Send one request, once, under the ledger's name for it, and say what came of it."""

    async def close(self) -> None:
        """Disconnect."""
