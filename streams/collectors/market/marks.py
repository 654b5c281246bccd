"""The marks of holes by time: PURE."""

from topics import GapDetected, GapFilled, GapMark, GapPermanent, Trade


def begin_of(after: Trade, *, source: str, venue: str, to_ms: int) -> GapDetected:
    """Return the mark of a hole behind a trade; one that grows keeps its name."""
    return GapDetected(
        gap_id=f"{venue}/{after.subject}/after {after.trade_id}"[:200],
        subject=after.subject,
        source=source,
        venue=venue,
        from_ms=after.event_ms,
        to_ms=to_ms,
    )


def numbers_of(mark: GapDetected) -> tuple[int, int]:
    """Return the first and the last number that a hole by numbers lacks."""
    first = mark.first_missing or 0
    return first, first + (mark.ids_missing or 1) - 1


def end_of(told: GapDetected, lost: str | None) -> GapMark:
    """Return the mark that ends a hole: filled, or lost for a reason."""
    if lost is None:
        return GapFilled(
            gap_id=told.gap_id,
            subject=told.subject,
            source=told.source,
            venue=told.venue,
            from_ms=told.from_ms,
            to_ms=told.to_ms,
        )
    return GapPermanent(
        gap_id=told.gap_id,
        subject=told.subject,
        source=told.source,
        venue=told.venue,
        from_ms=told.from_ms,
        to_ms=told.to_ms,
        reason=lost[:200],
    )
