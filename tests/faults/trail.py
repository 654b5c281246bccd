"""What became of every aggregate and every candidate, from the topics alone. PURE.

A candidate's deadline is known from the topics: the log time of the first aggregate it answers for (of its alert, where
an alert made it) and the deadline of the settings. The agent's own clock begins later, when it has read the record, so
this is the harder one.

A correction (of an analysis that later data contradict) is no candidate: nothing waits for it, and several of them have
the place of the one revision that caused them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tests.kills.figures import quantile
from topics import Decision, Tally

from .evidence import Evidence, Place, Terms
from .log import Log
from .verdict import Verdict

ANSWERED = ("called", "cached", "rules")
"""Outcomes that have an analysis."""
CORRECTIONS = {"revised": "revised", "withdrawn": "trigger_gone"}
"""Reasons of decisions that later data cause, with that of their analysis."""
QUANTILES = (0.5, 0.95, 0.99)
FIT_FAULTS = (None, "slow", "slow_stream", "gullible", "gullible_loose")
"""What the fake may have done to an answer that can be used: it heeds orders in the question, and a market's has none."""


class End(NamedTuple):
    """How a candidate ended, and how long after the log time of what made it."""

    product: str
    fate: str
    took_s: float


def account(log: Log, letters: Iterable[Place], verdict: Verdict) -> None:
    """Give each aggregate record exactly one fate, and count the fates."""
    fates: dict[Place, str] = {}
    for place in set(letters):
        _settle(log, fates, place, "dead letter", verdict)
    _settle_decisions(log, fates, verdict)
    for tally in sorted(
        log.tallies.values(), key=lambda t: (t.aggregates_partition, t.first_offset)
    ):
        _spread(log, fates, tally, verdict)
    for place in log.aggregates:
        if place not in fates:
            verdict.find("unaccounted", f"aggregates/{place.partition}/{place.offset}")
    ids = Counter(a.aggregate_id for a in log.aggregates.values() if a is not None)
    tallies = log.tallies.values()
    verdict.figures |= {
        "aggregates_read": len(log.aggregates),
        "aggregate_ids": len(ids),
        "aggregates_again": ids.total() - len(ids),
        "aggregates_unreadable": sum(a is None for a in log.aggregates.values()),
        "folded_only": sum(t.folded for t in tallies),
        "uninteresting": sum(t.uninteresting for t in tallies),
        "fates": dict(sorted(Counter(f for f in fates.values() if f != "tallied").items())),
        "candidates_of_alerts": sum(
            d.alert_id is not None and not corrects(d) for d in log.decisions.values()
        ),
        "corrections": dict(Counter(d.reason for d in log.decisions.values() if corrects(d))),
    }


def answers(log: Log, evidence: Evidence, verdict: Verdict) -> None:
    """Hold every candidate against its deadline, and every answer against its decision."""
    billed = {entry.attempt_id: entry.fault for entry in evidence.bill}
    for decision in log.decisions.values():
        if decision.outcome in ANSWERED:
            _check_answer(log, decision, billed, verdict)
    ends: list[End] = []
    for decision in log.decisions.values():
        if corrects(decision):
            continue
        made_ms, final = _made_ms(log, decision), log.final(decision)
        if final is None:
            verdict.find("orphaned", f"{decision.decision_id} -> {decision.survivor_id}")
        if made_ms is None:
            verdict.find("invented", f"{decision.decision_id}: nothing is known to have made it")
        ends.append(_end_of(decision, made_ms, final))
    for alert_id in log.firing_ms.keys() - {d.alert_id for d in log.decisions.values()}:
        verdict.find("unheard", alert_id)
    _tell_ends(ends, evidence.terms, verdict)


def corrects(decision: Decision) -> bool:
    """Return whether it speaks of an analysis that takes the place of another, and of no candidate."""
    return decision.outcome in ("rules", "cached") and decision.reason in CORRECTIONS


def fate_of(decision: Decision) -> str:
    """Return the outcome, with its reason where it was not the model."""
    if decision.outcome in ("called", "cached"):
        return decision.outcome
    return f"{decision.outcome}: {decision.reason}"


def _end_of(decision: Decision, made_ms: int | None, final: Decision | None) -> End:
    if made_ms is None or final is None:
        return End(decision.product, "none", float("inf"))
    return End(decision.product, fate_of(final), (final.decided_ms - made_ms) / 1000)


def _tell_ends(ends: Sequence[End], terms: Terms, verdict: Verdict) -> None:
    late = [end for end in ends if end.took_s > terms.deadline_s]
    dives = [end for end in ends if end.product == "deep_dive"]
    by_model = sum(end.fate == "called" for end in ends)
    latest_s = max((end.took_s for end in late), default=0.0)
    verdict.figures |= {
        "candidates": len(ends),
        "deep_dives": len(dives),
        "late": len(late),
        "late_share": len(late) / max(1, len(ends)),
        "late_by_fate": dict(Counter(end.fate for end in late).most_common()),
        "late_by_s": [quantile([e.took_s - terms.deadline_s for e in late], q) for q in QUANTILES]
        if late
        else [],
        "latest_s": latest_s,
        "answered_after_s": [quantile([e.took_s for e in ends], q) for q in QUANTILES]
        if ends
        else [],
        "model_share": by_model / max(1, len(ends)),
        "model_share_of_deep_dives": by_model / max(1, len(dives)),
    }
    if late and len(late) >= terms.late_share * len(ends):
        verdict.find("late", f"{len(late)} of {len(ends)}, the latest after {latest_s:.2f} s")


