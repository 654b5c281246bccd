"""One asset that deserves an analysis now."""

from collections.abc import Iterable

from msgspec import Struct

from topics import Analysis, DataQuality, Fact, Severity, Usage
from topics.analysis import Product

from .context import Labels, Noted
from .editions import cited_in, window_of
from .facts import earlier_facts
from .quality import quality_with

SHOWN_MAX = 3
"""Windows that a candidate shows because its reasons stand on them, beside the latest ones."""
EARLIER_MAX = 6
"""Of those the ones that are not the latest any more, once it has taken others over."""
CARRIED_MS = 900_000
"""How long before a candidate's time a window ended at most that it has of one it took over.

As long as an analysis is valid. A worker that catches up reads hours while one waits: what was so long ago would be told
by its time of day alone, and a replay would not find it again (`agents.decide.context.NOTED_MAX`).
"""

SEVERITIES: tuple[Severity, ...] = ("info", "notice", "warning", "critical")
"""From the least to the most."""


class AlertCause(Struct, frozen=True, kw_only=True):
    """An alert that fired and asks for an analysis."""

    alert_id: str
    severity: Severity
    since_ms: int


class Sent(Struct, frozen=True, kw_only=True):
    """One send of a candidate's question to a model, and what came of it."""

    attempt_id: str
    item_key: str
    provider: str
    model: str
    """Who was asked, by our names for it."""
    prompt_version: str
    outcome: str
    """A name of the table in `agents.ask.outcomes`, or why the verdict rejects the answer."""
    ended_s: float
    """Monotonic."""
    retry_after_s: float | None = None
    usage: Usage = Usage()
    """What is known of it."""
    cost_nano_usd: int = 0
    """What the ledger was told: of an unknown cost the whole reservation."""


class Read(Struct, frozen=True, kw_only=True):
    """One question about an asset's posts, and what came of it."""

    sent: Sent
    doubt: str | None = None
    """Why posts make an analysis less sure, in words of ours; None where they do not, or nobody knows."""


class Candidate(Struct, frozen=True, kw_only=True):
    """What to analyse, why, and which aggregates wait for it.

    Times named `_s` are monotonic seconds of this process; `as_of_ms` is event time.
    """

    candidate_id: str
    """The id of its decision and of its analysis: of what the gate asked for, whatever it took over since."""
    asset: str
    product: Product
    as_of_ms: int
    severity: Severity
    reasons: tuple[str, ...]
    facts: tuple[Fact, ...]
    quality: DataQuality
    aggregate_ids: tuple[str, ...]
    """Every aggregate its facts are of: the latest windows, and before them those that are shown and are not latest."""
    partition: int
    offsets: tuple[int, ...]
    """Of the aggregates that made it a candidate, ascending; they are finished when it is. An alert's has none."""
    tenure: int
    """Under which assignment of the partition it was made; under a later one its answer is nobody's."""
    enqueued_s: float
    deadline_s: float
    """Until then the model may be asked; afterwards rules answer, a little before it is too late to tell anybody."""
    not_before_s: float = 0.0
    """The model is not to be asked earlier: a limiter or a retry said so. Rules answer at any time."""
    alerts: tuple[AlertCause, ...] = ()
    """The firing alerts that ask for it."""
    read_to: int = 0
    """The partition's next offset when it was made: what is below it made its facts, and of two of one asset the newer
    has the higher one."""
    lead: str | None = None
    """The subject that its latest facts begin with."""
    shown: tuple[Noted, ...] = ()
    """The windows that its reasons stand on, the worst first, whether they are the latest or not."""
    labels: Labels = ()
    """How the asset is in coarse words, those of its main instrument; none of an alert's."""
    sends: tuple[Sent, ...] = ()
    """What was sent for it, and for those it took over; oldest first."""
    sought: Labels | None = None
    """The words that nothing has been said under so far: with the same it waits for a model."""
    readings: tuple[Read, ...] = ()
    """What was asked about posts, likewise."""
    last: Analysis | None = None
    """The asset's last analysis when it was to be answered: what a deep dive is told to have changed since."""
    heir: str | None = None
    """Who took it over, as a decision from before this process says. It waits for that one, which the log makes again:
    answered by itself it would have an end that the decision does not tell."""

    @property
    def attempt_ids(self) -> list[str]:
        """All that was sent: questions about posts first, else oldest first."""
        sends = (*(read.sent for read in self.readings), *self.sends)
        return [sent.attempt_id for sent in sends]

    @property
    def alert_ids(self) -> list[str]:
        """Its alerts, the most severe first, of those the oldest."""
        return [cause.alert_id for cause in sorted(self.alerts, key=_precedence)]

    @property
    def alert_id(self) -> str | None:
        """The alert its analysis answers by name."""
        return next(iter(self.alert_ids), None)


