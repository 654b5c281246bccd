"""A state is said again as it was said before, of whatever asset; a model is asked once for all who are in it.

The words are looked for under what would be asked. Of the one who asks there is one in all processes at a time
(`agents.cache`); it takes a place at the desk only when it is its turn, so who waits for words holds nothing. Where
nobody can be asked, words that are beyond their time will do, marked with their age. Each time they are rendered with
the numbers of the moment, and checked.
"""

import time
from collections.abc import Callable

import structlog
from msgspec import Struct
from msgspec.structs import replace

from agents.answer.answered import Answered, by_cache, by_rules
from agents.answer.narrative import render
from agents.answer.verdict import REASONS, Rejected
from agents.ask.prompt import Prompt, state_prompt_of
from agents.asking import Asker, Later
from agents.cache.flights import Filled, Unfilled
from agents.cache.key import Key
from agents.cache.levels import Found
from agents.cache.narratives import Absent, Made, NarrativeCache
from agents.decide.candidate import Candidate
from agents.desk import Desk
from agents.kept import Kept, Renders, Usable, key_of, packed, reader_of
from agents.settings import AgentSettings

BUSY_S = 0.2
"""Who wants a model that is busy while another is free, which is not for it, looks again after this."""
_SAID = frozenset((*REASONS, "refused", "declined"))
"""Why a model that answered has not been heard, be it a while ago: then nothing older is said in its place."""

log = structlog.get_logger()


class _Question(Struct, frozen=True):
    """What one model would be asked about a state, and where its answer is kept."""

    model: str
    prompt: Prompt
    key: Key
    read: Callable[[bytes], Usable | None]


