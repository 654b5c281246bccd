"""One window: all its values, what is known to be missing, its editions, and who cites it."""

from collections.abc import Sequence

from nicegui import ui

from streams.serving.found import Found, Missing
from topics import Aggregate

from . import links
from .desk import READ_S, Desk
from .elements import Facts, Lines, Said, Sheet, block, section
from .frame import Frame, page_frame, tell_missing
from .pieces import Line
from .rows import aggregate as rows
from .rows.briefly import ALERT_COLUMNS, ANALYSIS_COLUMNS
from .rows.editions import EDITION_COLUMNS, Edition

ID_CHARS_MAX = 200
"""Of an address: no id is longer."""


def declare(desk: Desk) -> None:
    """Declare the page."""

    @ui.page(
        "/aggregates/{aggregate_id:path}", title="Window · Tapereader", response_timeout=READ_S
    )
    async def page(aggregate_id: str) -> None:
        wanted = aggregate_id[:ID_CHARS_MAX]
        found = await desk.lookup.editions(wanted) if desk.lookup else None
        editions = _editions(found)
        told = rows.aggregate_of(wanted, editions)
        with page_frame(desk, rows.title_of(wanted), here=links.OVERVIEW, wide=True) as frame:
            if told is None:
                tell_missing(found if isinstance(found, Missing) else None)
                why = found.words if isinstance(found, Missing) else None
                _paint_missing(rows.missing_of(desk.view, wanted, why))
            else:
                _paint(frame, wanted, told)
            _paint_citing(frame, wanted)


def _editions(found: Sequence[Found[Aggregate]] | Missing | None) -> list[Edition]:
    if found is None or isinstance(found, Missing):
        return []
    return [(one.event, one.whole.place) for one in found]


def _paint(frame: Frame, aggregate_id: str, told: rows.AggregateTold) -> None:
    with block("section", "part", aria_label="The window"):
        Said("p", told.lead).classes("lead")
        with block("div", "warned") as warned:
            later = Said("p").classes("said-line")
        Facts().show(told.about)
    for heading, columns, shown in (
        ("Values", rows.VALUE_COLUMNS, told.values),
        ("By venue", told.venue_columns, told.venues),
        ("Editions, the newest first", EDITION_COLUMNS, told.editions),
    ):
        if shown.rows or heading != "By venue":
            with section(heading):
                Sheet(heading, columns, caption_hidden=True).show(shown)

    def show(line: Line) -> None:
        warned.set_visibility(bool(line))
        later.say(line)

    frame.paints(
        ("aggregate.later", aggregate_id),
        lambda view, _: rows.later_of(view, aggregate_id, told.latest),
        show,
    )


def _paint_missing(lines: Sequence[Line]) -> None:
    with block("section", "part", aria_label="The window"):
        Lines().show(lines)


def _paint_citing(frame: Frame, aggregate_id: str) -> None:
    with block("div", "beside is-even"):
        with section("Alerts that rest on it"):
            alerts = Sheet("Alerts that rest on it", ALERT_COLUMNS, caption_hidden=True)
        with section("Analyses that cite it"):
            analyses = Sheet("Analyses that cite it", ANALYSIS_COLUMNS, caption_hidden=True)

    def show(citing: rows.Citing) -> None:
        alerts.show(citing.alerts)
        analyses.show(citing.analyses)

    frame.paints(
        ("aggregate.citing", aggregate_id),
        lambda view, now: rows.citing_of(view, aggregate_id, now.ms),
        show,
    )
