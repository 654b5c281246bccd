"""What is kept of one subject, and what that says of a window: sections 3.6, 7 and 8 of docs/windows.md."""

import math
from dataclasses import dataclass, field
from typing import Any

from .clock import Clock
from .form import Record, RefusedError
from .kinds import Window
from .scores import REFERENCE_MAX, History
from .seen import Sequences
from .values import Entry

SOURCES_MAX = 64
PLACES_MAX = 256
GAPS_MAX = 64


@dataclass(slots=True)
class Block:
    """The events of one block, in the order they were applied."""

    entries: list[Entry] = field(default_factory=list)
    unsure: bool = False


@dataclass(slots=True)
class Shown:
    """The earliest event of one source, and its earliest without a sequence."""

    first_ms: int
    unproven_ms: float = math.inf


@dataclass(slots=True)
class Gap:
    """A span in which a venue's events are missing."""

    venue: str
    from_ms: int
    to_ms: int


class Subject:
    """One subject while it is known."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.blocks: dict[int, Block] = {}
        self.sources: dict[str, Shown] = {}
        self.places: dict[str, Sequences] = {}
        self.gaps: dict[str, Gap] = {}
        self.histories: dict[tuple[int, int], History] = {}

    def check_room(self, source: str, place: str) -> None:
        """Refuse a source or a place too many."""
        if source not in self.sources and len(self.sources) >= SOURCES_MAX:
            raise RefusedError(reason="venues_max")
        if place not in self.places and len(self.places) >= PLACES_MAX:
            raise RefusedError(reason="venues_max")

    def show(self, source: str, event_ms: int, *, proven: bool) -> None:
        """Note that a source has shown an applied event."""
        shown = self.sources.setdefault(source, Shown(event_ms))
        shown.first_ms = min(shown.first_ms, event_ms)
        if not proven:
            shown.unproven_ms = min(shown.unproven_ms, event_ms)

    def mark(self, mark: Record) -> None:
        """Take a gap mark."""
        if mark["type"] == "gap.filled":
            self.gaps.pop(mark["gap_id"], None)
            return
        self.gaps[mark["gap_id"]] = Gap(mark["venue"], mark["from_ms"], mark["to_ms"])
        if len(self.gaps) > GAPS_MAX:
            first, second = sorted(self.gaps, key=lambda name: (self.gaps[name].from_ms, name))[:2]
            gone, kept = self.gaps.pop(first), self.gaps[second]
            kept.from_ms, kept.to_ms = gone.from_ms, max(gone.to_ms, kept.to_ms)

    def blocks_of(self, from_ms: int, to_ms: int, block_ms: int) -> list[Block]:
        """Return the blocks of [from_ms, to_ms), oldest first."""
        starts = range(from_ms, to_ms, block_ms)
        return [block for start in starts if (block := self.blocks.get(start)) is not None]

    def is_forgotten(self, watermark_ms: int) -> bool:
        """Return whether nothing of it is of any use any more."""
        if self.blocks or self.gaps:
            return False
        return all(
            history.last_start_ms + window_ms + REFERENCE_MAX * step_ms <= watermark_ms
            for (window_ms, step_ms), history in self.histories.items()
            if history
        )

    def shown_by(self, end_ms: int) -> dict[str, Shown]:
        """Return the sources that have shown an event before ``end_ms``."""
        return {name: shown for name, shown in self.sources.items() if shown.first_ms < end_ms}

    def may_be_partial(self, window: Window, clock: Clock) -> bool:
        """Return whether every source began after the window did."""
        return all(
            clock.began_after(name, window.start_ms) for name in self.shown_by(window.end_ms)
        )

    def completeness(self, window: Window, clock: Clock, blocks: list[Block]) -> dict[str, Any]:
        """Return what is known to be missing from a window."""
        start_ms, end_ms = window.start_ms, window.end_ms
        shown = self.shown_by(end_ms)
        missing = sorted(name for name in shown if clock.misses(name, start_ms, end_ms))
        holes = [g for g in self.gaps.values() if g.from_ms < end_ms and g.to_ms >= start_ms]
        unproven = any(source.unproven_ms < end_ms for source in shown.values())
        doubtful = "unverifiable" if missing or unproven else "complete"
        return {
            "state": "holed" if holes else doubtful,
            "holed_fraction": _union_ms(holes, start_ms, end_ms) / window.window_ms,
            "holed_venues": sorted({hole.venue for hole in holes}),
            "missing_sources": missing,
            "unverified_duplicates": any(block.unsure for block in blocks),
        }


def _union_ms(holes: list[Gap], start_ms: int, end_ms: int) -> int:
    """Return the length of the union of holes within [start_ms, end_ms)."""
    total, reached_ms = 0, start_ms
    for hole in sorted(holes, key=lambda hole: (hole.from_ms, hole.to_ms)):
        until_ms = min(hole.to_ms, end_ms)
        total += max(0, until_ms - max(hole.from_ms, reached_ms))
        reached_ms = max(reached_ms, until_ms)
    return total
