"""What it takes to ask models: each with its breakers and its calls in flight, and the books of what they cost."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog

from agents.account.books import Books
from agents.account.ledger import Ledger
from agents.account.pricing import Tariff
from agents.ask.attempts import leaves_model
from agents.ask.breaker import CircuitBreaker, Outcome, Permit
from agents.ask.cache_watch import CacheWatch
from agents.ask.concurrency import ConcurrencyLimit, Slot
from agents.ask.model import LanguageModel, Reply
from agents.ask.outcomes import named
from agents.ask.routing import COOL_S_MAX, Standing, origin_of, route
from agents.decide.candidate import Sent
from agents.metrics import AGENT
from agents.settings import UNCACHED_CALLS_MAX
from topics.analysis import Origin, Product

ANSWERED = "answered"
"""The reason of an answer by the primary."""

log = structlog.get_logger()


@dataclass(eq=False)
class Seat:
    """One model that may be asked, with all that is its own."""

    model: LanguageModel
    breaker: CircuitBreaker
    quality: CircuitBreaker
    """Of the prompt's version, as this model answers it: opens when too many of its answers cannot be used."""
    slots: ConcurrencyLimit
    products: frozenset[Product] = frozenset({"deep_dive"})
    """What it may be asked for."""
    state_quality: CircuitBreaker | None = None
    """As `quality`, of the prompt of state narratives; None where these are not asked for."""
    tariff: Tariff | None = None
    """Whose price it has; None: its provider's."""
    cools_until_s: float = float("-inf")
    """It is let be until then: it asked for silence, its pace or its own cap is used up."""
    cools_why: str = "paced"
    """As the reason of an analysis by another."""

    @property
    def label(self) -> str:
        """Provider and name."""
        return f"{self.model.provider}/{self.model.name}"

    def cool(self, until_s: float, why: str, now_s: float) -> None:
        """Let it be until a time, at most `COOL_S_MAX` from now; never shorter than it is let be already."""
        until_s = min(until_s, now_s + COOL_S_MAX)
        if until_s > self.cools_until_s:
            self.cools_until_s, self.cools_why = until_s, why

    def quality_of(self, product: Product) -> CircuitBreaker:
        """Return the quality breaker of the prompt that a product is asked with."""
        return self.state_quality or self.quality if product == "state" else self.quality

    def is_shut(self, now_s: float, product: Product) -> bool:
        """Return whether a breaker lets no call for a product through now; nothing is counted."""
        return self.breaker.is_shut(now_s) or self.quality_of(product).is_shut(now_s)

    def shut(self, now_s: float, product: Product) -> str | None:
        """Return which breaker lets no call through now, as the reason an analysis carries; None if both do."""
        if self.breaker.rejects(now_s):
            return "breaker_open"
        return "quality_open" if self.quality_of(product).rejects(now_s) else None

    def hindrance(self, now_s: float, product: Product) -> str | None:
        """Return why it cannot be asked for a product now, or None; nothing is counted."""
        if self.breaker.is_shut(now_s):
            return "breaker_open"
        if self.quality_of(product).is_shut(now_s):
            return "quality_open"
        if now_s < self.cools_until_s:
            return self.cools_why
        return None if self.slots.has_room(now_s) else "busy"

    def standing(self, now_s: float, product: Product) -> Standing:
        """Return how it stands now for a product."""
        return Standing(
            provider=self.model.provider,
            name=self.model.name,
            shut=self.is_shut(now_s, product),
            cools_until_s=self.cools_until_s,
            outstanding=self.slots.in_flight,
            full=not self.slots.has_room(now_s),
        )


class Place(NamedTuple):
    """Leave to ask one model; its slot must be reported or given back."""

    seat: Seat
    slot: Slot
    reason: str
    """`answered`, or why it is not the primary."""
    is_fresh: bool
    """Whether it has not failed the candidate already."""

    def give_back(self) -> None:
        """Give the slot back, if its call was never made."""
        self.seat.slots.give_back(self.slot)


class Permits(NamedTuple):
    """Leave for one call; both breakers are to hear what came of it."""

    model: Permit
    quality: Permit


