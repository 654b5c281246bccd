"""The terminal view: the pipeline on one screen. PURE: a view and the time in, something to print out.

All text that came through topics is shown as plain text: no markup is read, no control character passes.
What is old says so in words, and what does not fit ends in an ellipsis; colour only repeats what is written.
"""

from collections.abc import Sequence
from math import isfinite
from textwrap import wrap

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from topics import Aggregate, Analysis, MarketValues, Severity

from .health import Rates, health
from .painting import DOUBT, OLD, TROUBLE, line
from .shown import AlertShown, State
from .view import View
from .words import clock, minute, number, plain, span

ROWS = 9
"""Of windows, and of analyses, at most."""
ROWS_MIN = 3
LINES = 15
"""Of everything else but the sentence and the alerts, and the prompt."""
ALERTS = 3
"""That fire, at most; the others are counted."""
WIDE = 100
"""Columns from which there is room for severities as words, and for what analyses rest on."""
MINUTE_MS = 60_000
STALE_MS = 300_000
"""Of market time: a window or an event this far behind is no news."""
PERCENT_MAX = 100_000
"""A larger change is written as a power of ten."""
SENTENCE_CHARS_MAX = 600
SUBJECT_COLUMNS, ASSET_COLUMNS = 16, 8
_SEVERITY: dict[Severity, tuple[str, str]] = {
    "info": ("·", ""),
    "notice": ("!", "cyan"),
    "warning": ("!!", "yellow"),
    "critical": ("!!!", "bold red"),
}
"""Mark and style: severity is never told by colour alone."""
_STATE: dict[State, str] = {"well": "green", "degraded": DOUBT, "broken": TROUBLE}


