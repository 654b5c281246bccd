"""The numbers that a hole lacks, as pages of REST bring them: PURE."""

from collections.abc import Iterable

from topics import Trade

from .reading import FILL_TRADES_MAX, Filled, Hole


class Missing:
    """Numbered trades strictly between the two that a hole lies between."""

    def __init__(self, hole: Hole, *, most: int = FILL_TRADES_MAX) -> None:
        """Begin with nothing found. Both ends of the hole have numbers."""
        self.first, self.last = number(hole.after) + 1, number(hole.before) - 1
        self._found: dict[int, Trade] = {}
        self._most, self._next = most, self.first

    @property
    def full(self) -> bool:
        """Whether nothing more is to be asked for: all is found, or as much as is taken."""
        return len(self._found) >= min(self.last - self.first + 1, self._most)

    def take(self, page: Iterable[Trade]) -> bool:
        """Take those of a page that are missing, and return whether it had any."""
        before = len(self._found)
        for trade in page:
            at = number(trade)
            if self.first <= at <= self.last and len(self._found) < self._most:
                self._found.setdefault(at, trade)
        return len(self._found) > before

    def next(self) -> int:
        """Return the first number that is not found."""
        while self._next in self._found:
            self._next += 1
        return self._next

    def filled(self, why_not: str) -> Filled:
        """Return what was found, oldest first; ``why_not`` is told if that is not all."""
        trades = [self._found[at] for at in sorted(self._found)]
        whole = len(trades) == max(0, self.last - self.first + 1)
        if whole:
            return Filled(trades=trades, whole=True)
        if len(trades) >= self._most:
            why_not = f"more than {self._most} trades are missing"
        return Filled(trades=trades, whole=False, reason=why_not[:200])


def number(trade: Trade) -> int:
    """Return a trade's number, at a venue where all have one."""
    return trade.sequence or 0
