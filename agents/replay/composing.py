"""One analysis out of a decision, what was known then, and what the journal holds. PURE."""

from typing import Literal

from msgspec.structs import replace

from agents.answer.answered import (
    FRESH,
    Answered,
    Served,
    analysis_of,
    by_cache,
    by_model,
    by_rules,
)
from agents.answer.changed import compared
from agents.answer.correction import correction_of
from agents.answer.reading import told_of
from agents.answer.verdict import REASONS, Rejected
from agents.answer.words import Words
from agents.ask.excerpts.bearing import borne, read_of
from agents.ask.paid import sent_again
from agents.ask.prompt import Prompt, prompt_of, verdict_of
from agents.ask.routing import origin_of
from agents.decide.candidate import AlertCause, Candidate, Read
from agents.decide.context import AssetContext
from agents.decide.editions import cited_in
from agents.decide.facts import facts_of
from agents.decide.quality import quality_of
from agents.decide.standing import Chain, quality_after, revised_facts, root_id_of
from agents.decide.superseding import Correction, Superseding
from agents.settings import CONTEXT_TOKENS_MAX, AgentSettings
from topics import BY_NAME, Aggregate, Analysis, Decision, Intent, Result

from .recorded import Recorded


class MissedError(Exception):
    """What was recorded is not enough to say it again, or does not fit together."""

    def __init__(
        self, words: str, *, lack: Literal["context", "journal", "question", "verdict"]
    ) -> None:
        """Say what is lacking."""
        super().__init__(words)
        self.lack = lack


def analysis_again(
    decision: Decision, context: AssetContext, recorded: Recorded, settings: AgentSettings
) -> Analysis:
    """Return the analysis that follows from a decision.

    Raises:
        MissedError: Something is lacking, or not as it was.
    """
    readings, calls = _calls_of(decision, recorded)
    sends = tuple(sent_again(*call) for call in calls)
    last = _last_of(decision, recorded)
    candidate = replace(
        candidate_again(decision, context), sends=sends, readings=readings, last=last
    )
    if decision.outcome == "called":
        answered = _by_model(candidate, decision, calls, settings)
    elif decision.outcome == "cached":
        answered = _by_cache(candidate, decision, recorded)
    elif decision.outcome == "rules":
        answered = _by_rules(candidate, decision, calls)
    else:
        msg = f"nobody knows how to say again what was {decision.outcome}"
        raise MissedError(msg, lack="verdict")
    analysis = analysis_of(
        candidate,
        borne(answered),
        produced_ms=decision.decided_ms,
        valid_ms=int(settings.gate.state_valid_s * 1000),
        model=answered.model,
        simulated=_is_simulated(answered, settings),
    )
    return compared(analysis, last)


def correction_again(
    decision: Decision,
    revision: Aggregate | None,
    context: AssetContext,
    recorded: Recorded,
    settings: AgentSettings,
) -> Analysis:
    """Return the analysis that took the place of another, because of a revision or of an alert that was retracted.

    Raises:
        MissedError: Something is lacking.
    """
    before = _last_of(decision, recorded)
    cause = decision.alert_id or (None if revision is None else revision.aggregate_id)
    if before is None or cause is None:
        msg = "what it corrects, or why, is not there"
        raise MissedError(msg, lack="context")
    facts, quality = tuple(before.facts), before.data_quality
    if revision is not None and decision.alert_id is None:
        cited = cited_in([fact.aggregate_id for fact in facts])
        if Chain("", 0, before, cited, {}).is_revised_by(revision):
            facts, quality = revised_facts(facts, revision), quality_after(quality, revision)
    candidate = replace(
        candidate_again(replace(decision, aggregate_ids=[]), AssetContext(decision.asset)),
        facts=facts,
        quality=quality,
    )
    correction = Correction(cause, None if decision.alert_id else decision.last_offset, revision)
    withdraws = decision.reason == "withdrawn"
    found = Superseding(candidate, before, correction, withdraws=withdraws)
    again = None
    if decision.outcome == "cached":
        labels, lead = context.labels.get(root_id_of(before), ()), told_of(facts).lead
        again = _by_cache(replace(candidate, labels=labels, lead=lead), decision, recorded)
    return correction_of(
        found,
        produced_ms=decision.decided_ms,
        again=again,
        simulated=again is not None and _is_simulated(again, settings),
    )


def _last_of(decision: Decision, recorded: Recorded) -> Analysis | None:
    """Return the analysis that a decision's own is told against."""
    if decision.compared_with is None:
        return None
    data = recorded.analysis(decision.compared_with)
    if data is None:
        msg = f"it is told against {decision.compared_with}, which is not there"
        raise MissedError(msg, lack="context")
    last: Analysis = BY_NAME["analyses"].decoder().decode(data)
    return last


def candidate_again(decision: Decision, context: AssetContext) -> Candidate:
    """Return the candidate that a decision was taken on.

    A process that began later than we did had not read the families that were silent for longer than its horizon: the
    decision names all that it had.

    Raises:
        MissedError: What it knew is not what is known here.
    """
    told = dict.fromkeys(decision.aggregate_ids)
    known = AssetContext(decision.asset)
    known.series = {
        family: series
        for family, series in context.series.items()
        if series.latest.aggregate_id in told
    }
    others = [one for one in told if one not in set(known.latest_ids())]
    if unknown := sorted(set(others) - context.noted.keys()):
        msg = f"it knew {unknown[0]}, which is neither the latest here nor what a finding stood on"
        raise MissedError(msg, lack="context")
    earlier = tuple(context.noted[one] for one in others)
    return Candidate(
        candidate_id=decision.decision_id,
        asset=decision.asset,
        product=decision.product,
        as_of_ms=decision.as_of_ms,
        severity=decision.severity,
        reasons=tuple(decision.reasons),
        facts=facts_of(known, decision.lead, earlier),
        quality=quality_of(known, earlier),
        aggregate_ids=(*others, *known.latest_ids()),
        partition=decision.aggregates_partition,
        offsets=(),
        tenure=0,
        enqueued_s=0.0,
        deadline_s=0.0,
        lead=decision.lead,
        labels=context.labels.get(decision.decision_id, ()),
        # Only the first is named, and of that nothing else is said.
        alerts=tuple(
            AlertCause(alert_id=alert_id, severity=decision.severity, since_ms=0)
            for alert_id in decision.alert_ids[:1]
        ),
    )


