"""What a window with holes still proves: PURE. A hole can fake a fall, a silence or a ratio; it cannot fake what was seen."""

from typing import Literal

from topics import Kind
from topics.metrics import METRICS

Proof = Literal["grows", "shrinks", "seen", "fakeable"]
"""What may be said of a value of which data are missing.

=========  =============================================================================
grows      the whole is this much or more: `above` is proven, and so is not `below`
shrinks    the whole is this much or less: the other way round
seen       it was so in what was seen, an extreme or a return: that it holds is proven
fakeable   nothing: missing data can move it both ways
=========  =============================================================================
"""

_GROWS: dict[Kind, tuple[str, ...]] = {
    "market": ("trades", "high", "volume", "quote_volume", "taker_buy_volume", "largest_trade"),
    "volume": ("flow", "flow_samples"),
    "social": ("posts", "bot_posts", "engagement", "distinct_posts", "unique_authors"),
    "development": (
        "events",
        "commits",
        "pull_requests",
        "releases",
        "issues",
        "bot_events",
        "unique_authors",
    ),
}
_SEEN: dict[Kind, tuple[str, ...]] = {"market": ("open", "close", "log_return")}
_ONE_OF_MANY = frozenset({"high", "largest_trade", "distinct_posts", "unique_authors"})
"""Of what grows, that which the same event twice does not make greater."""


def judgeable(kind: Kind) -> tuple[str, ...]:
    """Return the metrics of a kind that are one number, in the order of the catalogue."""
    return tuple(m.name for m in METRICS if m.kind == kind and m.unit in UNITS)


UNITS = frozenset({"1", "asset", "base", "count", "quote"})
"""Of the metrics that are one number."""
UNIT_OF: dict[tuple[Kind, str], str] = {(m.kind, m.name): m.unit for m in METRICS}


def proof_of(kind: Kind, metric: str, *, unsure: bool) -> Proof:
    """Return what a window of which data are missing proves of a metric.

    ``unsure``: some of its events may be in it twice. What grows may then be too great.
    """
    if metric in _GROWS[kind]:
        return "fakeable" if unsure and metric not in _ONE_OF_MANY else "grows"
    if metric in _SEEN.get(kind, ()):
        return "seen"
    return "shrinks" if (kind, metric) == ("market", "low") else "fakeable"
