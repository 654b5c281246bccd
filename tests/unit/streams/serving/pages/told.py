"""What pages are tested with: records of the view, as they are handed out."""

from typing import Any

from msgspec.structs import replace

from streams.serving.pages.pieces import Line, Row, Rows, wire
from streams.serving.shown import AlertShown, Place, Standing, Transition
from tests.strategies.aggregates import BASE_MS
from topics import Alert, Control

NOW_MS = BASE_MS
PLACE = Place("alerts", 0, 1)


def act(**changes: Any) -> Control:
    """An acknowledgement of a minute ago."""
    return replace(
        Control(
            control_id="acknowledge/1",
            act="acknowledge",
            subject="alert/price.drop/SOL/USDT/1",
            actor="ana",
            reason="on it",
            at_ms=NOW_MS - 60_000,
        ),
        **changes,
    )


def alert(number: int = 1, **changes: Any) -> Alert:
    """A firing alert, which began the later the greater its number."""
    since_ms = NOW_MS - 600_000 + number
    return replace(
        Alert(
            alert_id=f"price.drop/SOL/USDT/{since_ms}",
            rule="price.drop",
            asset="SOL",
            subject="SOL/USDT",
            state="firing",
            severity="warning",
            since_ms=since_ms,
            as_of_ms=since_ms,
            headline=f"SOL fell, number {number}",
        ),
        **changes,
    )


def shown(number: int = 1, *, seen: Control | None = None, **changes: Any) -> AlertShown:
    """An alert as the view hands it out."""
    said = alert(number, **changes)
    step = Transition(
        state=said.state,
        severity=said.severity,
        headline=said.headline,
        degraded=said.degraded,
        as_of_ms=said.as_of_ms,
        at_ms=NOW_MS,
        place=PLACE,
    )
    return AlertShown(alert=said, place=PLACE, at_ms=NOW_MS, transitions=(step,), acknowledged=seen)


def standing(asset: str = "SOL", **changes: Any) -> Standing:
    """An asset that is calm."""
    return replace(
        Standing(
            asset=asset,
            severity="info",
            headline=f"{asset} is quiet",
            words="rules",
            as_of_ms=NOW_MS,
            data_end_ms=NOW_MS,
            data_age_ms=0,
            stale=False,
            quality="complete",
            quality_words="complete",
            alerts=(),
            unacknowledged=0,
            analysis_id=f"state/{asset}/1/0",
        ),
        **changes,
    )


def text(line: Line) -> str:
    """A line as a person reads it, without what only its looks say."""
    told = []
    for piece in wire(line):
        words = piece.get("word") or piece.get("text") or ""
        told.append(f"{words} {piece['unit']}" if piece.get("unit") else words)
    return " ".join(word for word in told if word)


def texts(row: Row) -> list[str]:
    """A row's cells as a person reads them."""
    return [text(cell) for cell in row.cells]


def keys(rows: Rows) -> list[str]:
    """The keys of rows, in their order."""
    return [row.key for row in rows.rows]


def hrefs(row: Row) -> list[str]:
    """The addresses a row links to."""
    return [piece["href"] for cell in row.cells for piece in wire(cell) if piece.get("href")]
