"""What the log says of where a source had come with one thing it asks for: PURE."""

from collections.abc import Sequence

from msgspec import Struct

from topics import GapDetected, GapMark, Heartbeat, RawEvent, VolumeFlow, VolumeLevel


class Past(Struct, frozen=True):
    """Where the log leaves one thing that is asked for."""

    event_ms: int | None
    """The time of its last event."""
    through_ms: int | None
    """What the source had promised last."""
    gap: GapDetected | None
    """The gap that was told and not ended."""


def past_of(
    past: Sequence[RawEvent | GapMark | Heartbeat],
    *,
    venue: str,
    asset: str,
    target: str,
    span_ms: int,
) -> Past:
    """Return where the log of a source's last minutes leaves a target, which its events name as instrument."""
    event_ms: int | None = None
    through_ms: int | None = None
    gap: GapDetected | None = None
    for record in past:
        match record:
            case VolumeFlow() | VolumeLevel():
                place = (record.venue, record.subject, record.instrument, record.span_ms)
                if place == (venue, asset, target, span_ms):
                    event_ms = max(event_ms or 0, record.event_ms)
            case Heartbeat():
                through_ms = max(through_ms or 0, record.through_ms)
            case GapDetected():
                if record.gap_id.startswith(f"{venue}/{asset}/{target[:80]}/"):
                    gap = record
            case _:
                if gap is not None and getattr(record, "gap_id", None) == gap.gap_id:
                    gap = None
    return Past(event_ms, through_ms, gap)
