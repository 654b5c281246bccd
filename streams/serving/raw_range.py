"""Which records of a raw log are of a subject and a span of event time. PURE."""

from typing import Literal, Protocol

import msgspec
from msgspec import Struct

from topics import Heartbeat, Kind, raw_topic
from topics.codec import tag_of

from .found import RawRange, RawRecord
from .records import Place

SHOWN_MAX = 1_000
"""Records of one range; more are asked for with `next_offset`."""
BYTES_MAX = 2 * 1024 * 1024
"""Of their values: what a page can show."""
SCAN_MAX = 100_000
"""Looked at for one range."""
SLACK_MS: dict[Kind, int] = {
    "market": 120_000,
    "volume": 600_000,
    "social": 600_000,
    "development": 3_600_000,
}
"""How far behind the time of their log events may be: what comes later stands in `late`."""
BEAT = tag_of(Heartbeat)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
Cut = Literal["", "count", "bytes", "scan", "time"]


class _Head(Struct):
    type: str
    subject: str = ""
    event_ms: int | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    through_ms: int | None = None


_head = msgspec.json.Decoder(_Head).decode


def time_of(value: bytes) -> int | None:
    """Return the time a raw record tells of; None of one that cannot be read, or is a gap's."""
    try:
        head = _head(value)
    except _UNREADABLE:
        return None
    return head.through_ms if head.event_ms is None else head.event_ms


class LogRecord(Protocol):
    """What is read of a record."""

    partition: int
    offset: int
    timestamp: int
    value: bytes | None


class Sieve:
    """Takes the records of a log in their order, and keeps those that are asked for."""

    def __init__(
        self, kind: Kind, subject: str, from_ms: int, to_ms: int, *, beats: bool = False
    ) -> None:
        """Begin with none. The span is [from, to). ``beats``: the last heartbeat between two events is kept too."""
        self._beats = beats
        self.slack_ms = SLACK_MS[kind]
        self._kind, self._subject = kind, subject
        self._from_ms, self._to_ms = from_ms, to_ms
        self._records: list[RawRecord] = []
        self._bytes, self._read = 0, 0
        self._begin, self._first_ms = 0, None  # type: int, int | None
        self._next: int | None = None
        self._cut: Cut = ""

    def begin(self, offset: int) -> None:
        """Take it that the log begins at an offset: what was before is deleted."""
        self._begin = offset

    def take(self, record: LogRecord) -> bool:
        """Take a record and return whether to go on."""
        self._next = record.offset
        if len(self._records) >= SHOWN_MAX:
            self._cut = "count"
        elif self._bytes >= BYTES_MAX:
            self._cut = "bytes"
        elif self._read >= SCAN_MAX:
            self._cut = "scan"
        if self._cut:
            return False
        self._read += 1
        self._next = record.offset + 1
        value = record.value or b""
        try:
            head = _head(value)
        except _UNREADABLE:
            return True
        told_ms = head.through_ms if head.event_ms is None else head.event_ms
        if self._first_ms is None:
            self._first_ms = told_ms
        self._keep_asked(record, head, value)
        return head.through_ms is None or head.through_ms <= self._to_ms + self.slack_ms

    def cut_by(self, cut: Cut) -> None:
        """Take it that there was no time for more."""
        self._cut = cut

    def result(self) -> RawRange:
        """Return what was found."""
        first_ms = self._first_ms
        late = bool(self._begin) and (first_ms is None or first_ms > self._from_ms)
        words = []
        if late:
            words.append("the log no longer has the begin of this span")
        if self._cut:
            words.append(_CUT_WORDS[self._cut])
        return RawRange(
            kind=self._kind,
            subject=self._subject,
            from_ms=self._from_ms,
            to_ms=self._to_ms,
            records=tuple(self._records),
            read=self._read,
            cut=self._cut,
            next_offset=self._next if self._cut else None,
            begins_late=late,
            words="; ".join(words),
        )

    def _is_asked(self, head: _Head) -> bool:
        if head.subject != self._subject:
            return False
        if head.event_ms is not None:
            return self._from_ms <= head.event_ms < self._to_ms
        if head.from_ms is None or head.to_ms is None:
            return False
        return head.from_ms < self._to_ms and head.to_ms >= self._from_ms

    def _keep_asked(self, record: LogRecord, head: _Head, value: bytes) -> None:
        if self._is_asked(head):
            time_ms = head.event_ms if head.event_ms is not None else head.from_ms
            self._put(record, head.type, time_ms or 0, value)
        elif self._beats and head.through_ms is not None:
            self._beat(record, head.through_ms, value)

    def _beat(self, record: LogRecord, through_ms: int, value: bytes) -> None:
        """Keep a heartbeat of the span: of several that follow each other the last, which says the most."""
        if not self._from_ms <= through_ms < self._to_ms:
            return
        if self._records and self._records[-1].type == BEAT:
            self._bytes -= len(self._records.pop().value)
        self._put(record, BEAT, through_ms, value)

    def _put(self, record: LogRecord, kind: str, time_ms: int, value: bytes) -> None:
        self._bytes += len(value)
        self._records.append(
            RawRecord(
                place=Place(raw_topic(self._kind), record.partition, record.offset),
                at_ms=record.timestamp,
                type=kind,
                time_ms=time_ms,
                value=value,
            )
        )


_CUT_WORDS: dict[Cut, str] = {
    "count": f"only the first {SHOWN_MAX:,} are shown",
    "bytes": "only as many are shown as fit on a page",
    "scan": f"only {SCAN_MAX:,} records were looked at",
    "time": "there was no time to look further",
}
