"""What it takes to ask a model: the model, the breakers before it, and the books of what it costs."""

from dataclasses import dataclass
from typing import NamedTuple

from agents.account.books import Books
from agents.account.ledger import Ledger
from agents.ask.breaker import CircuitBreaker, Outcome, Permit
from agents.ask.concurrency import ConcurrencyLimit
from agents.ask.model import LanguageModel
from topics.analysis import Product


@dataclass(frozen=True)
class Desk:
    """What it takes to ask a model; without it rules answer everything."""

    model: LanguageModel
    breaker: CircuitBreaker
    quality: CircuitBreaker
    """Of the prompt's version: opens when too many of its answers cannot be used."""
    slots: ConcurrencyLimit
    books: Books
    state_quality: CircuitBreaker | None = None
    """The same of the prompt of state narratives; None where these are not asked for."""

    @property
    def ledger(self) -> Ledger:
        """What the books are kept in."""
        return self.books.ledger

    def quality_of(self, product: Product) -> CircuitBreaker:
        """Return the quality breaker of the prompt that a product is asked with."""
        return self.state_quality or self.quality if product == "state" else self.quality

    def is_shut(self, now_s: float, product: Product | None = None) -> bool:
        """Return whether a breaker lets no call of a product through now, or of any; nothing is counted."""
        if self.breaker.is_shut(now_s):
            return True
        asked: tuple[Product, ...] = ("deep_dive", "state") if product is None else (product,)
        return all(self.quality_of(one).is_shut(now_s) for one in asked)

    def shut(self, now_s: float, product: Product) -> str | None:
        """Return which breaker lets no call through now, as the reason an analysis carries; None if both do."""
        if self.breaker.rejects(now_s):
            return "breaker_open"
        return "quality_open" if self.quality_of(product).rejects(now_s) else None

    def admit(self, now_s: float, product: Product) -> "Permits | str":
        """Return leave for one call by both breakers, or the reason why there is none."""
        model = self.breaker.admit(now_s)
        if model is None:
            return "breaker_open"
        quality = self.quality_of(product).admit(now_s)
        if quality is None:
            self.breaker.report(model, Outcome.IGNORED, now_s, why="quality_open")
            return "quality_open"
        return Permits(model, quality)


class Permits(NamedTuple):
    """Leave for one call; both breakers are to hear what came of it."""

    model: Permit
    quality: Permit
