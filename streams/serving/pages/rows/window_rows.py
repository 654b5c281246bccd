"""The windows behind the charts as a table: what a chart shows, for those who do not see it, and the way to each record. PURE."""

from collections.abc import Sequence

from streams.serving.pages import links
from streams.serving.pages.charts.choosing import Choice
from streams.serving.pages.charts.lanes import id_of
from streams.serving.pages.pieces import (
    Amount,
    Column,
    Instant,
    Line,
    Row,
    Rows,
    Tone,
    Words,
    capped,
)
from streams.serving.shown import Point

from .quality import quality_of
from .quantities import NONE, measure, window_words

WINDOWS_SHOWN_MAX = 60
"""Rows: an hour of minutes; each is an element in every viewer's browser."""
WINDOW_COLUMNS = (
    Column("Window began", main=True),
    Column("Last price", numeric=True),
    Column("Return", numeric=True),
    Column("Volume", numeric=True),
    Column("Bought by takers", numeric=True),
    Column("Trades", numeric=True),
    Column("How unusual (z)", numeric=True),
    Column("Data"),
    Column("Record"),
)


def window_rows(choice: Choice, market: Sequence[Point]) -> Rows:
    """Return the newest windows, the newest first."""
    newest = market[::-1]
    empty = "No window of this instrument in this span."
    return capped([_window(choice, point) for point in newest[:WINDOWS_SHOWN_MAX]], WINDOWS_SHOWN_MAX, empty, len(market))  # fmt: skip


def _window(choice: Choice, point: Point) -> Row:
    aggregate_id = id_of("market", choice.subject, point)

    def cell(name: str) -> Line:
        told = measure("market", name, choice.subject)
        digits = told.digits(point.values.get(name))
        return (Amount(digits, told.unit if digits != NONE else "", "" if digits != NONE else "quiet"),)  # fmt: skip

    worst = max(point.scores.items(), key=lambda item: abs(item[1]), default=None)
    scored: Line = (Words("not scored", tone="quiet"),)
    if worst is not None:
        label = measure("market", worst[0], choice.subject).label
        scored = (Amount(f"{worst[1]:+.1f}", label),)
    seen = quality_of(point.state, point.holed_fraction, missing=point.missing_sources)
    tone: Tone = "doubt" if seen.doubtful else "" if point.state == "complete" else "quiet"
    edition = f"revision {point.edition[1]}" if point.edition[1] else "as first published"
    return Row(
        key=str(point.start_ms),
        cells=(
            (Instant(point.start_ms), Words(window_words(point.window_ms), tone="quiet")),
            cell("close"),
            cell("log_return"),
            cell("volume"),
            cell("taker_buy_ratio"),
            cell("trades"),
            scored,
            (Words(f"{seen.mark} {seen.word}", tone=tone, hint=seen.words),),
            (Words(edition, href=links.aggregate(aggregate_id), hint=aggregate_id),),
        ),
        tone="doubt" if seen.doubtful else "",
    )
