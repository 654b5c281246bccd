"""The editions of one window, and what each changed against the one before. PURE."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from streams.serving.pages import links
from streams.serving.pages.pieces import Column, Line, Row, Rows, Words, capped
from streams.serving.shown import Place
from topics import Aggregate

from .quality import quality
from .quantities import Measure, measure

EDITIONS_SHOWN_MAX = 40
CHANGES_SHOWN_MAX = 8
"""Of one edition; of more it is said how many."""

EDITION_COLUMNS = (
    Column("Edition"),
    Column("Why it was published"),
    Column("What changed", main=True),
    Column("Data"),
    Column("Where it stands"),
)
REASONS: Mapping[str, str] = {
    "closed": "the window's end had passed",
    "corrected": "something in the window had changed",
    "replay_start": "a replay begins within it: it may be partial",
}


class Change(Struct, frozen=True, kw_only=True):
    """One value that is not what it was."""

    told: Measure
    before: float | None
    after: float | None

    @property
    def words(self) -> str:
        """Both, in their unit."""
        return f"{self.told.label} {self.told.digits(self.before)} to {self.told.text(self.after)}"


Edition = tuple[Aggregate, Place]


def in_order(found: Sequence[Edition]) -> list[Edition]:
    """Return the editions of a window, the first one first, each once: of two with one number the first in the log counts."""
    once: dict[tuple[int, int], Edition] = {}
    for one in sorted(found, key=lambda edition: edition[1]):
        once.setdefault(one[0].edition, one)
    return [once[edition] for edition in sorted(once)]


def numbers(aggregate: Aggregate) -> dict[str, float | None]:
    """Return the values that are one number, in the order of the contract; None where there is none."""
    told = msgspec.to_builtins(aggregate.values)
    return {name: value for name, value in told.items() if value is None or _is_number(value)}


def by_venue(aggregate: Aggregate) -> dict[str, dict[str, float]]:
    """Return the values that are a number a venue, by name."""
    told = msgspec.to_builtins(aggregate.values)
    return {name: value for name, value in told.items() if isinstance(value, dict)}


def changes(before: Aggregate, after: Aggregate) -> list[Change]:
    """Return what is not what it was, in the order of the contract; by venue it is told by the sums."""
    old, new = numbers(before), numbers(after)
    return [
        Change(told=measure(after.kind, name, after.subject), before=old.get(name), after=value)
        for name, value in new.items()
        if old.get(name) != value
    ]


def edition_rows(found: Sequence[Edition], shown: Aggregate) -> Rows:
    """Return the editions, the newest first; the one that is shown says so."""
    ordered = in_order(found)
    befores: list[Aggregate | None] = [None, *(aggregate for aggregate, _ in ordered)]
    rows = [
        _row(before, aggregate, place, is_shown=aggregate.edition == shown.edition)
        for before, (aggregate, place) in zip(befores, ordered, strict=False)
    ]
    return capped(rows[::-1], EDITIONS_SHOWN_MAX, "No edition of this window was found in the log.")


def name_of(aggregate: Aggregate) -> str:
    """Return which edition it is, in words."""
    told = f"revision {aggregate.revision}" if aggregate.revision else "first edition"
    return f"{told}, epoch {aggregate.epoch}" if aggregate.epoch else told


def _row(before: Aggregate | None, aggregate: Aggregate, place: Place, *, is_shown: bool) -> Row:
    name: Line = (Words(name_of(aggregate), href=links.aggregate(aggregate.aggregate_id)),)
    if is_shown:
        name = (Words(name_of(aggregate), tone="strong"), Words("shown here", tone="quiet"))
    told = quality(aggregate.completeness)
    where = f"partition {place.partition}, offset {place.offset:,}"
    return Row(
        key=aggregate.aggregate_id,
        cells=(
            name,
            (Words(REASONS.get(aggregate.reason, aggregate.reason)),),
            _what(before, aggregate),
            (Words(f"{told.mark} {told.word}", tone="doubt" if told.doubtful else "", hint=told.words),),
            (Words(where, tone="quiet"),),
        ),
    )  # fmt: skip


def _what(before: Aggregate | None, aggregate: Aggregate) -> Line:
    if before is None:
        return (Words("nothing was there before", tone="quiet"),)
    found = changes(before, aggregate)
    line = [Words(change.words) for change in found[:CHANGES_SHOWN_MAX]]
    if (more := len(found) - CHANGES_SHOWN_MAX) > 0:
        line.append(Words(f"and {more} more values", tone="quiet"))
    if before.completeness != aggregate.completeness:
        line.append(Words(f"data: {quality(before.completeness).word} to {quality(aggregate.completeness).word}"))  # fmt: skip
    return tuple(line) or (Words("no single value: only values by venue, or scores", tone="quiet"),)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
