"""One candidate to one analysis: ask the model if it may be asked, else say what the rules say.

The path is breakers -> reserve -> intent -> confirm -> admit -> send -> verdict -> result -> settle; each refusal on it
has a name, which the analysis carries as its origin reason.
"""

import time
from collections.abc import Callable

import msgspec
import structlog
from msgspec import Struct

from agents.account.books import Reserved, Sendable
from agents.account.call import Call, Denied, Told
from agents.account.connection import LedgerError
from agents.account.pacing import Told as Limits
from agents.answer.leaks import Confidential
from agents.answer.rules import VERSION, Words, analyse, direction_of
from agents.answer.verdict import Rejected, judge
from agents.ask.breaker import Outcome, Permit
from agents.ask.breakers import worth_of
from agents.ask.model import Reply
from agents.ask.outcomes import Limiter
from agents.ask.prompt import SCHEMA_BYTES, SCHEMA_VERSION, Prompt, prompt_of
from agents.decide.candidate import Candidate
from agents.desk import Desk
from agents.metrics import AGENT
from agents.settings import AgentSettings
from topics import Analysis, Trigger, Usage
from topics.analysis import Origin
from topics.units import EPOCH_MS_MAX

REQUEST_OVERHEAD_TOKENS = 1_000
"""Added to the request's bytes when its tokens are reserved: what the API wraps around it."""

FAIR_SHARE = 0.5
"""Of the longest time any call is given; one that got less says nothing of the model by its time-out."""

log = structlog.get_logger()


class Answered(Struct, frozen=True, kw_only=True):
    """The words of an analysis and where they came from."""

    words: Words
    origin: Origin
    reason: str
    item_key: str | None = None
    prompt_version: str | None = None
    usage: Usage = Usage()
    cost_nano_usd: int = 0
    attempt_ids: tuple[str, ...] = ()


