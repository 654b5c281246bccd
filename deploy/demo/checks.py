"""What was planted and not found, and what does not add up. PURE."""

from collections.abc import Mapping

from msgspec import Struct

from streams.collectors.synthetic import Incident, Planted, SyntheticSettings, incidents, planted
from streams.serving.view import View
from topics import KINDS, raw_topic

from .outage import Outage, outage, unanswered, unrecovered
from .stories import TOLD, Said, Story, story, untold
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
    messages: int = 0
    """That our own receiver of notifications got."""
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
    stories: list[Story]
    """Of every incident that was due."""


def findings(run: Run, witness: Witness, view: View) -> Findings:
    """Look for everything that was planted, and check every sum."""
    synthetic = SyntheticSettings(type="synthetic", seed=run.seed)
    schedule = incidents(run.seed, run.start_ms, synthetic.hours)
    due = [incident for incident in schedule if _is_due(incident, watermarks(witness))]
    stories = [_story(incident, witness) for incident in due]
    missed = [i for i, told in zip(due, stories, strict=True) if not told.noticed]
    until_ms = run.until_ms - int(TAIL_S * 1000 * run.speed)
    sent = planted(synthetic, start_ms=run.start_ms, until_ms=until_ms)
    return Findings(
        incidents_due=len(due),
        incidents_missed=[f"{i.kind} of {i.asset}: {i.words}" for i in missed],
        not_found=[
            *_plants_missing(sent, witness, view),
            *_minutes_missing(run, witness),
            *_model_missing(run, witness, view),
            *untold(stories),
            *_messages_missing(run, witness),
        ],
        unaccounted=_unaccounted(run, witness, view),
        stories=stories,
    )


def _story(incident: Incident, witness: Witness) -> Story:
    """Return what became of an incident; an analysis whose place another took does not count."""
    size_ms = SIZE_MS.get(incident.kind, MINUTE_MS)
    naming = (
        reading
        for reading in witness.readings
        if reading.analysis_id not in witness.superseded and _shows(reading, incident)
    )
    first = min(naming, key=lambda reading: reading.as_of_ms, default=None)
    said = None
    if first is not None:
        said = Said(
            analysis_id=first.analysis_id,
            headline=first.headline,
            origin=first.origin,
            as_of_ms=first.as_of_ms,
            after_s=(first.as_of_ms - incident.from_ms) / 1000,
        )
    return story(incident, said, witness.told_of_alerts(), size_ms)


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


def _messages_missing(run: Run, witness: Witness) -> list[str]:
    """Return in words that our receiver got less than the notifications say."""
    said = {n.message_id for n in witness.notifications if n.message_id and n.outcome in TOLD}
    if len(said) <= run.messages:
        return []
    return [f"notifications: {len(said)} messages sent, {run.messages} received"]


def _model_missing(run: Run, witness: Witness, view: View) -> list[str]:
    """Return what does not show of a simulated model's answers, its cost, and its planted outage."""
    if run.outage_s is None:
        return []
    begins_s, ends_s = run.outage_s
    states = list(witness.breaker_states)
    opened = "open" in states
    closed = opened and "closed" in states[states.index("open") :]
    counts, seen = view.counts, outage_seen(run, witness)
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


def outage_seen(run: Run, witness: Witness) -> Outage | None:
    """Return what was seen of the simulated model's outage; None where no model is asked."""
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
