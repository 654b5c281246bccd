"""Feeds: which are connected, how fresh they are, and what is missing of them. PURE."""

from collections import Counter
from typing import Literal

from streams.serving.pages import links
from streams.serving.pages.pieces import (
    Age,
    Column,
    Instant,
    Line,
    Mark,
    Now,
    Row,
    Rows,
    Words,
    amount,
    capped,
    counted,
)
from streams.serving.shown import FeedRow, GapShown
from streams.serving.view import View
from streams.serving.words import span
from topics import asset_of

FEEDS_MAX, GAPS_MAX = 100, 50
FEED_STALE_MS = 300_000
"""Of market time since a feed of trades last received anything. Others are rare by nature: their state beside it says whether they are stale."""
TOLD_EACH_MS = 15_000
"""Of ours: a feed says how it is at least so often, so that what it says is as old as this and no news of it."""

FEED_COLUMNS = (
    Column("State", plain=True),
    Column("Feed", main=True),
    Column("Since"),
    Column("Last received"),
    Column("Events", numeric=True),
    Column("Refused", numeric=True),
    Column("Open gaps", numeric=True),
    Column("Lost for good", numeric=True),
)
GAP_COLUMNS = (
    Column("State", plain=True),
    Column("Feed", main=True),
    Column("From"),
    Column("Lasted", numeric=True),
    Column("Missing", numeric=True),
    Column("Why"),
    Column("Raw events"),
)
Level = Literal["critical", "warning", "notice", "info", "well"]
_STATES: dict[str, tuple[Level, str]] = {
    "connected": ("well", "Connected"),
    "connecting": ("notice", "Connecting"),
    "stale": ("warning", "Stale"),
    "disconnected": ("critical", "Disconnected"),
    "not heard from": ("critical", "Not heard from"),
    "closed": ("info", "Closed"),
}
_ORDER = ("disconnected", "not heard from", "stale", "connecting", "connected", "closed")
_GAPS: dict[str, tuple[Level, str]] = {
    "open": ("warning", "Open"),
    "permanent": ("critical", "Lost for good"),
    "filled": ("well", "Filled"),
}
NO_FEED = "No feed yet: no collector has told of any. The command tapereader collect runs them."
NO_GAP = "No gap: nothing is known to be missing."


def counts_of(view: View, now: Now) -> Line:
    """Return in a line how many feeds are in each state."""
    return counts(view.feed_rows(now.ms, now.market_ms))


def counts(feeds: list[FeedRow]) -> Line:
    """Return how many feeds are in each state, the worst first."""
    found = Counter(feed.state for feed in feeds)
    if not found:
        return (Words(NO_FEED),)
    known = [state for state in _ORDER if found[state]]
    line: Line = ()
    for state in (*known, *sorted(found.keys() - set(_ORDER))):
        line = (*line, _state(state), amount(found[state]))
    return line


def feeds_of(view: View, now: Now) -> Rows:
    """Return the feeds."""
    return feeds(view.feed_rows(now.ms, now.market_ms), now.speed)


def feeds(found: list[FeedRow], speed: float = 1.0) -> Rows:
    """Return feeds as rows, those in trouble first. ``speed`` is the market's against ours."""
    rows = sorted(
        found,
        key=lambda r: (
            _ORDER.index(r.state) if r.state in _ORDER else 0,
            -r.feed.gaps_open,
            r.feed.venue,
            r.feed.subject,
        ),
    )
    return capped(
        [_feed(row, speed) for row in rows[:FEEDS_MAX]], FEEDS_MAX, NO_FEED, total=len(rows)
    )


def _feed(row: FeedRow, speed: float) -> Row:
    feed = row.feed
    received: Line = (Words("never", tone="quiet"),)
    if feed.last_received_ms is not None:
        stale_ms = FEED_STALE_MS + round(TOLD_EACH_MS * speed) if "/" in feed.subject else 0
        # A feed's times are its source's, which a demo speeds up with the market.
        received = (Age(feed.last_received_ms, stale_ms, clock="market"),)
    told = feed.reason and feed.reason != feed.source
    reason: Line = (Words(feed.reason, tone="quiet"),) if told else ()
    name = Words(feed.subject, href=links.asset(asset_of(feed.subject)), tone="strong")
    source: Line = () if feed.source == feed.venue else (Words(f"by {feed.source}", tone="quiet"),)
    return Row(
        f"{feed.venue}/{feed.subject}",
        (
            (_state(row.state),),
            (Words(feed.venue), name, *source, *reason),
            (Age(feed.since_ms, clock="market"),),
            received,
            (counted(feed.events),),
            (counted(feed.refused, "doubt"),),
            (counted(feed.gaps_open, "doubt"),),
            (counted(feed.gaps_permanent, "bad"),),
        ),
        tone="quiet" if row.state == "closed" else "",
    )


def gaps_of(view: View, now: Now) -> Rows:
    """Return the gaps of all feeds."""
    del now
    return gaps(view.gaps())


def gaps(found: list[GapShown]) -> Rows:
    """Return gaps as rows: open ones first, then those lost for good, then filled ones, each the newest first."""
    order = tuple(_GAPS)
    rows = sorted(
        found,
        key=lambda g: (order.index(g.state), -g.from_ms, g.venue, g.subject, g.gap_id),
    )
    return capped([_gap(gap) for gap in rows[:GAPS_MAX]], GAPS_MAX, NO_GAP, total=len(rows))


def _gap(gap: GapShown) -> Row:
    level, word = _GAPS[gap.state]
    missing: Line = (Words("not known", tone="quiet"),)
    if gap.ids_missing is not None:
        missing = (amount(gap.ids_missing, "events"),)
    return Row(
        gap.gap_id,
        (
            (Mark(level, word),),
            (Words(gap.venue), Words(gap.subject, tone="strong"), Words(gap.kind, tone="quiet")),
            (Instant(gap.from_ms), Age(gap.from_ms, clock="market")),
            (Words(span(gap.to_ms - gap.from_ms)),),
            missing,
            (Words(gap.reason, tone="quiet"),),
            (Words("show", href=links.raw(gap.kind, gap.subject, gap.from_ms, gap.to_ms)),),
        ),
        tone="quiet" if gap.state == "filled" else "",
    )


def _state(state: str) -> Mark:
    level, word = _STATES.get(state, ("notice", state))
    return Mark(level, word)
