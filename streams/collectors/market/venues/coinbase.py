"""Coinbase Advanced Trade, spot: market trades, tickers, heartbeats, and trades of its REST. PURE.

Field names are the venue's (docs.cdp.coinbase.com, Advanced Trade API, websocket channels and get-public-market-trades).
``side`` is the maker's, by websocket and by REST: the taker took the other. ``trade_id`` is one more each time in
every product. A subscription is answered by the latest trades, newest first. ``sequence_num`` counts the frames of one
connection, and a frame does not say of which, so it is not used: a trade that is lost shows by its id.

A pair in USDC is printed under the name of its twin in USD, whose book it shares: take that one.
"""

from decimal import Decimal
from itertools import chain
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from topics import Trade, VolumeLevel
from topics.units import VenueId

from .decoding import (
    UNREADABLE,
    Entries,
    Instant,
    epoch_ms,
    known_ms,
    levels_reading,
    sequence,
    trades_reading,
    unreadable,
)
from .instruments import SpotVenue
from .missing import Missing, number
from .reading import (
    Acknowledged,
    Ask,
    Filling,
    Hole,
    Levels,
    Limits,
    Other,
    Reading,
    Reply,
    Trades,
    VenueError,
)

VENUE = "coinbase"
PAGE_MAX = 1_000
"""Trades of one page of REST."""
_TAKER: dict[str, Literal["buy", "sell"]] = {"BUY": "sell", "SELL": "buy"}
"""By the side of the maker."""


class _Trade(Struct, gc=False):
    trade_id: VenueId
    product_id: str
    price: Decimal
    size: Decimal
    side: Literal["BUY", "SELL"]
    time: Instant


class _Ticker(Struct, gc=False):
    product_id: str
    volume_24_h: Decimal


class _Event(Struct, gc=False):
    type: Any = None
    trades: Raw | UnsetType = UNSET
    tickers: Raw | UnsetType = UNSET


class _Frame(Struct, gc=False):
    """What tells one frame from another."""

    channel: Any = None
    type: Any = None
    message: Any = None
    timestamp: Any = None
    events: Raw = Raw(b"[]")


class _Page(Struct, gc=False):
    trades: Raw


_read_frame = msgspec.json.Decoder(_Frame).decode
_read_events = msgspec.json.Decoder(list[_Event]).decode
_read_page = msgspec.json.Decoder(_Page).decode
_trades = Entries(msgspec.json.Decoder(list[_Trade]).decode, msgspec.json.Decoder(_Trade).decode)
_tickers = Entries(msgspec.json.Decoder(list[_Ticker]).decode, msgspec.json.Decoder(_Ticker).decode)


class Coinbase(SpotVenue):
    """Market trades of one set of products."""

    exchange = "coinbase"
    # It writes of no number of products; 8 messages a second are allowed, and one subscribes them all.
    limits = Limits(symbols_max=200, connections_per_5_min=300)
    numbered = True
    futures = f"of {VENUE} only spot is read"

    @staticmethod
    def name(base: str, quote: str) -> str:
        """Return the venue's name of a pair."""
        return f"{base}-{quote}"

    def __init__(self, source: str, symbols: tuple[str, ...]) -> None:
        """Take the symbols of the source of that name.

        Raises:
            SettingsError: They are not all spot, or two have one name at the venue.
        """
        super().__init__(source, symbols)
        self.greetings = (
            # Without it a connection whose products are quiet is closed after a minute or so.
            {
                "type": "subscribe",
                "channel": "heartbeats",
                "product_ids": [market.venue_id for market in self.markets],
            },
        )

    def read(self, frame: str | bytes, *, received_ms: int) -> Reading:
        """Return what a text frame says."""
        try:
            head = _read_frame(frame)
            if head.channel == "market_trades":
                return self._read_trades(head, received_ms)
            if head.channel in ("ticker", "ticker_batch"):
                return self._read_tickers(head, received_ms)
        except UNREADABLE as error:
            return unreadable(error)
        if head.type == "error":
            return VenueError(str(head.message)[:300], None, refuses=True)
        venue_ms = known_ms(head.timestamp)
        if head.channel == "subscriptions":
            return Acknowledged(venue_ms)
        return Other(venue_ms)

    def fill(self, hole: Hole) -> Filling:
        """Return how to fill a hole: pages that end ever earlier, down to its beginning. Their times are seconds.

        (GET /api/v3/brokerage/market/products/{product_id}/ticker?start=&end=&limit=)
        """
        missing = Missing(hole)
        start_s, end_ms = hole.after.event_ms // 1000, hole.before.event_ms
        while not missing.full:
            params: dict[str, str | int] = {
                "product_id": hole.market.venue_id,
                "limit": PAGE_MAX,
                "start": str(start_s),
                "end": str(end_ms // 1000 + 1),
            }
            reply = yield Ask(endpoint=_ENDPOINT, params=params)
            page, why_not = self._page(reply, hole)
            if not missing.take(page):
                return missing.filled(why_not or f"{VENUE} does not have the rest")
            if why_not:
                return missing.filled(why_not)
            end_ms = min(trade.event_ms for trade in page)
        return missing.filled("")

    def _page(self, reply: Reply, hole: Hole) -> tuple[list[Trade], str]:
        """Return the trades of a page, and what is wrong with it."""

        def make(entry: _Trade) -> Trade:
            if entry.product_id != hole.market.venue_id:
                msg = f"{entry.product_id[:32]!r} is not {hole.market.venue_id}"
                raise ValueError(msg)
            return self._trade(entry, reply.received_ms)

        try:
            page, bad = _trades.read(_read_page(reply.body).trades, make)
        except UNREADABLE as error:
            return [], f"unreadable page: {error}"
        return page, f"unreadable trade: {bad[0].message}" if bad else ""

    def _read_trades(self, head: _Frame, received_ms: int) -> Reading:
        events = _read_events(head.events)
        parts = [
            _trades.read(event.trades, lambda entry: self._trade(entry, received_ms))
            for event in events
            if event.trades is not UNSET
        ]
        # Oldest first: a newer one before an older one would look as if some between them were lost.
        trades = sorted(chain.from_iterable(trades for trades, _ in parts), key=number)
        return trades_reading(
            Trades(
                trades,
                known_ms(head.timestamp),
                tuple(chain.from_iterable(bad for _, bad in parts)),
                snapshot=any(event.type == "snapshot" for event in events),
            )
        )

    def _read_tickers(self, head: _Frame, received_ms: int) -> Reading:
        venue_ms = known_ms(head.timestamp)
        if venue_ms is None:
            return Other()

        def level(entry: _Ticker) -> VolumeLevel:
            return self._instruments.level(
                entry.product_id, entry.volume_24_h, event_ms=venue_ms, received_ms=received_ms
            )

        parts = [
            _tickers.read(event.tickers, level)
            for event in _read_events(head.events)
            if event.tickers is not UNSET
        ]
        levels = list(chain.from_iterable(levels for levels, _ in parts))
        return levels_reading(
            Levels(levels, venue_ms), tuple(chain.from_iterable(bad for _, bad in parts))
        )

    def _trade(self, entry: _Trade, received_ms: int) -> Trade:
        return Trade(
            subject=self._instruments.of(entry.product_id).symbol,
            source=self._instruments.source,
            venue=VENUE,
            trade_id=entry.trade_id,
            event_ms=epoch_ms(entry.time),
            received_ms=received_ms,
            price=entry.price,
            size=entry.size,
            side=_TAKER[entry.side],
            sequence=sequence(entry.trade_id),
        )


_ENDPOINT = "v3PublicGetBrokerageMarketProductsProductIdTicker"
