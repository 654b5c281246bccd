"""What else the charts show, as tables: their marks, and the windows of what is not the market. PURE.

A canvas has nothing that a keyboard could reach or a screen reader read: here each mark and each window is a link.
"""

from collections.abc import Mapping, Sequence

from streams.serving.pages import links
from streams.serving.pages.charts.charting import MARKERS_MAX, Marker
from streams.serving.pages.charts.choosing import Choice
from streams.serving.pages.charts.lanes import id_of
from streams.serving.pages.charts.windows import Windows
from streams.serving.pages.pieces import (
    Amount,
    Column,
    Instant,
    Line,
    Mark,
    Row,
    Rows,
    Tone,
    Words,
    capped,
    severity,
)
from streams.serving.shown import Point
from topics import Kind, Severity

from .quality import quality_of
from .quantities import NONE, measure, window_words

OTHERS_SHOWN_MAX = 60
"""Rows: as many as of the market's windows."""
MARK_COLUMNS = (
    Column("When", main=True),
    Column("Severity"),
    Column("What"),
    Column("Until"),
)
OTHER_COLUMNS = (
    Column("Window began", main=True),
    Column("Of"),
    Column("Values"),
    Column("Data"),
    Column("Record"),
)
DRAWN: Mapping[Kind, tuple[str, ...]] = {
    "volume": ("flow",),
    "social": ("posts", "tone_mean"),
    "development": ("events", "commits"),
}
"""The values of each kind that are drawn."""
_WORDS: Mapping[Kind, str] = {
    "volume": "reported volume",
    "social": "posts",
    "development": "development",
}
_SEVERITIES: Mapping[str, Severity] = {
    "critical": "critical",
    "warning": "warning",
    "notice": "notice",
    "info": "info",
}


def mark_rows(markers: Sequence[Marker]) -> Rows:
    """Return the marks that are drawn, the newest first, each with the link that a click on it follows."""
    newest = sorted(markers, key=lambda marker: -marker.at_ms)
    rows = [_mark(marker) for marker in newest[:MARKERS_MAX]]
    empty = "Nothing happened in this span: no alert, no analysis, no revision."
    return capped(rows, MARKERS_MAX, empty, total=len(markers))


def _mark(marker: Marker) -> Row:
    level = _SEVERITIES.get(marker.level)
    mark: Line = (severity(level),) if level else (Mark("info", "Revised"),)
    until: Line = () if marker.until_ms is None else (Instant(marker.until_ms),)
    return Row(
        key=f"{marker.row}/{marker.href}",
        cells=(
            (Instant(marker.at_ms),),
            mark,
            (Words(marker.words.removeprefix(f"{marker.level} "), href=marker.href),),
            until,
        ),
    )


def other_rows(choice: Choice, found: Windows) -> Rows:
    """Return the windows of reported volume, posts and development, the newest first."""
    windows = [(kind, point) for kind in DRAWN for point in found.get(kind, ())]
    windows.sort(key=lambda one: (-one[1].start_ms, one[0]))
    rows = [_other(choice.asset, kind, point) for kind, point in windows[:OTHERS_SHOWN_MAX]]
    empty = "No window of reported volume, posts or development in this span."
    return capped(rows, OTHERS_SHOWN_MAX, empty, total=len(windows))


def _other(asset: str, kind: Kind, point: Point) -> Row:
    seen = quality_of(point.state, point.holed_fraction, missing=point.missing_sources)
    tone: Tone = "doubt" if seen.doubtful else "" if point.state == "complete" else "quiet"
    aggregate_id = id_of(kind, asset, point)
    edition = f"revision {point.edition[1]}" if point.edition[1] else "as first published"
    return Row(
        key=f"{kind}/{point.start_ms}",
        cells=(
            (Instant(point.start_ms), Words(window_words(point.window_ms), tone="quiet")),
            (Words(_WORDS[kind]),),
            _values(asset, kind, point),
            (Words(f"{seen.mark} {seen.word}", tone=tone, hint=seen.words),),
            (Words(edition, href=links.aggregate(aggregate_id), hint=aggregate_id),),
        ),
        tone="doubt" if seen.doubtful else "",
    )


def _values(asset: str, kind: Kind, point: Point) -> Line:
    line: Line = ()
    for name in DRAWN[kind]:
        told = measure(kind, name, asset)
        digits = told.digits(point.values.get(name))
        if digits == NONE:
            line = (*line, Words(f"{told.label}: none", tone="quiet"))
        elif told.unit == told.label:
            line = (*line, Amount(digits, told.unit))
        else:
            line = (*line, Words(told.label, tone="quiet"), Amount(digits, told.unit))
    return line
