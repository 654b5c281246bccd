"""The question about posts before a deep dive that they have a part in: asked once, on the path of every paid call.

reserve -> intent -> confirm -> admit -> send -> result -> settle, of the lowest class of the budget. Whatever goes wrong
is no reading, and the dive goes on as without. What is kept of the answer, here and in the journal, are words of closed
lists; what they do is in `agents.ask.excerpts.bearing`.
"""

import asyncio
import time
from collections.abc import Callable
from secrets import token_hex
from typing import NamedTuple

import msgspec
import structlog
from msgspec.structs import replace

from agents.account.books import Books, Sendable
from agents.account.budget import State
from agents.account.call import Call, Denied
from agents.account.recovery import use_of
from agents.ask.attempts import ANSWER_S_MIN
from agents.ask.breaker import CircuitBreaker, Outcome
from agents.ask.breakers import worth_of
from agents.ask.excerpts.bearing import doubt_in, read_of
from agents.ask.excerpts.choosing import EXCERPTS_MIN, excerpts_of
from agents.ask.excerpts.occasion import concerns_posts
from agents.ask.excerpts.question import Question, prompt_of, question_of, version
from agents.ask.excerpts.reading import SCHEMA_BYTES, SCHEMA_VERSION, UNCLEAR, reading_of
from agents.ask.excerpts.recent import RecentPosts
from agents.ask.model import Reply
from agents.ask.paid import PaidCalls, sent_of
from agents.calling import REQUEST_OVERHEAD_TOKENS, Caller, keep_away
from agents.decide.candidate import Candidate, Read, Sent
from agents.desk import Permits, Place, Seat
from agents.excerpt_settings import ExcerptSettings
from agents.metrics import AGENT
from topics import Usage

UNUSABLE = "broken_schema"
"""The outcome of an answer that is not exactly what was asked for."""

log = structlog.get_logger()


class _Asking(NamedTuple):
    """One question on its way."""

    question: Question
    call: Call
    until_s: float
    """The rest of the candidate's time is the dive's."""


