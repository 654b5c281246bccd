"""One candidate to one analysis: ask the model if it may be asked, else say what the rules say.

Each refusal on the path has a name, which the analysis carries as its origin reason. One answer is at most one send:
what is worth another, or must wait for its turn, is handed back to wait in the inbox, and holds neither money nor a
permit meanwhile.
"""

import time
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from agents.answer.answered import Answered, analysis_of, by_model, by_rules
from agents.answer.rules import Words
from agents.ask.attempts import Attempt, GiveUp, Send, Wait, is_too_late, next_step
from agents.ask.concurrency import Slot
from agents.ask.outcomes import named
from agents.ask.paid import PaidCalls
from agents.calling import Caller, Made, Unmade
from agents.decide.candidate import Candidate
from agents.desk import Desk
from agents.settings import AgentSettings
from topics import Analysis

PACED_S_MAX = 30.0
"""Who is told to wait longer asks the ledger again after this: the pace may have been corrected meanwhile."""


class Later(Struct, frozen=True):
    """Not yet: the candidate, with what was sent for it, is to wait until a time before its deadline."""

    candidate: Candidate
    not_before_s: float
    reason: str


class Analyst:
    """Answers candidates."""

    def __init__(
        self, settings: AgentSettings, desk: Desk | None, *, now_ms: Callable[[], int]
    ) -> None:
        """Take the desk, or None when no model is configured."""
        self._settings, self.desk, self._now_ms = settings, desk, now_ms
        self.paid = PaidCalls()
        """What was paid for before the last start, and not told."""
        self._caller = None if desk is None else Caller(settings, desk, self.paid, now_ms=now_ms)
        self._paced_until_s = float("-inf")
        """The pace is the model's, so who is told to wait is told for all."""

    def wants_model(self, candidate: Candidate) -> bool:
        """Return whether a candidate is one that the model is asked about at all."""
        return self.desk is not None and candidate.product in self._settings.model.products

    def is_free(self, now_s: float) -> bool:
        """Return whether those who want the model need to wait no longer: it has room, or will not be asked."""
        if self.desk is None or self.desk.is_shut(now_s):
            return True
        return now_s >= self._paced_until_s and self.desk.slots.has_room(now_s)

    def slot_for(self, candidate: Candidate, now_s: float) -> Slot | None:
        """Return leave to ask the model about a candidate; None where rules are to answer it now."""
        if self.desk is None or not self.wants_model(candidate) or now_s > candidate.deadline_s:
            return None
        return None if self.desk.is_shut(now_s, candidate.product) else self.desk.slots.take(now_s)

    async def answer(
        self, candidate: Candidate, slot: Slot | None = None
    ) -> tuple[Analysis, Answered] | Later:
        """Return the analysis of a candidate, or that it is to wait. Without a slot there is always an analysis."""
        try:
            answered = await self._answered(candidate, slot)
        finally:
            if self.desk is not None and slot is not None:
                self.desk.slots.give_back(slot)
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
            answered,
            produced_ms=self._now_ms(),
            valid_ms=int(self._settings.gate.state_valid_s * 1000),
            model=self.desk.model.name if self.desk else None,
            simulated=self._settings.model.simulated,
        )

    def _why_not(self, candidate: Candidate, now_s: float) -> str:
        if self.desk is None:
            return "no_model"
        if not self.wants_model(candidate):
            return f"{candidate.product}_by_rules"
        product = candidate.product
        if now_s <= candidate.deadline_s and (shut := self.desk.shut(now_s, product)) is not None:
            return shut
        if candidate.sends:
            return candidate.sends[-1].outcome
        return "paced" if now_s < self._paced_until_s else "deadline"

    async def _answered(self, candidate: Candidate, slot: Slot | None) -> Answered | Later:
        """Answer by what has been paid for, else by the model if there is a slot, else by the rules."""
        candidate, words = await self._recalled(candidate)
        if words is not None:
            return by_model(candidate, words)
        if self.desk is None or self._caller is None or slot is None:
            return by_rules(candidate, self._why_not(candidate, time.monotonic()))
        if (shut := self.desk.shut(time.monotonic(), candidate.product)) is not None:
            return by_rules(candidate, shut)
        return await self._by_model(candidate, self._caller, slot)

    async def _recalled(self, candidate: Candidate) -> tuple[Candidate, Words | None]:
        """Return the words that were paid for before a start; what failed or is rejected counts among its sends."""
        while self._caller is not None and self.wants_model(candidate):
            made = await self._caller.recall(candidate)
            if made is None:
                break
            candidate = replace(candidate, sends=(*candidate.sends, made.sent))
            if made.words is not None:
                return candidate, made.words
        return candidate, None

    async def _by_model(self, candidate: Candidate, caller: Caller, slot: Slot) -> Answered | Later:
        match step_of(candidate, time.monotonic(), caller.answer_time.needed_s):
            case GiveUp(reason):
                return by_rules(candidate, reason)
            case Wait(not_before_s):
                return Later(candidate, not_before_s, candidate.sends[-1].outcome)
        made = await caller.call(candidate, slot)
        if isinstance(made, Unmade):
            return self._refused(candidate, caller, made)
        return self._after(candidate, caller, made)

    def _refused(self, candidate: Candidate, caller: Caller, unmade: Unmade) -> Answered | Later:
        """Wait where a wait is all it takes and there is time."""
        if unmade.wait_s is not None:
            now_s = time.monotonic()
            not_before_s = now_s + unmade.wait_s
            self._paced_until_s = max(self._paced_until_s, min(not_before_s, now_s + PACED_S_MAX))
            if not is_too_late(not_before_s, candidate.deadline_s, caller.answer_time.needed_s):
                return Later(candidate, not_before_s, unmade.reason)
        return by_rules(candidate, unmade.reason)

    def _after(self, candidate: Candidate, caller: Caller, made: Made) -> Answered | Later:
        """Return what becomes of a candidate after a send: an answer, another send later, or the rules."""
        sent, now_s = made.sent, time.monotonic()
        candidate = replace(candidate, sends=(*candidate.sends, sent))
        if made.words is not None:
            return by_model(candidate, made.words)
        match step_of(candidate, now_s, caller.answer_time.needed_s):
            case GiveUp(reason):
                return by_rules(candidate, reason)
            case Wait(not_before_s):
                return Later(candidate, not_before_s, sent.outcome)
            case Send():  # another slot, another reservation: as for any other
                return Later(candidate, now_s, sent.outcome)


def step_of(candidate: Candidate, now_s: float, answer_s: float) -> Send | Wait | GiveUp:
    """Return whether a candidate is worth another send, after those it had, where an answer takes so long."""
    history = [
        Attempt(named(sent.outcome), sent.ended_s, sent.retry_after_s) for sent in candidate.sends
    ]
    return next_step(
        history,
        now_s=now_s,
        deadline_s=candidate.deadline_s,
        seed=candidate.candidate_id,
        answer_s=answer_s,
    )
