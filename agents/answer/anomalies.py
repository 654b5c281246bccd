"""What is unusual against the asset's own past, the most unusual first, with its size and baseline. PURE.

How unusual is a robust score (distance from the median in scaled median absolute deviations) where the window has one.
Where it has none, for lack of history or of variation, a rough stand-in on the same scale: 3 for four times or a quarter
of the median, 1.5 more for each doubling or halving. A price change without a score has no baseline, and is told as it is.
"""

from math import log2

from msgspec import Struct

from agents.decide.printing import span
from topics import Fact

from .reading import Told

UNUSUAL = 3.0
"""From here on something is worth a sentence."""
TOLD_MAX = 4
"""Anomalies of one text."""
WINDOWS_MIN = 2
"""Earlier windows below which nothing is called unusual without a score."""
SMALLEST = {"posts": 20.0, "events": 10.0, "commits": 10.0}
"""Counts below which, now and usually, a multiple means nothing."""
PER_DOUBLING = 1.5
NOTHING_LEFT = 1 / 64
"""What a fall to nothing counts as, of the median."""

_NAMES = {
    "return": "price change",
    "volume": "volume",
    "taker_buy_ratio": "share bought by takers",
    "volatility": "realised volatility",
    "flow": "reported volume",
    "level": "turnover of 24 hours",
    "posts": "posts",
    "tone": "tone of posts",
    "events": "development events",
    "commits": "commits",
}
_COMPARED = frozenset(("volume", "flow", "level", "posts", "events", "commits"))


class Anomaly(Struct, frozen=True):
    """One thing that is unusual."""

    metric: str
    window_ms: int
    unusual: float
    words: str
    """With slots."""


def anomalies_of(told: Told) -> list[Anomaly]:
    """Return at most `TOLD_MAX`, of each metric the window in which it is most unusual."""
    best: dict[str, Anomaly] = {}
    for (metric, window_ms), name in sorted(told.names.items(), key=lambda item: item[0]):
        size = unusual(told.slots[name])
        if size >= UNUSUAL and (metric not in best or size > best[metric].unusual):
            best[metric] = Anomaly(metric, window_ms, size, _words(told, metric, window_ms))
    ordered = sorted(best.values(), key=lambda found: (-found.unusual, found.metric))
    return ordered[:TOLD_MAX]


def unusual(fact: Fact) -> float:
    """Return how unusual a fact is; 0 where nothing can be said."""
    if fact.metric not in _NAMES:
        return 0.0
    if fact.z is not None:
        return abs(fact.z)
    return _by_ratio(fact) if fact.metric in _COMPARED else 0.0


def _by_ratio(fact: Fact) -> float:
    usual = fact.baseline
    if usual is None or usual <= 0 or fact.sample_size < WINDOWS_MIN:
        return 0.0
    if max(fact.value, usual) < SMALLEST.get(fact.metric, 0.0):
        return 0.0
    return PER_DOUBLING * abs(log2(max(fact.value / usual, NOTHING_LEFT)))


def _words(told: Told, metric: str, window_ms: int) -> str:
    fact = told.slots[told.names[metric, window_ms]]
    words = f"{_NAMES[metric]} {told.slot(metric, window_ms)}"
    words += "" if metric == "level" else f" over {span(window_ms)}"
    if fact.baseline is None:
        return words
    ratio, usual = f"{metric}_ratio", told.slot(metric, window_ms, "usual")
    if told.fact(ratio, window_ms):
        words += f", {told.slot(ratio, window_ms)} the usual {usual}"
    else:
        words += f" against a usual {usual}"
    known = [f"z {told.slot(metric, window_ms, 'z')}"] if fact.z is not None else []
    if fact.sample_size:
        plural = "" if fact.sample_size == 1 else "s"
        known.append(f"{told.slot(metric, window_ms, 'n')} window{plural}")
    return f"{words} ({', '.join(known)})" if known else words