class Narrating:
    """Answers candidates for a state narrative."""

    def __init__(
        self, settings: AgentSettings, desk: Desk, asker: Asker, cache: NarrativeCache
    ) -> None:
        """Take who may be asked, who asks, and where answers are kept."""
        self._desk, self._asker, self._cache = desk, asker, cache
        self._renders = Renders(settings.quality.verdicts_min, settings.quality.rejection_rate)
        self._simulated = {name for (_, name), one in settings.models.items() if one.simulated}

    @property
    def forgotten(self) -> int:
        """Narratives whose renders are not watched any more, because of the bound."""
        return self._renders.forgotten

    async def answer(self, candidate: Candidate) -> Answered | Later:
        """Return what is said of a state: again, for the first time, or by rules; or that it is to wait."""
        now_s = time.monotonic()
        names = list(dict.fromkeys(seat.model.name for seat in self._desk.serving("state")))
        questions = [self._question(candidate, name) for name in names]
        asked = self._asked_of(candidate, names, now_s)
        for question in questions if asked is None else questions[:asked]:
            if (found := await self._cache.look(question.key, question.read)) is not None:
                return await self._again(candidate, question, found)
        if asked is None:
            why = self._asker.why_not(candidate, now_s)
            return await self._unasked(candidate, questions, why)
        return await self._made(candidate, questions, questions[asked])

    def retold(self, candidate: Candidate, reason: str) -> Answered | None:
        """Return what was said of a state with the numbers of a candidate, if this process has it and it fits."""
        for name in dict.fromkeys(seat.model.name for seat in self._desk.serving("state")):
            question = self._question(candidate, name)
            if (found := self._cache.peek(question.key, question.read)) is not None:
                words = render(found.value.narrative, candidate)
                if isinstance(words, Rejected):
                    return None
                served = found.value.served(question.prompt, name, found.age_ms)
                return by_cache(candidate, words, served, stale=False, reason=reason)
        return None

    def _question(self, candidate: Candidate, model: str) -> _Question:
        prompt = state_prompt_of(
            candidate.labels, model
        )  # no asset, no number: of all in the state
        key = key_of(prompt, model, simulated=model in self._simulated)
        return _Question(model, prompt, key, reader_of(candidate.labels, prompt))

    def _asked_of(self, candidate: Candidate, names: list[str], now_s: float) -> int | None:
        """Return which model is to be asked, or waited for, by its place; None where nobody can be asked any more."""
        if now_s > candidate.deadline_s or self._desk.is_shut("state", now_s):
            return None
        seat = self._desk.routed("state", candidate.sends, now_s)
        return 0 if seat is None else names.index(seat.model.name)

    async def _made(
        self, candidate: Candidate, questions: list[_Question], question: _Question
    ) -> Answered | Later:
        """Return what is said after one look, and a call where that is needed, be it this worker's or another's."""
        outcome: Answered | Later
        told: Found[Usable] | Made[Answered | Later] | Absent = await self._cache.find(
            question.key,
            question.read,
            lambda: self._make(candidate, question),
            until_s=candidate.deadline_s,
        )
        if isinstance(told, Found):
            return await self._again(candidate, question, told)
        if isinstance(told, Absent):
            if told.again:
                return Later(candidate, time.monotonic() + BUSY_S, "busy")
            outcome, why = by_rules(candidate, told.reason), told.reason
        else:
            outcome, why = await self._own(question, told.detail), "asked"
        if isinstance(outcome, Later):
            return outcome
        if outcome.origin == "rules" and outcome.reason not in _SAID:
            return await self._stale(candidate, questions, outcome, why)
        self._cache.miss(why)
        return outcome

    async def _make(
        self, candidate: Candidate, question: _Question
    ) -> Filled[Answered | Later] | Unfilled[Answered | Later]:
        """Ask, if it is the candidate's turn. What the model says is kept if any asset in the state can use it."""
        now_s = time.monotonic()
        place = None
        if now_s >= candidate.not_before_s:
            place = self._desk.take("state", candidate.sends, now_s)
        if place is None:
            not_before_s = max(candidate.not_before_s, now_s + BUSY_S)
            return Unfilled("busy", Later(candidate, not_before_s, "busy"), again=True)
        try:
            asked = await self._asker.ask(candidate, place)
        finally:
            place.give_back()
        made, outcome = asked.made, asked.outcome
        if made is not None and made.answer is not None and made.sent.model == question.model:
            sent = made.sent
            kept = packed(
                Kept(attempt_id=sent.attempt_id, provider=sent.provider, answer=made.answer)
            )
            if question.read(kept) is not None:
                return Filled(kept, outcome)
        if isinstance(outcome, Later):
            return Unfilled("later", outcome, again=True)
        # Of another model than was meant to be asked: its words are not kept here, and who waits for them asks again.
        again = outcome.origin != "rules"
        return Unfilled(outcome.reason, outcome, declined=outcome.reason in _SAID, again=again)

    async def _own(self, question: _Question, outcome: Answered | Later) -> Answered | Later:
        """Count how the words that were asked for are rendered for the first time."""
        if isinstance(outcome, Answered) and outcome.model == question.model:
            is_rejected = outcome.reason == "render_rejected"
            if is_rejected or outcome.origin != "rules":
                await self._watch(question, rejected=is_rejected)
        return outcome

    async def _unasked(
        self, candidate: Candidate, questions: list[_Question], why: str
    ) -> Answered:
        """Return what was said before of a state that nobody can be asked about; beyond its time will do."""
        first, *others = questions
        told: Found[Usable] | Made[None] | Absent = await self._cache.find(
            first.key, first.read, until_s=candidate.deadline_s, stale=True
        )
        if isinstance(told, Found):
            return await self._again(candidate, first, told, why)
        missed = told.reason if isinstance(told, Absent) else why
        return await self._stale(candidate, others, by_rules(candidate, why), missed)

    async def _stale(
        self, candidate: Candidate, questions: list[_Question], rules: Answered, missed: str
    ) -> Answered:
        """Return what was said before, beyond its time or not; else what rules say, and count why it was ``missed``."""
        candidate = replace(candidate, sends=rules.sends)
        for question in questions:
            found = await self._cache.look(question.key, question.read, stale=True)
            if found is not None:
                return await self._again(candidate, question, found, rules.reason)
        self._cache.miss(missed)
        return rules

    async def _again(
        self, candidate: Candidate, question: _Question, found: Found[Usable], why: str = ""
    ) -> Answered:
        """Return words of before with the numbers of now; rules where they do not fit. ``why`` nobody is asked instead."""
        words = render(found.value.narrative, candidate)
        is_rejected = isinstance(words, Rejected)
        await self._watch(question, rejected=is_rejected)
        if isinstance(words, Rejected):
            return by_rules(candidate, words.reason)
        return by_cache(
            candidate,
            words,
            found.value.served(question.prompt, question.model, found.age_ms),
            stale=found.stale,
            reason=why if found.stale else found.source,
        )

    async def _watch(self, question: _Question, *, rejected: bool) -> None:
        """Count a render; words that mostly do not fit are said no more."""
        if self._renders.take(question.key.word, rejected=rejected):
            known = await self._cache.drop(question.key)
            log.warning(
                "a narrative that mostly does not fit is dropped",
                key=question.key.word,
                everywhere=known,
            )
