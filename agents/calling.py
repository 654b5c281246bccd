"""One paid call: reserve -> intent -> confirm -> admit -> send -> verdict -> result -> settle.

Whatever comes of it, the breakers, the number of calls at once, the pace and the books hear of it.
"""

import time
from collections.abc import Callable
from secrets import token_hex

import structlog
from msgspec import Struct

from agents.account.books import Reserved, Sendable
from agents.account.budget import State
from agents.account.call import Call, Denied, Told
from agents.account.connection import LedgerError
from agents.account.pacing import Told as Limits
from agents.account.recovery import use_of
from agents.answer.rules import Words
from agents.ask.attempts import ANSWER_S_MIN
from agents.ask.breaker import Outcome
from agents.ask.breakers import worth_of
from agents.ask.model import Reply
from agents.ask.outcomes import Concurrency, Limiter, Money
from agents.ask.paid import PaidCalls, sent_of
from agents.ask.patience import AnswerTime
from agents.ask.prompt import Prompt, prompt_of, verdict_of
from agents.decide.candidate import Candidate, Sent
from agents.desk import Desk, Permits, Place, Seat
from agents.metrics import AGENT
from agents.settings import AgentSettings
from topics import Result, Usage

REQUEST_OVERHEAD_TOKENS = 1_000
"""Added to the request's bytes when its tokens are reserved: what the API wraps around it."""

FAIR_SHARE = 0.5
"""Of the longest time any call is given; one that got less says nothing of the model by its time-out."""

log = structlog.get_logger()


class Made(Struct, frozen=True):
    """A call that was sent; ``words`` are the model's, if they can be used."""

    sent: Sent
    words: Words | None
    answer: str | None = None
    """What it said, whether that can be used or not."""


class Unmade(Struct, frozen=True):
    """A call that was not sent, and cost nothing. ``wait_s`` is set where a wait is all it takes."""

    reason: str
    wait_s: float | None = None
    of_model: bool = False
    """It is said of this model: another may be asked still."""


