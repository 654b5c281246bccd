"""Trades added up together: a run of them as columns, sorted by subject and time, each span reduced at once.

The same numbers come out as from one at a time: a product and its rounding to the grid are the same two
operations on doubles, sums are of integers, and whatever the columns cannot hold exactly is left to be taken
one by one.
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import count, islice, pairwise
from typing import Any, NamedTuple

import numpy as np

from topics.units import NUMBER_MAX

from .checks import AHEAD_MS_MAX
from .grid import SCALE
from .intake import TradeIn
from .sketches import size_buckets

FEW = 4
"""Trades a lane, below which they are taken one by one: it costs less."""
GRID_MAX = 2.0**62
"""Beyond it a sum, or an addend, is not left to 64 bits."""

Key = tuple[int, str, int, str]
"""Time, venue, length of the id, id: what first and last are told by."""
Seen = tuple[Key, float]
"""A trade as panes and venues remember it: its key and price."""
_Array = np.ndarray[Any, np.dtype[Any]]
_BUCKETS = 1 << 16
"""More than there are buckets of sizes, below and above 0 together."""


class Cell(NamedTuple):
    """The trades of one pane of a lane, added up. Sums are on the grid."""

    pane: int
    """Its number from the epoch."""
    trades: int
    high: float
    low: float
    volume: int
    quote_volume: int
    buy_volume: int
    largest: float
    first: Seen
    last: Seen
    sizes: list[tuple[int, int]]
    """Buckets of sizes, each with its trades."""


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


class Columns:
    """What is added up of a run's trades, field by field, in the order of the log.

    The trades themselves are let go at once: memory that is used again while the processor still holds it
    nearby costs a fraction of memory that is not.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self.lane: list[int] = []
        """The number of each trade's lane."""
        self.key: list[bytes | None] = []
        """Of each record."""
        self.ids: list[str] = []
        self.numbered = True
        """Whether each trade has a number."""
        self._pieces: list[tuple[_Array, ...]] = []
        self._lanes: dict[tuple[str, str], dict[str, int]] = {}
        self._next = count().__next__

    def add(self, trades: Sequence[TradeIn], keys: Sequence[bytes | None]) -> None:
        """Take trades that follow each other, and the keys of their records."""
        lane = self._lane_of_each(trades)
        self.lane += lane
        self.key += keys
        self.ids += [trade.trade_id for trade in trades]
        numbers = [trade.sequence for trade in trades]
        if None in numbers:
            self.numbered = False
            numbers = [0] * len(trades)
        piece = (
            _array(np.int64, lane),
            _array(np.int64, [trade.event_ms for trade in trades]),
            _array(np.int64, [trade.received_ms for trade in trades]),
            _array(np.float64, [trade.price for trade in trades]),
            _array(np.float64, [trade.size for trade in trades]),
            _array(np.bool_, [trade.side == "buy" for trade in trades]),
            _array(np.int64, numbers),
        )
        self._pieces.append(piece)

    def arrays(self) -> list[_Array]:
        """Return lane, time, time of receipt, price, size, whether bought, and number of each trade."""
        return [np.concatenate(pieces) for pieces in zip(*self._pieces, strict=True)]

    def _lane_of_each(self, trades: Sequence[TradeIn]) -> list[int]:
        subject = [trade.subject for trade in trades]
        venue = [trade.venue for trade in trades]
        source = [trade.source for trade in trades]
        if venue.count(venue[0]) == len(venue) and source.count(source[0]) == len(source):
            lanes = self._lanes_at(venue[0], source[0])
            return [lanes[name] for name in subject]
        places = zip(venue, source, subject, strict=True)
        return [self._lanes_at(at, of)[name] for at, of, name in places]

    def _lanes_at(self, venue: str, source: str) -> dict[str, int]:
        """Return the lanes of a venue and source by subject; a new one gets the next number by being asked for."""
        lanes = self._lanes.get((venue, source))
        if lanes is None:
            lanes = self._lanes[venue, source] = defaultdict(self._next)
        return lanes

    def lanes(self) -> list[tuple[str, str, str]]:
        """Return subject, venue and source of each lane, by number."""
        found = [
            (code, (subject, *place))
            for place, lanes in self._lanes.items()
            for subject, code in lanes.items()
        ]
        return [name for _, name in sorted(found)]


def lanes_of(columns: Columns, *, from_ms: int, pane_ms: int) -> list[Lane] | None:
    """Return a run's trades by lane, or None where one may be late, absurd or too large, or the order matters.

    ``from_ms`` is the least time that is not late.
    """
    names = columns.lanes()
    several = len({name[:2] for name in names}) < len(names)
    if several or len(columns.ids) < FEW * len(names) or not columns.numbered:
        return None
    lane, time, received, price, size, buy, number = columns.arrays()
    if not _is_plain(time, received, price, size, from_ms):
        return None
    counts = np.bincount(lane, minlength=len(names))
    firsts = _firsts(lane, number, counts)
    order = np.lexsort((time, lane))
    table = _Table(columns.ids, order, time[order], price[order], size[order], buy[order])
    cells = table.cells(counts, [venue for _, venue, _ in names], pane_ms)
    found = zip(names, counts.tolist(), firsts, cells, strict=True)
    return [Lane(*name, trades, first, mine) for name, trades, first, mine in found]


def _array(kind: type, values: Sequence[Any]) -> _Array:
    return np.fromiter(values, kind, len(values))


