"""Bitstamp, spot: live trades, and the last hour's or day's of its REST. PURE.

Field names are the venue's (www.bitstamp.net/websocket/v2 and /api, version of 2026): ``type`` 0 if the taker bought, 1
if it sold; ``price_str`` and ``amount_str`` the exact digits, of which ``price`` and ``amount`` are doubles. Ids rise, but
all markets share them, so a hole shows by nothing. REST says the time of a trade in whole seconds only: a trade that
fills a hole is given the earliest time that agrees with its second and with the trades around the hole.
"""

from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Raw, Struct

from topics import Trade
from topics.units import EPOCH_MS_MAX, Sequence, Side

from .decoding import UNREADABLE, Entries, unreadable
from .instruments import SpotVenue
from .overlapping import Overlap, not_whole, read_page
from .reading import (
    Acknowledged,
    Ask,
    Farewell,
    Filling,
    Hole,
    Limits,
    Market,
    Other,
    Reading,
    Reply,
    Trades,
    VenueError,
)

VENUE = "bitstamp"
SYMBOLS_MAX = 100
"""The venue names no limit; each is a message of its own, and this many are sent within a second or two."""
LIFE_S = 90 * 86_400
"""After which the venue closes a connection."""
_CHANNEL = "live_trades_"
_SIDES: tuple[Side, Side] = ("buy", "sell")
_SECOND_MS = 1_000

_Micros = Annotated[int, Meta(ge=0, le=EPOCH_MS_MAX * 1_000)]
_Seconds = Annotated[int, Meta(ge=0, le=EPOCH_MS_MAX // 1_000)]


class _Trade(Struct, gc=False):
    id: Sequence
    amount_str: Decimal
    price_str: Decimal
    type: Literal[0, 1]
    microtimestamp: _Micros


class _Frame(Struct, gc=False):
    """What tells one frame from another. The event stands behind the data."""

    event: Any = None
    channel: Any = None
    data: Raw = Raw(b"{}")


class _Error(Struct, gc=False):
    code: Any = None
    message: Any = None


class _RestTrade(Struct, gc=False):
    tid: Sequence
    date: _Seconds
    amount: Decimal
    price: Decimal
    type: Literal[0, 1]


_read_frame = msgspec.json.Decoder(_Frame).decode
_read_error = msgspec.json.Decoder(_Error).decode
# Not strict: ids and times are numbers in text.
_read_trade = msgspec.json.Decoder(_Trade, strict=False).decode
_rest_trades = Entries(
    msgspec.json.Decoder(list[_RestTrade], strict=False).decode,
    msgspec.json.Decoder(_RestTrade, strict=False).decode,
)


class Bitstamp(SpotVenue):
    """Live trades of one set of symbols."""

    exchange = "bitstamp"
    # The venue names no limit for connections; one a second is ours.
    limits = Limits(symbols_max=SYMBOLS_MAX, connections_per_5_min=300, life_s=LIFE_S)
    one_by_one = True
    futures = f"only spot is read of {VENUE}"

    @staticmethod
    def name(base: str, quote: str) -> str:
        """Return the venue's name of a pair."""
        return f"{base}{quote}".lower()

    def read(self, frame: str | bytes, *, received_ms: int) -> Reading:
        """Return what a text frame says."""
        try:
            head = _read_frame(frame)
            if head.event == "trade":
                return self._read_trade(head, received_ms)
            return _without_trade(head)
        except (*UNREADABLE, ValueError, ArithmeticError) as error:
            return unreadable(error)

    def fill(self, hole: Hole) -> Filling:
        """Return how to fill a hole: by all trades of the last hour, and if that does not reach back, of the last day.

        (GET /api/v2/transactions/{pair}/?time=)
        """
        try:
            overlap = Overlap(hole)
        except ValueError as error:
            return not_whole(error)
        for span in ("hour", "day"):
            params: dict[str, str | int] = {"pair": hole.market.venue_id, "time": span}
            reply = yield Ask(endpoint="publicGetTransactionsPair", params=params)
            page, bad = read_page(
                _rest_trades, reply.body, partial(self._rest_trade, hole=hole, reply=reply)
            )
            overlap.take(page, bad)
            if any(trade.trade_id == hole.after.trade_id for trade in page):
                break
        return overlap.filled()

    def _read_trade(self, head: _Frame, received_ms: int) -> Reading:
        channel = head.channel if isinstance(head.channel, str) else ""
        market = self._instruments.of(channel.removeprefix(_CHANNEL))
        trade = _read_trade(head.data)
        event_ms = trade.microtimestamp // 1_000
        return Trades([self._trade(trade, market, event_ms, received_ms)], event_ms)

    def _rest_trade(self, row: _RestTrade, hole: Hole, reply: Reply) -> Trade:
        same = _Trade(row.tid, row.amount, row.price, row.type, 0)
        event_ms = _within(row.date * _SECOND_MS, hole.after.event_ms, hole.before.event_ms)
        return self._trade(same, hole.market, event_ms, reply.received_ms)

    def _trade(self, entry: _Trade, market: Market, event_ms: int, received_ms: int) -> Trade:
        return Trade(
            subject=market.symbol,
            source=self._instruments.source,
            venue=VENUE,
            trade_id=str(entry.id),
            event_ms=event_ms,
            received_ms=received_ms,
            price=entry.price_str,
            size=entry.amount_str,
            side=_SIDES[entry.type],
        )


def _within(second_ms: int, after_ms: int, before_ms: int) -> int:
    """Return the earliest time of a second that is not before the hole's beginning, if there is one in the hole."""
    earliest_ms = max(second_ms, after_ms)
    inside = earliest_ms < second_ms + _SECOND_MS and earliest_ms <= before_ms
    return earliest_ms if inside else second_ms


def _without_trade(head: _Frame) -> Reading:
    """Return what a frame without a trade is. None of them has a time."""
    if head.event == "bts:request_reconnect":
        return Farewell("the venue asks to reconnect")
    if head.event == "bts:error":
        error = _read_error(head.data)
        code = "" if error.code is None else f"{error.code}: "
        return VenueError(f"{code}{error.message}"[:300], None, refuses=True)
    if head.event == "bts:subscription_succeeded":
        return Acknowledged()
    return Other()