def _settle_decisions(log: Log, fates: dict[Place, str], verdict: Verdict) -> None:
    """Settle the places of decisions: one has all the corrections that its revision caused."""
    corrected: set[Place] = set()
    for decision in log.decisions.values():
        if decision.alert_id is not None:  # no aggregate made it
            continue
        place = Place(decision.aggregates_partition, decision.last_offset)
        _check_made(log, decision, place, verdict)
        if not corrects(decision):
            _settle(log, fates, place, fate_of(decision), verdict)
        elif place not in corrected:
            _settle(log, fates, place, fate_of(decision), verdict)
            corrected.add(place)


def _check_made(log: Log, decision: Decision, place: Place, verdict: Verdict) -> None:
    made = log.aggregates.get(place)
    if made is None:
        is_made = False
    elif corrects(decision):
        said = log.analyses.get(decision.analysis_id or "")
        is_made = made.asset == decision.asset and (
            said is None or said.revised_by == made.aggregate_id
        )
    else:
        is_made = (made.asset, made.window_end_ms) == (decision.asset, decision.as_of_ms)
    if not is_made:
        where = f"aggregates/{place.partition}/{place.offset}"
        verdict.find("invented", f"{decision.decision_id} of {where}: {made and made.aggregate_id}")


def _settle(log: Log, fates: dict[Place, str], place: Place, fate: str, verdict: Verdict) -> None:
    where = f"aggregates/{place.partition}/{place.offset}"
    if place not in log.aggregates:
        verdict.find("invented", f"{where}: {fate}, and there is no such record")
    elif place in fates:
        verdict.find("doubly_accounted", f"{where}: {fates[place]}, and {fate}")
    else:
        fates[place] = fate


def _spread(log: Log, fates: dict[Place, str], tally: Tally, verdict: Verdict) -> None:
    """Give the tally's offsets that nothing else speaks of to it; they must be as many as it counted."""
    span = range(tally.first_offset, tally.last_offset + 1)
    places = [Place(tally.aggregates_partition, offset) for offset in span]
    again = [place for place in places if fates.get(place) == "tallied"]
    if again:
        verdict.find("doubly_accounted", f"{tally.tally_id}: {len(again)} offsets of another tally")
    mine = [place for place in places if place in log.aggregates and place not in fates]
    counted = tally.folded + tally.uninteresting
    if counted != len(mine):
        verdict.find("miscounted", f"{tally.tally_id}: {counted} counted, {len(mine)} are left")
    fates |= dict.fromkeys(mine, "tallied")


def _check_answer(
    log: Log, decision: Decision, billed: Mapping[str, str | None], verdict: Verdict
) -> None:
    found = log.analyses.get(decision.analysis_id or "")
    if found is None:
        verdict.find("unanswered", f"{decision.decision_id}: no analysis {decision.analysis_id}")
        return
    says: dict[str, Any] = {
        "asset": (found.asset, decision.asset),
        "as_of_ms": (found.as_of_ms, decision.as_of_ms),
        "product": (found.product, decision.product),
        "by rules": (found.origin == "rules", decision.outcome == "rules"),
        "reason": (found.origin_reason, CORRECTIONS.get(decision.reason, decision.reason)),
        "reasons": (found.trigger.reasons, decision.reasons),
        "produced_ms": (found.produced_ms, decision.decided_ms),
        "attempt_ids": (found.attempt_ids, decision.attempt_ids),
        "corrects": (found.supersedes in log.analyses, corrects(decision)),
        "again": (found.origin.startswith("cache"), decision.outcome == "cached"),
        "whose": (found.narrative_attempt_id, decision.narrative_attempt_id),
    }
    wrong = {name: pair for name, pair in says.items() if pair[0] != pair[1]}
    if wrong:
        verdict.find("unanswered", f"{decision.decision_id}: analysis and decision say {wrong}")
    if found.origin != "rules":
        last = found.narrative_attempt_id or (found.attempt_ids[-1] if found.attempt_ids else "")
        if last not in billed or billed[last] not in FIT_FAULTS:
            fault = billed.get(last, "not on the bill")
            verdict.find(
                "unfit", f"{found.analysis_id} by {last or 'nothing'} ({fault}): {found.text}"
            )


def _made_ms(log: Log, decision: Decision) -> int | None:
    if decision.alert_id is not None:
        return log.firing_ms.get(decision.alert_id)
    return log.times_ms.get(Place(decision.aggregates_partition, decision.first_offset))
