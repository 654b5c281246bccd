"""The agent's path over one partition without servers or clocks: what it writes, whatever happens to it meanwhile."""

from math import inf
from typing import Any

import msgspec
from msgspec.structs import replace

from agents.answer.anomalies import anomalies_of
from agents.answer.answered import Answered, Served, analysis_of, by_cache, by_model, by_rules
from agents.answer.changed import compared
from agents.answer.decided import OUTCOMES, Outcome, decision_of
from agents.answer.reading import told_of
from agents.answer.rules import Words
from agents.ask.excerpts.bearing import borne, doubt_in
from agents.ask.excerpts.reading import UNCLEAR
from agents.ask.paid import sent_of
from agents.ask.prompt import prompt_of, verdict_of
from agents.decide.answered import Said
from agents.decide.candidate import Candidate, Read
from agents.decide.inbox import Inbox, Put
from agents.decide.partition import PartitionDecider
from agents.replay.recorded import Recorded, Span
from agents.replay.strict import Again, Miss, PartitionReplay
from agents.settings import AgentSettings, GateSettings, ModelSettings, SpareSettings
from tests.strategies.aggregates import BASE_MS
from tests.unit.agents.entries import intent, result
from topics import Aggregate, Alert, Analysis, Decision, Intent, Result, Tally, encode
from topics.analysis import Origin

SETTINGS = AgentSettings(
    gate=GateSettings(cool_down_s=0),
    model=ModelSettings(simulated=True),
    spares={"other": SpareSettings(provider="aws", simulated=True)},
)
MODEL = SETTINGS.model.name
LACKS = "Some data are missing, some feeds are stale, and there is little history."
"""Whatever the data lack, this names it."""
GOOD = msgspec.json.encode(
    {
        "headline": "A market on the move",
        "text": f"The windows at hand show it. {LACKS}",
        "confidence": "low",
        "outlook": "unclear",
        "outlook_strength": "none",
    }
).decode()
GOOD_STATE = msgspec.json.encode(
    {"headline": "{symbol} at {close_1m}", "text": "The last price of {symbol} is {close_1m}."}
).decode()
EXCERPTS, READ_KEY = 6, "cd" * 32
COORDINATED = msgspec.json.encode(replace(UNCLEAR, coordinated="yes")).decode()


def answer_to(made: Candidate) -> str:
    """Return an answer that names what nobody may leave unsaid; of a state nothing need be."""
    if made.product == "state":
        return GOOD_STATE
    told = told_of(made.facts)
    named = [told.slot(found.metric, found.window_ms) for found in anomalies_of(told)]
    text = f"The windows at hand show it{': ' if named else ''}{' and '.join(named)}. {LACKS}"
    return msgspec.json.encode(msgspec.json.decode(GOOD) | {"text": text}).decode()


