"""Kraken spot, websocket v2: trades, tickers, and trades of its REST. PURE.

Field names are the venue's (docs.kraken.com, spot websocket v2 and get-recent-trades). Numbers are JSON numbers, read
from their text. ``side`` is the taker's; ``trade_id`` is one more each time in every book (42 of 42 in a recording of
September 2026). A subscription is answered by the latest trades. Frames with trades have no time of their own.
"""

from decimal import Decimal
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from topics import Trade, VolumeLevel
from topics.units import EPOCH_MS_MAX, Sequence

from .decoding import (
    UNREADABLE,
    Entries,
    Instant,
    epoch_ms,
    known_ms,
    levels_reading,
    request,
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
    Market,
    Other,
    Reading,
    Reply,
    Trades,
    VenueError,
)

VENUE = "kraken"
PAGE_MAX = 1_000
"""Trades of one page of REST."""
_REST_ASSETS = {"BTC": "XBT", "DOGE": "XDG"}
"""What REST calls by other names than websocket v2."""
_REST_SIDES: dict[str, Literal["buy", "sell"]] = {"b": "buy", "s": "sell"}
_NANOSECONDS = 1_000_000
"""Of a millisecond."""


class _Trade(Struct, gc=False):
    symbol: str
    side: Literal["buy", "sell"]
    price: Decimal
    qty: Decimal
    trade_id: Sequence
    timestamp: Instant


class _Ticker(Struct, gc=False):
    symbol: str
    volume: Decimal
    timestamp: Instant | None = None


class _Status(Struct, gc=False):
    system: Any = None


class _Frame(Struct, gc=False):
    """What tells one frame from another."""

    channel: Any = None
    type: Any = None
    data: Raw = Raw(b"[]")
    method: Any = None
    success: Any = None
    error: Any = None
    req_id: Any = None
    time_out: Any = None


class _Row(Struct, array_like=True, gc=False):
    """A trade as REST gives it; the time is in seconds."""

    price: Decimal
    volume: Decimal
    time: Decimal
    side: Literal["b", "s"]
    kind: str
    misc: str
    trade_id: Sequence


class _Page(Struct, gc=False):
    error: list[str] = []
    result: dict[str, Raw] | UnsetType = UNSET


_read_frame = msgspec.json.Decoder(_Frame).decode
_read_statuses = msgspec.json.Decoder(list[_Status]).decode
_read_page = msgspec.json.Decoder(_Page).decode
_read_text = msgspec.json.Decoder(str).decode
_trades = Entries(msgspec.json.Decoder(list[_Trade]).decode, msgspec.json.Decoder(_Trade).decode)
_tickers = Entries(msgspec.json.Decoder(list[_Ticker]).decode, msgspec.json.Decoder(_Ticker).decode)
_rows = Entries(msgspec.json.Decoder(list[_Row]).decode, msgspec.json.Decoder(_Row).decode)


