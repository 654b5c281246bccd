"""What an audit has found, in numbers and in sentences."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from .compare import WHAT, Difference, What
from .recompute import COUNTED

KEPT_MAX = 200
"""Differences of one sort kept in words; all are counted."""


@dataclass(slots=True)
class Part:
    """What was found in one partition of one raw topic."""

    kind: str
    partition: int
    first_offset: int = 0
    """Where the raw log begins."""
    end_offset: int = 0
    records: int = 0
    unfolded: int = 0
    """Records behind the one that the streams role has committed last."""
    counts: dict[str, int] = field(default_factory=dict)
    """Of the records that it has folded, recounted."""
    aggregates: int = 0
    """Found and expected."""
    compared: int = 0
    """Of those, compared field by field."""
    late: int = 0
    dead_letters: int = 0
    left_out: int = 0
    """Records that may differ because the raw log, or theirs, does not begin at its start."""
    to_come: int = 0
    """Records that the streams role has still to write."""
    strata: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Report:
    """What was found in all of them."""

    parts: list[Part] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    """The first of each sort."""
    different: dict[What, int] = field(default_factory=dict)
    """How many there are, by sort."""

    @property
    def agrees(self) -> bool:
        """Whether nothing differs."""
        return not self.different

    def add(self, differences: Iterable[Difference]) -> None:
        """Count differences, and keep the first ones of each sort."""
        for difference in differences:
            number = self.different.get(difference.what, 0)
            self.different[difference.what] = number + 1
            if number < KEPT_MAX:
                self.differences.append(difference)

    def add_all(self, other: "Report") -> None:
        """Take over what another report says."""
        self.parts += other.parts
        for what, number in other.different.items():
            kept = [difference for difference in other.differences if difference.what == what]
            before = self.different.get(what, 0)
            self.different[what] = before + number
            self.differences += kept[: max(0, KEPT_MAX - before)]

    @property
    def folded(self) -> int:
        """How many raw records were there that the streams role has folded."""
        return self.total("records") - self.total("unfolded")

    def total(self, name: str) -> int:
        """Return a number of all parts together."""
        return sum(getattr(part, name) for part in self.parts)

    def as_json(self) -> dict[str, Any]:
        """Return everything, as JSON can hold it."""
        return {"agrees": self.agrees} | asdict(self)

    def lines(self, shown: int) -> Iterator[str]:
        """Yield the report in words, with at most ``shown`` differences of each sort."""
        for what in WHAT:
            sort = [difference for difference in self.differences if difference.what == what]
            yield from map(str, sort[:shown])
            if (more := self.different.get(what, 0) - shown) > 0:
                yield f"... and {more} more of this sort ({what})"
        yield from self._sums()
        if self.total("left_out"):
            yield f"{self.total('left_out')} records left out: a log no longer begins at its start"
        if self.total("unfolded"):
            yield (
                f"{self.total('unfolded')} raw records are not folded yet,"
                f" and {self.total('to_come')} records are still to come of them"
            )
        yield (
            f"{self.total('aggregates')} aggregates, {self.total('late')} late events and"
            f" {self.total('dead_letters')} dead letters found as they must be there;"
            f" {self.total('compared')} aggregates compared in every field"
        )
        number = sum(self.different.values())
        yield f"{number} difference{'s' * (number > 1)}" if number else "everything agrees"

    def _sums(self) -> Iterator[str]:
        for kind in dict.fromkeys(part.kind for part in self.parts):
            parts = [part for part in self.parts if part.kind == kind]
            folded = sum(part.records - part.unfolded for part in parts)
            terms = [
                f"{sum(part.counts.get(name, 0) for part in parts)} {name.replace('_', ' ')}"
                for name in COUNTED
            ]
            yield f"raw.{kind}: {folded} records = {' + '.join(terms)}"
