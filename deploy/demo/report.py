"""The demo's report: what was counted, whether it adds up, and what was planted and not found."""

from collections.abc import Mapping, Sequence
from statistics import quantiles
from typing import Any

from msgspec import Struct, to_builtins

from streams.collectors.synthetic import Incident, Planted, SyntheticSettings, incidents, planted
from streams.serving.view import View
from topics import KINDS, raw_topic

from .outage import Outage, outage, unanswered, unrecovered, words
from .witness import Reading, Witness

MINUTES_MIN = 40
"""One-minute windows of at least one instrument in a run long enough to have them."""
MINUTE_MS = 60_000
IN_TIME_OF = 10
"""One correction of so many may have come in time: on a busy machine the slower source's promise is a second behind, a
minute of the market, and what comes for a minute that has not ended yet corrects nothing. The sums have it all the same."""
MODEL_S = 12.0
"""Wall seconds after which something done to the simulated model must show: its first request comes later than
the run's begin, and a breaker waits longer after each trial that failed."""
TAIL_S = 2.0
"""Wall seconds before the end in which what was planted may still have been on its way."""
SIZE_MS = {"social_pump": 300_000, "developer_exodus": 3_600_000}
"""The windows that show an incident; the others show in a minute's."""
KIND = {"social_pump": "social", "developer_exodus": "development"}
REASONS = {
    "flash_crash": "price_drop",
    "volume_spike": "volume_spike",
    "wash_trading": "volume_without_move",
    "social_pump": "social_spike",
    "developer_exodus": "development_drop",
}
"""The reason by which an analysis shows that an incident was found."""


class Run(Struct, frozen=True, kw_only=True):
    """What was run."""

    seed: int
    start_ms: int
    until_ms: int
    """The market's time at the end."""
    shift_ms: int
    speed: int
    outage_s: tuple[int, int] | None = None
    """The planted outage of the simulated model, in seconds since its first request; None: no model is asked."""
    model_began_ms: int | None = None
    """When the simulated model had its first request, as it says itself; None: it never had one."""
    bounds: dict[str, dict[int, tuple[int, int]]]
    """Where the broker says that each raw topic's partitions begin and end."""

    @property
    def seconds(self) -> float:
        """Wall seconds of market."""
        return (self.until_ms - self.start_ms) / self.speed / 1000


class Findings(Struct, frozen=True, kw_only=True):
    """What was looked for."""

    incidents_due: int
    incidents_missed: list[str]
    not_found: list[str]
    """Disorder that was planted and does not show, in words."""
    unaccounted: list[str]
    """Sums that do not hold, in words."""


def findings(run: Run, witness: Witness, view: View) -> Findings:
    """Look for everything that was planted, and check every sum."""
    synthetic = SyntheticSettings(type="synthetic", seed=run.seed)
    schedule = incidents(run.seed, run.start_ms, synthetic.hours)
    due = [incident for incident in schedule if _is_due(incident, watermarks(witness))]
    standing = [r for r in witness.readings if r.analysis_id not in witness.superseded]
    missed = [i for i in due if not any(_shows(reading, i) for reading in standing)]
    until_ms = run.until_ms - int(TAIL_S * 1000 * run.speed)
    sent = planted(synthetic, start_ms=run.start_ms, until_ms=until_ms)
    return Findings(
        incidents_due=len(due),
        incidents_missed=[f"{i.kind} of {i.asset}: {i.words}" for i in missed],
        not_found=[
            *_plants_missing(sent, witness, view),
            *_minutes_missing(run, witness),
            *_model_missing(run, witness, view),
        ],
        unaccounted=_unaccounted(run, witness, view),
    )


def watermarks(witness: Witness) -> dict[str, int]:
    """Return the least watermark of each kind over its partitions."""
    found: dict[str, int] = {}
    for (kind, _), meta in witness.metas.items():
        reached = meta.clock.watermark_ms or 0
        found[kind] = min(found.get(kind, reached), reached)
    return found


def total(witness: Witness, counter: str) -> int:
    """Return the sum of one of the streams role's counters over all partitions."""
    return sum(getattr(meta.counters, counter) for meta in witness.metas.values())


def report(
    run: Run, witness: Witness, view: View, found: Findings | None, errors: Sequence[str]
) -> dict[str, Any]:
    """Return the report as JSON's own types. Without findings the run was broken off."""
    witness.match()
    seen = _outage(run, witness)
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
        "aggregates_tallied": counts.tallied,
        "breaker_states": list(witness.breaker_states),
        "outage": None if seen is None else to_builtins(seen),
        "cost_nano_usd": witness.cost_nano_usd,
        "incidents": {
            "planted": found.incidents_due if found else 0,
            "seen": found.incidents_due - len(found.incidents_missed) if found else 0,
        },
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
    found = f"{incidents['seen']} of {incidents['planted']} incidents found; {adds_up}"
    seen = [] if told["outage"] is None else [words(told["outage"])]
    return [counted, disorder, *seen, found, *(f"error: {error}" for error in told["errors"])]