def _calls_of(
    decision: Decision, recorded: Recorded
) -> tuple[tuple[Read, ...], list[tuple[Intent, Result]]]:
    """Return what was asked about posts, and what was asked about the candidate.

    A question about posts is not made again: they are not kept. What was read of its answer is.
    """
    readings, calls = [], []
    for attempt_id in decision.attempt_ids:
        intent, result = _call_of(attempt_id, recorded)
        if result.excerpts is None:
            calls.append((intent, result))
        else:
            readings.append(read_of(sent_again(intent, result), result))
    if decision.outcome == "cached":
        return tuple(readings), calls
    if decision.outcome == "called" and not calls:
        msg = f"it was called, and names no attempt of {decision.item_key}"
        raise MissedError(msg, lack="journal")
    if calls and decision.item_key not in (None, calls[-1][1].item_key):
        msg = f"its item is {decision.item_key}, and {calls[-1][1].attempt_id} asked {calls[-1][1].item_key}"
        raise MissedError(msg, lack="journal")
    return tuple(readings), calls


def _call_of(attempt_id: str, recorded: Recorded) -> tuple[Intent, Result]:
    intent, result = recorded.intent(attempt_id), recorded.result(attempt_id)
    if intent is None or result is None:
        lacking = "intent" if intent is None else "result"
        msg = f"the journal has no {lacking} of {attempt_id}"
        raise MissedError(msg, lack="journal")
    return intent, result


def _is_simulated(answered: Answered, settings: AgentSettings) -> bool:
    """Return whether who was asked is our own fake."""
    asked = None if answered.asked_of is None else settings.models.get(answered.asked_of)
    return asked is not None and asked.simulated


def _by_model(
    candidate: Candidate,
    decision: Decision,
    calls: list[tuple[Intent, Result]],
    settings: AgentSettings,
) -> Answered:
    """Return the model's words, judged again and filled in again. Why it was not the primary only the decision says."""
    intent, result = calls[-1]
    words = _words_of(candidate, intent, result)
    primary = (settings.model.provider, settings.model.name)
    origin = origin_of((intent.provider, intent.model), primary)
    return by_model(candidate, words, origin=origin, reason=decision.reason)


def _by_cache(candidate: Candidate, decision: Decision, recorded: Recorded) -> Answered:
    """Return what a model had said of the same state, rendered again. How it was found only the decision says."""
    if decision.narrative_attempt_id is None or decision.narrative_age_ms is None:
        msg = "it says something again, and not what"
        raise MissedError(msg, lack="journal")
    intent, result = _call_of(decision.narrative_attempt_id, recorded)
    served = Served(
        attempt_id=result.attempt_id,
        item_key=result.item_key,
        provider=intent.provider,
        model=intent.model,
        prompt_version=intent.prompt_version,
        age_ms=decision.narrative_age_ms,
    )
    return by_cache(
        candidate,
        _words_of(candidate, intent, result),
        served,
        stale=decision.reason not in FRESH,
        reason=decision.reason,
    )


def _words_of(candidate: Candidate, intent: Intent, result: Result) -> Words:
    """Return the words of an answer, judged again and filled in again."""
    prompt, name = _prompt_of(candidate, intent), result.attempt_id
    if prompt.item_key != result.item_key:
        msg = f"{name} asked {result.item_key}; asked now it would be {prompt.item_key}"
        raise MissedError(msg, lack="question")
    if result.answer is None:
        msg = f"{name} ended as {result.outcome}, without an answer"
        raise MissedError(msg, lack="journal")
    words = verdict_of(result.answer, candidate, prompt)
    if isinstance(words, Rejected):
        msg = f"{name} is rejected now: {words.reason} {words.message}"
        raise MissedError(msg, lack="verdict")
    return words


def _prompt_of(candidate: Candidate, intent: Intent) -> Prompt:
    """Return the question as it was asked: in as many tokens as it had, and of before that was recorded in the default."""
    tokens_max = intent.context_tokens_max
    return prompt_of(
        candidate, intent.model, CONTEXT_TOKENS_MAX if tokens_max is None else tokens_max
    )


def _by_rules(
    candidate: Candidate, decision: Decision, calls: list[tuple[Intent, Result]]
) -> Answered:
    """Return the rules' words; where they stand for an answer that was rejected, it must be so again."""
    if decision.reason in REASONS and calls:
        intent, result = calls[-1]
        prompt = _prompt_of(candidate, intent)
        if prompt.item_key == result.item_key and result.answer is not None:
            verdict = verdict_of(result.answer, candidate, prompt)
            now = verdict.reason if isinstance(verdict, Rejected) else "accepted"
            if now != decision.reason:
                msg = f"{result.attempt_id} was rejected as {decision.reason}, and is now {now}"
                raise MissedError(msg, lack="verdict")
    return by_rules(candidate, decision.reason)
