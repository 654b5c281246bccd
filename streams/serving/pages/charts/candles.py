"""Prices of windows as candles, and fewer of them without a lie: those of one span make one. PURE."""

from collections.abc import Sequence
from itertools import pairwise

from msgspec import Struct

from streams.serving.shown import Point


class Candle(Struct, frozen=True, kw_only=True):
    """First, last, least and greatest price of a stretch of time."""

    start_ms: int
    end_ms: int
    open: float
    close: float
    low: float
    high: float
    holed: bool


def candles(points: Sequence[Point]) -> list[Candle]:
    """Return the candles of market windows, in their order; a window without trades has none."""
    made = []
    for point in points:
        prices = [point.values.get(name) for name in ("open", "close", "low", "high")]
        first, last, low, high = prices
        if first is None or last is None or low is None or high is None:
            continue
        made.append(
            Candle(
                start_ms=point.start_ms,
                end_ms=point.end_ms,
                open=first,
                close=last,
                low=low,
                high=high,
                holed=point.state == "holed",
            )
        )
    return made


def merged(found: Sequence[Candle], most: int) -> list[Candle]:
    """Return fewer candles, ``most`` where nothing is missing: equally many that follow each other become one.

    No price is lost at either end: the greatest of all is the greatest of what is returned. Holed is what holds one that is.
    Over a gap two are made, so that none is drawn through it; where several gaps are so near that this would be many,
    the one over the later of them counts as holed. So there are never more than twice ``most``.

    Raises:
        ValueError: There is no room for any.
    """
    if most < 1:
        msg = f"candles need room for at least one, not {most}"
        raise ValueError(msg)
    if len(found) <= most:
        return list(found)
    groups = [found[i * len(found) // most : (i + 1) * len(found) // most] for i in range(most)]
    return [_one(part) for group in groups for part in _parted(group)]


def _parted(several: Sequence[Candle]) -> list[Sequence[Candle]]:
    """Return candles in one part, or in two where the first gap between them is."""
    for place, (one, next_one) in enumerate(pairwise(several), start=1):
        if next_one.start_ms > one.end_ms:
            return [several[:place], several[place:]]
    return [several]


def _one(several: Sequence[Candle]) -> Candle:
    first, last = several[0], several[-1]
    apart = any(next_one.start_ms > one.end_ms for one, next_one in pairwise(several))
    return Candle(
        start_ms=first.start_ms,
        end_ms=last.end_ms,
        open=first.open,
        close=last.close,
        low=min(candle.low for candle in several),
        high=max(candle.high for candle in several),
        holed=apart or any(candle.holed for candle in several),
    )
