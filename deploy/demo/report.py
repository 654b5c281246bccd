"""The demo's report: what was counted, whether it adds up, what was planted and not found, and who was told."""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import quantiles
from typing import Any

from msgspec import to_builtins

from streams.serving.view import View

from .checks import Findings, Run, outage_seen, total
from .outage import words
from .stories import as_json, lines, told_soon
from .witness import Witness


def report(
    run: Run, witness: Witness, view: View, found: Findings | None, errors: Sequence[str]
) -> dict[str, Any]:
    """Return the report as JSON's own types. Without findings the run was broken off."""
    witness.match()
    seen = outage_seen(run, witness)
    counts, latencies = view.counts, sorted(witness.latencies_ms)
    cuts = quantiles(latencies, n=20) if len(latencies) > 1 else [0.0] * 19
    return {
        "seconds": round(run.seconds, 1),
        "broken_off": found is None,
        "raw_events": counts.raw_events,
        "heartbeats": counts.heartbeats,
        "applied": total(witness, "applied"),
        "corrected": total(witness, "corrected"),
        "duplicates": total(witness, "duplicates"),
        "late_events": total(witness, "late"),
        "dead_letters": counts.dead_letters,
        "gaps": counts.gaps_detected,
        "gaps_filled": counts.gaps_filled,
        "aggregates": counts.aggregates,
        "revisions": counts.revisions,
        "minute_windows": max(witness.minutes.values(), default=0),
        "analyses": counts.analyses,
        "analyses_by_model": counts.by_model,
        "analyses_said_again": counts.said_again,
        "decisions": counts.decisions,
        "aggregates_decided": counts.decided,
        "aggregates_tallied": counts.tallied,
        "breaker_states": list(witness.breaker_states),
        "outage": None if seen is None else to_builtins(seen),
        "cost_nano_usd": witness.cost_nano_usd,
        "incidents": {
            "planted": found.incidents_due if found else 0,
            "seen": found.incidents_due - len(found.incidents_missed) if found else 0,
        },
        "stories": as_json(found.stories) if found else [],
        "alerts": dict(Counter(step.alert.state for step in witness.alerts)),
        "messages": run.messages,
        "told_after_ms": told_soon(witness.told_of_alerts()),
        "shift_ms": run.shift_ms,
        "aggregate_latency_ms": {
            "p50": round(cuts[9]),
            "p95": round(cuts[18]),
            "n": len(latencies),
        },
        "accounted": found is not None and not found.unaccounted,
        "errors": [*errors, *_wrong(found, view)],
    }


def summary(told: Mapping[str, Any]) -> list[str]:
    """Return a report in a few lines for people."""
    incidents, latency = told["incidents"], told["aggregate_latency_ms"]
    counted = (
        f"{told['seconds']:.0f} s of wall time: {told['raw_events']:,} events,"
        f" {told['aggregates']:,} aggregates ({told['revisions']:,} revisions),"
        f" {told['analyses']:,} analyses ({told['analyses_by_model']:,} in the model's"
        f" words, {told['analyses_said_again']:,} of them said again)"
    )
    disorder = (
        f"{told['duplicates']:,} duplicates, {told['late_events']:,} late, {told['gaps']:,} gaps,"
        f" {told['dead_letters']:,} dead letters; an aggregate follows its heartbeat in"
        f" {latency['p50']} ms (p50), {latency['p95']} ms (p95)"
    )
    if told["broken_off"]:
        return [
            counted,
            disorder,
            "broken off: not everything was finished, so nothing was checked",
        ]
    adds_up = "everything adds up" if told["accounted"] else "it does not add up"
    alerts, soon = told["alerts"], told["told_after_ms"]
    alerted = (
        f"alerts: {alerts.get('firing', 0)} fired, {alerts.get('cleared', 0)} cleared,"
        f" {alerts.get('retracted', 0)} retracted; {told['messages']} messages, the first of an alert"
        f" {soon['p50']} ms (p50), {soon['p95']} ms (p95) after it"
    )
    found = f"{incidents['seen']} of {incidents['planted']} incidents found; {adds_up}"
    seen = [] if told["outage"] is None else [words(told["outage"])]
    return [
        counted,
        disorder,
        *seen,
        alerted,
        *lines(told["stories"]),
        found,
        *(f"error: {error}" for error in told["errors"]),
    ]


def _wrong(found: Findings | None, view: View) -> list[str]:
    wrong = []
    if view.counts.unreadable:
        wrong.append(f"{view.counts.unreadable} records nobody could read")
    if found is not None:
        missed = found.incidents_missed + found.not_found
        wrong += [f"planted, but not found: {what}" for what in missed]
        wrong += [f"does not add up: {what}" for what in found.unaccounted]
    return wrong
