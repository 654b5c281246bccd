"""One candidate to one analysis: what was said of its state before, else what a model says, else what the rules say.

Each refusal on the path has a name, which the analysis carries as its origin reason. Which model the next send goes to
is seen when its turn has come.
"""

import time
from collections.abc import Callable

from msgspec.structs import replace

from agents.answer.answered import Answered, analysis_of, by_rules
from agents.answer.correction import REVISED, correction_of
from agents.ask.excerpts.bearing import borne
from agents.ask.paid import PaidCalls
from agents.asking import Asker, Later
from agents.cache.narratives import NarrativeCache
from agents.calling import Caller
from agents.decide.candidate import Candidate
from agents.decide.superseding import Superseding
from agents.desk import Desk, Place
from agents.narrating import BUSY_S, Narrating
from agents.readings import Readings
from agents.settings import AgentSettings
from topics import Analysis


class Analyst:
    """Answers candidates."""

    def __init__(
        self,
        settings: AgentSettings,
        desk: Desk | None,
        *,
        now_ms: Callable[[], int],
        cache: NarrativeCache | None = None,
        readings: Readings | None = None,
    ) -> None:
        """Take the desk, or None when no model is configured.

        What is said of states is kept in ``cache``, if there is one; ``readings`` asks about posts, if anybody does.
        """
        self._readings = readings
        self._settings, self.desk, self._now_ms = settings, desk, now_ms
        self.cache = cache
        self.paid = PaidCalls()
        """What was paid for before the last start, and not told."""
        self._asker: Asker | None = None
        self._narrating: Narrating | None = None
        if desk is not None:
            caller = Caller(settings, desk, self.paid, now_ms=now_ms)
            self._asker = Asker(desk, caller, readings)
            if cache is not None:
                self._narrating = Narrating(settings, desk, self._asker, cache)
        self._simulated = {
            (provider, name) for (provider, name), one in settings.models.items() if one.simulated
        }

    @property
    def forgotten(self) -> int:
        """What was not kept because a bound was reached: calls of before, and how narratives were rendered."""
        return self.paid.forgotten + (0 if self._narrating is None else self._narrating.forgotten)

    def wants_model(self, candidate: Candidate) -> bool:
        """Return whether a candidate is one that a model is asked about at all."""
        return self.desk is not None and candidate.product in self._settings.model.products

    def narrates(self, candidate: Candidate) -> bool:
        """Return whether what was said before may be said again of a candidate."""
        is_state = candidate.product == "state" and self.wants_model(candidate)
        return self._narrating is not None and is_state

    def waits_for_model(self, candidate: Candidate) -> bool:
        """Return whether a candidate has to wait until a model is free: not before it has been looked for elsewhere."""
        is_sought = candidate.sought == candidate.labels
        return self.wants_model(candidate) and (is_sought or not self.narrates(candidate))

    def is_free(self, now_s: float) -> bool:
        """Return whether those who want a model need to wait no longer: one has room, or none will be asked."""
        return self.desk is None or self.desk.is_free(now_s)

    def place_for(self, candidate: Candidate, now_s: float) -> Place | Later | None:
        """Return leave to ask a model about a candidate, or until when it is to wait for one.

        None where rules are to answer it now, and for one that takes its place itself once that is needed.
        """
        desk = self.desk
        if desk is None or not self.wants_model(candidate) or now_s > candidate.deadline_s:
            return None
        if self.narrates(candidate):
            return None
        if (place := desk.take(candidate.product, candidate.sends, now_s)) is not None:
            return place
        if desk.is_shut(candidate.product, now_s):
            return None
        return Later(candidate, now_s + BUSY_S, "busy")

    async def answer(
        self, candidate: Candidate, place: Place | None = None
    ) -> tuple[Analysis, Answered] | Later:
        """Return the analysis of a candidate, or that it is to wait.

        Without a place there is always an analysis, but of one that takes its place itself.
        """
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

    def corrected(self, found: Superseding) -> Analysis:
        """Return what takes the place of an analysis: what was said of its state, if that is as it was, else what rules say."""
        again = None
        if self._narrating is not None and found.lead is not None:
            told = replace(found.candidate, labels=found.labels, lead=found.lead)
            again = self._narrating.retold(told, REVISED)
        simulated = again is not None and again.asked_of in self._simulated
        return correction_of(found, produced_ms=self._now_ms(), again=again, simulated=simulated)

    def _analysis(self, candidate: Candidate, answered: Answered) -> Analysis:
        return analysis_of(
            candidate,
            borne(answered),
            produced_ms=self._now_ms(),
            valid_ms=int(self._settings.gate.state_valid_s * 1000),
            model=answered.model,
            simulated=answered.asked_of in self._simulated,
        )

    def _why_not(self, candidate: Candidate, asker: Asker | None) -> str:
        if asker is None:
            return "no_model"
        if not self.wants_model(candidate):
            return f"{candidate.product}_by_rules"
        return asker.why_not(candidate, time.monotonic())

    async def _answered(self, candidate: Candidate, place: Place | None) -> Answered | Later:
        """Answer by what has been paid for, else by what was said before, else by the model if there is a place, else by the rules."""
        asker = self._asker
        if asker is not None and self.wants_model(candidate):
            if self._readings is not None:
                candidate = await self._readings.recall(candidate, self.paid)
            candidate, recalled = await asker.recalled(candidate)
            if recalled is not None:
                return recalled
        if self._narrating is not None and self.narrates(candidate):
            answered = await self._narrating.answer(candidate)
            if isinstance(answered, Answered):
                return answered
            sought = replace(answered.candidate, sought=candidate.labels)
            return replace(answered, candidate=sought)
        if asker is None or place is None:
            return by_rules(candidate, self._why_not(candidate, asker))
        return (await asker.ask(candidate, place)).outcome
