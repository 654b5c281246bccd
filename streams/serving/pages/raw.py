"""Raw events of a subject in a span of time, read from the log, with the marks in between."""

from nicegui import ui

from streams.serving.found import Missing
from topics import KINDS, raw_topic

from . import links
from .desk import READ_S, Desk
from .elements import Lines, Said, Sheet, Text, block, section
from .frame import page_frame
from .pieces import Instant, Line, Mark, Words
from .rows import raw as rows
from .rows.letters import Filter

SUBJECT_CHARS_MAX = 74
"""Of an address: no subject is longer."""


def declare(desk: Desk) -> None:
    """Declare the page."""

    @ui.page("/raw/{kind}/{subject:path}", title="Raw events · Tapereader", response_timeout=READ_S)
    async def page(kind: str, subject: str) -> None:
        name, query = subject[:SUBJECT_CHARS_MAX], dict(ui.context.client.request.query_params)
        known = next((one for one in KINDS if one == kind), None)
        asked = rows.range_of(known, name, query) if known else None
        refused = _why_not(kind, known is not None, asked)
        found = None
        if asked is not None and not refused and desk.lookup:
            found = await desk.lookup.raw(
                asked.kind, asked.subject, asked.from_ms, asked.to_ms, after=asked.after, beats=True
            )
        with page_frame(desk, f"Raw {known or 'events'} of {name}", here=links.FEEDS, wide=True):
            if asked is None or refused:
                _paint_lines(refused)
            elif found is None or isinstance(found, Missing):
                _paint_lines((rows.missing_of(found),))
            else:
                _paint(asked, rows.raw_of(asked, found))


def _why_not(kind: str, is_kind: bool, asked: rows.Range | None) -> tuple[Line, ...]:  # noqa: FBT001
    if not is_kind:
        kinds = ", ".join(KINDS)
        return ((Mark("warning", "Not asked"), Words(f"{kind} is no kind of events: it is one of {kinds}.")),)  # fmt: skip
    if asked is None:
        return (
            (Mark("warning", "Not asked"), Words("The address needs from and to, in milliseconds since 1970.")),
            (Words("A window's page, and a gap of a feed, lead here with both.", tone="quiet"),),
        )  # fmt: skip
    return ((Mark("warning", "Not asked"), Words(asked.why_not)),) if asked.why_not else ()


def _paint_lines(lines: tuple[Line, ...]) -> None:
    with block("section", "part", aria_label="What there is"):
        Lines().show(lines)


def _paint(asked: rows.Range, told: rows.RawTold) -> None:
    asset = asked.subject.partition("/")[0]
    with block("section", "part", aria_label="The range"):
        Said(
            "p",
            (
                Words(asked.subject, tone="strong"),
                Words("from"),
                Instant(asked.from_ms),
                Words("to"),
                Instant(asked.to_ms),
                Words("by event time, in the order of the log", tone="quiet"),
            ),
        ).classes("lead")
        Said("p", told.counts).classes("said-line")
        Said(
            "p",
            (
                Words("Earlier", href=told.earlier),
                Words("Later", href=told.later),
                *((Words("The rest of this range", href=told.further),) if told.further else ()),
                Words(f"All of {asset}", href=links.asset(asset)),
                Words("Dead letters of this topic", href=Filter(topic=raw_topic(asked.kind)).href),
            ),
        ).classes("said-line")
        Text("p", "What strangers wrote is shown as it came: it is data, nobody's word.").classes("note")  # fmt: skip
    with section("Events and marks"):
        Sheet("Events and marks in the order of the log", rows.RAW_COLUMNS, caption_hidden=True).show(told.rows)  # fmt: skip
