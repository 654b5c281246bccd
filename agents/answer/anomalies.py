"""What is unusual against the asset's own past, the most unusual first, with its size and baseline. PURE.

How unusual something is says `agents.decide.worth`. A price change without a score has no baseline, and is told as it is.
"""

from msgspec import Struct

from agents.decide.printing import span
from agents.decide.worth import UNUSUAL, unusual

from .reading import Told

TOLD_MAX = 4
"""Anomalies of one text."""

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
