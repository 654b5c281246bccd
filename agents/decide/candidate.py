"""One asset that deserves an analysis now."""

from msgspec import Struct

from topics import DataQuality, Fact, Severity
from topics.analysis import Product

SEVERITIES: tuple[Severity, ...] = ("info", "notice", "warning", "critical")
"""From the least to the most."""


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
    """Every aggregate it read."""
    partition: int
    offsets: tuple[int, ...]
    """Of the aggregates that made it a candidate, ascending; they are finished when it is."""
    tenure: int
    """Under which assignment of the partition it was made; under a later one its answer is nobody's."""
    enqueued_s: float
    deadline_s: float


def worse(one: Severity, other: Severity) -> Severity:
    """Return the more severe of two."""
    return max(one, other, key=SEVERITIES.index)


def coalesced(older: Candidate, newer: Candidate) -> Candidate:
    """Return the newer candidate with everything the older one must not lose.

    The newer context, all reasons, the worse severity, the earlier deadline, and every offset.
    """
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
        facts=newer.facts,
        quality=newer.quality,
        aggregate_ids=newer.aggregate_ids,
        partition=newer.partition,
        offsets=tuple(sorted(set(older.offsets) | set(newer.offsets))),
        tenure=newer.tenure,
        enqueued_s=older.enqueued_s,
        deadline_s=min(older.deadline_s, newer.deadline_s),
    )