def _is_plain(time: _Array, received: _Array, price: _Array, size: _Array, from_ms: int) -> bool:
    """Return whether no trade can be refused or late, and every amount has its place in the columns."""
    product = (price * size).max()
    return bool(
        time.min() >= from_ms
        and (time - received).max() <= AHEAD_MS_MAX
        and product <= NUMBER_MAX
        and max(product, size.max()) * SCALE < GRID_MAX
    )


def _firsts(lane: _Array, numbers: _Array, counts: _Array) -> list[int | None]:
    """Return the first number of each lane whose numbers follow each other in the log; None of another."""
    ordered = numbers[np.argsort(lane, kind="stable")]
    ends = np.cumsum(counts)
    broken = ordered[1:] - ordered[:-1] != 1
    broken[ends[:-1] - 1] = False  # there the next lane begins
    begins = ends - counts
    firsts: list[int | None] = ordered[begins].tolist()
    for at in np.flatnonzero(broken).tolist():
        firsts[int(np.searchsorted(ends, at, side="right"))] = None
    return firsts


class _Table(NamedTuple):
    """Trades by lane and time, those of one instant in the order of the log."""

    ids: Sequence[str]
    """As they are in the log."""
    order: _Array
    """Where each stands there."""
    time: _Array
    price: _Array
    size: _Array
    buy: _Array

    def cells(self, counts: _Array, venues: Sequence[str], pane_ms: int) -> list[list[Cell]]:
        """Return the cells of each lane. ``counts``: its trades."""
        pane = self.time // pane_ms
        lane_ends = np.cumsum(counts)
        changes = pane[1:] != pane[:-1]
        changes[lane_ends[:-1] - 1] = True
        begins = np.concatenate(([0], np.flatnonzero(changes) + 1))
        ends = np.append(begins[1:], len(pane))
        stops = np.searchsorted(begins, lane_ends).tolist()
        spans = list(pairwise([0, *stops]))
        places = [
            venue
            for venue, (start, stop) in zip(venues, spans, strict=True)
            for _ in range(start, stop)
        ]
        grid = np.rint(self.size * SCALE).astype(np.int64)
        quote = np.rint(self.price * self.size * SCALE).astype(np.int64)
        cells = map(
            Cell,
            pane[begins].tolist(),
            (ends - begins).tolist(),
            np.maximum.reduceat(self.price, begins).tolist(),
            np.minimum.reduceat(self.price, begins).tolist(),
            _sums(grid, begins),
            _sums(quote, begins),
            _sums(grid * self.buy, begins),
            np.maximum.reduceat(self.size, begins).tolist(),
            self._firsts(begins, ends, places),
            self._lasts(begins, ends, places),
            _counted(size_buckets(self.size), begins, ends),
        )
        return [list(islice(cells, stop - start)) for start, stop in spans]

    def _firsts(self, begins: _Array, ends: _Array, venues: Sequence[str]) -> list[Seen]:
        """Return the first trade of each cell."""
        stops = begins + 1
        found = self._seen(begins, venues)
        tied = (stops < ends) & (self.time[begins] == self.time[np.minimum(stops, ends - 1)])
        for cell in np.flatnonzero(tied).tolist():
            equal = self._equal(begins[cell], begins[cell], ends[cell])
            found[cell] = min(self._seen(equal, [venues[cell]] * len(equal)), key=_key)
        return found

    def _lasts(self, begins: _Array, ends: _Array, venues: Sequence[str]) -> list[Seen]:
        """Return the last trade of each cell; of equal ones, the first in the log."""
        lasts = ends - 1
        found = self._seen(lasts, venues)
        tied = (lasts > begins) & (self.time[lasts] == self.time[np.maximum(lasts - 1, begins)])
        for cell in np.flatnonzero(tied).tolist():
            equal = self._equal(lasts[cell], begins[cell], ends[cell])
            found[cell] = max(self._seen(equal, [venues[cell]] * len(equal)), key=_key)
        return found

    def _equal(self, at: int, begin: int, end: int) -> _Array:
        """Return where the trades of a cell are that were made at the same instant as one of them."""
        return begin + np.flatnonzero(self.time[begin:end] == self.time[at])

    def _seen(self, at: _Array, venues: Sequence[str]) -> list[Seen]:
        ids = [self.ids[place] for place in self.order[at].tolist()]
        seen = zip(self.time[at].tolist(), venues, map(len, ids), ids, strict=True)
        return list(zip(seen, self.price[at].tolist(), strict=True))


def _key(seen: Seen) -> Key:
    return seen[0]


def _counted(buckets: _Array, begins: _Array, ends: _Array) -> list[list[tuple[int, int]]]:
    """Return the buckets of each cell with their counts."""
    cell = np.repeat(np.arange(len(begins)), ends - begins)
    found, counts = np.unique(cell * _BUCKETS + buckets, return_counts=True)
    cells = (found + _BUCKETS // 2) // _BUCKETS
    stops = np.searchsorted(cells, np.arange(len(begins)), side="right").tolist()
    pairs = zip((found - cells * _BUCKETS).tolist(), counts.tolist(), strict=True)
    return [list(islice(pairs, stop - start)) for start, stop in pairwise([0, *stops])]


def _sums(addends: _Array, begins: _Array) -> list[int]:
    """Return the sum of each span, exactly: in two halves where one word could run over."""
    if float(addends.max()) * len(addends) < GRID_MAX:
        return np.add.reduceat(addends, begins).tolist()  # type: ignore[no-any-return]
    high = np.add.reduceat(addends >> 32, begins).tolist()
    low = np.add.reduceat(addends & 0xFFFF_FFFF, begins).tolist()
    return [(upper << 32) + lower for upper, lower in zip(high, low, strict=True)]