class Kraken(SpotVenue):
    """Trades of one set of books."""

    exchange = "kraken"
    address = "publicV2"
    # It writes of no number of symbols. Its guard (Cloudflare) allows some 150 dials in ten minutes.
    limits = Limits(symbols_max=200, connections_per_5_min=75)
    numbered = True
    futures = f"of {VENUE} only spot is read"

    @staticmethod
    def name(base: str, quote: str) -> str:
        """Return the venue's name of a pair."""
        return f"{base}/{quote}"

    def read(self, frame: str | bytes, *, received_ms: int) -> Reading:
        """Return what a text frame says."""
        try:
            head = _read_frame(frame)
            if head.channel == "trade":
                return self._read_trades(head, received_ms)
            if head.channel == "ticker":
                return self._read_tickers(head, received_ms)
            if head.channel == "status":
                return _status(head)
        except UNREADABLE as error:
            return unreadable(error)
        return _answer(head)

    def fill(self, hole: Hole) -> Filling:
        """Return how to fill a hole: pages from its beginning on, each from where the one before ended.

        (GET /0/public/Trades?pair=&since=&count=, with times in nanoseconds)
        """
        missing = Missing(hole)
        since = str(max(0, hole.after.event_ms * _NANOSECONDS - 1))
        while not missing.full:
            params: dict[str, str | int] = {
                "pair": _rest_name(hole.market),
                "since": since,
                "count": PAGE_MAX,
            }
            reply = yield Ask(endpoint="publicGetTrades", params=params)
            page, since, why_not = self._page(reply, hole.market)
            if not missing.take(page):
                return missing.filled(why_not or f"{VENUE} does not have {missing.next()}")
            if why_not:
                return missing.filled(why_not)
        return missing.filled("")

    def _read_trades(self, head: _Frame, received_ms: int) -> Reading:
        trades, bad = _trades.read(head.data, lambda entry: self._trade(entry, received_ms))
        venue_ms = max((trade.event_ms for trade in trades), default=None)
        return trades_reading(
            Trades(sorted(trades, key=number), venue_ms, bad, snapshot=head.type == "snapshot")
        )

    def _read_tickers(self, head: _Frame, received_ms: int) -> Reading:
        def level(entry: _Ticker) -> VolumeLevel | None:
            if entry.timestamp is None:
                return None  # of when it is nobody can tell
            return self._instruments.level(
                entry.symbol,
                entry.volume,
                event_ms=epoch_ms(entry.timestamp),
                received_ms=received_ms,
            )

        made, bad = _tickers.read(head.data, level)
        levels = [level for level in made if level is not None]
        return levels_reading(
            Levels(levels, max((level.event_ms for level in levels), default=None)), bad
        )

    def _trade(self, entry: _Trade, received_ms: int) -> Trade:
        return Trade(
            subject=self._instruments.of(entry.symbol).symbol,
            source=self._instruments.source,
            venue=VENUE,
            trade_id=str(entry.trade_id),
            event_ms=epoch_ms(entry.timestamp),
            received_ms=received_ms,
            price=entry.price,
            size=entry.qty,
            side=entry.side,
            sequence=entry.trade_id,
        )

    def _page(self, reply: Reply, market: Market) -> tuple[list[Trade], str, str]:
        """Return the trades of a page, from where the next one goes on, and what is wrong with it."""
        try:
            rows, since = _rows_of(reply.body)
            page, bad = _rows.read(
                rows, lambda row: self._rest_trade(row, market, reply.received_ms)
            )
        except (*UNREADABLE, ValueError) as error:
            return [], "", f"unreadable page: {error}"
        return page, since, f"unreadable trade: {bad[0].message}" if bad else ""

    def _rest_trade(self, row: _Row, market: Market, received_ms: int) -> Trade:
        return Trade(
            subject=market.symbol,
            source=self._instruments.source,
            venue=VENUE,
            trade_id=str(row.trade_id),
            event_ms=_milliseconds(row.time),
            received_ms=received_ms,
            price=row.price,
            size=row.volume,
            side=_REST_SIDES[row.side],
            sequence=row.trade_id,
        )


def _answer(head: _Frame) -> Reading:
    """Return what a frame is that has no data: an answer to a request of ours, or a heartbeat, which has no time."""
    venue_ms = known_ms(head.time_out)
    if head.error is not None or head.success is False:
        return VenueError(
            str(head.error)[:300], request(head.req_id), refuses=head.method == "subscribe"
        )
    if head.success is True:
        return Acknowledged(venue_ms)
    return Other(venue_ms)


def _status(head: _Frame) -> Reading:
    if any(status.system == "maintenance" for status in _read_statuses(head.data)):
        return VenueError("the markets are offline for maintenance", None)
    return Other()


def _rows_of(body: bytes) -> tuple[Raw, str]:
    """Return the rows of a page, and from where the next one goes on.

    Raises:
        ValueError: It has none.
    """
    page = _read_page(body)
    if page.error or page.result is UNSET:
        msg = ", ".join(page.error) or "no result"
        raise ValueError(msg)
    since = _read_text(page.result.pop("last", b'""'))
    if len(page.result) != 1:
        msg = f"{len(page.result)} pairs"
        raise ValueError(msg)
    return page.result.popitem()[1], since


def _milliseconds(time: Decimal) -> int:
    # Compared before it becomes an integer, which of an absurd exponent would have as many digits.
    if not (time.is_finite() and 0 <= time <= EPOCH_MS_MAX // 1000):
        msg = f"{time} is no time"
        raise ValueError(msg)
    return int(time.scaleb(3))


def _rest_name(market: Market) -> str:
    return "".join(_REST_ASSETS.get(asset, asset) for asset in (market.base, market.quote))
