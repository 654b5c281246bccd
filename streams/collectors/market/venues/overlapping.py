"""Holes between trades whose ids rise but have holes of their own: whole only if pages overlap both ends. PURE."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from msgspec import Raw

from topics import Trade

from .decoding import UNREADABLE, Entries, sequence
from .reading import FILL_TRADES_MAX, Filled, Hole

Row = TypeVar("Row")


class Overlap:
    """What pages of REST bring of a hole.

    Nothing is missing between two trades of one page. So each page must have the trade at which the one before ended,
    the first one an end of the hole, and the last one the other end: then nothing can lie between them unseen.
    """

    def __init__(self, hole: Hole, *, downwards: bool = False, most: int = FILL_TRADES_MAX) -> None:
        """Begin at the older end, or ``downwards`` at the later one.

        Raises:
            ValueError: The ids of the ends are no numbers, or do not rise.
        """
        self._first, self._last = sequence(hole.after.trade_id), sequence(hole.before.trade_id)
        if self._first >= self._last:
            msg = f"the ids {self._first} and {self._last} do not rise"
            raise ValueError(msg)
        self._downwards, self._most = downwards, most
        self.at, self._goal = (self._last, self._first) if downwards else (self._first, self._last)
        self._found: dict[int, Trade] = {}
        self._whole = False
        self._reason = "nothing was asked for"

    def take(self, page: Iterable[Trade], bad: str = "") -> bool:
        """Take a page that is to have the trade ``at``, and return whether another may bring more.

        ``bad`` says what of it could not be read; such a page proves nothing.
        """
        numbers = {sequence(trade.trade_id): trade for trade in page}
        inside = {n: trade for n, trade in numbers.items() if self._first < n < self._last}
        self._found |= inside
        self._reason = bad or self._why_not(numbers, inside)
        self._whole = not self._reason and self._goal in numbers
        if self._whole or self._reason:
            return False
        self.at = min(inside) if self._downwards else max(inside)
        self._reason = f"no page has the trade {self._goal}"
        return True

    def filled(self) -> Filled:
        """Return what was found, oldest first."""
        trades = [self._found[at] for at in sorted(self._found)]
        if self._whole:
            return Filled(trades=trades, whole=True)
        return Filled(trades=trades, whole=False, reason=self._reason[:200])

    def _why_not(self, numbers: dict[int, Trade], inside: dict[int, Trade]) -> str:
        """Return why a page cannot be gone on from, nor ends the hole."""
        if self.at not in numbers:
            return f"no page has the trade {self.at}, so some may lie before it unseen"
        if self._goal in numbers:
            return ""
        beyond = min(numbers) < self._first if self._downwards else max(numbers) > self._last
        furthest = min(inside, default=self.at) if self._downwards else max(inside, default=self.at)
        if beyond:
            return f"the venue does not have the trade {self._goal}"
        if furthest == self.at:
            return f"the venue has nothing beyond {self.at}"
        if len(self._found) >= self._most:
            return f"more than {self._most} trades are missing"
        return ""


def read_page(
    rows: Entries[Row], body: bytes | Raw, make: Callable[[Row], Trade | None]
) -> tuple[list[Trade], str]:
    """Return the trades of a page of REST, without rows of which none is made, and what of it could not be read."""
    try:
        made, bad = rows.read(body, make)
    except UNREADABLE as error:
        return [], f"unreadable page: {error}"
    page = [trade for trade in made if trade is not None]
    return page, f"unreadable trade: {bad[0].message}" if bad else ""


def not_whole(error: Exception | str) -> Filled:
    """Return that nothing could be had."""
    return Filled(trades=[], whole=False, reason=str(error)[:200])
