"""How the parts of the pipeline are, for the terminal view: feeds, clocks, windows, analyst, breaker, spend. PURE."""

from msgspec import Struct
from rich.table import Table
from rich.text import Text

from topics import KINDS, Status

from .painting import DOUBT, TROUBLE, line
from .view import View, feed_state
from .words import span

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


def health(view: View, rates: Rates) -> Table:
    """Return how the parts of the pipeline are, a line each."""
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
        table.add_row("analyst", line(state + agent.words))
    if view.last_told("agent", "breaker") is not None:
        table.add_row("breaker", _breaker(view, rates.now_ms))
    table.add_row("spend", _spend(view, agent, rates.now_ms))
    return table


def _unheard(view: View, role: str, part: str, now_ms: int) -> Text:
    """Return what there is to say of a part that nobody speaks for."""
    last = view.last_told(role, part)
    if last is None:
        return line("not up yet", DOUBT)
    silent = span(now_ms - last.at_ms)
    return line(f"NOT HEARD FROM for {silent}; it said: {last.words or last.state}", TROUBLE)


def _feeds(view: View, now_ms: int) -> Text:
    states = view.feed_states(now_ms)
    if not states:
        return line("none yet", DOUBT)
    well = [f"{states[state]:,} {state}" for state in ("connected", "closed") if states[state]]
    wrong = []
    for state in sorted(set(states) - {"connected", "closed"}):
        first = next(f for f in view.feeds.values() if feed_state(f, now_ms) == state)
        example = "e.g. " if states[state] > 1 else ""
        wrong.append(f"{states[state]:,} {state} ({example}{first.venue} {first.subject})")
    if gaps := sum(f.gaps_open for f in view.feeds.values() if feed_state(f, now_ms) == f.state):
        wrong.append(f"{gaps:,} open gaps")
    return line(", ".join(wrong + well), DOUBT if wrong else "")


def _lags(view: View, rates: Rates) -> Text:
    lags = []
    for kind in KINDS:
        clocks = view.clocks(kind, rates.now_ms)
        # Of several workers the slowest: their windows are everybody's.
        lags.append(f"{kind} {span(rates.event_now_ms - min(clocks)) if clocks else 'n/a'}")
    if any(not lag.endswith(" n/a") for lag in lags):
        return line(", ".join(lags))
    if view.part("streams", "role", rates.now_ms) is not None:
        return line("no heartbeat yet")
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
    return line(words, _BREAKER.get(worst.state, DOUBT))


def _spend(view: View, agent: Status | None, now_ms: int) -> Text:
    live = view.parts("agent", "budget", now_ms)
    if live:
        for state in ("closed", "spent"):
            for status in live:
                if status.state == state:
                    return line(f"BUDGET {state.upper()}: {status.words}", TROUBLE)
        return line(live[0].words)
    if view.last_told("agent", "budget") is not None:
        return _unheard(view, "agent", "budget", now_ms)
    return line("$0: no model is asked" if agent else "unknown")
