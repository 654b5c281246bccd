"""Binance's aggregate trades, spot and linear futures: frames, symbols, and the lines of its REST. PURE.

Field names are the venue's (github.com/binance/binance-spot-api-docs, web-socket-streams.md): ``a`` the
aggregate's id, one more each time in every instrument; ``p`` price; ``q`` size; ``T`` trade time; ``E`` time of
the frame; ``m`` whether the buyer was the maker, so that the taker sold.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from topics import ContractError, SettingsError, Trade
from topics.units import EpochMs, Sequence

from .reading import (
    FILL_TRADES_MAX,
    Acknowledged,
    Ask,
    Filled,
    Filling,
    Hole,
    Limits,
    Market,
    Other,
    Reading,
    Trades,
    Unreadable,
    VenueError,
)

VENUE = "binance"
PAGE_MAX = 1_000
"""Aggregates of one page of REST."""


class _AggTrade(Struct, gc=False):
    a: Sequence
    p: Decimal
    q: Decimal
    T: EpochMs
    m: bool


class _AggTradeEvent(_AggTrade, gc=False):
    s: str
    E: EpochMs


class _Frame(Struct, gc=False):
    """What tells one frame from another."""

    e: Any = None
    E: Any = None
    stream: Any = None
    data: Raw | UnsetType = UNSET
    id: Any = None
    result: Raw | UnsetType = UNSET
    error: Any = None
    code: Any = None
    msg: Any = None


_UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)
_read_frame = msgspec.json.Decoder(_Frame).decode
_read_event = msgspec.json.Decoder(_AggTradeEvent).decode
_read_page = msgspec.json.Decoder(list[_AggTrade]).decode
_read_line = msgspec.json.Decoder(_AggTrade).decode


class Binance:
    """Aggregate trades of one set of symbols."""

    exchange = "binance"
    options: Mapping[str, Any] = {"watchTradesForSymbols": {"name": "aggTrade"}}
    limits = Limits(symbols_max=200, connections_per_5_min=300, life_s=86_400)
    numbered = True
    one_by_one = False
    greetings: tuple[Mapping[str, Any], ...] = ()

    def __init__(self, source: str, symbols: tuple[str, ...]) -> None:
        """Take the symbols of the source of that name.

        Raises:
            SettingsError: They are not all spot or all linear futures, or two have one name at the venue.
        """
        self.markets = tuple(_market(source, symbol) for symbol in dict.fromkeys(symbols))
        self.address = _address(source, self.markets)
        self._source = source
        self._symbols = {market.venue_id: market.symbol for market in self.markets}
        if len(self._symbols) < len(self.markets):
            msg = (
                f"sources.{source}.symbols: two of them have one name at {VENUE}; take two sources"
            )
            raise SettingsError(msg)

    def read(self, frame: str | bytes, *, received_ms: int) -> Reading:
        """Return what a text frame says, of a raw or a combined stream."""
        try:
            body: str | bytes | Raw = frame
            head = _read_frame(frame)
            if head.stream is not None and head.data is not UNSET:
                body = head.data
                head = _read_frame(body)
            if head.e == "aggTrade":
                return self._trades(_read_event(body), received_ms)
            return _without_trade(head)
        except _UNREADABLE as error:
            return Unreadable(_reason(error), str(error))

    def fill(self, hole: Hole) -> Filling:
        """Return how to fill a hole: aggregates by number, oldest first. (GET /api/v3/aggTrades?fromId=)."""
        endpoint = "publicGetAggTrades" if self.address == "spot" else "fapiPublicGetAggTrades"
        number, last = _number(hole.after) + 1, _number(hole.before) - 1
        trades: list[Trade] = []
        while number <= last and len(trades) < FILL_TRADES_MAX:
            params: dict[str, str | int] = {
                "symbol": hole.market.venue_id,
                "fromId": number,
                "limit": PAGE_MAX,
            }
            reply = yield Ask(endpoint=endpoint, params=params)
            try:
                records = _read_page(reply.body)
                page = [
                    _trade(
                        r, hole.market.symbol, self._source, VENUE, reply.received_ms, shift_ms=0
                    )
                    for r in records
                    if number <= r.a <= last
                ]
            except (*_UNREADABLE, ValueError) as error:
                return Filled(trades=trades, whole=False, reason=f"unreadable page: {error}"[:200])
            if [_number(trade) for trade in page] != list(
                range(number, number + len(page))
            ) or not page:
                return Filled(trades=trades, whole=False, reason=f"{VENUE} does not have {number}")
            trades += page
            number += len(page)
        whole = number > last
        reason = "" if whole else f"more than {FILL_TRADES_MAX} trades are missing"
        return Filled(trades=trades, whole=whole, reason=reason)

    def _trades(self, event: _AggTradeEvent, received_ms: int) -> Reading:
        subject = self._symbols.get(event.s)
        if subject is None:
            return Unreadable("invalid", f"{event.s!r} is not a symbol that was subscribed")
        try:
            trade = _trade(event, subject, self._source, VENUE, received_ms, shift_ms=0)
        except ValueError as error:
            return Unreadable("invalid", str(error))
        return Trades([trade], event.E)


def parse_agg_trade(
    line: bytes, *, subject: str, source: str, venue: str, received_ms: int, shift_ms: int = 0
) -> Trade:
    """Return the trade of one record as the venue's REST gives it; ``shift_ms`` is added to its time.

    Raises:
        ContractError: It is not JSON (`malformed`), or not an aggregate trade (`invalid`).
    """
    try:
        return _trade(_read_line(line), subject, source, venue, received_ms, shift_ms=shift_ms)
    except _UNREADABLE as error:
        raise ContractError(str(error), reason=_reason(error)) from None
    except ValueError as error:
        raise ContractError(str(error), reason="invalid") from None


def _trade(
    record: _AggTrade, subject: str, source: str, venue: str, received_ms: int, *, shift_ms: int
) -> Trade:
    return Trade(
        subject=subject,
        source=source,
        venue=venue,
        trade_id=str(record.a),
        event_ms=record.T + shift_ms,
        received_ms=received_ms,
        price=record.p,
        size=record.q,
        side="sell" if record.m else "buy",
        sequence=record.a,
    )


def _number(trade: Trade) -> int:
    """Return a trade's number; all of this venue's have one."""
    return trade.sequence or 0


def _without_trade(head: _Frame) -> Reading:
    """Return what a frame is that has no aggregate trade.

    Errors come as ``{"error": {"code", "msg"}, "id"}``, and as ``{"code", "msg"}``.
    """
    request = head.id if isinstance(head.id, int) else None
    if head.error is not None:
        return VenueError(msgspec.json.encode(head.error).decode(), request)
    if head.code is not None and head.msg is not None:
        return VenueError(f"{head.code}: {head.msg}", request)
    if head.result is not UNSET:
        return Acknowledged()
    return Other(head.E if isinstance(head.E, int) else None)


def _reason(error: Exception) -> str:
    return "invalid" if isinstance(error, msgspec.ValidationError) else "malformed"


def _market(source: str, symbol: str) -> Market:
    pair, _, settle = symbol.partition(":")
    base, _, quote = pair.partition("/")
    if settle not in ("", quote):
        msg = (
            f"sources.{source}.symbols: {symbol} is not settled in its quote;"
            " its sizes would be contracts, not the base asset"
        )
        raise SettingsError(msg)
    return Market(
        symbol=symbol, venue_id=base + quote, base=base, quote=quote, settle=settle or None
    )


def _address(source: str, markets: tuple[Market, ...]) -> str:
    kinds = {"spot" if market.settle is None else "linear" for market in markets}
    if len(kinds) != 1:
        msg = (
            f"sources.{source}.symbols: spot and futures come by two connections; take two sources"
        )
        raise SettingsError(msg)
    return kinds.pop()
