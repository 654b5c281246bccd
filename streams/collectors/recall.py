"""What the log says of one source: its last minutes, where its numbers stand, which gaps are open. PURE.

Whoever takes a source over reads it before it asks for anything: no gap is told twice, and none that is open is
forgotten. A mark stands in the log behind the trade that shows it and before the next heartbeat; where a process
died between the two, the mark is still owed.
"""

from collections import deque
from collections.abc import Sequence

from msgspec import Struct

from topics import (
    GapDetected,
    GapFilled,
    GapMark,
    GapPermanent,
    Heartbeat,
    Post,
    PostDeleted,
    RawEvent,
    RepositoryEvent,
    Trade,
)

from .continuity import Continuity, Place

PAST_MS = 120_000
"""Of the log's time: what a source is given of its own past."""
PAST_RECORDS_MAX = 100_000
"""Of that; beyond it the oldest are let go."""
LASTS_MAX = 10_000
"""Instruments whose last event is kept however old it is."""

Told = RawEvent | PostDeleted | GapMark | Heartbeat


class _Kept(Struct, frozen=True, gc=False):
    at_ms: int
    number: int
    record: Told


class Recall:
    """One source's past, record by record in the order of each partition."""

    def __init__(self, source: str, *, keeps: bool = True) -> None:
        """Begin with nothing read. ``keeps``: whether the source wants its last minutes."""
        self.source = source
        self.continuity = Continuity()
        self.records = 0
        self.epoch = -1
        """The greatest of its heartbeats."""
        self.beaten_ms: int | None = None
        """When its last heartbeat was logged."""
        self._keeps = keeps
        self._partitions: dict[int, deque[_Kept]] = {}
        self._held = 0
        self._reached_ms: dict[int, int] = {}
        self._lasts: dict[Place, _Kept] = {}
        self._owed: dict[tuple[type, str], tuple[int, GapMark]] = {}

    def anew(self) -> "Recall":
        """Return one like it with nothing read."""
        return Recall(self.source, keeps=self._keeps)

    def take(self, record: Told, *, partition: int, logged_ms: int) -> None:
        """Take the next record of the source in a partition."""
        self.records += 1
        # Two writers' clocks may differ; within a partition the order is the log's.
        at_ms = max(logged_ms, self._reached_ms.get(partition, 0))
        self._reached_ms[partition] = at_ms
        kept = _Kept(at_ms, self.records, record)
        match record:
            case Heartbeat():
                self.epoch = max(self.epoch, record.epoch)
                self.beaten_ms = max(self.beaten_ms or 0, logged_ms)
                self._settle(partition)
            case GapDetected() | GapFilled() | GapPermanent():
                self.continuity.apply(record)
                self._owed.pop((type(record), record.gap_id), None)
            case PostDeleted():
                pass  # no event; whoever keeps its post wants to know
            case _:
                self._event(record, kept, partition)
        if self._keeps:
            self._keep(partition, kept)

    def owed(self) -> list[GapMark]:
        """Return the marks that whoever wrote the log came to, and did not come to tell."""
        return [mark for _, mark in self._owed.values()]

    def lasts(self) -> list[RawEvent]:
        """Return the last event of each venue and subject, oldest first."""
        return [
            kept.record
            for kept in sorted(self._lasts.values(), key=_order)
            if not isinstance(kept.record, Heartbeat | GapMark | PostDeleted)
        ]

    def past(self) -> Sequence[Told]:
        """Return its last minutes, oldest first; before them each older gap that is open, and last event of a subject."""
        newest_ms = max(self._reached_ms.values(), default=0)
        recent = [
            kept
            for waiting in self._partitions.values()
            for kept in waiting
            if kept.at_ms >= newest_ms - PAST_MS
        ]
        numbers = {kept.number for kept in recent}
        marks = {kept.record.gap_id for kept in recent if isinstance(kept.record, GapDetected)}
        older = [kept for kept in self._lasts.values() if kept.number not in numbers]
        return [
            *(mark for mark in self.continuity.open_marks() if mark.gap_id not in marks),
            *(kept.record for kept in sorted([*older, *recent], key=_order)),
        ]

    def _event(self, event: RawEvent, kept: _Kept, partition: int) -> None:
        place = (venue_of(event), event.subject)
        if place in self._lasts or len(self._lasts) < LASTS_MAX:
            self._lasts[place] = kept
        if isinstance(event, Trade):
            for mark in self.continuity.observe(event):
                self._owed[type(mark), mark.gap_id] = (partition, mark)

    def _settle(self, partition: int) -> None:
        """A heartbeat came, so nothing is owed before it: what looks like it is where our reading began."""
        for key in [key for key, (place, _) in self._owed.items() if place == partition]:
            _, mark = self._owed.pop(key)
            if isinstance(mark, GapDetected):
                self.continuity.forget(mark)

    def _keep(self, partition: int, kept: _Kept) -> None:
        waiting = self._partitions.setdefault(partition, deque())
        waiting.append(kept)
        self._held += 1
        while waiting[0].at_ms < kept.at_ms - PAST_MS:
            waiting.popleft()
            self._held -= 1
        if self._held > PAST_RECORDS_MAX:
            oldest = min(filter(None, self._partitions.values()), key=lambda held: held[0].at_ms)
            oldest.popleft()
            self._held -= 1


def _order(kept: _Kept) -> tuple[int, int]:
    return kept.at_ms, kept.number


def venue_of(event: RawEvent) -> str:
    """Return who printed an event."""
    match event:
        case Post():
            return event.platform
        case RepositoryEvent():
            return event.source
        case _:
            return event.venue