class Analyst:
    """Answers candidates."""

    def __init__(
        self, settings: AgentSettings, desk: Desk | None, *, now_ms: Callable[[], int]
    ) -> None:
        """Take the desk, or None when no model is configured."""
        self._settings, self.desk, self._now_ms = settings, desk, now_ms
        self._attempts = 0

    def asks_model(self, candidate: Candidate, now_s: float) -> bool:
        """Return whether the model is to be asked about a candidate, while there is time."""
        return self.wants_model(candidate) and now_s <= candidate.deadline_s

    def wants_model(self, candidate: Candidate) -> bool:
        """Return whether a candidate is one that the model is asked about at all."""
        return self.desk is not None and candidate.product in self._settings.model.products

    async def answer(self, candidate: Candidate) -> tuple[Analysis, Answered]:
        """Return the analysis of a candidate. There is always one."""
        answered = await self._answered(candidate)
        return self._analysis(candidate, answered), answered

    def decline(self, candidate: Candidate, reason: str) -> tuple[Analysis, Answered]:
        """Return what the rules say of a candidate that is not to be asked about."""
        answered = by_rules(candidate, reason)
        return self._analysis(candidate, answered), answered

    def _analysis(self, candidate: Candidate, answered: Answered) -> Analysis:
        model = self.desk.model.name if self.desk and answered.origin != "rules" else None
        valid_until_ms = candidate.as_of_ms + int(self._settings.gate.state_valid_s * 1000)
        return Analysis(
            analysis_id=candidate.candidate_id,
            asset=candidate.asset,
            product=candidate.product,
            as_of_ms=candidate.as_of_ms,
            produced_ms=self._now_ms(),
            valid_until_ms=min(valid_until_ms, EPOCH_MS_MAX),
            trigger=Trigger(reasons=list(candidate.reasons), alert_id=candidate.alert_id),
            headline=answered.words.headline,
            text=answered.words.text,
            severity=candidate.severity,
            confidence=answered.words.confidence,
            confidence_basis=answered.words.confidence_basis,
            observed_direction=direction_of(candidate.facts),
            outlook=answered.words.outlook,
            facts=list(candidate.facts),
            data_quality=candidate.quality,
            origin=answered.origin,
            origin_reason=answered.reason,
            simulated=model is not None and self._settings.model.simulated,
            model=model,
            prompt_version=answered.prompt_version,
            rules_version=VERSION if answered.origin == "rules" else None,
            input_tokens=answered.usage.input_tokens
            + answered.usage.cache_creation_input_tokens
            + answered.usage.cache_read_input_tokens,
            output_tokens=answered.usage.output_tokens,
            cost_nano_usd=answered.cost_nano_usd,
            attempt_ids=list(answered.attempt_ids),
        )

    async def _answered(self, candidate: Candidate) -> Answered:
        if self.desk is None:
            return by_rules(candidate, "no_model")
        if candidate.product not in self._settings.model.products:
            return by_rules(candidate, f"{candidate.product}_by_rules")
        if time.monotonic() > candidate.deadline_s:
            return by_rules(candidate, "deadline")
        return await self._by_model(candidate, self.desk)

    async def _by_model(self, candidate: Candidate, desk: Desk) -> Answered:
        if (shut := desk.shut(time.monotonic())) is not None:
            return by_rules(candidate, shut)
        prompt = prompt_of(candidate, desk.model.name)
        async with desk.books.attempt(self._call(candidate, desk, prompt)) as reserved:
            if isinstance(reserved, Denied):
                return by_rules(candidate, reserved.reason)
            return await self._confirmed(candidate, desk, prompt, reserved)

    async def _confirmed(
        self, candidate: Candidate, desk: Desk, prompt: Prompt, reserved: Reserved
    ) -> Answered:
        sendable = await reserved.confirm()
        if isinstance(sendable, Denied):
            return by_rules(candidate, sendable.reason)
        permits = desk.admit(time.monotonic())
        if isinstance(permits, str):
            await sendable.release(permits)
            return by_rules(candidate, permits)
        began_ms, answered = self._now_ms(), None
        try:
            reply = await self._send(candidate, desk, prompt, permits.model)
            answered = _judged(candidate, prompt, reply, reserved.call.attempt_id)
        finally:
            worth, why = Outcome.IGNORED, "cancelled"
            if answered is not None:
                why = answered.reason
                worth = worth_of(why, judged=reply.stop_reason is not None)
            desk.quality.report(permits.quality, worth, time.monotonic(), why=why)
        cost = await self._account(sendable, reply, began_ms)
        await self._heed(desk, reply)
        return msgspec.structs.replace(answered, cost_nano_usd=cost)

    async def _heed(self, desk: Desk, reply: Reply) -> None:
        """Correct the pace by what the answer says of the provider's own limits."""
        limits = reply.limits
        buckets = (limits.requests, limits.input_tokens, limits.output_tokens)
        first, second, third = ((bucket.limit, bucket.remaining) for bucket in buckets)
        pause = reply.meaning.limiter is Limiter.PAUSE and reply.retry_after_s is not None
        try:
            await desk.ledger.heed(
                f"{desk.model.provider}/{desk.model.name}",
                self._now_ms(),
                told=Limits((first[0], second[0], third[0]), (first[1], second[1], third[1])),
                retry_after_ms=round((reply.retry_after_s or 0) * 1000) if pause else None,
            )
        except LedgerError as error:
            log.warning("the pace is not corrected", error=str(error))

    async def _account(self, sendable: Sendable, reply: Reply, began_ms: int) -> int:
        """Book what a call cost; nobody knows what one without usage cost, so its reservation is charged."""
        if reply.usage is None:
            await sendable.charge(reply.outcome)
            return 0
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
        self, candidate: Candidate, desk: Desk, prompt: Prompt, permit: Permit
    ) -> Reply:
        """Make the call; whatever comes of it, the breaker hears of it."""
        settings, began_s = self._settings, time.monotonic()
        timeout_s = min(settings.model.timeout_s, max(0.1, candidate.deadline_s - began_s))
        reply: Reply | None = None
        try:
            reply = await desk.model.ask(
                prompt, output_tokens_max=settings.model.output_tokens_max, timeout_s=timeout_s
            )
        finally:
            now_s = time.monotonic()
            why = "cancelled" if reply is None else reply.outcome
            desk.breaker.report(permit, self._health(reply, timeout_s), now_s, why=why)
            if reply is not None and reply.meaning.opens:
                until_s = None if reply.retry_after_s is None else now_s + reply.retry_after_s
                desk.breaker.open_until(until_s, reply.message, now_s)
            AGENT.call_s.observe(now_s - began_s)
            AGENT.calls.labels(why).inc()
        if reply.outcome != "answered":
            log.info("model call failed", outcome=reply.outcome, message=reply.message)
        return reply

    def _health(self, reply: Reply | None, timeout_s: float) -> Outcome:
        """Return what the breaker is to know of a call that had ``timeout_s``."""
        if reply is None:
            return Outcome.IGNORED
        patience_s = min(self._settings.model.timeout_s, self._settings.deadline_s)
        if reply.outcome == "timeout" and timeout_s < FAIR_SHARE * patience_s:
            return Outcome.IGNORED  # it came to us late: our own deadline, not the model's fault
        return reply.health

    def _call(self, candidate: Candidate, desk: Desk, prompt: Prompt) -> Call:
        self._attempts += 1
        size = len(prompt.system.encode()) + len(prompt.user.encode()) + SCHEMA_BYTES
        return Call(
            attempt_id=f"{prompt.item_key[:32]}/{self._now_ms()}-{self._attempts}",
            item_key=prompt.item_key,
            asset=candidate.asset,
            product=candidate.product,
            priority="alert" if candidate.alert_id is not None else candidate.product,
            provider=desk.model.provider,
            model=desk.model.name,
            prompt_version=prompt.version,
            schema_version=SCHEMA_VERSION,
            input_tokens_max=size + REQUEST_OVERHEAD_TOKENS,
            output_tokens_max=self._settings.model.output_tokens_max,
        )


def by_rules(candidate: Candidate, reason: str) -> Answered:
    """Return what the rules say, and why they were asked."""
    return Answered(words=analyse(candidate), origin="rules", reason=reason)


def _judged(candidate: Candidate, prompt: Prompt, reply: Reply, attempt_id: str) -> Answered:
    if reply.text is None:
        words, origin, reason = analyse(candidate), "rules", reply.outcome
    else:
        secrets = Confidential(canary=prompt.canary, instructions=prompt.system)
        verdict = judge(reply.text, candidate, secrets)
        if isinstance(verdict, Rejected):
            words, origin, reason = analyse(candidate), "rules", verdict.reason
        else:
            words, origin, reason = verdict, "model", "answered"
    return Answered(
        words=words,
        origin=origin,  # type: ignore[arg-type]
        reason=reason,
        item_key=prompt.item_key,
        prompt_version=prompt.version,
        usage=reply.usage or Usage(),
        attempt_ids=(attempt_id,),
    )
