"""The terminal view: the pipeline on one screen. PURE: a view and the time in, something to print out.

All text that came through topics is shown as plain text: no markup is read, no control character passes.
"""

import unicodedata
from datetime import UTC, datetime

from msgspec import Struct
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from topics import KINDS, Aggregate, Analysis, MarketValues, Severity, Status
from topics.units import Kind

from .view import View

ROWS = 9
MINUTE_MS, MINUTE_S = 60_000, 60
_STYLE: dict[Severity, str] = {
    "info": "",
    "notice": "cyan",
    "warning": "yellow",
    "critical": "bold red",
}
_MARK: dict[Severity, str] = {"info": "·", "notice": "!", "warning": "!!", "critical": "!!!"}
"""Severity is never told by colour alone."""


class Rates(Struct):
    """What the view cannot know by itself: speeds, and what time it is in the market."""

    events_per_s: float
    event_now_ms: int
    """The market's time now: the wall clock, or the demo's."""
    now_ms: int
    title: str
    hint: str
    """One line: where to look next."""


def screen(view: View, rates: Rates, width: int) -> RenderableType:
    """Return the whole screen."""
    return Group(
        _header(view, rates),
        _health(view, rates),
        Panel(_markets(view), title="latest one-minute windows", title_align="left"),
        Panel(_analyses(view, width), title="latest analyses", title_align="left"),
        Text(rates.hint, style="dim", overflow="fold"),
    )


def plain(text: str, length: int = 400) -> Text:
    """Return topic text as plain text: nothing in it is an instruction to the terminal."""
    cleaned = "".join(
        c if not unicodedata.category(c).startswith("C") else " " for c in text[:length]
    )
    return Text(cleaned, overflow="ellipsis", no_wrap=True)


def _header(view: View, rates: Rates) -> Table:
    counts = view.counts
    table = Table.grid(expand=True, padding=(0, 2))
    table.add_column(ratio=1)
    table.add_column(justify="right")
    table.add_row(Text(rates.title, style="bold"), f"market time {_clock(rates.event_now_ms)}")
    table.add_row(
        f"{rates.events_per_s:,.0f} events/s   {counts.raw_events:,} events   "
        f"{counts.aggregates:,} aggregates ({counts.revisions:,} revisions)   "
        f"{counts.analyses:,} analyses",
        f"{counts.late:,} late   {_sum(view, 'duplicates'):,} duplicates   "
        f"{counts.gaps_detected:,} gaps   {counts.dead_letters:,} dead letters",
    )
    return table


def _health(view: View, rates: Rates) -> Table:
    table = Table.grid(padding=(0, 3))
    lags, windows = [], 0.0
    for kind in KINDS:
        status = view.part("streams", kind, rates.now_ms)
        if status is None:
            continue
        windows += status.measures.get("open_windows", 0)
        if (watermark_ms := status.measures.get("watermark_ms")) is not None:
            lags.append(f"{kind} {_span(rates.event_now_ms - watermark_ms)}")
    table.add_row("watermark lag", ", ".join(lags) or "no heartbeat yet")
    table.add_row("open windows", f"{windows:,.0f}")
    agent = view.part("agent", "role", rates.now_ms)
    table.add_row("analyst", plain(agent.words) if agent else "not up yet")
    breaker, budget = _agent_part(view, "breaker/"), _agent_part(view, "budget/")
    if breaker is not None:
        words = plain(f"{breaker.state}: {breaker.words}")
        words.stylize("green" if breaker.state == "closed" else "bold red")
        table.add_row("breaker", words)
    table.add_row("spend", plain(budget.words) if budget else "$0: no model is asked")
    return table


def _agent_part(view: View, prefix: str) -> Status | None:
    found = [
        s for (r, _, part), s in view.statuses.items() if r == "agent" and part.startswith(prefix)
    ]
    return max(found, key=lambda status: status.at_ms, default=None)


def _markets(view: View) -> Table:
    table = Table(box=None, expand=True, pad_edge=False)
    for name, right in (
        ("instrument", False),
        ("window", False),
        ("close", True),
        ("change", True),
        ("volume", True),
        ("trades", True),
        ("takers buy", True),
        ("data", False),
    ):
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    for aggregate in _latest(view, "market", MINUTE_MS)[:ROWS]:
        values = aggregate.values
        if not isinstance(values, MarketValues):
            continue
        change = 100 * (values.close / values.open - 1)
        bought = "" if values.taker_buy_ratio is None else f"{100 * values.taker_buy_ratio:.0f}%"
        revised = f" r{aggregate.revision}" if aggregate.revision else ""
        table.add_row(
            plain(aggregate.subject),
            _clock(aggregate.window_start_ms)[-9:-4] + revised,
            f"{values.close:.8g}",
            Text(f"{change:+.2f}%", style="red" if change < 0 else "green"),
            f"{values.volume:,.6g}",
            f"{values.trades}",
            bought,
            aggregate.completeness.state,
        )
    return table


def _analyses(view: View, width: int) -> Table:
    table = Table.grid(expand=True, padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    for analysis in _shown(view):
        origin = f"{analysis.origin}{' (simulated)' if analysis.simulated else ''}"
        mark = Text(_MARK[analysis.severity], style=_STYLE[analysis.severity])
        table.add_row(
            _clock(analysis.as_of_ms)[-9:-4], mark, plain(analysis.headline, width), origin
        )
    return table


def _shown(view: View) -> list[Analysis]:
    """The newest analyses, those that say something severe first to stay: half of the rows are theirs."""
    severe = [a for a in view.analyses if a.severity in ("warning", "critical")][-(ROWS // 2) :]
    newest = [a for a in view.analyses if a not in severe][-(ROWS - len(severe)) :]
    return sorted(severe + newest, key=lambda a: a.produced_ms, reverse=True)


def _latest(view: View, kind: Kind, window_ms: int) -> list[Aggregate]:
    found = [a for (k, _, w), a in view.latest.items() if k == kind and w == window_ms]
    return sorted(found, key=lambda a: (-a.window_start_ms, a.subject))


def _sum(view: View, measure: str) -> int:
    return int(
        sum(
            status.measures.get(measure, 0)
            for (role, _, part), status in view.statuses.items()
            if role == "streams" and part in KINDS
        )
    )


def _clock(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}Z"


def _span(span_ms: float) -> str:
    seconds = max(0.0, span_ms / 1000)
    return f"{seconds:.1f} s" if seconds < 2 * MINUTE_S else f"{seconds / MINUTE_S:.0f} min"
