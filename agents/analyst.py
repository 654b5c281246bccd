"""One candidate to one analysis: ask a model if one may be asked, else say what the rules say.

Each refusal on the path has a name, which the analysis carries as its origin reason. One answer is at most one send, to
one model: what is worth another, or must wait for its turn, is handed back to wait in the inbox, and holds neither money
nor a permit meanwhile. Which model the next send goes to is seen when its turn has come.
"""

import time
from collections.abc import Callable
from math import inf

from msgspec import Struct
from msgspec.structs import replace

from agents.answer.answered import Answered, analysis_of, by_model, by_rules
from agents.answer.rules import Words
from agents.ask.attempts import Attempt, GiveUp, Send, Wait, is_too_late, next_step, paid
from agents.ask.excerpts.bearing import borne
from agents.ask.outcomes import named
from agents.ask.paid import PaidCalls
from agents.calling import Caller, Made, Unmade
from agents.decide.candidate import Candidate
from agents.desk import ANSWERED, Desk, Place, Seat, failures_of
from agents.readings import Readings
from agents.settings import AgentSettings
from topics import Analysis
from topics.analysis import Origin

BUSY_S = 0.2
"""Who wants a model that is busy while another is free, which is not for it, looks again after this."""


class Later(Struct, frozen=True):
    """Not yet: the candidate, with what was sent for it, is to wait until a time before its deadline."""

    candidate: Candidate
    not_before_s: float
    reason: str


