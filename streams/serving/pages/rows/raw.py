"""What the page of a raw range tells: events and marks in the order of the log, each field as plain text. PURE."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from streams.serving.found import Missing, RawRange, RawRecord, Why
from streams.serving.pages import links
from streams.serving.pages.pieces import Amount, Column, Instant, Line, Mark, Row, Rows, Tone, Words
from streams.serving.words import plain, span
from topics import (
    BY_NAME,
    ContractError,
    Decoder,
    GapDetected,
    GapFilled,
    GapPermanent,
    Heartbeat,
    Kind,
    raw_topic,
)
from topics.marks import GapMark

from .quantities import sides

ROWS_MAX = 200
"""Drawn; each is an element in the browser. The range says how to see the rest."""
FIELD_CHARS_MAX = 1_000
"""Of one field, which is as much as a post may have."""
SPAN_MAX_MS = 3_600_000
"""Of one range; more is asked for in parts."""
NEIGHBOUR_MIN_MS = 10_000
DIGITS_MAX = 15
"""Of a time in an address: the year 9999 has 15."""
_ADVICE: Mapping[Why, str] = {
    "deleted": "Older records are deleted for good.",
    "not_written": "Look again once it is written.",
    "not_committed": "There is nothing at this place.",
    "not_found": "Is the address whole?",
    "unreadable": "The record stands in the log all the same; see the dead letters.",
    "unreachable": "The broker may be away. Load the page again in a moment.",
}

RAW_COLUMNS = (
    Column("Event time", main=True),
    Column("What"),
    Column("Fields"),
    Column("Where it stands", tight=True),
)
_LEFT_OUT = frozenset({"type", "subject", "event_ms", "source", "received_ms"})
"""Told elsewhere in the row, or the same in every row."""
_UNITS: Mapping[str, int] = {"price": 1, "size": 0, "volume": 0}
"""The side of the subject that a field is in: 0 base, 1 quote."""


class Range(Struct, frozen=True, kw_only=True):
    """What was asked for."""

    kind: Kind
    subject: str
    from_ms: int
    to_ms: int
    after: int | None = None
    """An offset to go on at, of a range that was cut."""

    @property
    def why_not(self) -> str:
        """Why it cannot be asked for; empty if it can."""
        if self.to_ms <= self.from_ms:
            return "The range is empty: `to` is not after `from`."
        if self.to_ms - self.from_ms > SPAN_MAX_MS:
            return f"The range is longer than {span(SPAN_MAX_MS)}: ask for it in parts."
        return ""


class RawTold(Struct, frozen=True, kw_only=True):
    """The whole page."""

    counts: Line
    rows: Rows
    earlier: str
    later: str
    further: str | None
    """Where the rest of a range is that was cut."""


def range_of(kind: Kind, subject: str, query: Mapping[str, str]) -> Range | None:
    """Return the range that an address asks for; None if its numbers are none."""
    begin, end, after = query.get("from", ""), query.get("to", ""), query.get("after", "")
    if not (_is_number(begin) and _is_number(end) and (after == "" or _is_number(after))):
        return None
    return Range(
        kind=kind,
        subject=subject,
        from_ms=int(begin),
        to_ms=int(end),
        after=int(after) if after else None,
    )


def raw_of(asked: Range, found: RawRange) -> RawTold:
    """Return what is told of a range that was read from the log."""
    decoder = BY_NAME[raw_topic(asked.kind)].decoder()
    rows = [_row(record, _decoded(decoder, record)) for record in found.records]
    further = None
    if found.next_offset is not None:
        further = f"{links.raw(asked.kind, asked.subject, asked.from_ms, asked.to_ms)}&after={found.next_offset}"
    width = max(NEIGHBOUR_MIN_MS, asked.to_ms - asked.from_ms)
    return RawTold(
        counts=_counts(found),
        rows=Rows(
            tuple(rows[:ROWS_MAX]), more=max(0, len(rows) - ROWS_MAX), empty=_empty(asked, found)
        ),
        earlier=links.raw(asked.kind, asked.subject, max(0, asked.from_ms - width), asked.from_ms),
        later=links.raw(asked.kind, asked.subject, asked.to_ms, asked.to_ms + width),
        further=further,
    )


def missing_of(missing: Missing | None) -> Line:
    """Return why a range cannot be shown, and what to do; None where there is no way to the log."""
    mark = Mark("warning", "Not read")
    if missing is None:
        return (mark, Words("This page has no way to the log."))
    return (mark, Words(missing.words, tone="strong"), Words(_ADVICE[missing.why]))


def fields(event: Struct) -> list[tuple[str, str]]:
    """Return the fields of an event as names and plain text, with the unit where there is one."""
    told = msgspec.to_builtins(event, str_keys=True)
    subject = str(told.get("subject", ""))
    return [
        (name, _field(name, value, subject))
        for name, value in told.items()
        if name not in _LEFT_OUT and value is not None
    ]


def _decoded(decoder: Decoder[Any], record: RawRecord) -> Struct | None:
    try:
        event = decoder.decode(record.value)
    except ContractError:
        return None
    return event if isinstance(event, Struct) else None


def _counts(found: RawRange) -> Line:
    marks = sum(record.type.startswith("gap.") for record in found.records)
    beats = sum(record.type == "heartbeat" for record in found.records)
    events = len(found.records) - marks - beats
    line = [
        Words(f"{events:,} events, {marks:,} gap marks"),
        Words(f"out of {found.read:,} records looked at", tone="quiet"),
    ]
    if found.words:
        line.append(Words(f"Not all of it: {found.words}.", tone="doubt"))
    elif len(found.records) > ROWS_MAX:
        line.append(Words(f"The first {ROWS_MAX:,} are shown: ask for a shorter range.", tone="doubt"))  # fmt: skip
    return tuple(line)


def _empty(asked: Range, found: RawRange) -> str:
    if found.cut:
        return f"Nothing of {plain(asked.subject, 80)} is among the records looked at so far: go on with the rest of this range."
    return (
        f"Nothing of {plain(asked.subject, 80)} stands in this range of the log: nothing happened, nobody collects it,"
        " or the log no longer holds it (raw topics are kept for 7 days)."
    )


def _row(record: RawRecord, event: Struct | None) -> Row:
    place = record.place
    where: Line = (Words(f"partition {place.partition}, offset {place.offset:,}", tone="quiet"),)
    when: Line = (Instant(record.time_ms, exact=True),)
    tone: Tone = ""
    match event:
        case None:
            what: Line = (Mark("warning", "unreadable"),)
            line: Line = (Words(f"{len(record.value):,} bytes that are no event of ours"), Words("dead letters", href=links.LETTERS))  # fmt: skip
            tone = "doubt"
        case GapDetected() | GapFilled() | GapPermanent():
            what, line, tone = _gap(event), _gap_words(event), "doubt"
        case Heartbeat():
            what, line, tone = (Words("heartbeat", tone="quiet"),), _beat_words(event), "quiet"
        case _:
            what, line = (Words(record.type, tone="strong"),), _field_words(event)
    return Row(key=f"{place.partition}/{place.offset}", cells=(when, what, line, where), tone=tone)


def _field_words(event: Struct) -> Line:
    return tuple(
        piece
        for name, text in fields(event)
        for piece in (Words(name.replace("_", " "), tone="quiet"), _text_of(name, text))
    )


def _text_of(name: str, text: str) -> Words | Amount:
    """Return a field's text; a number stays on one line with its unit."""
    return Amount(text) if name in _UNITS else Words(text)


