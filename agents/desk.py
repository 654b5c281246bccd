"""What it takes to ask a model: the model, the breakers before it, and the books of what it costs."""

from dataclasses import dataclass, field
from typing import NamedTuple

from agents.account.books import Books
from agents.account.ledger import Ledger
from agents.ask.breaker import CircuitBreaker, Outcome, Permit
from agents.ask.cache_watch import CacheWatch
from agents.ask.concurrency import ConcurrencyLimit
from agents.ask.model import LanguageModel
from agents.settings import UNCACHED_CALLS_MAX


@dataclass(frozen=True)
class Desk:
    """What it takes to ask a model; without it rules answer everything."""

    model: LanguageModel
    breaker: CircuitBreaker
    quality: CircuitBreaker
    """Of the prompt's version: opens when too many of its answers cannot be used."""
    slots: ConcurrencyLimit
    books: Books
    cached: CacheWatch = field(default_factory=lambda: CacheWatch(UNCACHED_CALLS_MAX))
    """Of the provider's prompt cache: whether it works."""

    @property
    def ledger(self) -> Ledger:
        """What the books are kept in."""
        return self.books.ledger

    def is_shut(self, now_s: float) -> bool:
        """Return whether a breaker lets no call through now; nothing is counted."""
        return self.breaker.is_shut(now_s) or self.quality.is_shut(now_s)

    def shut(self, now_s: float) -> str | None:
        """Return which breaker lets no call through now, as the reason an analysis carries; None if both do."""
        if self.breaker.rejects(now_s):
            return "breaker_open"
        return "quality_open" if self.quality.rejects(now_s) else None

    def admit(self, now_s: float) -> "Permits | str":
        """Return leave for one call by both breakers, or the reason why there is none."""
        model = self.breaker.admit(now_s)
        if model is None:
            return "breaker_open"
        quality = self.quality.admit(now_s)
        if quality is None:
            self.breaker.report(model, Outcome.IGNORED, now_s, why="quality_open")
            return "quality_open"
        return Permits(model, quality)


class Permits(NamedTuple):
    """Leave for one call; both breakers are to hear what came of it."""

    model: Permit
    quality: Permit
