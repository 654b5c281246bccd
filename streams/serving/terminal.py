"""The terminal view: the pipeline on one screen. PURE: a view and the time in, something to print out.

All text that came through topics is shown as plain text: no markup is read, no control character passes.
What is old says so in words, and what does not fit ends in an ellipsis; colour only repeats what is written.
"""

from collections.abc import Sequence
from math import isfinite

from msgspec import Struct
from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from topics import KINDS, Aggregate, Analysis, MarketValues, Severity, Status

from .view import View, feed_state
from .words import clock, minute, number, plain, span

ROWS = 9
"""Of windows, and of analyses, at most."""
ROWS_MIN = 3
LINES = 15
"""Of everything else, and the prompt."""
WIDE = 100
"""Columns from which there is room for severities as words, and for what analyses rest on."""
MINUTE_MS = 60_000
STALE_MS = 300_000
"""Of market time: a window or an event this far behind is no news."""
PERCENT_MAX = 100_000
"""A larger change is written as a power of ten."""
SUBJECT_COLUMNS, ASSET_COLUMNS = 16, 8
TROUBLE, DOUBT, OLD = "bold red", "yellow", "dim"
_SEVERITY: dict[Severity, tuple[str, str]] = {
    "info": ("·", ""),
    "notice": ("!", "cyan"),
    "warning": ("!!", "yellow"),
    "critical": ("!!!", "bold red"),
}
"""Mark and style: severity is never told by colour alone."""
_BREAKER = {"closed": "green", "half_open": DOUBT, "open": TROUBLE, "forced_open": TROUBLE}
"""Its states, the worst last."""


class Rates(Struct):
    """What the view cannot know by itself: speeds, and what time it is in the market."""

    events_per_s: float
    event_now_ms: int
    """The market's time now: the wall clock, or the demo's."""
    now_ms: int
    title: str
    hint: str
    """One line: where to look next."""


