"""Which trades of one instrument have been heard, in bounded memory: PURE."""

from collections import deque
from typing import Protocol

from streams.collectors.port import Lost
from topics import Trade

from .venues import Hole, Market

IDS_MAX = 1_000
"""Ids remembered of an instrument without numbers: more than two connections, or a venue that repeats itself, bring
again. Some 130 bytes each."""
RANGES_MAX = 256
"""Ranges of numbers missing of an instrument, and as many given up; beyond it the oldest is given up, or forgotten."""
BACK_MS = 60_000
"""A trade so much later than the newest, under a number that has been, is no repetition: the venue counts anew."""

_Range = tuple[int, int]
"""Of numbers, both ends included."""


class Known(Protocol):
    """What is known of one instrument."""

    market: Market
    last: Trade | None
    """The newest that was heard."""

    def follows(self, trade: Trade) -> bool:
        """Take the trade if it is new and there is no more to be said; return whether it was taken."""

    def take(self, trade: Trade) -> Hole | bool:
        """Return whether the trade is new; the hole in front of it, if it shows one."""

    def strange(self, trade: Trade) -> bool:
        """Return whether a trade that is not new cannot be a repetition either."""

    overflown: list[Lost]
    """Given up for want of room; the caller takes them away."""

    def misses(self, first: int, last: int) -> bool:
        """Return whether something within these numbers is missing."""

    def give_up(self, first: int, last: int, reason: str) -> list[Lost]:
        """Expect no more what is missing within these numbers, and say so."""


class Numbered:
    """An instrument whose trades are numbered without holes."""

    def __init__(self, market: Market) -> None:
        """Begin with nothing heard."""
        self.market = market
        self.last: Trade | None = None
        self.overflown: list[Lost] = []
        self._high = -1
        self._missing: list[_Range] = []
        self._given_up: list[_Range] = []

    def follows(self, trade: Trade) -> bool:
        """Take the trade if its number is the next; return whether it was taken."""
        number = self._high + 1
        if trade.sequence != number or self.last is None:
            return False
        self._high, self.last = number, trade
        return True

    def take(self, trade: Trade) -> Hole | bool:
        """Return whether the trade is new; the hole in front of it, if it shows one."""
        number, last = trade.sequence, self.last
        if number is None:
            return True
        if last is None or number == self._high + 1:
            self._high, self.last = number, trade
            return True
        if number > self._high:
            hole = Hole(market=self.market, after=last, before=trade)
            self._missing.append((self._high + 1, number - 1))
            self._high, self.last = number, trade
            self._make_room()
            return hole
        return _take_out(self._missing, number) or _take_out(self._given_up, number)

    def strange(self, trade: Trade) -> bool:
        """Return whether a trade that is not new cannot be a repetition either."""
        return self.last is not None and trade.event_ms > self.last.event_ms + BACK_MS

    def give_up(self, first: int, last: int, reason: str) -> list[Lost]:
        """Expect no more what is missing within these numbers, and say so."""
        kept: list[_Range] = []
        lost: list[Lost] = []
        for low, high in self._missing:
            cut_low, cut_high = max(low, first), min(high, last)
            if cut_low > cut_high:
                kept.append((low, high))
                continue
            kept += [
                part for part in ((low, cut_low - 1), (cut_high + 1, high)) if part[0] <= part[1]
            ]
            lost.append(self._lost(cut_low, cut_high, reason))
        self._missing = kept
        return lost

    def misses(self, first: int, last: int) -> bool:
        """Return whether something within these numbers is missing."""
        return any(low <= last and first <= high for low, high in self._missing)

    def _make_room(self) -> None:
        while len(self._missing) > RANGES_MAX:
            first, last = self._missing.pop(0)
            self.overflown.append(self._lost(first, last, f"more than {RANGES_MAX} holes are open"))

    def _lost(self, first: int, last: int, reason: str) -> Lost:
        self._given_up.append((first, last))
        del self._given_up[:-RANGES_MAX]
        venue = self.last.venue if self.last is not None else ""
        return Lost(
            venue=venue,
            subject=self.market.symbol,
            first_missing=first,
            last_missing=last,
            reason=reason[:200],
        )


class Unnumbered:
    """An instrument whose ids prove nothing but that they have been."""

    def __init__(self, market: Market) -> None:
        """Begin with nothing heard."""
        self.market = market
        self.last: Trade | None = None
        self.overflown: list[Lost] = []
        self._order: deque[str] = deque()
        self._ids: set[str] = set()

    def follows(self, trade: Trade) -> bool:
        """Take the trade if it is new; return whether it was taken."""
        return self.take(trade)

    def take(self, trade: Trade) -> bool:
        """Return whether the trade is new."""
        if trade.trade_id in self._ids:
            return False
        self._ids.add(trade.trade_id)
        self._order.append(trade.trade_id)
        if len(self._order) > IDS_MAX:
            self._ids.discard(self._order.popleft())
        if self.last is None or trade.event_ms >= self.last.event_ms:
            self.last = trade
        return True

    def strange(self, trade: Trade) -> bool:
        """Return whether a trade that is not new cannot be a repetition either."""
        return self.last is not None and trade.event_ms > self.last.event_ms + BACK_MS

    def misses(self, first: int, last: int) -> bool:
        """Return False: there are no numbers to miss."""
        del first, last
        return False

    def give_up(self, first: int, last: int, reason: str) -> list[Lost]:
        """Return nothing: there are no numbers to miss."""
        del first, last, reason
        return []


def _take_out(ranges: list[_Range], number: int) -> bool:
    """Take a number out of the ranges, and return whether it was in one."""
    for at, (first, last) in enumerate(ranges):
        if first <= number <= last:
            parts = ((first, number - 1), (number + 1, last))
            ranges[at : at + 1] = [part for part in parts if part[0] <= part[1]]
            return True
    return False