class Life:
    """One partition from its first aggregate on: what stands in its topics, and who works on it now."""

    def __init__(self, settings: AgentSettings = SETTINGS) -> None:
        """Begin with an empty log."""
        self.settings = settings
        self.log: list[Aggregate] = []
        self.analyses: list[Analysis] = []
        self.told: list[Decision | Tally] = []
        self.entries: list[Intent | Result] = []
        self._ms, self._alerts = BASE_MS, 0
        self.again = 0
        """How often something was said again."""
        self._fired: list[Alert] = []
        self._start(0)

    def _start(self, committed: int) -> None:
        said = Said()
        for one in (*self.analyses, *self.told):
            said.take(one)
        self.decider = PartitionDecider(
            self.settings, 0, read_from=0, decide_from=committed, said=said
        )
        self.inbox = Inbox(3)
        for offset, aggregate in enumerate(self.log):
            self._take(offset, aggregate)
        for alert in self._fired:
            self._fire(alert)

    def now_ms(self) -> int:
        """Return a later time than before."""
        self._ms += 7
        return self._ms

    def read(self, aggregate: Aggregate) -> None:
        """Log an aggregate, and take it."""
        self.log.append(aggregate)
        self._take(len(self.log) - 1, aggregate)

    def _take(self, offset: int, aggregate: Aggregate) -> None:
        made = self.decider.take(offset, aggregate, 0.0)
        if made is not None:
            self._offer(made)

    def fire(self, asset: str) -> None:
        """Let an alert fire."""
        self._alerts += 1
        alert = Alert(
            alert_id=f"price.drop/{asset}/USDT/{BASE_MS + self._alerts}",
            rule="price.drop",
            asset=asset,
            subject=f"{asset}/USDT",
            state="firing",
            severity=("warning", "critical")[self._alerts % 2],
            since_ms=BASE_MS + self._alerts,
            as_of_ms=BASE_MS + self._alerts,
            headline="it falls",
        )
        self._fired.append(alert)
        self._fire(alert)

    def _fire(self, alert: Alert) -> None:
        made = self.decider.take_alert(alert, 0.0)
        if made is not None:
            self._offer(made)

    def _offer(self, made: Candidate) -> None:
        said = self.decider.analysis_of(made)
        if said is not None:
            outcome = OUTCOMES.get(said.origin, "called")
            self._tell(made, outcome, said.origin_reason, said=said, decided_ms=said.produced_ms)
            return
        self._put(self.inbox.put(made))

    def _put(self, put: Put) -> None:
        if put.absorbed is not None:
            self.decider.corrections.taken_over(put.absorbed, put.waiting)
            self._tell(put.absorbed, "coalesced", "newer_candidate", survivor=put.waiting)
        if put.shed is not None:
            self._tell(put.shed, "shed", "inbox_full")

    def _tell(self, made: Candidate, outcome: Outcome, reason: str, **more: Any) -> None:
        told = {"decided_ms": self.now_ms()} | more
        self.told.append(decision_of(made, outcome, reason, **told))
        if outcome != "coalesced":
            self.decider.corrections.dropped(made)  # what is superseded: see test_superseded.py
            for offset in made.offsets:
                self.decider.offsets.finish(offset)

    def tally(self) -> None:
        """Tell what made no candidate."""
        while (taken := self.decider.take_tally(self.now_ms())) is not None:
            self.told.append(taken[0])
            for offset in taken[1]:
                self.decider.offsets.finish(offset)

    def answer(self, how: str) -> None:
        """Answer the most pressing candidate: by rules, by the model, or after sends that came to nothing."""
        made = self.inbox.take(inf, model_is_free=True)
        if made is None:
            return
        made = self._with_last(made)
        if how == "again":
            self._put(self.inbox.put_back(self._sent(made, None, "timeout")[0], 1.0))
            return
        if how in {"doubted", "read"}:
            read = self._read(made, COORDINATED if how == "doubted" else None)
            made, how = replace(made, readings=(*made.readings, read)), "model"
        answered = self._answered(made, how)
        analysis = analysis_of(
            made,
            borne(answered),
            produced_ms=self.now_ms(),
            valid_ms=int(self.settings.gate.state_valid_s * 1000),
            model=MODEL,
            simulated=self.settings.model.simulated,
        )
        analysis = compared(analysis, made.last if answered.sends else self._last(made.asset))
        self.analyses.append(analysis)
        if how == "killed":
            self.crash()
            return
        outcome = OUTCOMES.get(answered.origin, "called")
        self._tell(
            made,
            outcome,
            answered.reason,
            answered=answered,
            decided_ms=analysis.produced_ms,
            compared_with=analysis.compared_with,
        )

    def _with_last(self, made: Candidate) -> Candidate:
        return made if made.last is not None else replace(made, last=self._last(made.asset))

    def _last(self, asset: str) -> Analysis | None:
        return next((said for said in reversed(self.analyses) if said.asset == asset), None)

    def _answered(self, made: Candidate, how: str) -> Answered:
        match how:
            case "model" | "spare":
                provider = "anthropic" if how == "model" else "aws"
                good = GOOD_STATE if made.product == "state" else answer_to(made)
                made, words = self._sent(made, good, "answered", provider)
                if words is None and made.product == "state":  # of an asset that is long silent
                    return by_rules(made, made.sends[-1].outcome)
                assert words is not None
                if how == "model":
                    return by_model(made, words)
                origin: Origin = "model_other_provider"
                return by_model(made, words, origin=origin, reason="breaker_open")
            case "l1" | "stale":
                return self._said_again(made, stale=how == "stale")
            case "rejected":
                made, _ = self._sent(made, "no JSON", "answered")
                return by_rules(made, made.sends[-1].outcome)
            case _:
                return by_rules(made, "deadline")

    def _said_again(self, made: Candidate, *, stale: bool) -> Answered:
        """Return what was said of the same state before, if anything was; else what rules say."""
        prompt = prompt_of(made, MODEL)
        known = {one.attempt_id: one for one in self.entries if isinstance(one, Intent)}
        for one in self.entries:
            if isinstance(one, Intent) or one.answer is None or made.product != "state":
                continue
            if one.item_key != prompt.item_key:
                continue
            words = verdict_of(one.answer, made, prompt)
            if isinstance(words, Words):
                served = Served(
                    attempt_id=one.attempt_id,
                    item_key=one.item_key,
                    provider=known[one.attempt_id].provider,
                    model=MODEL,
                    prompt_version=prompt.version,
                    age_ms=len(self.entries),
                )
                reason = "breaker_open" if stale else "l1"
                self.again += 1
                return by_cache(made, words, served, stale=stale, reason=reason)
        return by_rules(made, "deadline")

    def _read(self, made: Candidate, answer: str | None) -> Read:
        """Return a question about posts, which the journal has; without an answer nobody knows what it cost."""
        number = len(self.entries)
        named = {"attempt_id": f"{READ_KEY[:32]}/{number}", "item_key": READ_KEY}
        known = "charged_unknown" if answer is None else "settled"
        came = result(
            number, **named, asset=made.asset, answer=answer, known=known, excerpts=EXCERPTS
        )
        asked = intent(
            number, **named, asset=made.asset, prompt_version="excerpts-1", excerpts=EXCERPTS
        )
        self.entries += [asked, came]
        sent = sent_of(
            came,
            provider=asked.provider,
            model=asked.model,
            prompt_version=asked.prompt_version,
            outcome=came.outcome,
        )
        return Read(sent=sent, doubt=doubt_in(answer, EXCERPTS))

    def _sent(
        self, made: Candidate, answer: str | None, outcome: str, provider: str = "anthropic"
    ) -> tuple[Candidate, Words | None]:
        """Return a candidate with one more send, which the journal has."""
        tokens_max = self.settings.model.context_tokens_max
        prompt, number = prompt_of(made, MODEL, tokens_max), len(self.entries)
        named = {
            "attempt_id": f"{prompt.item_key[:32]}/{number}",
            "item_key": prompt.item_key,
            "asset": made.asset,
        }
        came = result(number, **named, answer=answer, outcome=outcome)
        self.entries += [
            intent(
                number,
                **named,
                provider=provider,
                model=MODEL,
                prompt_version=prompt.version,
                context_tokens_max=tokens_max,
            ),
            came,
        ]
        words = None
        if answer is not None:
            verdict = verdict_of(answer, made, prompt)
            words = verdict if isinstance(verdict, Words) else None
            outcome = outcome if isinstance(verdict, Words) else verdict.reason
        sent = sent_of(
            came,
            provider=provider,
            model=MODEL,
            prompt_version=prompt.version,
            outcome=outcome,
        )
        return replace(made, sends=(*made.sends, sent)), words

    def crash(self) -> None:
        """Lose all that is not written, and start again where the offsets stand."""
        self._start(self.decider.offsets.committable)

    def end(self) -> None:
        """Answer what waits, and tally."""
        while len(self.inbox):
            self.answer("rules")
        self.tally()

    def recorded(self, begin: int = 0, end: int | None = None) -> Recorded:
        """Return what a replay of a span reads."""
        span = Span(partition=0, begin=begin, end=len(self.log) if end is None else end)
        recorded = Recorded(span)
        for told in self.told:
            recorded.take_told(told)
        for analysis in self.analyses:
            recorded.take_analysis(analysis, encode(analysis))
        for entry in self.entries:
            recorded.take_entry(entry)
        return recorded

    def replayed(
        self, begin: int = 0, end: int | None = None, settings: AgentSettings | None = None
    ) -> list[Again | Miss]:
        """Return what a replay of a span says, under its own settings or others."""
        recorded = self.recorded(begin, end)
        replay = PartitionReplay(settings or self.settings, recorded, read_from=0)
        said: list[Again | Miss] = []
        for offset, aggregate in enumerate(self.log[: recorded.span.end]):
            said += replay.take(offset, aggregate)
        return said + replay.finish()

    def first(self) -> dict[str, Analysis]:
        """Return the analyses that count, by id."""
        first: dict[str, Analysis] = {}
        for analysis in self.analyses:
            first.setdefault(analysis.analysis_id, analysis)
        return first
