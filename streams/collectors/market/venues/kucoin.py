"""KuCoin, spot: matches, snapshots of markets, and the newest trades of its REST. PURE.

Field names are the venue's (www.kucoin.com/docs-new, /market/match, /market/snapshot and market/histories): ``side`` is
the taker's, ``time`` has nanoseconds. A trade's id is its ``sequence``: frames of 2026 have the same number as
``tradeId``, and REST has it alone. It rises, but the book's changes have numbers out of the same row, so a hole shows by
nothing. The websocket's address comes with a token that is asked for by HTTP, which ccxt does.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

from topics import Trade
from topics.units import EpochMs, Sequence

from .decoding import UNREADABLE, Entries, request, unreadable
from .instruments import SpotVenue
from .overlapping import Overlap, not_whole, read_page
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

VENUE = "kucoin"
SYMBOLS_MAX = 100
"""Of one subscription."""
_NANOSECONDS = 1_000_000
_DONE = "200000"
"""The code of an answer that is none of an error."""


class _Trade(Struct, gc=False):
    symbol: str
    sequence: Sequence
    side: Literal["buy", "sell"]
    size: Decimal
    price: Decimal
    time: Sequence


class _Snapshot(Struct, gc=False):
    symbol: str
    vol: Decimal
    datetime: EpochMs


class _SnapshotData(Struct, gc=False):
    data: _Snapshot


class _Frame(Struct, gc=False):
    """What tells one frame from another."""

    type: Any = None
    topic: Any = None
    id: Any = None
    code: Any = None
    data: Raw = Raw(b"null")


class _RestTrade(Struct, gc=False):
    sequence: Sequence
    side: Literal["buy", "sell"]
    size: Decimal
    price: Decimal
    time: Sequence


class _Page(Struct, gc=False):
    code: str
    msg: str = ""
    data: Raw = Raw(b"null")


_read_frame = msgspec.json.Decoder(_Frame).decode
# Not strict: numbers of trades and times are numbers in text.
_read_trade = msgspec.json.Decoder(_Trade, strict=False).decode
_read_snapshot = msgspec.json.Decoder(_SnapshotData).decode
_read_page = msgspec.json.Decoder(_Page).decode
_rest_trades = Entries(
    msgspec.json.Decoder(list[_RestTrade], strict=False).decode,
    msgspec.json.Decoder(_RestTrade, strict=False).decode,
)


class Kucoin(SpotVenue):
    """Matches of one set of symbols."""

    exchange = "kucoin"
    address = "public"
    # The ticker that ccxt subscribes to by itself has no turnover.
    options: Mapping[str, Any] = {"watchTickers": {"spotMethod": "/market/snapshot"}}
    # 30 connections a minute are allowed; a token, and with it its connection, lasts a day.
    limits = Limits(symbols_max=SYMBOLS_MAX, connections_per_5_min=150, life_s=86_400)
    futures = f"{VENUE} counts futures in contracts, not in the base asset"

    @staticmethod
    def name(base: str, quote: str) -> str:
        """Return the venue's name of a pair."""
        return f"{base}-{quote}"

    def read(self, frame: str | bytes, *, received_ms: int) -> Reading:
        """Return what a text frame says."""
        try:
            head = _read_frame(frame)
            topic = head.topic if isinstance(head.topic, str) else ""
            if head.type == "message" and topic.startswith("/market/match:"):
                trade = self._trade(_read_trade(head.data), received_ms)
                return Trades([trade], trade.event_ms)
            if head.type == "message" and topic.startswith("/market/snapshot:"):
                return self._read_snapshot(head, received_ms)
        except (*UNREADABLE, ValueError, ArithmeticError) as error:
            return unreadable(error)
        return _without_trade(head)

    def fill(self, hole: Hole) -> Filling:
        """Return how to fill a hole: by the newest 100, which is all there is. (GET /api/v1/market/histories)."""
        try:
            overlap = Overlap(hole)
        except ValueError as error:
            return not_whole(error)
        symbol = hole.market.venue_id
        reply = yield Ask(endpoint="publicGetMarketHistories", params={"symbol": symbol})
        try:
            page = _read_page(reply.body)
        except UNREADABLE as error:
            return not_whole(f"unreadable page: {error}")
        if page.code != _DONE:
            return not_whole(f"{page.code}: {page.msg}")
        make = partial(self._rest_trade, hole=hole, reply=reply)
        overlap.take(*read_page(_rest_trades, page.data, make))
        return overlap.filled()

    def _read_snapshot(self, head: _Frame, received_ms: int) -> Reading:
        snapshot = _read_snapshot(head.data).data
        level = self._instruments.level(
            snapshot.symbol, snapshot.vol, event_ms=snapshot.datetime, received_ms=received_ms
        )
        return Levels([level], snapshot.datetime)

    def _rest_trade(self, row: _RestTrade, hole: Hole, reply: Reply) -> Trade:
        symbol = hole.market.venue_id
        same = _Trade(symbol, row.sequence, row.side, row.size, row.price, row.time)
        return self._trade(same, reply.received_ms)

    def _trade(self, entry: _Trade, received_ms: int) -> Trade:
        return Trade(
            subject=self._instruments.of(entry.symbol).symbol,
            source=self._instruments.source,
            venue=VENUE,
            trade_id=str(entry.sequence),
            event_ms=entry.time // _NANOSECONDS,
            received_ms=received_ms,
            price=entry.price,
            size=entry.size,
            side=entry.side,
        )


def _without_trade(head: _Frame) -> Reading:
    """Return what a frame without a trade is: an answer to a request of ours, a welcome, a pong. None has a time."""
    if head.type == "error":
        why = bytes(head.data).decode(errors="replace").strip('"')
        return VenueError(f"{head.code}: {why}"[:300], request(head.id), refuses=True)
    if head.type == "ack":
        return Acknowledged()
    return Other()