def screen(view: View, rates: Rates, width: int, height: int) -> RenderableType:
    """Return the whole screen; of windows and analyses as many as its height has room for."""
    sentence = _sentence(view, rates, width)
    alerts = _alerts(view, rates, width)
    taken = LINES + len(sentence) + len(alerts)
    rows = max(ROWS_MIN, min(ROWS, (height - taken) // 2))
    return Group(
        line(rates.title, "bold"),
        *sentence,
        *alerts,
        _flow(_counted(view, rates), width),
        health(view, rates),
        *_markets(view, rates, width, rows),
        Rule(Text("latest analyses"), align="left", style=OLD),
        _analyses(view, rates, width, rows),
        Text(plain(rates.hint), style=OLD, overflow="fold"),
    )


def _sentence(view: View, rates: Rates, width: int) -> list[Text]:
    """Return the pipeline in one sentence, in as many lines as it takes."""
    summary = view.summary(rates.now_ms, rates.event_now_ms)
    text = plain(summary.sentence, SENTENCE_CHARS_MAX)
    return [line(part, _STATE[summary.state]) for part in wrap(text, width)]


def _alerts(view: View, rates: Rates, width: int) -> list[Text]:
    """Return the alerts that fire, those that nobody has seen first."""
    firing = view.alerts(rates.now_ms, firing=True)
    lines = [_alert(shown, rates, width) for shown in firing[:ALERTS]]
    if len(firing) > ALERTS:
        lines.append(line(f"    and {len(firing) - ALERTS:,} more", OLD))
    return lines


def _alert(shown: AlertShown, rates: Rates, width: int) -> Text:
    alert = shown.alert
    mark, style = _SEVERITY[alert.severity]
    state = "" if shown.asks else "acknowledged: " if shown.acknowledged else "muted: "
    name = alert.severity if width >= WIDE else mark
    since = minute(alert.since_ms, rates.event_now_ms)
    seen = f"ALERT {name} since {since} {alert.asset}: {state}{alert.headline}"
    return line(seen, style if shown.asks else OLD)


def _flow(items: Sequence[tuple[str, str]], width: int) -> Text:
    """Return (words, style) items in lines that end between two of them."""
    text, used = Text(overflow="ellipsis", no_wrap=True), 0
    for words, style in items:
        if used and used + 3 + len(words) > width:
            text.append("\n")
            used = 0
        gap = "   " if used else ""
        text.append(gap).append(words, style=style)
        used += len(gap) + len(words)
    return text


def _counted(view: View, rates: Rates) -> list[tuple[str, str]]:
    counts = view.counts
    gaps = f"{counts.gaps_filled:,} filled, {counts.gaps_permanent:,} permanent"
    items = [
        (f"market time {clock(rates.event_now_ms)}", ""),
        (f"{rates.events_per_s:,.0f} events/s", ""),
        (f"{counts.raw_events:,} events", ""),
        (f"{counts.aggregates:,} aggregates ({counts.revisions:,} revisions)", ""),
        (f"{counts.analyses:,} analyses ({counts.by_model:,} by a model)", ""),
        (f"{counts.late:,} late", ""),
        (f"{counts.gaps_detected:,} gaps ({gaps})", ""),
        (f"{counts.dead_letters:,} dead letters", ""),
    ]
    behind_ms = rates.event_now_ms - max(view.newest_event_ms.values(), default=rates.event_now_ms)
    if behind_ms > STALE_MS:
        items.insert(1, (f"STALE: no event for {span(behind_ms)}", TROUBLE))
    for lost, words in (
        (counts.unreadable, "unreadable"),
        (counts.evicted, "deleted before they were read"),
        (counts.forgotten, "dropped from this view, which is full"),
    ):
        if lost:
            items.append((f"{lost:,} {words}", TROUBLE))
    return items


def _markets(view: View, rates: Rates, width: int, rows: int) -> tuple[Rule, RenderableType]:
    windows = view.windows("market", MINUTE_MS)
    cut = f", {rows} of {len(windows):,}" if len(windows) > rows else ""
    title = f"latest one-minute windows{cut} · close in quote, volume in base asset"
    rule = Rule(line(title), align="left", style=OLD)
    if not windows:
        return rule, line("no window yet", OLD)
    padding = (0, 2 if width >= WIDE else 1, 0, 0)
    table = Table(box=None, expand=True, pad_edge=False, padding=padding)
    table.add_column("instrument", no_wrap=True, max_width=max(SUBJECT_COLUMNS, width - 80))
    table.add_column("UTC", no_wrap=True)
    buys = "taker buy" if width >= WIDE else "buys"
    for name in ("close", "change", "volume", "trades", buys):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("data", ratio=1, no_wrap=True)
    for window in windows[:rows]:
        if isinstance(window.values, MarketValues):
            stale_ms = rates.event_now_ms - window.window_end_ms
            table.add_row(
                *_market(window, window.values, rates.event_now_ms),
                _data(window, stale_ms),
                style=OLD if stale_ms > STALE_MS else "",
            )
    return rule, table


def _market(window: Aggregate, values: MarketValues, now_ms: int) -> tuple[Text | str, ...]:
    # An open of 0 is refused before it is folded, but nothing in the contract of a window says so.
    change = 100 * (values.close / values.open - 1) if values.open else float("nan")
    buys = values.taker_buy_ratio
    return (
        line(window.subject),
        minute(window.window_start_ms, now_ms),
        number(values.close),
        _change(change),
        number(values.volume, digits=5),
        number(values.trades),
        "n/a" if buys is None else f"{100 * buys:.0f}%",
    )


def _data(window: Aggregate, behind_ms: int) -> Text:
    """Say how far a window may be relied on."""
    told = window.completeness
    words: list[str] = [told.state]
    if told.state == "holed":
        share = 100 * told.holed_fraction
        words = [f"holed {share:.0f}%" if share >= 1 else "holed <1%"]
    if behind_ms > STALE_MS:
        words.insert(0, f"STALE {span(behind_ms)}")
    if window.revision:
        words.append(f"rev {window.revision}")
    words += [f"without {source}" for source in told.missing_sources]
    if told.unverified_duplicates:
        words.append("may count twice")
    return line(", ".join(words), "" if told.state == "complete" else DOUBT)


def _analyses(view: View, rates: Rates, width: int, rows: int) -> RenderableType:
    shown = view.readings(rows, rates.event_now_ms)
    if not shown:
        return line("no analysis yet", OLD)
    table = Table.grid(expand=True, padding=(0, 1))
    for most in (None, None, ASSET_COLUMNS):
        table.add_column(no_wrap=True, max_width=most)
    table.add_column(ratio=1, no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    for analysis in shown:
        severity, data = analysis.severity, analysis.data_quality.completeness
        mark, style = _SEVERITY[severity]
        expired = analysis.valid_until_ms <= rates.event_now_ms
        table.add_row(
            minute(analysis.as_of_ms, rates.event_now_ms),
            Text(severity if width >= WIDE else mark, style=style),
            line(analysis.asset),
            line(("expired: " if expired else "") + analysis.headline),
            "" if width < WIDE or data == "complete" else f"{data} data",
            _origin(analysis, width),
            style=OLD if expired else "",
        )
    return table


def _origin(analysis: Analysis, width: int) -> str:
    origin = analysis.origin.replace("_", " ")
    if not analysis.simulated:
        return origin
    return f"simulated {origin}" if width >= WIDE else "simulated"


def _change(percent: float) -> Text:
    if not isfinite(percent):
        return Text("n/a")
    rounded = round(percent, 2) + 0.0  # no -0.00%
    words = f"{rounded:+,.2f}%" if abs(rounded) < PERCENT_MAX else f"{rounded:+.1e}%"
    return Text(words, style="red" if rounded < 0 else "green" if rounded else "")
