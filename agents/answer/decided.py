"""The fate of a candidate as it is told: a decision, of which a replay makes the analysis again. PURE."""

from typing import Literal

from msgspec.structs import replace

from agents.decide.alerts import alert_of
from agents.decide.candidate import Candidate
from agents.decide.superseding import Superseding
from topics import Analysis, Decision
from topics.analysis import Origin

from .answered import Answered

Outcome = Literal["called", "cached", "coalesced", "shed", "rules"]
OUTCOMES: dict[Origin, Outcome] = {"rules": "rules", "cache": "cached", "cache_stale": "cached"}
"""By where the words of an analysis came from; the others are a model's, which was called."""


def decision_of(
    candidate: Candidate,
    outcome: Outcome,
    reason: str,
    *,
    decided_ms: int,
    survivor: Candidate | None = None,
    answered: Answered | None = None,
    said: Analysis | None = None,
    correcting: Superseding | None = None,
    compared_with: str | None = None,
) -> Decision:
    """Return the fate of a candidate.

    ``survivor`` is who took it over; ``answered`` what its analysis says, or ``said`` its analysis itself. An analysis
    was ``decided_ms`` when it was produced. What takes the place of another is ``correcting`` it.
    """
    alert_id = alert_of(candidate.candidate_id) if correcting is None else correcting.alert_id
    last = max(0, candidate.read_to - 1)
    asked = candidate if answered is None else answered
    served = None if answered is None else answered.served
    decision = Decision(
        decision_id=candidate.candidate_id,
        asset=candidate.asset,
        product=candidate.product,
        as_of_ms=candidate.as_of_ms,
        outcome=outcome,
        reason=reason,
        survivor_id=None if survivor is None else survivor.candidate_id,
        analysis_id=None if answered is None else candidate.candidate_id,
        item_key=None if answered is None else answered.item_key,
        severity=candidate.severity,
        reasons=list(candidate.reasons),
        aggregate_ids=list(candidate.aggregate_ids),
        aggregates_partition=candidate.partition,
        first_offset=min(candidate.offsets, default=last),
        last_offset=max(candidate.offsets, default=last),
        decided_ms=decided_ms,
        alert_id=alert_id,
        attempt_ids=[] if survivor else asked.attempt_ids,
        narrative_age_ms=None if served is None else served.age_ms,
        narrative_attempt_id=None if served is None else served.attempt_id,
        read_to=candidate.read_to,
        lead=candidate.lead,
        alert_ids=candidate.alert_ids,
        compared_with=compared_with,
    )
    return decision if said is None else _as_said(decision, said)


def _as_said(decision: Decision, said: Analysis) -> Decision:
    """Return the decision on a candidate that was made again, as it was when its analysis was.

    By then it may have taken others over, with the windows their reasons stand on. And an alert's has no aggregate to
    be made at again: it knows others now than those the analysis is about.
    """
    alert_id = said.trigger.alert_id
    earlier = [fact.aggregate_id for fact in said.facts if fact.window_end_ms is not None]
    as_it_was = replace(
        decision,
        aggregate_ids=list(dict.fromkeys((*earlier, *decision.aggregate_ids))),
        product=said.product,
        analysis_id=said.analysis_id,
        severity=said.severity,
        reasons=list(said.trigger.reasons),
        attempt_ids=list(said.attempt_ids),
        narrative_age_ms=said.narrative_age_ms,
        narrative_attempt_id=said.narrative_attempt_id,
        alert_ids=[] if alert_id is None else [alert_id],
        compared_with=said.compared_with,
    )
    if decision.alert_id is None or said.supersedes is not None:
        return as_it_was
    cited = list(dict.fromkeys(fact.aggregate_id for fact in said.facts))
    return replace(as_it_was, read_to=None, aggregate_ids=cited)
