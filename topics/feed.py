"""The latest state of one venue's feed of one asset, for people. Processors never read it."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from .units import Count, EpochMs, Name, Subject


class FeedStatus(Struct, frozen=True, kw_only=True, tag_field="type", tag="feed.status"):
    """Whether a feed is connected, how old its last event is, and what it is missing."""

    source: Name
    venue: Name
    subject: Subject
    state: Literal["connecting", "connected", "stale", "disconnected", "closed"]
    reason: Annotated[str, Meta(max_length=200)] = ""
    since_ms: EpochMs
    at_ms: EpochMs
    last_event_ms: EpochMs | None = None
    last_received_ms: EpochMs | None = None
    events: Count = 0
    """Sent since this collector started."""
    refused: Count = 0
    gaps_open: Count = 0
    gaps_permanent: Count = 0