def screen(view: View, rates: Rates, width: int, height: int) -> RenderableType:
    """Return the whole screen; of windows and analyses as many as its height has room for."""
    rows = max(ROWS_MIN, min(ROWS, (height - LINES) // 2))
    return Group(
        _line(rates.title, "bold"),
        _flow(_counted(view, rates), width),
        _health(view, rates),
        *_markets(view, rates, width, rows),
        Rule(Text("latest analyses"), align="left", style=OLD),
        _analyses(view, rates, width, rows),
        Text(plain(rates.hint), style=OLD, overflow="fold"),
    )


def _line(text: str, style: str = "") -> Text:
    return Text(plain(text), style=style, overflow="ellipsis", no_wrap=True)


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


def _health(view: View, rates: Rates) -> Table:
    table = Table.grid(expand=True, padding=(0, 2))
    table.add_column(no_wrap=True, width=len("watermark lag"))
    table.add_column(no_wrap=True, ratio=1)
    table.add_row("feeds", _feeds(view, rates.now_ms))
    table.add_row("watermark lag", _lags(view, rates))
    live = [s for kind in KINDS for s in view.parts("streams", kind, rates.now_ms)]
    duplicates = sum(s.measures.get("duplicates", 0) for s in live)
    windows = sum(s.measures.get("open_windows", 0) for s in live)
    words = f"{windows:,.0f}; {duplicates:,.0f} duplicate events left out so far"
    table.add_row("open windows", words if live else "unknown")
    agent = view.part("agent", "role", rates.now_ms)
    if agent is None:
        table.add_row("analyst", _unheard(view, "agent", "role", rates.now_ms))
    else:
        state = "" if agent.state == "running" else f"{agent.state}: "
        table.add_row("analyst", _line(state + agent.words))
    if view.last_told("agent", "breaker") is not None:
        table.add_row("breaker", _breaker(view, rates.now_ms))
    table.add_row("spend", _spend(view, agent, rates.now_ms))
    return table


def _unheard(view: View, role: str, part: str, now_ms: int) -> Text:
    """Return what there is to say of a part that nobody speaks for."""
    last = view.last_told(role, part)
    if last is None:
        return _line("not up yet", DOUBT)
    silent = span(now_ms - last.at_ms)
    return _line(f"NOT HEARD FROM for {silent}; it said: {last.words or last.state}", TROUBLE)


def _feeds(view: View, now_ms: int) -> Text:
    states = view.feed_states(now_ms)
    if not states:
        return _line("none yet", DOUBT)
    well = [f"{states[state]:,} {state}" for state in ("connected", "closed") if states[state]]
    wrong = []
    for state in sorted(set(states) - {"connected", "closed"}):
        first = next(f for f in view.feeds.values() if feed_state(f, now_ms) == state)
        example = "e.g. " if states[state] > 1 else ""
        wrong.append(f"{states[state]:,} {state} ({example}{first.venue} {first.subject})")
    if gaps := sum(f.gaps_open for f in view.feeds.values() if feed_state(f, now_ms) == f.state):
        wrong.append(f"{gaps:,} open gaps")
    return _line(", ".join(wrong + well), DOUBT if wrong else "")


def _lags(view: View, rates: Rates) -> Text:
    lags = []
    for kind in KINDS:
        live = view.parts("streams", kind, rates.now_ms)
        clocks = [s.measures["watermark_ms"] for s in live if "watermark_ms" in s.measures]
        # Of several workers the slowest: their windows are everybody's.
        lags.append(f"{kind} {span(rates.event_now_ms - min(clocks)) if clocks else 'n/a'}")
    if any(not lag.endswith(" n/a") for lag in lags):
        return _line(", ".join(lags))
    if view.part("streams", "role", rates.now_ms) is not None:
        return _line("no heartbeat yet")
    return _unheard(view, "streams", "role", rates.now_ms)


def _breaker(view: View, now_ms: int) -> Text:
    live = view.parts("agent", "breaker", now_ms)
    if not live:
        return _unheard(view, "agent", "breaker", now_ms)
    order = list(_BREAKER)
    worst = max(live, key=lambda s: order.index(s.state) if s.state in order else len(order))
    state = worst.state.replace("_", " ")
    rules = "; rules answer" if state in ("open", "forced open") else ""
    more = f" (the worst of {len(live)})" if len(live) > 1 else ""
    shown = f"{state.upper() if rules else state}{more}"
    told = worst.words.removeprefix(state)
    words = f"{shown}: {told}{rules}" if told == worst.words else f"{shown}{told}"
    return _line(words, _BREAKER.get(worst.state, DOUBT))


def _spend(view: View, agent: Status | None, now_ms: int) -> Text:
    live = view.parts("agent", "budget", now_ms)
    if live:
        for state in ("closed", "spent"):
            for status in live:
                if status.state == state:
                    return _line(f"BUDGET {state.upper()}: {status.words}", TROUBLE)
        return _line(live[0].words)
    if view.last_told("agent", "budget") is not None:
        return _unheard(view, "agent", "budget", now_ms)
    return _line("$0: no model is asked" if agent else "unknown")


def _markets(view: View, rates: Rates, width: int, rows: int) -> tuple[Rule, RenderableType]:
    windows = view.windows("market", MINUTE_MS)
    cut = f", {rows} of {len(windows):,}" if len(windows) > rows else ""
    title = f"latest one-minute windows{cut} · close in quote, volume in base asset"
    rule = Rule(_line(title), align="left", style=OLD)
    if not windows:
        return rule, _line("no window yet", OLD)
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
        _line(window.subject),
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
    return _line(", ".join(words), "" if told.state == "complete" else DOUBT)


def _analyses(view: View, rates: Rates, width: int, rows: int) -> RenderableType:
    shown = view.readings(rows, rates.event_now_ms)
    if not shown:
        return _line("no analysis yet", OLD)
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
            _line(analysis.asset),
            _line(("expired: " if expired else "") + analysis.headline),
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
