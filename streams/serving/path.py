"""How one analysis came to be, station by station. PURE.

aggregates -> gate -> inbox -> cache or call -> verdict -> published. What is told of each is what the topics say of
it; the journal itself holds the question and the answer, by the item's key.
"""

from collections.abc import Iterator

from topics import Analysis, Decision

from .answers import Answers
from .shown import AnalysisShown, DecisionShown, Path, PathStep, Place
from .words import clock, plain, span

COALESCED_MAX = 50
"""Candidates shown that one took over; the others are counted."""
NANO = 1_000_000_000


def path_of(view: Answers, analysis_id: str) -> Path | None:
    """Return the path of an analysis, or of a candidate that came to none; None if neither is known."""
    shown = view.analysis(analysis_id)
    told = view.decision_of(analysis_id)
    if shown is None and told is None:
        return None
    analysis = None if shown is None else shown.analysis
    decision = None if told is None else told.decision
    merged = view.coalesced_into(analysis_id)
    return Path(
        analysis_id=analysis_id,
        analysis=shown,
        decision=told,
        aggregates=tuple((a, _place(view, a)) for a in _aggregates(analysis, decision)),
        reasons=tuple(_reasons(analysis, decision)),
        alerts=tuple(_alerts(analysis, decision)),
        coalesced_from=tuple(merged[:COALESCED_MAX]),
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
        steps=tuple(_steps(shown, told, len(merged))),
    )


def _steps(
    shown: AnalysisShown | None, told: DecisionShown | None, merged: int
) -> Iterator[PathStep]:
    analysis = None if shown is None else shown.analysis
    decision = None if told is None else told.decision
    yield _aggregates_step(analysis, decision)
    yield _gate_step(analysis, decision)
    yield _inbox_step(decision, merged)
    yield from _asked_steps(analysis, decision)
    yield _published_step(shown)


def _aggregates_step(analysis: Analysis | None, decision: Decision | None) -> PathStep:
    count = len(_aggregates(analysis, decision))
    words = f"{_count(count, 'window')} read"
    if decision is not None and decision.alert_id is None:
        log = f"partition {decision.aggregates_partition}"
        first, last = decision.first_offset, decision.last_offset
        offsets = f"offset {last}" if first == last else f"offsets {first} to {last}"
        words += f"; made a candidate by aggregates, {log}, {offsets}"
    return PathStep(station="aggregates", words=words, done=bool(count or decision))


def _gate_step(analysis: Analysis | None, decision: Decision | None) -> PathStep:
    reasons = ", ".join(plain(r) for r in _reasons(analysis, decision)) or "no reason told"
    severity = decision.severity if decision else analysis.severity if analysis else "info"
    alerts = _alerts(analysis, decision)
    words = f"let through as {severity}: {reasons}"
    if alerts:
        words += f"; for {_count(len(alerts), 'alert')}"
    return PathStep(station="gate", words=words, done=True)


def _inbox_step(decision: Decision | None, merged: int) -> PathStep:
    if decision is None:
        return PathStep(station="inbox", words="its decision is not known here", done=False)
    if decision.outcome == "coalesced":
        into = plain(decision.survivor_id or "another")
        return PathStep(station="inbox", words=f"taken over by {into}", done=True)
    if decision.outcome == "shed":
        words = f"let go: {_said(decision.reason)}"
        return PathStep(station="inbox", words=words, done=True)
    words = f"took over {_count(merged, 'older candidate')}" if merged else "waited alone"
    return PathStep(station="inbox", words=words, done=True)


def _asked_steps(analysis: Analysis | None, decision: Decision | None) -> Iterator[PathStep]:
    outcome = decision.outcome if decision else _outcome(analysis)
    attempts = _attempts(analysis, decision)
    yield PathStep(station="cache", words=_cache_words(analysis, outcome), done=outcome == "cached")
    # A coalesced one's attempts are its survivor's, a cached one's those behind its words.
    asked = outcome == "called" or bool(attempts and outcome == "rules")
    words = f"not asked: {_said(decision.reason)}" if decision else "not asked"
    if asked:
        words = f"{_count(len(attempts), 'call')} to {plain((analysis and analysis.model) or 'a model')}"
    yield PathStep(station="call", words=words, done=asked)
    yield PathStep(
        station="verdict", words=_verdict_words(analysis, outcome), done=analysis is not None
    )


def _cache_words(analysis: Analysis | None, outcome: str | None) -> str:
    if outcome != "cached":
        return "nothing to say again"
    age_ms = analysis.narrative_age_ms if analysis else None
    return "words of the same state said again" + (
        "" if age_ms is None else f", {span(age_ms)} old"
    )


def _verdict_words(analysis: Analysis | None, outcome: str | None) -> str:
    if analysis is None:
        return "no analysis" if outcome != "coalesced" else "that of the one that took it over"
    facts = _count(len(analysis.facts), "fact")
    if analysis.origin == "rules":
        return f"the rules' own words, with {facts}: {_said(analysis.origin_reason)}"
    used = f"{analysis.input_tokens:,} tokens in, {analysis.output_tokens:,} out"
    cost = f"${analysis.cost_nano_usd / NANO:.6f}"
    return f"the model's words held against {facts}; {used}, {cost}"


def _published_step(shown: AnalysisShown | None) -> PathStep:
    if shown is None:
        return PathStep(station="published", words="nothing was published", done=False)
    words = f"logged {clock(shown.at_ms)} as {_said(shown.analysis.origin)}"
    if shown.standing != "current":
        by = f" by {plain(shown.replaced_by)}" if shown.replaced_by else ""
        words += f"; {shown.standing}{by}"
    return PathStep(station="published", words=words, done=True)


def _outcome(analysis: Analysis | None) -> str | None:
    """Return what an analysis without its decision tells of it."""
    if analysis is None:
        return None
    if analysis.origin == "rules":
        return "rules"
    return "cached" if analysis.origin.startswith("cache") else "called"


def _place(view: Answers, aggregate_id: str) -> Place | None:
    found = view.point(aggregate_id)
    return None if found is None else found[1].place


def _aggregates(analysis: Analysis | None, decision: Decision | None) -> list[str]:
    if decision is not None:
        return list(dict.fromkeys(decision.aggregate_ids))
    return list(dict.fromkeys(fact.aggregate_id for fact in analysis.facts)) if analysis else []


def _reasons(analysis: Analysis | None, decision: Decision | None) -> list[str]:
    if decision is not None:
        return list(decision.reasons)
    return list(analysis.trigger.reasons) if analysis else []


def _alerts(analysis: Analysis | None, decision: Decision | None) -> list[str]:
    found = [*decision.alert_ids, decision.alert_id] if decision else []
    found += [analysis.trigger.alert_id] if analysis else []
    return [alert_id for alert_id in dict.fromkeys(found) if alert_id]


def _attempts(analysis: Analysis | None, decision: Decision | None) -> list[str]:
    found = [*decision.attempt_ids] if decision else []
    return list(dict.fromkeys([*found, *(analysis.attempt_ids if analysis else ())]))


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def _said(word: str) -> str:
    """Return a word of an open vocabulary as people write it."""
    return plain(word).replace("_", " ")