def _beat_words(event: Heartbeat) -> Line:
    closed = ", and is closed" if event.state == "closed" else ""
    words = f"promises that nothing more comes before it{closed}"
    return (Words(event.source, tone="strong"), Words(words), Words(f"epoch {event.epoch}"))


def _gap(event: GapMark) -> Line:
    match event:
        case GapDetected():
            return (Mark("warning", "gap"),)
        case GapFilled():
            return (Mark("well", "gap filled"),)
        case GapPermanent():
            return (Mark("notice", "gap, for good"),)


def _gap_words(event: GapMark) -> Line:
    venue, to = Words(event.venue, tone="strong"), Instant(event.to_ms)
    long = span(event.to_ms - event.from_ms)
    match event:
        case GapFilled():
            return (venue, Words(f"all that was missing for {long} has been sent, to"), to)
        case GapPermanent():
            return (venue, Words(f"what is missing for {long} will not come, to"), to, Words(event.reason))  # fmt: skip
        case _:
            count = event.ids_missing
            many: Line = (
                () if count is None else (Words(f"{count:,} events missing", tone="doubt"),)
            )
            return (venue, Words(f"events are missing for {long}, to"), to, *many)


def _field(name: str, value: object, subject: str) -> str:
    text = plain(str(value), FIELD_CHARS_MAX)
    side = _UNITS.get(name)
    unit = "" if side is None else sides(subject)[side]
    return f"{text} {unit}" if unit else text


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX
