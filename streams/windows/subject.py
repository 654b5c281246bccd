"""One subject of one kind: its blocks, and what is known of its sources and gaps."""

from msgspec import Struct

from topics import Completeness, GapDetected, GapFilled, GapMark, Kind, asset_of

from .blocks import Blocks
from .clock import Clock
from .history import HISTORY_MAX, History
from .kinds import WindowSize
from .seen import Intervals

SOURCES_MAX = 64
"""Sources of one subject; an event of a further one is refused."""
PLACES_MAX = 256
"""Venues of one instrument, or (venue, instrument) pairs of one asset's volume; likewise."""
GAPS_MAX = 64
"""Gaps of one subject; beyond it the two oldest become one."""


class SourceSeen(Struct, array_like=True):
    """What one source has shown of this subject."""

    first_ms: int
    """Its earliest event."""
    unproven_ms: int | None = None
    """Its earliest event without a sequence number: from there on nothing proves that none is missing."""


class Gap(Struct, array_like=True):
    """A span in which one venue's events are known to be missing."""

    source: str
    venue: str
    from_ms: int
    to_ms: int
    permanent: bool = False


class SubjectRecord(Struct):
    """What state keeps of a subject beside its blocks."""

    sources: dict[str, SourceSeen] = {}
    places: dict[str, Intervals] = {}
    """Where it is traded, with the sequence numbers seen there."""
    gaps: dict[str, Gap] = {}


class Subject:
    """A subject while it lives: from its first event or gap mark until blocks and histories have expired."""

    def __init__(self, kind: Kind, name: str, record: SubjectRecord | None = None) -> None:
        """Begin without blocks."""
        self.name = name
        self.asset = asset_of(name)
        self.key = self.asset.encode()
        self.record = record or SubjectRecord()
        self.blocks = Blocks(kind)
        self.histories: dict[WindowSize, History] = {}

    def history(self, size: WindowSize) -> History:
        """Return what was first published of the windows of one size."""
        return self.histories.setdefault(size, History())

    def remembered_until_ms(self) -> int:
        """Return when the last of its histories is too old to compare anything with."""
        return max(
            (
                history.entries[-1].start_ms + size.window_ms + HISTORY_MAX * size.step_ms
                for size, history in self.histories.items()
                if history.entries
            ),
            default=0,
        )

    def knows(self, source: str, place: str) -> bool:
        """Return whether a source and a place have been seen here."""
        return source in self.record.sources and place in self.record.places

    def room(self, source: str, place: str) -> str | None:
        """Return None if an event of this source and place is within the bounds, else what is beyond."""
        record = self.record
        if source not in record.sources and len(record.sources) >= SOURCES_MAX:
            return f"source {source}"
        if place not in record.places and len(record.places) >= PLACES_MAX:
            return f"place {place}"
        return None

    def numbers(self, place: str) -> Intervals:
        """Return the sequence numbers seen at a place, which is known from now on."""
        return self.record.places.setdefault(place, Intervals())

    def saw(self, source: str, event_ms: int, *, proven: bool) -> None:
        """Note that a source has shown an event of this time, with or without a sequence number."""
        seen = self.record.sources.get(source)
        if seen is None:
            self.record.sources[source] = SourceSeen(event_ms, None if proven else event_ms)
            return
        seen.first_ms = min(seen.first_ms, event_ms)
        if not proven and (seen.unproven_ms is None or event_ms < seen.unproven_ms):
            seen.unproven_ms = event_ms

    def mark(self, mark: GapMark) -> None:
        """Take a gap mark."""
        gaps = self.record.gaps
        if isinstance(mark, GapFilled):
            gaps.pop(mark.gap_id, None)
            return
        permanent = not isinstance(mark, GapDetected)
        gaps[mark.gap_id] = Gap(mark.source, mark.venue, mark.from_ms, mark.to_ms, permanent)
        if len(gaps) > GAPS_MAX:
            first, second = sorted(gaps, key=lambda gap_id: (gaps[gap_id].from_ms, gap_id))[:2]
            kept, gone = gaps[second], gaps.pop(first)
            gaps[second] = Gap(
                kept.source,
                kept.venue,
                gone.from_ms,
                max(gone.to_ms, kept.to_ms),
                kept.permanent or gone.permanent,
            )

    def forget_gaps_before(self, time_ms: int) -> bool:
        """Forget gaps that end by ``time_ms`` and return whether there were any."""
        gaps = self.record.gaps
        past = [gap_id for gap_id, gap in gaps.items() if gap.to_ms <= time_ms]
        for gap_id in past:
            del gaps[gap_id]
        return bool(past)

    def completeness(
        self, start_ms: int, end_ms: int, clock: Clock, *, unsure: bool
    ) -> Completeness:
        """Return what gap marks and source clocks say of a window, and nothing else."""
        shown = {n: seen for n, seen in self.record.sources.items() if seen.first_ms < end_ms}
        missing = sorted(name for name in shown if clock.lacks(name, start_ms, end_ms))
        unproven = any(
            seen.unproven_ms is not None and seen.unproven_ms < end_ms for seen in shown.values()
        )
        holes = [
            gap
            for gap in self.record.gaps.values()
            if gap.from_ms < end_ms
            and gap.to_ms >= start_ms  # what is missing may have either time
        ]
        return Completeness(
            state="holed" if holes else "unverifiable" if missing or unproven else "complete",
            holed_fraction=_covered_ms(holes, start_ms, end_ms) / (end_ms - start_ms),
            holed_venues=sorted({gap.venue for gap in holes}),
            missing_sources=missing,
            unverified_duplicates=unsure,
        )

    def is_first(self, start_ms: int, end_ms: int, clock: Clock) -> bool:
        """Return whether every source began only after this window did, so that it may be partial."""
        return all(
            clock.began_after(name, start_ms)
            for name, seen in self.record.sources.items()
            if seen.first_ms < end_ms
        )


def _covered_ms(holes: list[Gap], start_ms: int, end_ms: int) -> int:
    """Return how much of [start_ms, end_ms) lies inside at least one of the holes."""
    covered, reached = 0, start_ms
    for gap in sorted(holes, key=lambda gap: gap.from_ms):
        begin, end = max(gap.from_ms, reached), min(gap.to_ms, end_ms)
        covered += max(0, end - begin)
        reached = max(reached, end)
    return covered
