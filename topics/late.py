"""Events that came too late for every window."""

from typing import Annotated

from msgspec import Meta, Raw, Struct

from .units import AssetId, Count, DurationMs, EpochMs, Kind, Subject


class Late(Struct, frozen=True, kw_only=True, tag_field="type", tag="late"):
    """A raw event older than the watermark less the horizon. It is in no aggregate."""

    kind: Kind
    asset: AssetId
    subject: Subject
    event_id: Annotated[str, Meta(max_length=400)]
    window_start_ms: EpochMs
    window_ms: DurationMs
    """The smallest window it would have been in."""
    lateness_ms: DurationMs
    """Watermark - event time when it was read."""
    partition: Count
    offset: Count
    """Where it stands in the raw topic."""
    event: Raw
    """The event itself, as it was read."""