class Caller:
    """Makes the calls of one desk."""

    def __init__(
        self, settings: AgentSettings, desk: Desk, paid: PaidCalls, *, now_ms: Callable[[], int]
    ) -> None:
        """Take the desk, what was paid for before, and the wall clock."""
        self._settings, self._desk, self._now_ms = settings, desk, now_ms
        self._paid = paid
        self._attempts = 0
        self._name = token_hex(4)
        """Of this process among attempts: two must never take one reservation for their own."""
        self._patience_s = min(settings.model.timeout_s, settings.asking_s)
        """The longest time any call is given."""
        self._answer_time = {seat.label: AnswerTime(self._patience_s) for seat in desk.seats}

    def answer_s(self, seat: Seat) -> float:
        """Return how long an answer of a model takes, as far as one knows."""
        return self._answer_time[seat.label].needed_s

    async def call(self, candidate: Candidate, place: Place) -> Made | Unmade:
        """Ask about a candidate, once."""
        prompt = self._prompt_of(candidate, place.seat.model.name)
        call = self._call(candidate, prompt, place.seat)
        async with self._desk.books.attempt(call) as reserved:
            if isinstance(reserved, Denied):
                wait_s = None if reserved.retry_ms is None else reserved.retry_ms / 1000
                return Unmade(reserved.reason, wait_s, of_model=reserved.of_model)
            return await self._confirmed(candidate, prompt, reserved, place)

    async def recall(self, candidate: Candidate) -> Made | None:
        """Return a call that a process made which ended before it told of it, if it asked the same; each call once.

        Nothing is reserved or sent. The ledger hears what came of it, if it has not.
        """
        since_ms = self._now_ms() - int(self._settings.paid_reach_s * 1000)
        # The same model elsewhere is asked the same question, and its answer is as good.
        for name in dict.fromkeys(seat.model.name for seat in self._desk.seats):
            if not self._paid:
                return None
            prompt = self._prompt_of(candidate, name)
            result = self._paid.pop(prompt.item_key, since_ms)
            if result is not None:
                return await self._recalled(candidate, prompt, result, name)
        return None

    async def _recalled(
        self, candidate: Candidate, prompt: Prompt, result: Result, name: str
    ) -> Made:
        words, outcome, became = None, result.outcome, "failed"
        if result.answer is not None:
            verdict = verdict_of(result.answer, candidate, prompt)
            words = verdict if isinstance(verdict, Words) else None
            outcome = "answered" if isinstance(verdict, Words) else verdict.reason
            became = "rejected" if words is None else "used"
        AGENT.recalled.labels(became).inc()
        log.info("a call of before is taken", attempt_id=result.attempt_id, outcome=outcome)
        state: State = "settled" if result.known == "settled" else "charged"
        await self._desk.books.end(result.attempt_id, state, use_of(result))
        sent = sent_of(
            result,
            # One that was written before it said so was the first's: there was no other.
            provider=result.provider or self._desk.primary.model.provider,
            model=name,
            prompt_version=prompt.version,
            outcome=outcome,
            ended_s=time.monotonic(),
        )
        return Made(sent, words, result.answer)

    def _prompt_of(self, candidate: Candidate, model: str) -> Prompt:
        return prompt_of(candidate, model, self._settings.model.context_tokens_max)

    async def _confirmed(
        self, candidate: Candidate, prompt: Prompt, reserved: Reserved, place: Place
    ) -> Made | Unmade:
        seat = place.seat
        sendable = await reserved.confirm()
        if isinstance(sendable, Denied):
            return Unmade(sendable.reason)
        permits = self._admitted(candidate, seat, time.monotonic())
        if isinstance(permits, str):
            await sendable.release(permits)
            return Unmade(permits, of_model=permits != "deadline")
        began_ms, words, outcome = self._now_ms(), None, "cancelled"
        attempt_id = reserved.call.attempt_id
        try:
            reply = await self._send(candidate, prompt, attempt_id, permits, place)
            words, outcome = judged(candidate, prompt, reply)
        finally:
            worth = Outcome.IGNORED
            if outcome != "cancelled":
                worth = worth_of(outcome, judged=reply.stop_reason is not None)
            quality = seat.quality_of(candidate.product)
            quality.report(permits.quality, worth, time.monotonic(), why=outcome)
        self._desk.watch_cache(seat, prompt.version, reply)
        cost = await self.account(sendable, reply, began_ms)
        await self.heed(seat, reply)
        sent = Sent(
            attempt_id=attempt_id,
            item_key=prompt.item_key,
            provider=seat.model.provider,
            model=seat.model.name,
            prompt_version=prompt.version,
            outcome=outcome,
            ended_s=time.monotonic(),
            retry_after_s=reply.retry_after_s,
            usage=reply.usage or Usage(),
            cost_nano_usd=cost,
        )
        return Made(sent, words, reply.text)

    def _admitted(self, candidate: Candidate, seat: Seat, now_s: float) -> Permits | str:
        """Return leave by the breakers, or why there is none: the brokers may have taken all the time there was."""
        if now_s + ANSWER_S_MIN > candidate.deadline_s:
            return "deadline"
        return self._desk.admit(seat, now_s, candidate.product)

    async def heed(self, seat: Seat, reply: Reply) -> None:
        """Correct a model's pace by what its answer says of the provider's own limits."""
        limits = reply.limits
        buckets = (limits.requests, limits.input_tokens, limits.output_tokens)
        first, second, third = ((bucket.limit, bucket.remaining) for bucket in buckets)
        pause = reply.meaning.limiter is not Limiter.NONE and reply.retry_after_s is not None
        try:
            await self._desk.ledger.heed(
                seat.label,
                self._now_ms(),
                told=Limits((first[0], second[0], third[0]), (first[1], second[1], third[1])),
                retry_after_ms=round((reply.retry_after_s or 0) * 1000) if pause else None,
            )
        except LedgerError as error:
            log.warning("the pace is not corrected", error=str(error))

    async def account(self, sendable: Sendable, reply: Reply, began_ms: int) -> int:
        """Book what a call cost and return it; one without usage cost nobody knows what, so it is charged in full."""
        if reply.usage is None:
            await sendable.charge(reply.outcome)
            return sendable.reserved_nano_usd
        told = Told(
            outcome=reply.outcome,
            usage=reply.usage,
            started_ms=began_ms,
            ended_ms=self._now_ms(),
            stop_reason=reply.stop_reason,
            request_id=reply.request_id,
            answer=reply.text,
        )
        return (await sendable.settle(told)).cost_nano_usd

    async def _send(
        self,
        candidate: Candidate,
        prompt: Prompt,
        attempt_id: str,
        permits: Permits,
        place: Place,
    ) -> Reply:
        """Make the call; whatever comes of it, the breaker and the number of calls at once hear of it."""
        settings, seat, began_s = self._settings, place.seat, time.monotonic()
        timeout_s = min(settings.model.timeout_s, max(0.1, candidate.deadline_s - began_s))
        reply: Reply | None = None
        try:
            reply = await seat.model.ask(
                prompt,
                attempt_id=attempt_id,
                output_tokens_max=settings.model.output_tokens_max,
                timeout_s=timeout_s,
            )
        finally:
            now_s = time.monotonic()
            why = "cancelled" if reply is None else reply.outcome
            health = self._health(reply, timeout_s)
            seat.breaker.report(permits.model, health, now_s, why=why)
            ours = why == "timeout" and health is Outcome.IGNORED
            change = Concurrency.NONE if reply is None or ours else reply.meaning.concurrency
            seat.slots.report(place.slot, change, now_s)
            if reply is not None:
                keep_away(seat, reply, now_s)
                if _tells_how_long(reply):
                    self._answer_time[seat.label].take(now_s - began_s)
            AGENT.call_s.labels(seat.label).observe(now_s - began_s)
            AGENT.calls.labels(seat.label, why).inc()
        if reply.outcome != "answered":
            told = {"model": seat.label, "outcome": reply.outcome, "message": reply.message}
            log.info("model call failed", **told)
        return reply

    def _health(self, reply: Reply | None, timeout_s: float) -> Outcome:
        """Return what the breaker is to know of a call that had ``timeout_s``."""
        if reply is None:
            return Outcome.IGNORED
        if reply.outcome == "timeout" and timeout_s < FAIR_SHARE * self._patience_s:
            return Outcome.IGNORED  # it came to us late: our own deadline, not the model's fault
        return reply.health

    def _call(self, candidate: Candidate, prompt: Prompt, seat: Seat) -> Call:
        self._attempts += 1
        size = len(prompt.system.encode()) + len(prompt.user.encode()) + prompt.schema.size_bytes
        return Call(
            attempt_id=f"{prompt.item_key[:32]}/{self._now_ms()}-{self._attempts}-{self._name}",
            item_key=prompt.item_key,
            asset=candidate.asset,
            product=candidate.product,
            priority="alert" if candidate.alert_id is not None else candidate.product,
            provider=seat.model.provider,
            model=seat.model.name,
            tariff=seat.tariff,
            prompt_version=prompt.version,
            schema_version=prompt.schema.version,
            input_tokens_max=size + REQUEST_OVERHEAD_TOKENS,
            output_tokens_max=self._settings.model.output_tokens_max,
            context_tokens_max=self._settings.model.context_tokens_max,
        )


def keep_away(seat: Seat, reply: Reply, now_s: float) -> None:
    """Open the breaker of a model that stays closed, and let one be that asks for silence."""
    if reply.meaning.opens:
        # At once is no time: it would not be opened at all.
        until_s = now_s + reply.retry_after_s if reply.retry_after_s else None
        seat.breaker.open_until(until_s, reply.message, now_s)
    elif reply.retry_after_s and reply.outcome != "answered":
        seat.cool(now_s + reply.retry_after_s, reply.outcome, now_s)


def _tells_how_long(reply: Reply) -> bool:
    """Whether the model answered, or kept us waiting as long as there was time."""
    return reply.outcome == "timeout" or reply.meaning.money is Money.USED


def judged(candidate: Candidate, prompt: Prompt, reply: Reply) -> tuple[Words | None, str]:
    """Return the words of a reply with `answered`, or none and why there are none."""
    if reply.text is None:
        return None, reply.outcome
    verdict = verdict_of(reply.text, candidate, prompt)
    return (verdict, "answered") if isinstance(verdict, Words) else (None, verdict.reason)
