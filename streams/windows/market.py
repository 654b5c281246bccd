"""Trades into blocks, blocks into the values of a window."""

from itertools import pairwise
from math import fsum, log, sqrt

from msgspec import Struct

from topics import MarketValues

from .columns import Cell, Key, Seen
from .grid import from_grid, to_grid
from .intake import TradeIn
from .kinds import KindRules
from .sketches import quantiles, size_key

QUANTILES = (0.5, 0.9, 0.99)


class Pane(Struct, array_like=True):
    """First and last trade of a pane, by (time, venue, id length, id)."""

    first: Key
    open: float
    last: Key
    close: float


class Venue(Struct, array_like=True):
    """One venue's part of a block."""

    volume: int
    last: tuple[int, int, str]
    close: float


class MarketBlock(Struct, array_like=True):
    """One minute of one instrument. Sums are on the grid."""

    trades: int
    high: float
    low: float
    volume: int
    quote_volume: int
    buy_volume: int
    largest: float
    panes: dict[int, Pane] = {}
    """By their number from the epoch."""
    venues: dict[str, Venue] = {}
    sizes: dict[int, int] = {}
    """Trades by the bucket of their size."""
    unsure: bool = False

    def add(self, trade: TradeIn, rules: KindRules) -> None:
        """Take one trade."""
        price, size = trade.price, trade.size
        grid_size = to_grid(size)
        self.trades += 1
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        self.volume += grid_size
        self.quote_volume += to_grid(price * size)
        if trade.side == "buy":
            self.buy_volume += grid_size
        self.largest = max(self.largest, size)
        bucket = size_key(size)
        self.sizes[bucket] = self.sizes.get(bucket, 0) + 1
        trade_id = trade.trade_id
        seen = ((trade.event_ms, trade.venue, len(trade_id), trade_id), price)
        self._place(trade.event_ms // rules.pane_ms, seen, seen)
        self._credit(trade.venue, grid_size, seen)

    def add_cell(self, venue: str, cell: Cell) -> None:
        """Take the trades of one pane of a venue, as `add` takes each: what is counted depends on no order."""
        self.trades += cell.trades
        self.high = max(self.high, cell.high)
        self.low = min(self.low, cell.low)
        self.volume += cell.volume
        self.quote_volume += cell.quote_volume
        self.buy_volume += cell.buy_volume
        self.largest = max(self.largest, cell.largest)
        counts = self.sizes
        for bucket, count in cell.sizes:
            counts[bucket] = counts.get(bucket, 0) + count
        self._place(cell.pane, cell.first, cell.last)
        self._credit(venue, cell.volume, cell.last)

    def _place(self, number: int, first: Seen, last: Seen) -> None:
        pane = self.panes.get(number)
        if pane is None:
            self.panes[number] = Pane(*first, *last)
            return
        if first[0] < pane.first:
            pane.first, pane.open = first
        if last[0] > pane.last:
            pane.last, pane.close = last

    def _credit(self, name: str, grid_size: int, last: Seen) -> None:
        (at_ms, _, length, trade_id), price = last
        key = (at_ms, length, trade_id)
        venue = self.venues.get(name)
        if venue is None:
            self.venues[name] = Venue(grid_size, key, price)
            return
        venue.volume += grid_size
        if key > venue.last:
            venue.last, venue.close = key, price


def empty() -> MarketBlock:
    """Return a block without trades."""
    return MarketBlock(0, float("-inf"), float("inf"), 0, 0, 0, 0.0)


def values(blocks: list[MarketBlock]) -> MarketValues:
    """Return the values of a window from its blocks, oldest first; each holds at least one trade."""
    panes = [block.panes[number] for block in blocks for number in sorted(block.panes)]
    volume = sum(block.volume for block in blocks)
    quote_volume = sum(block.quote_volume for block in blocks)
    buy_volume = sum(block.buy_volume for block in blocks)
    closes = [pane.close for pane in panes]
    venue_volume, venue_last = _by_venue(blocks)
    variance = _realised_variance(closes)
    p50, p90, p99 = quantiles([block.sizes for block in blocks], QUANTILES)
    return MarketValues(
        trades=sum(block.trades for block in blocks),
        open=panes[0].open,
        high=max(block.high for block in blocks),
        low=min(block.low for block in blocks),
        close=closes[-1],
        vwap=quote_volume / volume if volume else None,
        volume=from_grid(volume),
        quote_volume=from_grid(quote_volume),
        taker_buy_volume=from_grid(buy_volume),
        taker_buy_ratio=buy_volume / volume if volume else None,
        signed_volume=from_grid(2 * buy_volume - volume),
        log_return=log(closes[-1] / panes[0].open),
        realised_variance=variance,
        largest_trade=max(block.largest for block in blocks),
        venue_volume={name: from_grid(venue_volume[name]) for name in sorted(venue_volume)},
        venue_close={name: venue_last[name].close for name in sorted(venue_last)},
        realised_volatility=sqrt(variance),
        trade_size_p50=p50,
        trade_size_p90=p90,
        trade_size_p99=p99,
        venue_share={name: venue_volume[name] / volume for name in sorted(venue_volume)}
        if volume
        else {},
        venue_spread=_spread([last.close for last in venue_last.values()]),
    )


def _spread(closes: list[float]) -> float | None:
    """Return how far the venues' last prices lie apart, as a share of the middle between the outermost."""
    if len(closes) == 1:
        return None
    high, low = max(closes), min(closes)
    return (high - low) / ((high + low) / 2)


def _realised_variance(closes: list[float]) -> float:
    """Sum the squared log returns of successive closes (Andersen and Bollerslev 1998).

    By `fsum`: `sum` of doubles rounds differently from Python 3.12 on.
    """
    returns = [log(after / before) for before, after in pairwise(closes)]
    return fsum(r * r for r in returns)


def _by_venue(blocks: list[MarketBlock]) -> tuple[dict[str, int], dict[str, Venue]]:
    volume: dict[str, int] = {}
    last: dict[str, Venue] = {}
    for block in blocks:
        for name, venue in block.venues.items():
            volume[name] = volume.get(name, 0) + venue.volume
            if name not in last or venue.last > last[name].last:
                last[name] = venue
    return volume, last
