"""Records nobody could use: the original bytes, where they came from, and why.

The value is the original, byte for byte; everything about it is in the headers, with Kafka Connect's names
so that its tools understand them.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Literal

from msgspec import Struct

from .envelope import Headers, header, headers

REASONS = {
    "malformed": "not JSON",
    "invalid": "JSON, but not what the contract says",
    "unknown_type": "a tag this version does not know",
    "misrouted": "in a partition, or under a key, that is not its asset's",
    "absurd_time": "before 2009-01-03, more than 60 s after it was received, or a promise over 10 s ahead of the log",
    "out_of_range": "price x size beyond what exact sums hold, or a span beyond the year 9999",
    "too_large": "beyond the limit of a record",
    "subjects_max": "a new subject beyond the bound",
    "venues_max": "a new source, venue or instrument of a subject beyond the bound",
    "sources_max": "a new source beyond the bound",
    "venue_error": "the venue itself said that something is wrong",
    "undeliverable": "an alert that a receiver of notifications did not take, however often it was tried",
}
"""Every reason of ours. The vocabulary is open: a later version may know more."""

ORIGINAL_BYTES_MAX = 512 * 1024
"""Of a value; a larger one, or a key beyond the cut, is cut, and cannot be redriven."""
CUT_BYTES = 64 * 1024
MESSAGE_CHARS_MAX = 500

ATTEMPT_MAX = 1_000
"""A redriven record that says more is not believed."""
ORIGINAL_CHARS_MAX = 400
"""Nor one whose first letter has a longer id: raw places are shorter."""

_CONNECT = "__connect.errors."
_ATTEMPT, _ORIGINAL, _REDRIVEN, _REDRIVE = (
    f"tapereader.{name}" for name in ("attempt", "original", "redriven", "redrive")
)


class DeadLetter(Struct, frozen=True, kw_only=True):
    """One refused record. ``origin`` is topic/partition/offset, or source/connection/frame in a collector.

    Of a notification it is notify/receiver/dedupe key: one record may fail at one receiver and reach another.
    """

    reason: str
    message: str
    stage: Literal["collect", "fold", "analyse", "notify"]
    role: str
    key: bytes | None
    value: bytes
    time_ms: int
    """Of the record or frame: its log timestamp, or when it was received."""
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    origin: str | None = None
    attempt: int = 1
    """How often it was tried: 1 unless it was redriven."""
    original: str | None = None
    """Of a redriven record: the id of the letter that was the first of it."""
    truncated: bool = False
    length: int | None = None
    digest: str | None = None

    @property
    def letter_id(self) -> str:
        """Where it came from, which is what it is."""
        return self.origin or f"{self.topic}/{self.partition}/{self.offset}"


def to_record(letter: DeadLetter) -> tuple[bytes | None, bytes, Headers]:
    """Return key, value and headers for the dead letter topic; a long original is cut and says so."""
    key, value, extra = letter.key, letter.value, []
    if len(value) > ORIGINAL_BYTES_MAX or len(key or b"") > CUT_BYTES:
        extra = [
            ("tapereader.truncated", b"true"),
            ("tapereader.length", str(len(value)).encode()),
            ("tapereader.sha256", sha256(value).hexdigest().encode()),
        ]
        value = value[:CUT_BYTES]
        key = key and key[:CUT_BYTES]
    fields = [
        (_CONNECT + "topic", letter.topic),
        (_CONNECT + "partition", letter.partition),
        (_CONNECT + "offset", letter.offset),
        (_CONNECT + "connector.name", letter.role),
        (_CONNECT + "stage", letter.stage.upper()),
        (_CONNECT + "exception.class.name", letter.reason),
        (_CONNECT + "exception.message", letter.message[:MESSAGE_CHARS_MAX]),
        ("tapereader.reason", letter.reason),
        ("tapereader.stage", letter.stage),
        ("tapereader.attempt", letter.attempt),
        ("tapereader.origin", letter.origin),
        ("tapereader.original", letter.original),
    ]
    envelope = headers(
        event_id=letter.letter_id,
        event_type="deadletter",
        source=letter.role,
        time_ms=max(0, letter.time_ms),
    )
    envelope = [h for h in envelope if h[0] != "content-type"]  # nobody knows what the bytes are
    told = [
        (name, str(field).encode(errors="replace")) for name, field in fields if field is not None
    ]
    return key, value, envelope + told + extra


def from_record(
    key: bytes | None, value: bytes, received: Iterable[tuple[str, bytes]], time_ms: int
) -> DeadLetter:
    """Return the letter a record of the dead letter topic holds.

    Raises:
        ValueError: A header that every dead letter has is missing.
    """
    found = list(received)

    def text(name: str) -> str | None:
        got = header(found, name)
        return None if got is None else got.decode(errors="replace")

    def number(name: str) -> int | None:
        got = text(name)
        return None if got is None else int(got)

    reason = text("tapereader.reason")
    if reason is None:
        msg = "not a dead letter: it has no tapereader.reason header"
        raise ValueError(msg)
    return DeadLetter(
        reason=reason,
        message=text(_CONNECT + "exception.message") or "",
        stage=text("tapereader.stage") or "fold",  # type: ignore[arg-type]
        role=text(_CONNECT + "connector.name") or "",
        key=key,
        value=value,
        time_ms=time_ms,
        topic=text(_CONNECT + "topic"),
        partition=number(_CONNECT + "partition"),
        offset=number(_CONNECT + "offset"),
        origin=text("tapereader.origin"),
        attempt=number("tapereader.attempt") or 1,
        original=text("tapereader.original"),
        truncated=text("tapereader.truncated") == "true",
        length=number("tapereader.length"),
        digest=text("tapereader.sha256"),
    )


class Redriven(Struct, frozen=True, kw_only=True):
    """What the headers of a redriven raw record say. All other raw records have none."""

    attempt: int
    """Of the letter that comes of it, should it be refused again."""
    original: str
    """The id of the first letter."""
    letter_id: str = ""
    """Of the letter that was redriven."""
    redrive_id: str = ""
    """Of the act of which it is a part."""


def redriven_headers(redriven: Redriven) -> Headers:
    """Return the headers of a raw record that is written again."""
    fields = (
        (_ATTEMPT, redriven.attempt),
        (_ORIGINAL, redriven.original),
        (_REDRIVEN, redriven.letter_id),
        (_REDRIVE, redriven.redrive_id),
    )
    return [(name, str(field).encode(errors="replace")) for name, field in fields]


def redriven_of(received: Iterable[tuple[str, bytes | None]]) -> Redriven | None:
    """Return what a raw record's headers say of how it came there; None where they do not say it well."""
    told = {name: (value or b"").decode(errors="replace") for name, value in received}
    digits, original = told.get(_ATTEMPT, ""), told.get(_ORIGINAL, "")
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= len(str(ATTEMPT_MAX))
    if not is_number or not 1 < int(digits) <= ATTEMPT_MAX:
        return None
    if not 0 < len(original) <= ORIGINAL_CHARS_MAX:
        return None
    return Redriven(
        attempt=int(digits),
        original=original,
        letter_id=told.get(_REDRIVEN, ""),
        redrive_id=told.get(_REDRIVE, ""),
    )
