"""Gaps of feeds as their marks in the raw topics tell them. PURE and bounded."""

from typing import Literal

from topics import FeedStatus, GapDetected, GapFilled, GapMark, GapPermanent, Kind

from .shown import GapShown, Place

GAPS_OF_FEED_MAX = 50
"""Remembered of one feed: all count. Closed ones make room first."""
GAP_FEEDS_MAX = 5_000
"""Feeds whose gaps are remembered."""


class GapBook:
    """The latest gaps of each venue's feed of a subject."""

    def __init__(self) -> None:
        """Begin with none."""
        self.forgotten = 0
        """Gaps that had to make room for others."""
        self._feeds: dict[tuple[str, str], dict[str, GapShown]] = {}

    def __len__(self) -> int:
        """Return of how many feeds there are gaps."""
        return len(self._feeds)

    def put(self, mark: GapMark, kind: Kind, place: Place, at_ms: int) -> None:
        """Take a mark."""
        feed = mark.venue, mark.subject
        gaps = self._feeds.pop(feed, {})
        if not gaps and len(self._feeds) >= GAP_FEEDS_MAX:
            self.forgotten += len(self._feeds.pop(next(iter(self._feeds))))
        self._feeds[feed] = gaps
        before = gaps.pop(mark.gap_id, None)
        if len(gaps) >= GAPS_OF_FEED_MAX:
            closed = (gap_id for gap_id, gap in gaps.items() if gap.state != "open")
            del gaps[next(closed, None) or next(iter(gaps))]
            self.forgotten += 1
        gaps[mark.gap_id] = _shown(mark, kind, place, at_ms, before)

    def of(self, feed: FeedStatus) -> tuple[GapShown, ...]:
        """Return a feed's gaps: open ones first, then the newest."""
        gaps = self._feeds.get((feed.venue, feed.subject), {}).values()
        return tuple(sorted(gaps, key=lambda g: (g.state != "open", -g.to_ms, g.gap_id)))

    def all(self) -> list[GapShown]:
        """Return all gaps, the newest first."""
        found = [gap for gaps in self._feeds.values() for gap in gaps.values()]
        return sorted(found, key=lambda g: (-g.to_ms, g.gap_id, g.venue, g.subject))


def _shown(
    mark: GapMark, kind: Kind, place: Place, at_ms: int, before: GapShown | None
) -> GapShown:
    missing = None if before is None else before.ids_missing
    reason = ""
    match mark:
        case GapDetected():
            missing = mark.ids_missing
        case GapPermanent():
            reason = mark.reason
        case GapFilled():
            pass
    return GapShown(
        gap_id=mark.gap_id,
        kind=kind,
        source=mark.source,
        venue=mark.venue,
        subject=mark.subject,
        from_ms=mark.from_ms,
        to_ms=mark.to_ms,
        state=_STATES[type(mark)],
        ids_missing=missing,
        reason=reason,
        at_ms=at_ms,
        place=place,
    )


_STATES: dict[type, Literal["open", "filled", "permanent"]] = {
    GapDetected: "open",
    GapFilled: "filled",
    GapPermanent: "permanent",
}