class Readings:
    """Asks about posts, and takes what was asked before a start."""

    def __init__(
        self,
        settings: ExcerptSettings,
        seat: Seat,
        posts: RecentPosts,
        *,
        quality: CircuitBreaker,
        books: Books,
        paid_reach_s: float,
        now_ms: Callable[[], int],
    ) -> None:
        """Take the model to ask, the posts of lately, the breaker of the question's own prompt, and the books."""
        self.seat, self.posts = seat, posts
        self._settings, self._quality, self._books, self._now_ms = settings, quality, books, now_ms
        self._paid_reach_ms = int(paid_reach_s * 1000)
        self._attempts = 0
        self._name = token_hex(4)
        """Of this process among attempts."""
        self._seed = token_hex(16)
        """What excerpts are drawn by: who posts does not know it."""

    async def recall(self, candidate: Candidate, paid: PaidCalls) -> Candidate:
        """Return a candidate with what a process asked about its posts that ended before it told of it, if one did.

        Nothing is sent. The ledger hears what came of it, if it has not.
        """
        if candidate.readings or not concerns_posts(candidate):
            return candidate
        result = paid.pop_reading(candidate.asset, self._now_ms() - self._paid_reach_ms)
        if result is None:
            return candidate
        AGENT.readings.labels("recalled").inc()
        state: State = "settled" if result.known == "settled" else "charged"
        await self._books.end(result.attempt_id, state, use_of(result))
        sent = sent_of(
            result,
            provider=result.provider or self.seat.model.provider,
            model=result.model or self.seat.model.name,
            prompt_version=version(),
            outcome=result.outcome,
            ended_s=time.monotonic(),
        )
        return _with_reading(candidate, read_of(sent, result))

    async def read(self, candidate: Candidate, place: Place, caller: Caller) -> Candidate:
        """Return a candidate that is about to be asked of ``place``, with what was made of its asset's posts.

        Once, and before its first send: it is one of the paid sends that a candidate may have.
        """
        if candidate.readings or candidate.sends or not concerns_posts(candidate):
            return candidate
        until_s = candidate.deadline_s - max(caller.answer_s(place.seat), ANSWER_S_MIN)
        came = await self._read(candidate, place, caller, until_s)
        AGENT.readings.labels(came if isinstance(came, str) else came.sent.outcome).inc()
        return candidate if isinstance(came, str) else _with_reading(candidate, came)

    async def _read(
        self, candidate: Candidate, place: Place, caller: Caller, until_s: float
    ) -> Read | str:
        """Return what was read, or why nothing was sent."""
        now_s, seat = time.monotonic(), self.seat
        if (hindrance := self._hindrance(now_s, until_s)) is not None:
            return hindrance
        shown = await self._shown(candidate)
        if len(shown) < EXCERPTS_MIN:
            return "few_posts"
        # The place is for one call at a time: of the same model this one takes it before the dive does.
        slot = None if seat is place.seat else seat.slots.take(now_s)
        if slot is None and seat is not place.seat:
            return "busy"
        try:
            question = question_of(candidate.asset, shown, seat.model.name, token_hex(16))
            asking = _Asking(question, self._call(candidate, question), until_s)
            return await self._paid(asking, caller)
        finally:
            if slot is not None:
                seat.slots.give_back(slot)

    async def _shown(self, candidate: Candidate) -> tuple[str, ...]:
        """Return what of an asset's posts is asked about; in a thread, since to clean many long ones takes a while."""
        posts = self.posts.about(candidate.asset, candidate.as_of_ms)
        seed = f"{self._seed}/{candidate.candidate_id}"
        return await asyncio.to_thread(excerpts_of, posts, candidate.asset, seed)

    async def _paid(self, asking: _Asking, caller: Caller) -> Read | str:
        async with self._books.attempt(asking.call) as reserved:
            if isinstance(reserved, Denied):
                return reserved.reason
            sendable = await reserved.confirm()
            if isinstance(sendable, Denied):
                return sendable.reason
            permits = self._admitted(time.monotonic(), asking.until_s)
            if isinstance(permits, str):
                await sendable.release(permits)
                return permits
            return await self._sent(asking, sendable, permits, caller)

    async def _sent(
        self, asking: _Asking, sendable: Sendable, permits: Permits, caller: Caller
    ) -> Read:
        """Send, and book what came back: of the answer its closed words, and nothing else of it."""
        question, call, until_s = asking
        began_ms, began_s = self._now_ms(), time.monotonic()
        said: Reply | None = None
        try:
            reply = await self.seat.model.ask(
                prompt_of(question),
                attempt_id=call.attempt_id,
                output_tokens_max=call.output_tokens_max,
                timeout_s=min(self._settings.timeout_s, until_s - began_s),
            )
            reply = said = _closed(reply, question.asked)
        finally:
            self._report(permits, said, began_s)
        cost = await caller.account(sendable, reply, began_ms)
        await caller.heed(self.seat, reply)
        if reply.text is None:  # and not the provider's own words: they may repeat ours
            log.info("posts were not read", model=self.seat.label, outcome=reply.outcome)
        sent = Sent(
            attempt_id=call.attempt_id,
            item_key=call.item_key,
            provider=call.provider,
            model=call.model,
            prompt_version=call.prompt_version,
            outcome=reply.outcome,
            ended_s=time.monotonic(),
            usage=reply.usage or Usage(),
            cost_nano_usd=cost,
        )
        return Read(sent=sent, doubt=doubt_in(reply.text, question.asked))

    def _hindrance(self, now_s: float, until_s: float) -> str | None:
        """Return why the model cannot be asked now; nothing is reserved or counted."""
        if now_s + ANSWER_S_MIN > until_s:
            return "no_time"
        if self.seat.breaker.is_shut(now_s):
            return "breaker_open"
        if self._quality.is_shut(now_s):
            return "quality_open"
        return self.seat.cools_why if now_s < self.seat.cools_until_s else None

    def _admitted(self, now_s: float, until_s: float) -> Permits | str:
        """Return leave by the breakers of the model and of the prompt, or why there is none."""
        if now_s + ANSWER_S_MIN > until_s:
            return "no_time"
        model = self.seat.breaker.admit(now_s)
        if model is None:
            return "breaker_open"
        quality = self._quality.admit(now_s)
        if quality is None:
            self.seat.breaker.report(model, Outcome.IGNORED, now_s, why="quality_open")
            return "quality_open"
        return Permits(model, quality)

    def _report(self, permits: Permits, reply: Reply | None, began_s: float) -> None:
        """Tell the breakers what came of a call. A time-out is none of the model's: it had little time."""
        now_s, seat, why = time.monotonic(), self.seat, "cancelled"
        health = worth = Outcome.IGNORED
        if reply is not None:
            why = reply.outcome
            health = health if why == "timeout" else reply.health
            worth = worth_of(why, judged=reply.stop_reason is not None)
        seat.breaker.report(permits.model, health, now_s, why=why)
        self._quality.report(permits.quality, worth, now_s, why=why)
        if reply is not None:
            keep_away(seat, reply, now_s)
        AGENT.call_s.labels(seat.label).observe(now_s - began_s)
        AGENT.calls.labels(seat.label, why).inc()

    def _call(self, candidate: Candidate, question: Question) -> Call:
        self._attempts += 1
        size = len(question.system.encode()) + len(question.user.encode()) + SCHEMA_BYTES
        return Call(
            attempt_id=f"{question.item_key[:32]}/{self._now_ms()}-{self._attempts}-{self._name}",
            item_key=question.item_key,
            asset=candidate.asset,
            product=candidate.product,
            priority="state",
            provider=self.seat.model.provider,
            model=self.seat.model.name,
            tariff=self.seat.tariff,
            prompt_version=question.version,
            schema_version=SCHEMA_VERSION,
            input_tokens_max=size + REQUEST_OVERHEAD_TOKENS,
            output_tokens_max=self._settings.output_tokens_max,
            excerpts=question.asked,
        )


def _closed(reply: Reply, asked: int) -> Reply:
    """Return a reply that says what was read and nothing else.

    A server that does not hold an answer to its schema may repeat what it was shown.
    """
    if reply.text is None:
        return reply
    read = reading_of(reply.text, asked)
    if read is UNCLEAR:
        return replace(reply, text=None, outcome=UNUSABLE)
    return replace(reply, text=msgspec.json.encode(read).decode())


def _with_reading(candidate: Candidate, read: Read) -> Candidate:
    if read.doubt is not None:
        AGENT.doubts.labels(read.doubt).inc()
    return replace(candidate, readings=(*candidate.readings, read))
