"""Trades added up together: a run of them as columns, sorted by subject and time, each span reduced at once.

The same numbers come out as from one at a time: a product and its rounding to the grid are the same two
operations on doubles, sums are of integers, and whatever the columns cannot hold exactly is left to be taken
one by one.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from msgspec.structs import astuple

from topics.units import NUMBER_MAX

from .checks import AHEAD_MS_MAX
from .grid import SCALE
from .intake import TradeIn

FEW = 4
"""Trades a lane, below which they are taken one by one: it costs less."""
GRID_MAX = 2.0**62
"""Beyond it a sum, or an addend, is not left to 64 bits."""

Key = tuple[int, str, int, str]
"""Time, venue, length of the id, id: what first and last are told by."""
Seen = tuple[Key, float]
"""A trade as panes and venues remember it: its key and price."""
_Array = np.ndarray[Any, np.dtype[Any]]


class Cell(NamedTuple):
    """The trades of one pane of a lane, added up. Sums are on the grid."""

    pane: int
    """Its number from the epoch."""
    sizes: list[float]
    high: float
    low: float
    volume: int
    quote_volume: int
    buy_volume: int
    first: Seen
    last: Seen


class Lane(NamedTuple):
    """The trades of one subject, venue and source in a run."""

    subject: str
    venue: str
    source: str
    trades: int
    number: int | None
    """The first one's, where the others follow it in the log, each by one; else None."""
    cells: list[Cell]
    """By pane."""

    @property
    def first_ms(self) -> int:
        """The least time of the trades."""
        (first_ms, *_), _ = self.cells[0].first
        return first_ms


def lanes_of(trades: Sequence[TradeIn], *, from_ms: int, pane_ms: int) -> list[Lane] | None:
    """Return a run's trades by lane, or None where one may be late, absurd or too large, or the order matters.

    ``from_ms`` is the least time that is not late.
    """
    subject, source, venue, ids, times, received, prices, sizes, sides, numbers = zip(
        *map(astuple, trades), strict=True
    )
    codes, names = _codes(subject, venue, source)
    several = len({name[:2] for name in names}) < len(names)
    if several or len(trades) < FEW * len(names) or None in numbers:
        return None
    time, price, size = np.array(times), np.array(prices), np.array(sizes)
    if not _is_plain(time, np.array(received), price, size, from_ms):
        return None
    lane = np.array(codes)
    order = np.lexsort((time, lane))
    table = _Table(order, lane[order], time[order], price[order], size[order])
    cells = table.cells(np.array([side == "buy" for side in sides]), venue, ids, pane_ms)
    firsts = _firsts(lane, np.array(numbers))
    return [
        Lane(*name, sum(len(cell.sizes) for cell in mine), first, mine)
        for name, first, mine in zip(names, firsts, cells, strict=True)
    ]


def _codes(
    subject: Sequence[str], venue: Sequence[str], source: Sequence[str]
) -> tuple[list[int], list[tuple[str, str, str]]]:
    """Return the number of each trade's lane, and the lanes by number."""
    keys: Sequence[Any] = subject
    alike = venue.count(venue[0]) == len(venue) and source.count(source[0]) == len(source)
    if not alike:
        keys = list(zip(subject, venue, source, strict=True))
    codes = {key: code for code, key in enumerate(dict.fromkeys(keys))}
    names = [(key, venue[0], source[0]) for key in codes] if alike else list(codes)
    return [codes[key] for key in keys], names


def _is_plain(time: _Array, received: _Array, price: _Array, size: _Array, from_ms: int) -> bool:
    """Return whether no trade can be refused or late, and every amount has its place in the columns."""
    product = (price * size).max()
    return bool(
        time.min() >= from_ms
        and (time - received).max() <= AHEAD_MS_MAX
        and product <= NUMBER_MAX
        and max(product, size.max()) * SCALE < GRID_MAX
    )


