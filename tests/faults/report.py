"""A verdict as people read it. PURE."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .verdict import SORTS, Verdict

NANO = 1e9


def table(verdict: Verdict) -> str:
    """Return figures and defects, a line each."""
    return "\n".join([*_figures(verdict.figures), "", *_defects(verdict)])


def _figures(f: Mapping[str, Any]) -> Iterator[str]:
    fates = sum(f["fates"].values())
    told = f["folded_only"] + f["uninteresting"] + fates
    yield f"\n{f['aggregates_read']:8} aggregates read: {f['aggregate_ids']} ids, {f['aggregates_again']} again,"
    yield f"{'':9}{f['aggregates_unreadable']} unreadable"
    yield f"{told:8} accounted for"
    yield f"{f['folded_only']:10} folded only"
    yield f"{f['uninteresting']:10} uninteresting"
    for fate, count in f["fates"].items():
        yield f"{count:10} {fate}"
    yield f"{f['candidates']:8} candidates, {f['candidates_of_alerts']} of them of alerts; {f['deep_dives']} deep dives"
    yield f"{'':8} corrections, which are none: {_pairs(f['corrections'])}"
    yield f"{f['late']:10} without an outcome by their deadline ({f['late_share']:.3%}); the latest {f['latest_s']:.2f} s"
    if f["late"]:
        yield f"{'':10} late by {_times(f['late_by_s'])} s (p50/p95/p99): {_pairs(f['late_by_fate'])}"
    yield f"{'':10} answered after {_times(f['answered_after_s'])} s (p50/p95/p99 of the aggregate's log time)"
    yield f"{f['model_share']:10.1%} by the model; of deep dives {f['model_share_of_deep_dives']:.1%}"
    yield f"{f['requests']:8} requests on the wire; by what came of the attempts:"
    for outcome, count in f["outcomes"].items():
        yield f"{count:10} {outcome}"
    yield f"{'':8} answers by paid sends: {_pairs(f['answers_by_paid_sends'])}"
    yield f"{'':8} answers on the bill by fault: {_pairs(f['faults_billed'])}"
    yield f"{'':8} openings: {_pairs(f['openings'])}"
    yield f"{f['trials']:8} trials, with {f['requests_in_trials']} requests;"
    yield f"{f['requests_under_way_at_openings']:8} requests were under way when a breaker opened"
    yield f"{f['bill_nano_usd'] / NANO:8.4f} $ on the bill; the ledger has {f['settled_nano_usd'] / NANO:.4f} settled"
    yield f"{'':8} (on the bill {f['bill_of_settled_nano_usd'] / NANO:.4f}) and {f['charged_nano_usd'] / NANO:.4f} charged in full"
    yield f"{f['most_of_a_cap']:8.1%} of a cap was the most, in {f['samples']} looks; attempts: {_pairs(f['attempts'])}"
    yield f"{f['first_answer_after_s']:8.2f} s from the healing to the model's first answer,"
    yield f"{f['breakers_closed_after_s']:8.2f} s to all breakers closed"
    for agent, marks in f["memory_mb"].items():
        told_marks = " / ".join(f"{mb:.1f}" for mb in marks)
        yield f"{'':8} memory of agent {agent}: {told_marks} MB (start, quarter, half, end)"
    yield f"{f['told_again']:8} records told again; exit statuses {f.get('exit_statuses')}"


def _defects(verdict: Verdict) -> Iterator[str]:
    for sort, words in SORTS.items():
        count = verdict.defects[sort]
        yield f"{count:8} {sort.replace('_', ' ')}: {words}"
        for example in verdict.examples.get(sort, []):
            yield f"{'':11}{example}"


def _times(seconds: Sequence[float]) -> str:
    return " / ".join(f"{s:.2f}" for s in seconds)


def _pairs(counts: Mapping[Any, Any]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"
