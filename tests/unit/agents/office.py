"""An analyst with a model that says what it is told to, real breakers, and a real ledger."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress

import msgspec

from agents.account.books import Books
from agents.account.connection import LedgerError
from agents.account.ledger import Ledger
from agents.account.pricing import Tariff, cost_nano_usd
from agents.account.shown import Spend
from agents.account.terms import Terms
from agents.analyst import Analyst
from agents.answer.answered import Answered
from agents.ask.breaker import CircuitBreaker, Outcome, Permit, State
from agents.ask.concurrency import ConcurrencyLimit
from agents.ask.excerpts.recent import RecentPosts
from agents.ask.model import LanguageModel, Reply
from agents.ask.prompt import Prompt
from agents.asking import Later
from agents.cache.narratives import NarrativeCache
from agents.decide.candidate import Candidate
from agents.desk import Desk, Seat
from agents.excerpt_settings import ExcerptSettings
from agents.readings import Readings
from agents.settings import AgentSettings, BreakerSettings, ModelSettings
from tests.unit.agents.candidates import candidate
from topics import Analysis, Intent, Result, Usage

NOW_MS = 1_800_014_400_000
MODEL = "claude-haiku-5-5"
USED = Usage(input_tokens=900, cache_read_input_tokens=50, output_tokens=120)
COST = cost_nano_usd("anthropic", MODEL, USED)
SETTINGS = AgentSettings(model=ModelSettings(simulated=True))
GOOD = {
    "headline": "BTC fell {return_1m_usdt}",
    "text": "It fell to {close_1m_usdt}.",
    "confidence": "high",
    "outlook": "down",
    "outlook_strength": "clear",
}
FAILURE, SUCCESS, IGNORED = Outcome.FAILURE, Outcome.SUCCESS, Outcome.IGNORED


class SaidModel:
    """A model that says what it is told to, however long that takes."""

    def __init__(
        self,
        reply: Reply | Exception,
        *,
        name: str = MODEL,
        provider: str = "anthropic",
        took_s: float = 0.0,
        then: Reply | None = None,
    ) -> None:
        self.name, self.provider = name, provider
        self.reply, self.then, self.took_s = reply, then, took_s
        self.asked: list[tuple[Prompt, int, float]] = []

    async def ask(
        self, prompt: Prompt, *, attempt_id: str, output_tokens_max: int, timeout_s: float
    ) -> Reply:
        """Say it."""
        assert attempt_id.startswith(prompt.item_key[:32])
        self.asked.append((prompt, output_tokens_max, timeout_s))
        await asyncio.sleep(self.took_s)
        reply, self.reply = self.reply, self.then or self.reply
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def close(self) -> None:
        """Nothing is open."""


class HeardBreaker(CircuitBreaker):
    """A breaker that keeps what it was told."""

    def __init__(self, settings: BreakerSettings | None = None) -> None:
        super().__init__(settings or BreakerSettings(calls_min=1, jitter=0))
        self.heard: list[Outcome] = []

    def report(self, permit: Permit, outcome: Outcome, now_s: float, *, why: str = "") -> State:
        """Note it, and take it."""
        self.heard.append(outcome)
        return super().report(permit, outcome, now_s, why=why)


def seat_of(model: LanguageModel, *, slots: int = 4, tariff: Tariff | None = None) -> Seat:
    """Return a seat with breakers of its own."""
    steady = BreakerSettings(calls_min=1, jitter=0)
    breakers = CircuitBreaker(steady), CircuitBreaker(BreakerSettings())
    return Seat(model, *breakers, ConcurrencyLimit(slots, lost_s=60.0), tariff=tariff)


class Office:
    """An analyst with a model, a breaker and a real ledger."""

    def __init__(
        self,
        model: SaidModel,
        ledger: Ledger,
        settings: AgentSettings,
        spares: Iterable[Seat] = (),
        cache: NarrativeCache | None = None,
        *,
        posts: RecentPosts | None = None,
        asked: Seat | None = None,
    ) -> None:
        """Open it. With posts a model is asked about them: its own, or another that is ``asked``."""
        self.model, self.ledger, self.breaker = model, ledger, HeardBreaker()
        self.quality = CircuitBreaker(BreakerSettings())
        self.journal: list[Intent | Result] = []
        books = Books(ledger, self.write, now_ms=lambda: NOW_MS)
        self.slots = ConcurrencyLimit(settings.model.concurrency, lost_s=60.0)
        products = frozenset(settings.model.products)
        self.seat = Seat(model, self.breaker, self.quality, self.slots, products)
        desk = Desk([self.seat, *spares], books)
        self.reading_quality = CircuitBreaker(BreakerSettings())
        readings = (
            None
            if posts is None
            else Readings(
                settings.excerpts or ExcerptSettings(),
                asked or self.seat,
                posts,
                quality=self.reading_quality,
                books=books,
                paid_reach_s=settings.paid_reach_s,
                now_ms=lambda: NOW_MS,
            )
        )
        self.analyst = Analyst(
            settings, desk, now_ms=lambda: NOW_MS, cache=cache, readings=readings
        )
        self.on_intent: Callable[[], None] = lambda: None

    async def step(self, candidate: Candidate) -> tuple[Analysis, Answered] | Later:
        """Answer a candidate, as the inbox's owner does: with a slot, if there is one."""
        place = self.analyst.place_for(candidate, time.monotonic())
        return place if isinstance(place, Later) else await self.analyst.answer(candidate, place)

    async def answer(self, left_s: float = 20.0, **changes: object) -> tuple[Analysis, Answered]:
        """Answer a candidate that has so much time left; if it is to wait, its time is over."""
        answer = await self.step(pressing(left_s, **changes))
        if isinstance(answer, Later):
            answer = await self.step(msgspec.structs.replace(answer.candidate, deadline_s=-1.0))
        assert not isinstance(answer, Later)
        assert self.slots.in_flight == 0
        return answer

    async def later(self, candidate: Candidate | None = None) -> Later:
        """Return a candidate that is to wait, after one step."""
        answer = await self.step(candidate or pressing())
        assert isinstance(answer, Later)
        assert self.slots.in_flight == 0
        return answer

    async def write(self, entry: Intent | Result) -> None:
        """Keep the journal."""
        self.journal.append(entry)
        if isinstance(entry, Intent):
            self.on_intent()

    async def spend(self) -> Spend:
        """Return the day's account."""
        return await self.ledger.spend(NOW_MS)