def _firsts(lane: _Array, numbers: _Array) -> list[int | None]:
    """Return the first number of each lane whose numbers follow each other in the log; None of another."""
    order = np.argsort(lane, kind="stable")
    begins = np.flatnonzero(np.diff(lane[order], prepend=-1))
    ordered = numbers[order]
    steps = np.diff(ordered, prepend=0)
    steps[begins] = 1
    follows = np.logical_and.reduceat(steps == 1, begins).tolist()
    firsts = ordered[begins].tolist()
    return [first if ok else None for first, ok in zip(firsts, follows, strict=True)]


class _Table(NamedTuple):
    """Trades by lane and time, those of one instant in the order of the log."""

    order: _Array
    """Where each stands in the log."""
    lane: _Array
    time: _Array
    price: _Array
    size: _Array

    def cells(
        self, buy: _Array, venue: Sequence[str], ids: Sequence[str], pane_ms: int
    ) -> list[list[Cell]]:
        """Return the cells of each lane."""
        pane = self.time // pane_ms
        changes = np.diff(self.lane, prepend=-1) != 0
        begins = np.flatnonzero(changes | (np.diff(pane, prepend=-1) != 0))
        grid = np.rint(self.size * SCALE).astype(np.int64)
        quote = np.rint(self.price * self.size * SCALE).astype(np.int64)
        sizes = self.size.tolist()
        spans = [*begins.tolist(), len(sizes)]
        ends = _Ends(self.order.tolist(), self.time.tolist(), self.price.tolist(), venue, ids)
        columns = zip(
            spans,
            spans[1:],
            changes[begins].tolist(),
            pane[begins].tolist(),
            np.maximum.reduceat(self.price, begins).tolist(),
            np.minimum.reduceat(self.price, begins).tolist(),
            _sums(grid, begins),
            _sums(quote, begins),
            _sums(np.where(buy[self.order], grid, 0), begins),
            strict=False,  # the last span only ends
        )
        found: list[list[Cell]] = []
        for begin, end, new_lane, number, high, low, volume, quoted, bought in columns:
            if new_lane:
                found.append([])
            first, last = ends.first(begin, end), ends.last(begin, end)
            cell = Cell(number, sizes[begin:end], high, low, volume, quoted, bought, first, last)
            found[-1].append(cell)
        return found


class _Ends(NamedTuple):
    """What tells the first and the last of a span."""

    order: list[int]
    times: list[int]
    prices: list[float]
    venue: Sequence[str]
    ids: Sequence[str]

    def first(self, begin: int, end: int) -> Seen:
        """Return the first of the trades from ``begin`` up to ``end``."""
        stop = begin + 1
        while stop < end and self.times[stop] == self.times[begin]:
            stop += 1
        return min(self._seen(begin, stop), key=_key)

    def last(self, begin: int, end: int) -> Seen:
        """Return the last of the trades from ``begin`` up to ``end``; of equal ones, the first in the log."""
        start = end - 1
        while start > begin and self.times[start - 1] == self.times[end - 1]:
            start -= 1
        return max(self._seen(start, end), key=_key)

    def _seen(self, begin: int, end: int) -> Iterator[Seen]:
        for at in range(begin, end):
            place = self.order[at]
            trade_id = self.ids[place]
            yield (self.times[at], self.venue[place], len(trade_id), trade_id), self.prices[at]


def _key(seen: Seen) -> Key:
    return seen[0]


def _sums(addends: _Array, begins: _Array) -> list[int]:
    """Return the sum of each span, exactly: in two halves where one word could run over."""
    if float(addends.max()) * len(addends) < GRID_MAX:
        return np.add.reduceat(addends, begins).tolist()  # type: ignore[no-any-return]
    high = np.add.reduceat(addends >> 32, begins).tolist()
    low = np.add.reduceat(addends & 0xFFFF_FFFF, begins).tolist()
    return [(upper << 32) + lower for upper, lower in zip(high, low, strict=True)]
