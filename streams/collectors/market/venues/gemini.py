"""Gemini, spot: trades of its market data by websocket, versions 1 and 2, and the pages of its REST. PURE.

Field names are the venue's (docs.gemini.com/websocket-api and /rest-api, and the form of frames of September 2026).
Version 1 for many markets is what is subscribed, for trades alone: ``tid`` the id, ``makerSide`` the side of the order
that stood, so that the taker was on the other; the frame's ``timestampms`` is the time of its trades. Version 2 prints
the taker's ``side`` and an ``event_id`` that is no ``tid``; its first frame has the 50 latest trades, newest first,
beside the whole book. Ids rise, but all markets share them, so a hole shows by nothing.

A trade of an auction has no taker, and is refused.
"""

from decimal import Decimal
from functools import partial
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from topics import Trade
from topics.units import EpochMs, Sequence, Side

from .decoding import UNREADABLE, Entries, known_ms, trades_reading, unreadable
from .instruments import SpotVenue
from .overlapping import Overlap, not_whole, read_page
from .reading import (
    Acknowledged,
    Ask,
    Filling,
    Hole,
    Limits,
    Other,
    Reading,
    Reply,
    Trades,
    VenueError,
)

VENUE = "gemini"
SYMBOLS_MAX = 50
"""They stand in the address; the venue names no limit."""
PAGE_MAX = 500
"""Trades of one page of REST."""
FRAME_CHARS_MAX = 1024 * 1024
"""The first frame of version 2 has a whole book."""
_TAKERS: dict[str, Side] = {"ask": "buy", "bid": "sell"}
"""By the maker's side."""


class _Trade(Struct, gc=False):
    """A trade of version 2, to which the others are brought."""

    symbol: str
    event_id: Sequence
    timestamp: EpochMs
    price: Decimal
    quantity: Decimal
    side: Literal["buy", "sell"]


class _Event(Struct, gc=False):
    """A trade of version 1."""

    symbol: str
    tid: Sequence
    price: Decimal
    amount: Decimal
    makerSide: str  # noqa: N815 - the venue's name


class _Kind(Struct, gc=False):
    type: Any = None


class _Frame(_Kind, gc=False):
    """What tells one frame from another."""

    timestamp: Any = None
    timestampms: Any = None
    events: Raw = Raw(b"[]")
    trades: Raw | UnsetType = UNSET
    result: Any = None
    reason: Any = None
    message: Any = None


class _RestTrade(Struct, gc=False):
    tid: Sequence
    timestampms: EpochMs
    price: Decimal
    amount: Decimal
    type: Literal["buy", "sell"]
    broken: bool = False


_read_frame = msgspec.json.Decoder(_Frame).decode
_read_kind = msgspec.json.Decoder(_Kind).decode
# Not strict: ids come as numbers, and as numbers in text.
_read_event = msgspec.json.Decoder(_Event, strict=False).decode
_read_trade = msgspec.json.Decoder(_Trade, strict=False).decode
_raws = Entries(msgspec.json.Decoder(list[Raw]).decode, Raw)
_trades = Entries(msgspec.json.Decoder(list[_Trade], strict=False).decode, _read_trade)
_rest_trades = Entries(
    msgspec.json.Decoder(list[_RestTrade], strict=False).decode,
    msgspec.json.Decoder(_RestTrade, strict=False).decode,
)


