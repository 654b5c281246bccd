"""The candles of one market, in order: which are there, which are late, which will never come: PURE."""

from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct

SETTLE_MS = 2_000
"""After its close a candle may still take trades of its last moment; it is read this long after it."""
LATE_MS = 45_000
"""A venue without empty candles that has none for a span this long after its close had no trades in it."""
AGAIN_MS = 30_000
"""A candle that is missing before one that is there is asked for again: once at least, and until this long after its
close."""
BACK_SPANS = 5
"""Of those taken for empty, so many are asked for again, lest one comes late."""


class Candle(Struct, frozen=True):
    """One candle as the venue gives it."""

    open_ms: int
    volume: Decimal | None
    """None where it cannot be read: it may be mended, and is asked for again before it is given up."""


class Missing(Struct, frozen=True):
    """Candles that will not come, of the spans in between."""

    from_ms: int
    to_ms: int


class Line:
    """One market's candles of one span, from a time on."""

    def __init__(self, span_ms: int, from_ms: int, *, empty_candles: bool) -> None:
        """Begin with the candle in which ``from_ms`` lies. ``empty_candles``: the venue prints those without trades."""
        self.span_ms, self._empty_candles = span_ms, empty_candles
        self.next_ms = from_ms // span_ms * span_ms
        """The opening of the first candle that has not been seen: what to ask from."""
        self.settled_ms = self.next_ms
        """Up to this close every candle has been seen, or will not come."""

        self._doubted_ms: int | None = None
        """The opening of the candle that was missing, or could not be read, when it was asked for last."""

    def due(self, now_ms: int) -> bool:
        """Return whether a candle must have closed, by the venue's time, that has not been seen."""
        return self.settled_ms < self._closed_ms(now_ms)

    def due_ms(self) -> int:
        """Return the venue's time from which the next candle can be read."""
        return self.settled_ms + self.span_ms + SETTLE_MS

    def clear_ms(self, now_ms: int) -> int:
        """Return the time up to which no candle can be missing: now, if none can have closed since."""
        if self.due(now_ms):
            return self.settled_ms
        return max(self.settled_ms, now_ms - SETTLE_MS)

    def forget(self, before_ms: int) -> Missing | None:
        """Give up the candles that open before ``before_ms``: the venue has them no more, or nobody wants them."""
        before_ms = before_ms // self.span_ms * self.span_ms
        if before_ms <= self.next_ms:
            return None
        missing = Missing(self.next_ms, before_ms)
        self.next_ms = before_ms
        self.settled_ms = max(self.settled_ms, before_ms)
        return missing

    def take(
        self, candles: Iterable[Candle], *, asked_to_ms: int, now_ms: int
    ) -> list[Candle | Missing]:
        """Take an answer, and return the closed candles that are new, and what is proven missing, in order.

        ``asked_to_ms`` is how far the question went, ``now_ms`` the venue's time when it answered.
        """
        closed_ms = self._closed_ms(now_ms)
        found: list[Candle | Missing] = []
        for candle in sorted(candles, key=lambda candle: candle.open_ms):
            close_ms = candle.open_ms + self.span_ms
            if candle.open_ms < self.next_ms or close_ms > closed_ms:
                continue
            from_ms = self.next_ms if self._empty_candles else candle.open_ms
            missing_ms = close_ms if candle.volume is None else candle.open_ms
            if from_ms < missing_ms:
                if now_ms < missing_ms + AGAIN_MS or self._doubted_ms != from_ms:
                    self._doubted_ms = from_ms
                    asked_to_ms = min(asked_to_ms, candle.open_ms)
                    break
                found.append(Missing(from_ms, missing_ms))
            if candle.volume is not None:
                found.append(candle)
            self.next_ms = close_ms
        self._settle(min(closed_ms, asked_to_ms), now_ms)
        return found

    def _settle(self, asked_ms: int, now_ms: int) -> None:
        self.settled_ms = max(self.settled_ms, self.next_ms)
        if not self._empty_candles:
            empty_ms = min(asked_ms, self._floor(now_ms - LATE_MS))
            self.settled_ms = max(self.settled_ms, empty_ms)
            self.next_ms = max(self.next_ms, self.settled_ms - BACK_SPANS * self.span_ms)

    def _closed_ms(self, now_ms: int) -> int:
        """Return the close of the last candle that can be read."""
        return self._floor(now_ms - SETTLE_MS)

    def _floor(self, at_ms: int) -> int:
        return at_ms // self.span_ms * self.span_ms
