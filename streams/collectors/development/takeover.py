"""What the log says that whoever ran a source before had come to, and had missed: PURE."""

from collections.abc import Iterable

from topics import GapDetected, GapFilled, GapPermanent, Heartbeat


class Takeover:
    """The past of one source; at first it has none."""

    def __init__(self, source: str, *, lateness_ms: int) -> None:
        """Begin without a past. ``lateness_ms``: how far its promises stayed behind what was covered."""
        self.covered_ms: int | None = None
        """Up to when all was seen, but for the open gaps."""
        self._source, self._lateness_ms = source, lateness_ms
        self._open: dict[str, GapDetected] = {}

    def take(self, past: Iterable[object]) -> None:
        """Take records of the log, oldest first."""
        for record in past:
            match record:
                case Heartbeat():
                    covered_ms = record.through_ms + self._lateness_ms
                    self.covered_ms = max(self.covered_ms or 0, covered_ms)
                case GapDetected():
                    self._open[record.gap_id] = record
                case GapFilled() | GapPermanent():
                    self._open.pop(record.gap_id, None)

    def open_gap(self, target: str, subjects: Iterable[str]) -> GapDetected | None:
        """Return the gap of a target that was told and not ended, by the id that `Coverage` gave it."""
        for mark in self._open.values():
            for subject in subjects:
                if mark.gap_id == f"{self._source}/{subject}/{target[:80]}/{mark.from_ms}":
                    return mark
        return None
