"""How one analysis came to be, station by station. PURE."""

from topics import Analysis, Decision

from .answers import Answers
from .shown import Path, Place

COALESCED_MAX = 50
"""Candidates shown that one took over."""
ASKED = ("called", "cached")


def path_of(view: Answers, analysis_id: str) -> Path | None:
    """Return the path of an analysis, or of a candidate that came to none; None if neither is known."""
    shown = view.analysis(analysis_id)
    told = view.decision_of(analysis_id)
    if shown is None and told is None:
        return None
    analysis = None if shown is None else shown.analysis
    decision = None if told is None else told.decision
    ids = decision.aggregate_ids if decision else _cited(analysis)
    merged = view.coalesced_into(analysis_id)[:COALESCED_MAX]
    return Path(
        analysis_id=analysis_id,
        analysis=shown,
        decision=told,
        aggregates=tuple((a, _place(view, a)) for a in ids),
        reasons=tuple(decision.reasons if decision else _reasons(analysis)),
        alerts=tuple(_alerts(analysis, decision)),
        coalesced_from=tuple(merged),
        coalesced_into=decision.survivor_id if decision else None,
        outcome=decision.outcome if decision else None,
        outcome_reason=decision.reason if decision else None,
        item_key=decision.item_key if decision else None,
        attempt_ids=tuple(_attempts(analysis, decision)),
        model=analysis.model if analysis else None,
        prompt_version=analysis.prompt_version if analysis else None,
        input_tokens=analysis.input_tokens if analysis else 0,
        output_tokens=analysis.output_tokens if analysis else 0,
        cost_nano_usd=analysis.cost_nano_usd if analysis else 0,
        steps=(),
    )


def _place(view: Answers, aggregate_id: str) -> Place | None:
    found = view.point(aggregate_id)
    return None if found is None else found[1].place


def _cited(analysis: Analysis | None) -> list[str]:
    return list(dict.fromkeys(f.aggregate_id for f in analysis.facts)) if analysis else []


def _reasons(analysis: Analysis | None) -> list[str]:
    return list(analysis.trigger.reasons) if analysis else []


def _alerts(analysis: Analysis | None, decision: Decision | None) -> list[str]:
    found = list(decision.alert_ids) if decision else []
    found += [decision.alert_id] if decision and decision.alert_id else []
    found += [analysis.trigger.alert_id] if analysis and analysis.trigger.alert_id else []
    return list(dict.fromkeys(found))


def _attempts(analysis: Analysis | None, decision: Decision | None) -> list[str]:
    found = list(decision.attempt_ids) if decision else []
    return list(dict.fromkeys([*found, *(analysis.attempt_ids if analysis else ())]))