def worse(one: Severity, other: Severity) -> Severity:
    """Return the more severe of two."""
    return max(one, other, key=SEVERITIES.index)


def is_at_least(one: Severity, floor: Severity) -> bool:
    """Return whether a severity is no less than another."""
    return SEVERITIES.index(one) >= SEVERITIES.index(floor)


def coalesced(older: Candidate, newer: Candidate) -> Candidate:
    """Return the newer candidate with everything the older one must not lose.

    The newer context, all reasons with the windows of lately that they stand on, alerts, offsets and sends, the worse
    severity, the earlier deadline, and the later time before which the model is not to be asked: that one was said of
    the asset's calls, not of the context.
    """
    shown = _shown_of(older, newer)
    carried = _carried(shown, newer)
    reasons = older.reasons + tuple(r for r in newer.reasons if r not in older.reasons)
    product: Product = "deep_dive" if "deep_dive" in (older.product, newer.product) else "state"
    return Candidate(
        # Not a new id by the product: the gate may yet ask for a deep dive of this minute, and has that id.
        candidate_id=newer.candidate_id,
        asset=newer.asset,
        product=product,
        as_of_ms=newer.as_of_ms,
        severity=worse(older.severity, newer.severity),
        reasons=reasons,
        facts=(*earlier_facts(carried), *newer.facts),
        quality=quality_with(newer.quality, carried),
        aggregate_ids=(*(one.latest.aggregate_id for one in carried), *newer.aggregate_ids),
        partition=newer.partition,
        offsets=tuple(sorted(set(older.offsets) | set(newer.offsets))),
        tenure=newer.tenure,
        enqueued_s=min(older.enqueued_s, newer.enqueued_s),
        deadline_s=min(older.deadline_s, newer.deadline_s),
        not_before_s=max(older.not_before_s, newer.not_before_s),
        alerts=older.alerts + tuple(a for a in newer.alerts if a not in older.alerts),
        read_to=newer.read_to,
        lead=newer.lead,
        shown=shown,
        labels=newer.labels,
        sends=older.sends + newer.sends,
        readings=older.readings + newer.readings,
        heir=newer.heir,
    )


def _shown_of(older: Candidate, newer: Candidate) -> tuple[Noted, ...]:
    """Return the windows that reasons of two stand on: of the worse one first, else of the newer."""
    since_ms = newer.as_of_ms - CARRIED_MS
    carried = tuple(one for one in older.shown if one.latest.window_end_ms > since_ms)
    is_older_worse = worse(older.severity, newer.severity) != newer.severity
    first, then = (carried, newer.shown) if is_older_worse else (newer.shown, carried)
    shown: dict[str, Noted] = {}
    for one in (*first, *then):
        shown.setdefault(window_of(one.latest), one)
    return tuple(shown.values())[:SHOWN_MAX]


def _carried(shown: Iterable[Noted], newer: Candidate) -> list[Noted]:
    """Return the windows of which the newer has no facts, within the bound of those that are not the latest."""
    known = cited_in(list(newer.aggregate_ids))
    earlier = {f.aggregate_id for f in newer.facts if f.window_end_ms is not None}
    missing = [one for one in shown if window_of(one.latest) not in known]
    return missing[: max(0, EARLIER_MAX - len(earlier))]


def _precedence(cause: AlertCause) -> tuple[int, int, str]:
    return -SEVERITIES.index(cause.severity), cause.since_ms, cause.alert_id
