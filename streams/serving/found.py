"""What reading the log by place, id or time gives, or why it gives nothing. PURE."""

from typing import Generic, Literal, TypeVar

from msgspec import Struct

from topics import Kind
from topics.envelope import Headers

from .records import Place

T = TypeVar("T")
Why = Literal["deleted", "not_written", "not_committed", "not_found", "unreadable", "unreachable"]


class Missing(Struct, frozen=True, kw_only=True):
    """Why there is no record to show."""

    why: Why
    words: str
    """In a sentence for people."""


class Whole(Struct, frozen=True, kw_only=True):
    """A record as it stands in the log."""

    place: Place
    at_ms: int
    """When it was logged."""
    key: bytes | None
    value: bytes | None
    headers: Headers


class Found(Struct, Generic[T], frozen=True, kw_only=True):
    """An event, and the record that holds it."""

    event: T
    whole: Whole


class RawRecord(Struct, frozen=True, kw_only=True):
    """One raw event or mark."""

    place: Place
    at_ms: int
    type: str
    time_ms: int
    """Of the event; of a gap, its begin."""
    value: bytes
    """As it was written: JSON."""


class RawRange(Struct, frozen=True, kw_only=True):
    """Raw events of a subject in a span of event time, in the order of the log."""

    kind: Kind
    subject: str
    from_ms: int
    to_ms: int
    records: tuple[RawRecord, ...]
    read: int
    """Records of the log that were looked at."""
    cut: Literal["", "count", "bytes", "scan", "time"] = ""
    """What ended it before the span did: so many shown, their bytes, those looked at, or seconds."""
    next_offset: int | None = None
    """Where to go on if it was cut."""
    begins_late: bool = False
    """The log no longer has the begin of the span: older records have been deleted."""
    words: str = ""
    """What is missing, in a sentence; empty if nothing is known to be."""