def pressing(left_s: float = 20.0, **changes: object) -> Candidate:
    """Return a candidate with so much time left."""
    return candidate(deadline_s=time.monotonic() + left_s, **changes)


def said(text: str | None = None, **changes: object) -> Reply:
    """Return a reply: an answer, or with another outcome."""
    body = msgspec.json.encode(GOOD).decode() if text is None else text
    reply = Reply(outcome="answered", health=SUCCESS, usage=USED, text=body)
    return msgspec.structs.replace(reply, **changes)


def failed(outcome: str, health: Outcome, usage: Usage | None) -> Reply:
    """Return what came of a call that is no answer."""
    return Reply(outcome=outcome, health=health, usage=usage, message="words")


Open = Callable[..., Office]


def terms(cap: int) -> Terms:
    """Return a day's cap, at any hour."""
    return Terms(caps={"day/all/nano_usd": cap}, clock_ms_max=10**15)


@asynccontextmanager
async def a_ledger(url: str, prefix: str, cap: int = 10**9) -> AsyncIterator[Ledger]:
    """Give a ledger, and close it."""
    made = Ledger(url, prefix=prefix, scope="test", terms=terms(cap))
    try:
        with suppress(LedgerError):
            await made.rebuild((), NOW_MS)
        yield made
    finally:
        await made.close()
