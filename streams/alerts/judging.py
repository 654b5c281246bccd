"""One condition over one window: it holds, it does not, or nobody can know. PURE."""

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from topics import Aggregate

from .evidence import proof_of
from .headline import Seen
from .rules import Condition

MISSING_MAX = 16
"""Names of what is missing that one window keeps: an alert is read by people."""

Verdict = Literal["holds", "not", "unknown"]


class Cell(Struct, array_like=True, kw_only=True):
    """What is known of one condition for one subject: its latest window, as judged."""

    start_ms: int
    revision: int
    epoch: int
    before: bool
    """Whether the condition held before this window: a revision of it is judged from there."""
    latched: bool
    """Whether it holds since; between the two thresholds it goes on as it was, and where nobody knows as well."""
    verdict: Verdict
    degraded: bool
    value: float | None
    z: float | None
    usual: float | None
    base: float | None
    """The value of the window just before, as it was when this one came; None where there was none, or one with holes."""
    missing: list[str]
    """Sources and venues whose data this window lacks."""


def judge(condition: Condition, aggregate: Aggregate, *, before: bool, base: float | None) -> Cell:
    """Return a window judged. ``before``: whether the condition held before it; ``base``: see `Cell`."""
    told: float | None = getattr(aggregate.values, condition.metric)
    value = None if told is None else float(told)
    score = aggregate.scores.get(condition.metric) if condition.of == "score" else None
    z = None if score is None else score.z
    judged = {"value": value, "score": z, "change": change_of(value, base)}[condition.of]
    whole = _is_whole(aggregate)
    if condition.of == "change" and base is None:
        verdict: Verdict = "unknown"
    elif base is not None and condition.base_above is not None and base <= condition.base_above:
        verdict = "not"
    elif not whole:
        verdict = _seen(condition, judged, unsure=aggregate.completeness.unverified_duplicates)
    else:
        unsure = aggregate.completeness.unverified_duplicates
        verdict = (_maybe_doubled if unsure else _known)(condition, judged, before=before)
    return Cell(
        start_ms=aggregate.window_start_ms,
        revision=aggregate.revision,
        epoch=aggregate.epoch,
        before=before,
        latched=before if verdict == "unknown" else verdict == "holds",
        verdict=verdict,
        degraded=not whole,
        value=value,
        z=z,
        usual=None if score is None else score.median,
        base=base,
        missing=[] if whole else _missing(aggregate),
    )


def change_of(value: float | None, base: float | None) -> float | None:
    """Return value / base - 1; None where there is nothing to divide by."""
    return None if value is None or not base else value / base - 1


def _is_whole(aggregate: Aggregate) -> bool:
    """Return whether nothing is known to be missing: no hole, no silent source, no window cut by a start."""
    said = aggregate.completeness
    return said.state != "holed" and not said.missing_sources and aggregate.reason != "replay_start"


def _missing(aggregate: Aggregate) -> list[str]:
    said = aggregate.completeness
    return sorted({*said.holed_venues, *said.missing_sources})[:MISSING_MAX]


def _known(condition: Condition, judged: float | None, *, before: bool) -> Verdict:
    """A whole window without a number, or without the history of a score, has nothing that could hold."""
    if judged is None or condition.ends(judged):
        return "not"
    return "holds" if before or condition.begins(judged) else "not"


def _seen(condition: Condition, judged: float | None, *, unsure: bool) -> Verdict:
    """Return what the seen part of a window proves."""
    if judged is None:
        return "unknown"
    proof = proof_of(condition.kind, condition.metric, unsure=unsure)
    for_it = "grows" if condition.rising else "shrinks"
    against = "shrinks" if condition.rising else "grows"
    if condition.begins(judged) and proof in (for_it, "seen"):
        return "holds"
    return "not" if condition.ends(judged) and proof == against else "unknown"


def _maybe_doubled(condition: Condition, judged: float | None, *, before: bool) -> Verdict:
    """Return the verdict of a window that may hold some events twice: what they make greater may be less."""
    verdict = _known(condition, judged, before=before)
    grows = proof_of(condition.kind, condition.metric, unsure=False) == "grows"
    doubtful = grows and proof_of(condition.kind, condition.metric, unsure=True) == "fakeable"
    return "unknown" if doubtful and (verdict == "holds") == condition.rising else verdict


def combined(verdicts: Iterable[Verdict], match: Literal["all", "any"]) -> Verdict:
    """Return the verdict of several (Kleene's logic): what is not known matters only where it could decide."""
    found = set(verdicts)
    decides: Verdict = "not" if match == "all" else "holds"
    if decides in found:
        return decides
    return "unknown" if "unknown" in found else "holds" if match == "all" else "not"


def seen_of(condition: Condition, cell: Cell | None) -> Seen:
    """Return what a headline may say of a condition."""
    seen = Seen(
        kind=condition.kind,
        metric=condition.metric,
        of=condition.of,
        threshold=condition.threshold,
        window_ms=condition.size.window_ms,
    )
    if cell is None:
        return seen
    return replace(
        seen,
        value=cell.value,
        z=cell.z,
        change=change_of(cell.value, cell.base),
        usual=cell.usual,
        holds=cell.verdict == "holds",
    )
