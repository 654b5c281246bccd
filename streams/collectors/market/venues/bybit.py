"""Bybit v5, spot and linear perpetuals: public trades, tickers, and the newest trades of its REST. PURE.

Field names are the venue's (bybit-exchange.github.io/docs/v5, websocket/public/trade and market/recent-trade): ``T``
trade time, ``S`` the taker's side, ``v`` size in the base asset (of linear perpetuals too), ``p`` price, ``i`` id,
``ts`` time of the frame. Ids are no numbers and ``seq`` is shared with the book, so a hole shows by nothing.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

from topics import Trade
from topics.units import EpochMs, VenueId

from .decoding import (
    UNREADABLE,
    Entries,
    known_ms,
    levels_reading,
    request,
    trades_reading,
    unreadable,
)
from .instruments import Instruments
from .reading import (
    Acknowledged,
    Ask,
    Filled,
    Filling,
    Hole,
    Levels,
    Limits,
    Other,
    Reading,
    Trades,
    VenueError,
)

VENUE = "bybit"
SPOT_SYMBOLS_MAX = 10
"""Of one subscription, and ccxt sends one."""
SPOT_PAGE_MAX, LINEAR_PAGE_MAX = 60, 1_000
"""Trades of the only page of REST: the newest."""
FRAME_CHARS_MAX = 256 * 1024
"""A frame has up to 1,024 trades of some 170 characters."""
_SIDES: dict[str, Literal["buy", "sell"]] = {"Buy": "buy", "Sell": "sell"}


class _Trade(Struct, gc=False):
    T: EpochMs
    s: str
    S: Literal["Buy", "Sell"]
    v: Decimal
    p: Decimal
    i: VenueId


class _Ticker(Struct, gc=False):
    symbol: str
    volume24h: Decimal | None = None


class _Frame(Struct, gc=False):
    """What tells one frame from another."""

    topic: Any = None
    ts: Any = None
    data: Raw = Raw(b"[]")
    op: Any = None
    success: Any = None
    ret_msg: Any = None
    req_id: Any = None
    args: Any = None


class _RestTrade(Struct, rename="camel", gc=False):
    exec_id: VenueId
    symbol: str
    price: Decimal
    size: Decimal
    side: Literal["Buy", "Sell"]
    time: EpochMs


class _Result(Struct, gc=False):
    list: Raw


class _Page(Struct, rename="camel", gc=False):
    ret_code: int
    ret_msg: str = ""
    result: Raw = Raw(b"{}")


_read_frame = msgspec.json.Decoder(_Frame).decode
_read_ticker = msgspec.json.Decoder(_Ticker).decode
_read_page = msgspec.json.Decoder(_Page).decode
_read_result = msgspec.json.Decoder(_Result).decode
_trades = Entries(msgspec.json.Decoder(list[_Trade]).decode, msgspec.json.Decoder(_Trade).decode)
_rest_trades = Entries(
    # Not strict: times are numbers in text.
    msgspec.json.Decoder(list[_RestTrade], strict=False).decode,
    msgspec.json.Decoder(_RestTrade, strict=False).decode,
)


class Bybit:
    """Public trades of one set of symbols."""

    exchange = "bybit"
    options: Mapping[str, Any] = {}
    numbered = False
    one_by_one = False
    greetings: tuple[Mapping[str, Any], ...] = ()

    def __init__(self, source: str, symbols: tuple[str, ...]) -> None:
        """Take the symbols of the source of that name.

        Raises:
            SettingsError: They are not all spot or all linear perpetuals.
        """
        self._instruments = Instruments(source, VENUE, symbols, _name)
        self.markets = self._instruments.markets
        spot = self._instruments.spot
        self.address = "public/spot" if spot else "public/linear"
        self.limits = Limits(
            symbols_max=SPOT_SYMBOLS_MAX if spot else 200,
            connections_per_5_min=500,
            frame_chars_max=FRAME_CHARS_MAX,
        )

    def read(self, frame: str | bytes, *, received_ms: int) -> Reading:
        """Return what a text frame says."""
        try:
            head = _read_frame(frame)
            topic = head.topic if isinstance(head.topic, str) else ""
            if topic.startswith("publicTrade."):
                return self._read_trades(head, received_ms)
            if topic.startswith("tickers."):
                return self._read_ticker(head, received_ms)
        except (*UNREADABLE, ValueError) as error:
            return unreadable(error)
        return _answer(head)

    def fill(self, hole: Hole) -> Filling:
        """Return how to fill a hole: by the newest page, which proves it whole if both of its ends are there.

        (GET /v5/market/recent-trade)
        """
        spot = hole.market.settle is None
        params: dict[str, str | int] = {
            "category": "spot" if spot else "linear",
            "symbol": hole.market.venue_id,
            "limit": SPOT_PAGE_MAX if spot else LINEAR_PAGE_MAX,
        }
        reply = yield Ask(endpoint="publicGetV5MarketRecentTrade", params=params)
        try:
            page = _read_page(reply.body)
            if page.ret_code != 0:
                return _not_whole(f"{page.ret_code}: {page.ret_msg}")
            trades, bad = _rest_trades.read(
                _read_result(page.result).list,
                lambda entry: self._rest_trade(entry, hole, reply.received_ms),
            )
        except UNREADABLE as error:
            return _not_whole(f"unreadable page: {error}")
        filled = _between(trades[::-1], hole)
        if bad:
            reason = f"unreadable trade: {bad[0].message}"[:200]
            return Filled(trades=filled.trades, whole=False, reason=reason)
        return filled

    def _read_trades(self, head: _Frame, received_ms: int) -> Reading:
        trades, bad = _trades.read(head.data, lambda entry: self._trade(entry, received_ms))
        return trades_reading(Trades(trades, known_ms(head.ts), bad))

    def _read_ticker(self, head: _Frame, received_ms: int) -> Reading:
        """Return the turnover, which an update of a linear perpetual has only where it changed."""
        ticker, venue_ms = _read_ticker(head.data), known_ms(head.ts)
        if venue_ms is None or ticker.volume24h is None:
            return Other(venue_ms)
        level = self._instruments.level(
            ticker.symbol, ticker.volume24h, event_ms=venue_ms, received_ms=received_ms
        )
        return levels_reading(Levels([level], venue_ms), ())

    def _trade(self, entry: _Trade, received_ms: int) -> Trade:
        return Trade(
            subject=self._instruments.of(entry.s).symbol,
            source=self._instruments.source,
            venue=VENUE,
            trade_id=entry.i,
            event_ms=entry.T,
            received_ms=received_ms,
            price=entry.p,
            size=entry.v,
            side=_SIDES[entry.S],
        )

    def _rest_trade(self, entry: _RestTrade, hole: Hole, received_ms: int) -> Trade:
        if entry.symbol != hole.market.venue_id:
            msg = f"{entry.symbol[:32]!r} is not {hole.market.venue_id}"
            raise ValueError(msg)
        same = _Trade(entry.time, entry.symbol, entry.side, entry.size, entry.price, entry.exec_id)
        return self._trade(same, received_ms)


def _between(page: list[Trade], hole: Hole) -> Filled:
    """Return what a page, oldest first, has of a hole. Where an end is not in it, its time is the bound."""
    ids = [trade.trade_id for trade in page]
    ends = (hole.before.trade_id, hole.after.trade_id)
    if all(end in ids for end in ends) and ids.index(ends[0]) < ids.index(ends[1]):
        return _not_whole("the newest page is not in order")
    begin = ids.index(hole.after.trade_id) + 1 if hole.after.trade_id in ids else None
    end = ids.index(hole.before.trade_id) if hole.before.trade_id in ids else None
    trades = [
        trade
        for trade in page[begin or 0 : len(page) if end is None else end]
        if (begin is not None or trade.event_ms > hole.after.event_ms)
        and (end is not None or trade.event_ms < hole.before.event_ms)
    ]
    if begin is None:
        return Filled(trades=trades, whole=False, reason="the newest page does not reach back")
    if end is None:
        return Filled(
            trades=trades, whole=False, reason="the newest page ends before the hole does"
        )
    return Filled(trades=trades, whole=True)


def _not_whole(reason: str) -> Filled:
    return Filled(trades=[], whole=False, reason=reason[:200])


def _answer(head: _Frame) -> Reading:
    """Return what a frame is that has no data: an answer to a request of ours, or to a ping, which has the time."""
    if head.op == "pong" or head.ret_msg == "pong":
        args = head.args if isinstance(head.args, list) else []
        return Other(known_ms(args[0]) if args else None)
    if head.success is False:
        return VenueError(
            str(head.ret_msg)[:300], request(head.req_id), refuses=head.op == "subscribe"
        )
    if head.success is True:
        return Acknowledged()
    return Other(known_ms(head.ts))


def _name(base: str, quote: str, settle: str | None) -> str:
    return f"{base}PERP" if settle == "USDC" else base + quote