@dataclass(frozen=True)
class Desk:
    """What it takes to ask models; without it rules answer everything."""

    seats: Sequence[Seat]
    """The primary first, then spares in the order of preference."""
    books: Books
    cached: CacheWatch = field(default_factory=lambda: CacheWatch(UNCACHED_CALLS_MAX))
    """Of the providers' prompt caches: whether they work."""

    @property
    def ledger(self) -> Ledger:
        """What the books are kept in."""
        return self.books.ledger

    @property
    def primary(self) -> Seat:
        """Who is asked while it can be."""
        return self.seats[0]

    def origin_of(self, provider: str, name: str) -> Origin:
        """Return the origin of an answer by a model."""
        primary = self.primary.model
        return origin_of((provider, name), (primary.provider, primary.name))

    def serving(self, product: Product) -> list[Seat]:
        """Return who may be asked for a product."""
        return [seat for seat in self.seats if product in seat.products]

    def is_free(self, now_s: float) -> bool:
        """Return whether a model can be asked now, or none will be for as long as the breakers are open."""
        asked = [(seat, product) for seat in self.seats for product in sorted(seat.products)]
        if all(seat.is_shut(now_s, product) for seat, product in asked):
            return True
        return any(seat.hindrance(now_s, product) is None for seat, product in asked)

    def is_shut(self, product: Product, now_s: float) -> bool:
        """Return whether breakers let no call for a product through now; nothing is counted."""
        return all(seat.is_shut(now_s, product) for seat in self.serving(product))

    def shut(self, product: Product, now_s: float) -> str | None:
        """Return which breaker of the first let no call for a product through, where none does; None if one does."""
        reasons = [seat.shut(now_s, product) for seat in self.serving(product)]
        return None if None in reasons else next(iter(reasons), None)

    def fresh(
        self, product: Product, sends: Collection[Sent], now_s: float, *, besides: Seat
    ) -> Seat | None:
        """Return who beside one can be asked now about a candidate, and has not failed it in these sends; None: nobody."""
        failed = failures_of(sends)
        for seat in self.serving(product):
            is_other = seat is not besides and seat.label not in failed
            if is_other and seat.hindrance(now_s, product) is None:
                return seat
        return None

    def routed(self, product: Product, sends: Collection[Sent], now_s: float) -> Seat | None:
        """Return who is to be asked now about a candidate that has had these sends; None where nobody can be."""
        seats, failed = self.serving(product), failures_of(sends)
        tried = {at for at, seat in enumerate(seats) if seat.label in failed}
        standings = [seat.standing(now_s, product) for seat in seats]
        at = route(standings, now_s, tried=tried)
        return None if at is None else seats[at]

    def take(self, product: Product, sends: Collection[Sent], now_s: float) -> Place | None:
        """Return leave to ask whose turn it is about a candidate that has had these sends; None where nobody can be."""
        seat = self.routed(product, sends, now_s)
        slot = None if seat is None else seat.slots.take(now_s)
        if seat is None or slot is None:
            return None
        failed = failures_of(sends)
        return Place(
            seat, slot, self._reason(seat, product, failed, now_s), seat.label not in failed
        )

    def admit(self, seat: Seat, now_s: float, product: Product) -> "Permits | str":
        """Return leave for one call by both breakers of a model, or the reason why there is none."""
        model = seat.breaker.admit(now_s)
        if model is None:
            return "breaker_open"
        quality = seat.quality_of(product).admit(now_s)
        if quality is None:
            seat.breaker.report(model, Outcome.IGNORED, now_s, why="quality_open")
            return "quality_open"
        return Permits(model, quality)

    def watch_cache(self, seat: Seat, version: str, reply: Reply) -> None:
        """Note how an answered call's prompt was paid for, and say once when the provider's cache is lost or back."""
        usage = reply.usage
        if reply.text is None or usage is None:
            return
        tokens = AGENT.prompt_tokens
        tokens.labels("plain").inc(usage.input_tokens)
        tokens.labels("written").inc(usage.cache_creation_input_tokens)
        tokens.labels("read").inc(usage.cache_read_input_tokens)
        match self.cached.take(seat.label, version, usage):
            case "lost":
                log.warning("the prompt is not cached", model=seat.label, prompt=version)
            case "back":
                log.info("the prompt is cached again", model=seat.label, prompt=version)
        AGENT.uncached.set(len(self.cached.lost))

    async def close(self) -> None:
        """Disconnect from all models."""
        for seat in self.seats:
            await seat.model.close()

    def _reason(self, seat: Seat, product: Product, failed: dict[str, str], now_s: float) -> str:
        """Return why it is not the primary that is asked; `answered` if it is."""
        primary = self.primary
        if seat is primary:
            return ANSWERED
        if product not in primary.products:
            return "not_served"
        return failed.get(primary.label) or primary.hindrance(now_s, product) or ANSWERED


def failures_of(sends: Collection[Sent]) -> dict[str, str]:
    """Return which models failed a candidate, and how: that another had better be asked."""
    return {
        f"{sent.provider}/{sent.model}": sent.outcome
        for sent in sends
        if leaves_model(named(sent.outcome))
    }
