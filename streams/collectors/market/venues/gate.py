"""Gate, spot: trades, tickers, and the pages of its REST. PURE.

Field names are the venue's (www.gate.com/docs/developers/apiv4, websocket spot.trades and spot.tickers, version of 2026):
``side`` is the taker's, ``create_time_ms`` has fractions, ``id`` rises but all markets share it. ``id_market`` and REST's
``sequence_id`` are said to count one market's trades without a hole; no frame that we have shows that, so they are not
used, and a hole shows by nothing.
"""

from decimal import Decimal
from functools import partial
from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

from topics import Trade, VolumeLevel
from topics.units import EPOCH_MS_MAX, Sequence

from .decoding import (
    UNREADABLE,
    Entries,
    known_ms,
    levels_reading,
    request,
    trades_reading,
    unreadable,
)
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

VENUE = "gate"
SYMBOLS_MAX = 100
"""Of one subscription; the venue names no limit."""
PAGE_MAX = 1_000
"""Trades of one page of REST."""


class _Trade(Struct, gc=False):
    id: Sequence
    create_time_ms: Decimal
    currency_pair: str
    side: Literal["buy", "sell"]
    amount: Decimal
    price: Decimal


class _Ticker(Struct, gc=False):
    currency_pair: str
    base_volume: Decimal


class _Frame(Struct, gc=False):
    """What tells one frame from another."""

    time: Any = None
    time_ms: Any = None
    channel: Any = None
    event: Any = None
    id: Any = None
    error: Any = None
    result: Raw = Raw(b"null")


_read_frame = msgspec.json.Decoder(_Frame).decode
# Not strict: ids are numbers here, and numbers in text there.
_trades = Entries(
    msgspec.json.Decoder(list[_Trade], strict=False).decode,
    msgspec.json.Decoder(_Trade, strict=False).decode,
)
_tickers = Entries(msgspec.json.Decoder(list[_Ticker]).decode, msgspec.json.Decoder(_Ticker).decode)


class Gate(SpotVenue):
    """Trades of one set of symbols."""

    exchange = "gate"
    address = "spot"
    # 300 connections of one address are allowed at a time.
    limits = Limits(symbols_max=SYMBOLS_MAX, connections_per_5_min=150)
    futures = f"{VENUE} counts futures in contracts, not in the base asset"

    @staticmethod
    def name(base: str, quote: str) -> str:
        """Return the venue's name of a pair."""
        return f"{base}_{quote}"

    def read(self, frame: str | bytes, *, received_ms: int) -> Reading:
        """Return what a text frame says."""
        try:
            head = _read_frame(frame)
            if head.error is None and head.event == "update":
                if head.channel == "spot.trades":
                    return self._read_trades(head, received_ms)
                if head.channel == "spot.tickers":
                    return self._read_tickers(head, received_ms)
        except UNREADABLE as error:
            return unreadable(error)
        return _without_trade(head)

    def fill(self, hole: Hole) -> Filling:
        """Return how to fill a hole: pages from its end down to its beginning.

        Asked for what is later than an id, the venue's documents do not say whether the next or the latest come; asked
        for what is earlier, it is those before it. (GET /spot/trades?last_id=&reverse=true)
        """
        try:
            overlap = Overlap(hole, downwards=True)
        except ValueError as error:
            return not_whole(error)
        more = True
        while more:
            params: dict[str, str | int] = {
                "currency_pair": hole.market.venue_id,
                "last_id": str(overlap.at + 1),
                "reverse": "true",
                "limit": PAGE_MAX,
            }
            reply = yield Ask(endpoint="publicSpotGetTrades", params=params)
            make = partial(self._rest_trade, hole=hole, reply=reply)
            more = overlap.take(*read_page(_trades, reply.body, make))
        return overlap.filled()

    def _read_trades(self, head: _Frame, received_ms: int) -> Reading:
        trades, bad = _trades.read(_listed(head), lambda entry: self._trade(entry, received_ms))
        venue_ms = max((trade.event_ms for trade in trades), default=0)
        return trades_reading(Trades(trades, max(venue_ms, _time_ms(head) or 0) or None, bad))

    def _read_tickers(self, head: _Frame, received_ms: int) -> Reading:
        venue_ms = _time_ms(head)
        if venue_ms is None:
            return Other()

        def level(ticker: _Ticker) -> VolumeLevel:
            return self._instruments.level(
                ticker.currency_pair, ticker.base_volume, event_ms=venue_ms, received_ms=received_ms
            )

        levels, bad = _tickers.read(_listed(head), level)
        return levels_reading(Levels(levels, venue_ms), bad)

    def _rest_trade(self, row: _Trade, hole: Hole, reply: Reply) -> Trade:
        if row.currency_pair != hole.market.venue_id:
            msg = f"{row.currency_pair[:32]!r} is not {hole.market.venue_id}"
            raise ValueError(msg)
        return self._trade(row, reply.received_ms)

    def _trade(self, entry: _Trade, received_ms: int) -> Trade:
        return Trade(
            subject=self._instruments.of(entry.currency_pair).symbol,
            source=self._instruments.source,
            venue=VENUE,
            trade_id=str(entry.id),
            event_ms=_milliseconds(entry.create_time_ms),
            received_ms=received_ms,
            price=entry.price,
            size=entry.amount,
            side=entry.side,
        )


def _listed(head: _Frame) -> bytes:
    """Return the result as a list, which it is not where there is one entry."""
    raw = bytes(head.result)
    return raw if raw.startswith(b"[") else b"[" + raw + b"]"


def _milliseconds(time: Decimal) -> int:
    # Compared before it becomes an integer, which of an absurd exponent would have as many digits.
    if not (time.is_finite() and 0 <= time <= EPOCH_MS_MAX):
        msg = f"{time} is no time"
        raise ValueError(msg)
    return int(time)


def _time_ms(head: _Frame) -> int | None:
    """Return the time of a frame; older ones have whole seconds only."""
    ms = known_ms(head.time_ms)
    if ms is None:
        seconds = known_ms(head.time)
        ms = None if seconds is None else known_ms(seconds * 1_000)
    return ms


def _without_trade(head: _Frame) -> Reading:
    """Return what a frame is that has no data: an answer to a request of ours, or to a ping."""
    venue_ms = _time_ms(head)
    if head.error is not None:
        error = head.error if isinstance(head.error, dict) else {"message": head.error}
        message = f"{error.get('code')}: {error.get('message')}"[:300]
        return VenueError(message, request(head.id), refuses=head.event == "subscribe")
    if head.event == "subscribe":
        return Acknowledged(venue_ms)
    return Other(venue_ms)