def _wrong(found: Findings | None, view: View) -> list[str]:
    wrong = []
    if view.counts.unreadable:
        wrong.append(f"{view.counts.unreadable} records nobody could read")
    if found is not None:
        missed = found.incidents_missed + found.not_found
        wrong += [f"planted, but not found: {what}" for what in missed]
        wrong += [f"does not add up: {what}" for what in found.unaccounted]
    return wrong


def _unaccounted(run: Run, witness: Witness, view: View) -> list[str]:
    """Return every sum that does not hold: in = applied + duplicate + late + dead-lettered."""
    wrong = []
    for kind in KINDS:
        for partition, (_, end) in run.bounds[raw_topic(kind)].items():
            meta = witness.metas.get((kind, partition))
            folded_to = 0 if meta is None else meta.next_offset or 0
            records = folded_to - (0 if meta is None else meta.first_offset or 0)
            counted = 0 if meta is None else meta.counters.total()
            place = f"{raw_topic(kind)}/{partition}"
            if folded_to != end:
                wrong.append(f"{place} ends at {end}, folded up to {folded_to}")
            if counted != records:
                wrong.append(f"{place} has {records} records, the counters say {counted}")
    for what, counter, on_topic in (
        ("late events", "late", view.counts.late),
        ("dead letters", "dead_letters", _letters(witness, "fold")),
    ):
        if (counted := total(witness, counter)) != on_topic:
            wrong.append(f"{counted} {what} counted, {on_topic} on their topic")
    decided = view.counts.decided + view.counts.tallied + _letters(witness, "analyse")
    if decided != view.counts.aggregates:
        wrong.append(f"{view.counts.aggregates} aggregates, the agent tells of {decided}")
    return wrong


def _letters(witness: Witness, stage: str) -> int:
    return sum(n for (found, _), n in witness.letters.items() if found == stage)


def _plants_missing(sent: Planted, witness: Witness, view: View) -> list[str]:
    counts = view.counts
    pairs = {
        "duplicates": (sent.duplicates, total(witness, "duplicates")),
        "corrections": (sent.corrected, total(witness, "corrected")),
        "revisions": (min(1, sent.corrected), counts.revisions),
        "late events": (sent.late, total(witness, "late")),
        "gaps": (sent.gaps_detected, counts.gaps_detected),
        "filled gaps": (sent.gaps_filled, counts.gaps_filled),
        "permanent gaps": (sent.gaps_permanent, counts.gaps_permanent),
        "refused frames": (sent.refused, _letters(witness, "collect")),
    }
    return [
        f"{what}: {wanted} sent, {found} found"
        for what, (wanted, found) in pairs.items()
        if found < (wanted - wanted // IN_TIME_OF if what == "corrections" else wanted)
    ]


def _minutes_missing(run: Run, witness: Witness) -> list[str]:
    most = max(witness.minutes.values(), default=0)
    if run.seconds < MINUTES_MIN + 4 or most >= MINUTES_MIN:
        return []
    return [
        f"one-minute windows: at least {MINUTES_MIN} expected, {most} of the busiest instrument"
    ]


def _model_missing(run: Run, witness: Witness, view: View) -> list[str]:
    """Return what does not show of a simulated model's answers, its cost, and its planted outage."""
    if run.outage_s is None:
        return []
    begins_s, ends_s = run.outage_s
    states = list(witness.breaker_states)
    opened = "open" in states
    closed = opened and "closed" in states[states.index("open") :]
    counts, seen = view.counts, _outage(run, witness)
    checks = (
        (0, "the model's analyses: none", counts.by_model > 0),
        (0, "the model's cost: nothing", witness.cost_nano_usd > 0),
        (begins_s, "the model's outage: the breaker never opened", opened),
        (begins_s, seen and unanswered(seen), not (seen and unanswered(seen))),
        (ends_s, "the model's recovery: the breaker stays open", closed),
        (ends_s, seen and unrecovered(seen), not (seen and unrecovered(seen))),
    )
    return [
        str(what)
        for since_s, what, holds in checks
        if run.seconds >= since_s + MODEL_S and not holds
    ]


def _outage(run: Run, witness: Witness) -> Outage | None:
    if run.outage_s is None:
        return None
    return outage(run.outage_s, run.model_began_ms, witness.answers)


def _is_due(incident: Incident, watermark_ms: Mapping[str, int]) -> bool:
    """Return whether the first whole window that shows it must have been published and analysed."""
    size_ms = SIZE_MS.get(incident.kind, MINUTE_MS)
    whole_ms = -(-incident.from_ms // size_ms) * size_ms
    return watermark_ms.get(KIND.get(incident.kind, "market"), 0) >= whole_ms + size_ms + MINUTE_MS


def _shows(reading: Reading, incident: Incident) -> bool:
    size_ms = SIZE_MS.get(incident.kind, MINUTE_MS)
    return (
        reading.asset == incident.asset
        and REASONS[incident.kind] in reading.reasons
        and incident.from_ms < reading.as_of_ms <= incident.to_ms + 2 * size_ms
    )
