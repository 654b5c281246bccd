"""Event time in one partition: section 4 of docs/windows.md."""

from dataclasses import dataclass

from .form import Record, RefusedError

SOURCES_MAX = 64
AHEAD_MS_MAX = 10_000
"""Of a promise; an event may be further ahead of its receipt."""


@dataclass(slots=True)
class SourceClock:
    """What one source has promised."""

    epoch: int
    since_ms: int
    through_ms: int
    is_open: bool


class Clock:
    """The clocks of a partition's sources, and the watermark they make."""

    def __init__(self, idle_ms: int) -> None:
        """Begin without sources."""
        self.sources: dict[str, SourceClock] = {}
        self.watermark_ms: int | None = None
        self._idle_ms = idle_ms

    def beat(self, heartbeat: Record, timestamp_ms: int) -> None:
        """Take a heartbeat.

        Raises:
            RefusedError: It promises the future (`absurd_time`), or is of a source too many (`sources_max`).
        """
        source, through_ms = heartbeat["source"], heartbeat["through_ms"]
        if through_ms > timestamp_ms + AHEAD_MS_MAX:
            raise RefusedError(reason="absurd_time")
        known = self.sources.get(source)
        is_open = heartbeat["state"] == "open"
        if known is None:
            if len(self.sources) >= SOURCES_MAX:
                raise RefusedError(reason="sources_max")
            self.sources[source] = SourceClock(heartbeat["epoch"], through_ms, through_ms, is_open)
        elif heartbeat["epoch"] >= known.epoch:
            known.epoch, known.is_open = heartbeat["epoch"], is_open
            known.through_ms = max(known.through_ms, through_ms)
        self._advance()

    def _advance(self) -> None:
        live = [clock.through_ms for clock in self.sources.values() if clock.is_open]
        if not live:
            return
        fastest = max(live)
        reached = min(through for through in live if through >= fastest - self._idle_ms)
        if self.watermark_ms is None or reached > self.watermark_ms:
            self.watermark_ms = reached

    def began_after(self, source: str, start_ms: int) -> bool:
        """Return whether a source has promised nothing about ``start_ms``."""
        clock = self.sources.get(source)
        return clock is None or clock.since_ms > start_ms

    def misses(self, source: str, start_ms: int, end_ms: int) -> bool:
        """Return whether a source is missing from [start_ms, end_ms) (section 7)."""
        clock = self.sources.get(source)
        if clock is None:
            return True
        return clock.is_open and (clock.since_ms > start_ms or clock.through_ms < end_ms)
