"""Binance's aggregate trades, spot and linear futures: frames, symbols, and the lines of its REST. PURE.

Field names are the venue's (github.com/binance/binance-spot-api-docs, web-socket-streams.md): ``a`` the
aggregate's id, one more each time in every instrument; ``p`` price; ``q`` size; ``T`` trade time; ``E`` time of
the frame; ``m`` whether the buyer was the maker, so that the taker sold.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from topics import ContractError, Trade
from topics.units import EpochMs, Sequence

from .decoding import UNREADABLE, known_ms, reason, request, unreadable
from .instruments import Instruments
from .missing import Missing
from .reading import (
    Acknowledged,
    Ask,
    Farewell,
    Filling,
    Hole,
    Limits,
    Other,
    Reading,
    Trades,
    VenueError,
)

VENUE = "binance"
_COMBINED = ('{"stream"', b'{"stream"')
"""How a frame of a combined stream begins."""
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


class _Sent(_AggTradeEvent, gc=False):
    """A whole frame of a raw stream."""

    e: Literal["aggTrade"]


class _Streamed(Struct, gc=False):
    """A whole frame of a combined stream."""

    stream: str
    data: _Sent


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


_read_frame = msgspec.json.Decoder(_Frame).decode
_read_sent = msgspec.json.Decoder(_Sent).decode
_read_streamed = msgspec.json.Decoder(_Streamed).decode
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
        self._instruments = Instruments(source, VENUE, symbols, _name)
        self.markets = self._instruments.markets
        self.address = "spot" if self._instruments.spot else "linear"
        self._source = source

    def read(self, frame: str | bytes, *, received_ms: int) -> Reading:
        """Return what a text frame says, of a raw or a combined stream."""
        try:  # what nearly every frame is; the others are read again, with care
            event = _read_streamed(frame).data if frame[:9] in _COMBINED else _read_sent(frame)
            return self._trades(event, received_ms)
        except (*UNREADABLE, ValueError):
            return self._read_any(frame, received_ms)

    def _read_any(self, frame: str | bytes, received_ms: int) -> Reading:
        try:
            body: str | bytes | Raw = frame
            head = _read_frame(frame)
            if head.stream is not None and head.data is not UNSET:
                body = head.data
                head = _read_frame(body)
            if head.e == "aggTrade":
                return self._trades(_read_event(body), received_ms)
            return _without_trade(head)
        except (*UNREADABLE, ValueError) as error:
            return unreadable(error)

    def fill(self, hole: Hole) -> Filling:
        """Return how to fill a hole: aggregates by number, oldest first. (GET /api/v3/aggTrades?fromId=)."""
        endpoint = "publicGetAggTrades" if self.address == "spot" else "fapiPublicGetAggTrades"
        missing = Missing(hole)
        while not missing.full:
            at = missing.next()
            params: dict[str, str | int] = {
                "symbol": hole.market.venue_id,
                "fromId": at,
                "limit": PAGE_MAX,
            }
            reply = yield Ask(endpoint=endpoint, params=params)
            try:
                page = [
                    _trade(
                        r, hole.market.symbol, self._source, VENUE, reply.received_ms, shift_ms=0
                    )
                    for r in _read_page(reply.body)
                ]
            except (*UNREADABLE, ValueError) as error:
                return missing.filled(f"unreadable page: {error}")
            missing.take(page)
            if missing.next() == at:
                return missing.filled(f"{VENUE} does not have {at}")
        return missing.filled("")

    def _trades(self, event: _AggTradeEvent, received_ms: int) -> Reading:
        subject = self._instruments.of(event.s).symbol
        trade = _trade(event, subject, self._source, VENUE, received_ms, shift_ms=0)
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
    except UNREADABLE as error:
        raise ContractError(str(error), reason=reason(error)) from None
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


def _without_trade(head: _Frame) -> Reading:
    """Return what a frame is that has no aggregate trade.

    Errors come as ``{"error": {"code", "msg"}, "id"}``, and as ``{"code", "msg"}``.
    """
    if head.error is not None:
        return VenueError(msgspec.json.encode(head.error).decode(), request(head.id))
    if head.code is not None and head.msg is not None:
        return VenueError(f"{head.code}: {head.msg}", request(head.id))
    if head.result is not UNSET:
        return Acknowledged()
    if head.e == "serverShutdown":
        return Farewell("the server is about to shut down", known_ms(head.E))
    return Other(known_ms(head.E))


def _name(base: str, quote: str, _settle: str | None) -> str:
    return base + quote
