"""Prices of windows as candles, and fewer of them without a lie: those of one span make one. PURE."""

from collections.abc import Sequence

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
    """Return at most ``most`` candles: where there are more, equally many that follow each other become one.

    No price is lost at either end: the greatest of all is the greatest of what is returned. Holed is what holds one that is.

    Raises:
        ValueError: There is no room for any.
    """
    if most < 1:
        msg = f"candles need room for at least one, not {most}"
        raise ValueError(msg)
    if len(found) <= most:
        return list(found)
    return [_one(found[i * len(found) // most : (i + 1) * len(found) // most]) for i in range(most)]


def _one(several: Sequence[Candle]) -> Candle:
    first, last = several[0], several[-1]
    return Candle(
        start_ms=first.start_ms,
        end_ms=last.end_ms,
        open=first.open,
        close=last.close,
        low=min(candle.low for candle in several),
        high=max(candle.high for candle in several),
        holed=any(candle.holed for candle in several),
    )