class Gemini(SpotVenue):
    """Trades of one set of symbols."""

    exchange = "gemini"
    # Twelve a minute are allowed.
    limits = Limits(
        symbols_max=SYMBOLS_MAX, connections_per_5_min=60, frame_chars_max=FRAME_CHARS_MAX
    )
    one_by_one = False
    """Asked for one symbol alone, ccxt subscribes to its whole book."""
    futures = f"only spot is read of {VENUE}"

    @staticmethod
    def name(base: str, quote: str) -> str:
        """Return the venue's name of a pair."""
        return f"{base}{quote}".lower()

    def read(self, frame: str | bytes, *, received_ms: int) -> Reading:
        """Return what a text frame says, of version 1 or 2."""
        try:
            head = _read_frame(frame)
            if head.type == "update":
                return self._read_events(head, received_ms)
            if head.type == "trade":
                trade = self._trade(_read_trade(frame), received_ms)
                return Trades([trade], trade.event_ms)
            if head.type == "l2_updates" and head.trades is not UNSET:
                return self._read_snapshot(head.trades, received_ms)
        except (*UNREADABLE, ValueError, ArithmeticError) as error:
            return unreadable(error)
        return _without_trade(head)

    def fill(self, hole: Hole) -> Filling:
        """Return how to fill a hole: pages later than an id, which is one less than that of a trade we have.

        (GET /v1/trades/{symbol}?since_tid=)
        """
        try:
            overlap = Overlap(hole)
        except ValueError as error:
            return not_whole(error)
        more = True
        while more:
            params: dict[str, str | int] = {
                "symbol": hole.market.venue_id,
                "since_tid": overlap.at - 1,
                "limit_trades": PAGE_MAX,
            }
            reply = yield Ask(endpoint="publicGetV1TradesSymbol", params=params)
            make = partial(self._rest_trade, hole=hole, reply=reply)
            more = overlap.take(*read_page(_rest_trades, reply.body, make))
        return overlap.filled()

    def _read_events(self, head: _Frame, received_ms: int) -> Reading:
        """Return the trades of a frame of version 1; what else is in it is the book's."""
        venue_ms = known_ms(head.timestampms)
        made, bad = _raws.read(head.events, lambda raw: self._event(raw, venue_ms, received_ms))
        trades = [trade for trade in made if trade is not None]
        return trades_reading(Trades(trades, venue_ms, bad))

    def _read_snapshot(self, raw: Raw, received_ms: int) -> Reading:
        trades, bad = _trades.read(raw, lambda entry: self._trade(entry, received_ms))
        venue_ms = max((trade.event_ms for trade in trades), default=None)
        return trades_reading(Trades(trades[::-1], venue_ms, bad, snapshot=True))

    def _event(self, raw: Raw, venue_ms: int | None, received_ms: int) -> Trade | None:
        if _read_kind(raw).type != "trade":
            return None
        event = _read_event(raw)
        side = _TAKERS.get(event.makerSide)
        if side is None:
            msg = f"a trade whose maker was {event.makerSide[:32]!r} has no taker"
            raise ValueError(msg)
        if venue_ms is None:
            msg = "a trade in a frame without a time"
            raise ValueError(msg)
        same = _Trade(event.symbol, event.tid, venue_ms, event.price, event.amount, side)
        return self._trade(same, received_ms)

    def _rest_trade(self, row: _RestTrade, hole: Hole, reply: Reply) -> Trade | None:
        """Return a trade of REST; None if it was undone."""
        if row.broken:
            return None
        symbol = hole.market.venue_id
        same = _Trade(symbol, row.tid, row.timestampms, row.price, row.amount, row.type)
        return self._trade(same, reply.received_ms)

    def _trade(self, entry: _Trade, received_ms: int) -> Trade:
        return Trade(
            subject=self._instruments.of(entry.symbol.lower()).symbol,
            source=self._instruments.source,
            venue=VENUE,
            trade_id=str(entry.event_id),
            event_ms=entry.timestamp,
            received_ms=received_ms,
            price=entry.price,
            size=entry.quantity,
            side=entry.side,
        )


def _without_trade(head: _Frame) -> Reading:
    """Return what a frame without a trade is: an error has a ``result`` that says so, with its reason."""
    if head.result == "error":
        return VenueError(f"{head.reason}: {head.message}"[:300], None, refuses=True)
    if head.type == "subscription_ack":
        return Acknowledged()
    ms = known_ms(head.timestampms)
    return Other(known_ms(head.timestamp) if ms is None and head.type == "heartbeat" else ms)
