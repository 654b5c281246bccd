"""How far event time has come in one partition of one raw topic. Only heartbeats move it."""

from copy import copy

from msgspec import Struct

from topics import Heartbeat

SOURCES_MAX = 64
"""Sources of one partition; a further one is refused."""


class SourceClock(Struct, array_like=True):
    """What one source promised last."""

    epoch: int
    since_ms: int
    """Its first promise: it says nothing of the time before."""
    through_ms: int
    open: bool


class Clock(Struct):
    """The watermark of a partition: the least promise of its live sources. It never goes back.

    A source that is closed, or more than ``source_idle_ms`` behind the fastest one, holds nothing back.
    """

    source_idle_ms: int
    sources: dict[str, SourceClock] = {}
    watermark_ms: int | None = None
    """None until the first heartbeat."""

    def full(self, source: str) -> bool:
        """Return whether a heartbeat of this source would be one source too many."""
        return source not in self.sources and len(self.sources) >= SOURCES_MAX

    def beat(self, heartbeat: Heartbeat) -> int | None:
        """Take a heartbeat and return the watermark after it.

        An epoch below the greatest seen is ignored: its sender has been replaced.
        """
        known = self.sources.get(heartbeat.source)
        is_open = heartbeat.state == "open"
        if known is None:
            self.sources[heartbeat.source] = SourceClock(
                heartbeat.epoch, heartbeat.through_ms, heartbeat.through_ms, is_open
            )
        elif heartbeat.epoch >= known.epoch:
            known.epoch = heartbeat.epoch
            known.through_ms = max(known.through_ms, heartbeat.through_ms)
            known.open = is_open
        live = [clock.through_ms for clock in self.sources.values() if clock.open]
        if live:
            slowest = max(live) - self.source_idle_ms
            reached = min(through for through in live if through >= slowest)
            if self.watermark_ms is None or reached > self.watermark_ms:
                self.watermark_ms = reached
        return self.watermark_ms

    def reached_by(self, heartbeat: Heartbeat) -> int | None:
        """Return the watermark that a heartbeat would bring; nothing is taken."""
        known = self.sources.get(heartbeat.source)
        sources = self.sources if known is None else {**self.sources, heartbeat.source: copy(known)}
        return Clock(self.source_idle_ms, dict(sources), self.watermark_ms).beat(heartbeat)

    def lacks(self, source: str, start_ms: int, end_ms: int) -> bool:
        """Return whether a source that is not closed has not promised all of [start_ms, end_ms)."""
        clock = self.sources.get(source)
        return clock is None or (
            clock.open and (clock.since_ms > start_ms or clock.through_ms < end_ms)
        )

    def began_after(self, source: str, start_ms: int) -> bool:
        """Return whether a source has promised nothing about ``start_ms``."""
        clock = self.sources.get(source)
        return clock is None or clock.since_ms > start_ms