class Analyst:
    """Answers candidates."""

    def __init__(
        self,
        settings: AgentSettings,
        desk: Desk | None,
        *,
        now_ms: Callable[[], int],
        readings: Readings | None = None,
    ) -> None:
        """Take the desk, or None when no model is configured; and who asks about posts, if anybody does."""
        self._readings = readings
        self._settings, self.desk, self._now_ms = settings, desk, now_ms
        self.paid = PaidCalls()
        """What was paid for before the last start, and not told."""
        self._caller = None if desk is None else Caller(settings, desk, self.paid, now_ms=now_ms)
        self._simulated = {
            (provider, name) for (provider, name), one in settings.models.items() if one.simulated
        }

    def wants_model(self, candidate: Candidate) -> bool:
        """Return whether a candidate is one that a model is asked about at all."""
        return self.desk is not None and candidate.product in self._settings.model.products

    def is_free(self, now_s: float) -> bool:
        """Return whether those who want a model need to wait no longer: one has room, or none will be asked."""
        return self.desk is None or self.desk.is_free(now_s)

    def place_for(self, candidate: Candidate, now_s: float) -> Place | Later | None:
        """Return leave to ask a model about a candidate, or until when it is to wait for one; None where rules are to answer it now."""
        desk = self.desk
        if desk is None or not self.wants_model(candidate) or now_s > candidate.deadline_s:
            return None
        if (place := desk.take(candidate.product, candidate.sends, now_s)) is not None:
            return place
        if desk.is_shut(candidate.product, now_s):
            return None
        return Later(candidate, now_s + BUSY_S, "busy")

    async def answer(
        self, candidate: Candidate, place: Place | None = None
    ) -> tuple[Analysis, Answered] | Later:
        """Return the analysis of a candidate, or that it is to wait. Without a place there is always an analysis."""
        try:
            answered = await self._answered(candidate, place)
        finally:
            if place is not None:
                place.give_back()
        if isinstance(answered, Later):
            return answered
        return self._analysis(candidate, answered), answered

    def decline(self, candidate: Candidate, reason: str) -> tuple[Analysis, Answered]:
        """Return what the rules say of a candidate that is not to be asked about."""
        answered = by_rules(candidate, reason)
        return self._analysis(candidate, answered), answered

    def _analysis(self, candidate: Candidate, answered: Answered) -> Analysis:
        return analysis_of(
            candidate,
            borne(answered),
            produced_ms=self._now_ms(),
            valid_ms=int(self._settings.gate.state_valid_s * 1000),
            model=answered.model,
            simulated=bool(answered.sends) and _asked_last(answered) in self._simulated,
        )

    def _why_not(self, candidate: Candidate, now_s: float) -> str:
        if self.desk is None:
            return "no_model"
        if not self.wants_model(candidate):
            return f"{candidate.product}_by_rules"
        desk, is_in_time = self.desk, now_s <= candidate.deadline_s
        if is_in_time and (shut := desk.shut(candidate.product, now_s)) is not None:
            return shut
        if candidate.sends:
            return candidate.sends[-1].outcome
        return "paced" if now_s < desk.primary.cools_until_s else "deadline"

    async def _answered(self, candidate: Candidate, place: Place | None) -> Answered | Later:
        """Answer by what has been paid for, else by the model if there is a place, else by the rules."""
        if self._readings is not None and self.wants_model(candidate):
            candidate = await self._readings.recall(candidate, self.paid)
        candidate, recalled = await self._recalled(candidate)
        if recalled is not None:
            return recalled
        if self._caller is None or place is None:
            return by_rules(candidate, self._why_not(candidate, time.monotonic()))
        if (shut := place.seat.shut(time.monotonic(), candidate.product)) is not None:
            return self._elsewhere(candidate, place.seat, shut) or by_rules(candidate, shut)
        return await self._by_model(candidate, self._caller, place)

    async def _recalled(self, candidate: Candidate) -> tuple[Candidate, Answered | None]:
        """Return the words that were paid for before a start; what failed or is rejected counts among its sends."""
        while self._caller is not None and self.wants_model(candidate):
            made = await self._caller.recall(candidate)
            if made is None:
                break
            why = failures_of(candidate.sends)  # before the one that is told of
            candidate = replace(candidate, sends=(*candidate.sends, made.sent))
            if made.words is not None:
                return candidate, self._said(
                    candidate, made.words, next(iter(why.values()), ANSWERED)
                )
        return candidate, None

    async def _by_model(
        self, candidate: Candidate, caller: Caller, place: Place
    ) -> Answered | Later:
        step = step_of(
            candidate,
            time.monotonic(),
            caller.answer_s(place.seat),
            other_models=int(place.is_fresh),
        )
        match step:
            case GiveUp(reason):
                return by_rules(candidate, reason)
            case Wait(not_before_s):
                return Later(candidate, not_before_s, candidate.sends[-1].outcome)
        if self._readings is not None:
            candidate = await self._readings.read(candidate, place, caller)
        made = await caller.call(candidate, place)
        if isinstance(made, Unmade):
            return self._refused(candidate, caller, place.seat, made)
        return self._after(candidate, caller, place, made)

    def _refused(
        self, candidate: Candidate, caller: Caller, seat: Seat, unmade: Unmade
    ) -> Answered | Later:
        """Ask another model where there is one, or wait where that is all it takes and there is time."""
        now_s = time.monotonic()
        if unmade.wait_s is not None:
            not_before_s = now_s + unmade.wait_s
            seat.cool(not_before_s, unmade.reason, now_s)
            if (later := self._elsewhere(candidate, seat, unmade.reason)) is not None:
                return later
            if not is_too_late(not_before_s, candidate.deadline_s, caller.answer_s(seat)):
                return Later(candidate, not_before_s, unmade.reason)
        elif unmade.of_model:
            later = self._elsewhere(candidate, seat, unmade.reason)
            if later is not None:
                seat.cool(
                    inf, unmade.reason, now_s
                )  # what holds for it does so for the next candidate too
                return later
        return by_rules(candidate, unmade.reason)

    def _elsewhere(self, candidate: Candidate, seat: Seat, reason: str) -> Later | None:
        """Return that a candidate is to be asked of another model at once, if one can be."""
        if self.desk is None:
            return None
        now_s = time.monotonic()
        other = self.desk.fresh(candidate.product, candidate.sends, now_s, besides=seat)
        return None if other is None else Later(candidate, now_s, reason)

    def _after(
        self, candidate: Candidate, caller: Caller, place: Place, made: Made
    ) -> Answered | Later:
        """Return what becomes of a candidate after a send: an answer, another send later, or the rules."""
        sent, now_s = made.sent, time.monotonic()
        candidate = replace(candidate, sends=(*candidate.sends, sent))
        if made.words is not None:
            return self._said(candidate, made.words, place.reason)
        seat = place.seat
        other = self._elsewhere(candidate, seat, sent.outcome)
        step = step_of(candidate, now_s, caller.answer_s(seat), other_models=int(other is not None))
        match step:
            case GiveUp(reason):
                return by_rules(candidate, reason)
            case Wait(not_before_s):
                return Later(candidate, not_before_s, sent.outcome)
            case Send():  # another slot, another reservation: as for any other
                return Later(candidate, now_s, sent.outcome)

    def _said(self, candidate: Candidate, words: Words, reason: str) -> Answered:
        """Return what a model said in the last of the candidate's sends."""
        sent = candidate.sends[-1]
        origin: Origin = "model"
        if self.desk is not None:
            origin = self.desk.origin_of(sent.provider, sent.model)
        return by_model(
            candidate, words, origin=origin, reason=ANSWERED if origin == "model" else reason
        )


def _asked_last(answered: Answered) -> tuple[str, str]:
    """Return who was asked last, by provider and name."""
    sent = answered.sends[-1]
    return sent.provider, sent.model


def step_of(
    candidate: Candidate, now_s: float, answer_s: float, *, other_models: int = 0
) -> Send | Wait | GiveUp:
    """Return whether a candidate is worth another send, after those it had, where an answer takes so long."""
    asked = [Attempt(named(read.sent.outcome), read.sent.ended_s) for read in candidate.readings]
    history = [
        Attempt(named(sent.outcome), sent.ended_s, sent.retry_after_s) for sent in candidate.sends
    ]
    return next_step(
        history,
        now_s=now_s,
        deadline_s=candidate.deadline_s,
        seed=candidate.candidate_id,
        answer_s=answer_s,
        other_models=other_models,
        paid_before=paid(asked),
    )
