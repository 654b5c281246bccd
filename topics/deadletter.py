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

_CONNECT = "__connect.errors."


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
        truncated=text("tapereader.truncated") == "true",
        length=number("tapereader.length"),
        digest=text("tapereader.sha256"),
    )
