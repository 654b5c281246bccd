"""What a collector writes between the events: how far time has come, and what is missing.

Marks travel in the raw topics themselves, so that what they say is ordered with the events they speak of.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from .units import Count, EpochMs, Name, Sequence, Subject

GapId = Annotated[
    str, Meta(min_length=1, max_length=200, description="venue/subject/first missing sequence.")
]


class Heartbeat(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="heartbeat"
):
    """A source's promise, sent into every partition: nothing more before ``through_ms``, but corrections.

    Only heartbeats move time. One more than 10 s ahead of its log timestamp is refused. ``closed`` takes the source out of the clock.
    """

    source: Name
    epoch: Annotated[
        int, Meta(ge=0, description="Rises when another process takes the source over.")
    ]
    through_ms: EpochMs
    state: Literal["open", "closed"] = "open"


class GapDetected(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="gap.detected"
):
    """Events of this instrument are known to be missing between two times."""

    gap_id: GapId
    subject: Subject
    source: Name
    venue: Name
    from_ms: EpochMs
    """Time of the last event before the hole."""
    to_ms: EpochMs
    """Time of the first event after it."""
    ids_missing: Count | None = None
    """How many; None where the ids do not tell (a broken connection)."""
    first_missing: Sequence | None = None


class GapFilled(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="gap.filled"
):
    """The missing events of a gap have been sent, all of them, before this mark."""

    gap_id: GapId
    subject: Subject
    source: Name
    venue: Name
    from_ms: EpochMs
    to_ms: EpochMs


class GapPermanent(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="gap.permanent"
):
    """The missing events of a gap will not come: the venue does not have them or does not say."""

    gap_id: GapId
    subject: Subject
    source: Name
    venue: Name
    from_ms: EpochMs
    to_ms: EpochMs
    reason: Annotated[str, Meta(max_length=200)]


GapMark = GapDetected | GapFilled | GapPermanent
