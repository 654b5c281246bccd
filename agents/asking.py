"""One send for a candidate, and what becomes of the candidate after it: an answer, another send later, or the rules.

One answer is at most one send, to one model: what is worth another, or must wait for its turn, is handed back to wait
in the inbox, and holds neither money nor a permit meanwhile.
"""

import time
from math import inf

from msgspec import Struct
from msgspec.structs import replace

from agents.answer.answered import Answered, by_model, by_rules
from agents.answer.rules import Words
from agents.ask.attempts import Attempt, GiveUp, Send, Wait, is_too_late, next_step, paid
from agents.ask.outcomes import named
from agents.calling import Caller, Made, Unmade
from agents.decide.candidate import Candidate
from agents.desk import ANSWERED, Desk, Place, Seat, failures_of
from agents.readings import Readings
from topics.analysis import Origin


class Later(Struct, frozen=True):
    """Not yet: the candidate, with what was sent for it, is to wait until a time before its deadline."""

    candidate: Candidate
    not_before_s: float
    reason: str


class Asked(Struct, frozen=True):
    """What became of a candidate, and of the call for it, if there was one."""

    outcome: Answered | Later
    made: Made | None = None


class Asker:
    """Asks the models of one desk."""

    def __init__(self, desk: Desk, caller: Caller, readings: Readings | None = None) -> None:
        """Take who may be asked, who makes the calls, and who asks about posts, if anybody does."""
        self._desk, self._caller, self._readings = desk, caller, readings

    def why_not(self, candidate: Candidate, now_s: float) -> str:
        """Return why no model is asked about a candidate that has no place, as the reason an analysis carries."""
        is_in_time = now_s <= candidate.deadline_s
        if is_in_time and (shut := self._desk.shut(candidate.product, now_s)) is not None:
            return shut
        if candidate.sends:
            return candidate.sends[-1].outcome
        return "paced" if now_s < self._desk.primary.cools_until_s else "deadline"

    async def recalled(self, candidate: Candidate) -> tuple[Candidate, Answered | None]:
        """Return the words that were paid for before a start; what failed or is rejected counts among its sends."""
        while (made := await self._caller.recall(candidate)) is not None:
            why = failures_of(candidate.sends)  # before the one that is told of
            candidate = replace(candidate, sends=(*candidate.sends, made.sent))
            if made.words is not None:
                return candidate, self._said(
                    candidate, made.words, next(iter(why.values()), ANSWERED)
                )
        return candidate, None

    async def ask(self, candidate: Candidate, place: Place) -> Asked:
        """Send once, unless there is a reason not to."""
        seat, now_s = place.seat, time.monotonic()
        if (shut := seat.shut(now_s, candidate.product)) is not None:
            return Asked(self._elsewhere(candidate, seat, shut) or by_rules(candidate, shut))
        step = step_of(
            candidate, now_s, self._caller.answer_s(seat), other_models=int(place.is_fresh)
        )
        match step:
            case GiveUp(reason):
                return Asked(by_rules(candidate, reason))
            case Wait(not_before_s):
                return Asked(Later(candidate, not_before_s, candidate.sends[-1].outcome))
        if self._readings is not None:
            candidate = await self._readings.read(candidate, place, self._caller)
        made = await self._caller.call(candidate, place)
        if isinstance(made, Unmade):
            return Asked(self._refused(candidate, seat, made))
        return Asked(self._after(candidate, place, made), made)

    def _refused(self, candidate: Candidate, seat: Seat, unmade: Unmade) -> Answered | Later:
        """Ask another model where there is one, or wait where that is all it takes and there is time."""
        now_s = time.monotonic()
        if unmade.wait_s is not None:
            not_before_s = now_s + unmade.wait_s
            seat.cool(not_before_s, unmade.reason, now_s)
            if (later := self._elsewhere(candidate, seat, unmade.reason)) is not None:
                return later
            if not is_too_late(not_before_s, candidate.deadline_s, self._caller.answer_s(seat)):
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
        now_s = time.monotonic()
        other = self._desk.fresh(candidate.product, candidate.sends, now_s, besides=seat)
        return None if other is None else Later(candidate, now_s, reason)

    def _after(self, candidate: Candidate, place: Place, made: Made) -> Answered | Later:
        """Return what becomes of a candidate after a send: an answer, another send later, or the rules."""
        sent, now_s = made.sent, time.monotonic()
        candidate = replace(candidate, sends=(*candidate.sends, sent))
        if made.words is not None:
            return self._said(candidate, made.words, place.reason)
        seat = place.seat
        other = self._elsewhere(candidate, seat, sent.outcome)
        answer_s = self._caller.answer_s(seat)
        step = step_of(candidate, now_s, answer_s, other_models=int(other is not None))
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
        origin: Origin = self._desk.origin_of(sent.provider, sent.model)
        return by_model(
            candidate, words, origin=origin, reason=ANSWERED if origin == "model" else reason
        )


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
