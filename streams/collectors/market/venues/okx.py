"""OKX v5, spot: trades, tickers, and the history of trades of its REST. PURE.

Field names are the venue's (www.okx.com/docs-v5, trades channel and history-trades). ``side`` is the taker's. A frame
has the ``count`` fills that one taker had at one price of one source, under the id of the last: the next frame's
first fill has the next id. So the ids of the trades are not numbered without holes, and `Trade.sequence`, by which
both holes and duplicates are told downstream, is not given: the windows say that they cannot be verified.

REST has the fills one by one. They are put together as the stream does it, so that a trade has the same id either way;
and because their ids have no hole, a hole between two trades is filled whole or not for certain. Futures and swaps are
counted in contracts, of which the size is not in the frames.
"""

from decimal import Decimal
from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

from topics import Trade, VolumeLevel
from topics.units import EpochMs, VenueId

from .decoding import (
    UNREADABLE,
    Entries,
    levels_reading,
    request,
    sequence,
    trades_reading,
    unreadable,
)
from .instruments import SpotVenue
from .okx_fills import Fill, put_together
from .reading import (
    FILL_TRADES_MAX,
    Acknowledged,
    Ask,
    Farewell,
    Filled,
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

VENUE = "okx"
PAGE_MAX = 100
"""Fills of one page of REST."""
_UPGRADE = "64008"
"""The code of the notice that comes some 30 s (documents of 2026) before the venue ends the connection."""


class _Trade(Struct, rename="camel", gc=False):
    inst_id: str
    trade_id: VenueId
    px: Decimal
    sz: Decimal
    side: Literal["buy", "sell"]
    ts: EpochMs
    source: str = "0"


class _Ticker(Struct, rename="camel", gc=False):
    inst_id: str
    vol24h: Decimal
    ts: EpochMs


class _Frame(Struct, gc=False):
    """What tells one frame from another."""

    arg: Any = None
    data: Raw = Raw(b"[]")
    event: Any = None
    code: Any = None
    msg: Any = None
    id: Any = None


class _Page(Struct, gc=False):
    code: str
    msg: str = ""
    data: Raw = Raw(b"[]")


_read_frame = msgspec.json.Decoder(_Frame).decode
_read_page = msgspec.json.Decoder(_Page).decode
# Not strict: times are numbers in text.
_trades = Entries(
    msgspec.json.Decoder(list[_Trade], strict=False).decode,
    msgspec.json.Decoder(_Trade, strict=False).decode,
)
_tickers = Entries(
    msgspec.json.Decoder(list[_Ticker], strict=False).decode,
    msgspec.json.Decoder(_Ticker, strict=False).decode,
)


class Okx(SpotVenue):
    """Trades of one set of instruments."""

    exchange = "okx"
    # One subscription may be 64 KB long; three dials in a second are allowed.
    limits = Limits(symbols_max=200, connections_per_5_min=900)
    futures = f"{VENUE} counts futures in contracts, not in the base asset"

    @staticmethod
    def name(base: str, quote: str) -> str:
        """Return the venue's name of a pair."""
        return f"{base}-{quote}"

    def read(self, frame: str | bytes, *, received_ms: int) -> Reading:
        """Return what a text frame says."""
        if frame in ("pong", b"pong"):
            return Other()
        try:
            head = _read_frame(frame)
            if head.event is not None:
                return _event(head)
            channel = head.arg.get("channel") if isinstance(head.arg, dict) else None
            if channel == "trades":
                return self._read_trades(head, received_ms)
            if channel == "tickers":
                return self._read_tickers(head, received_ms)
        except UNREADABLE as error:
            return unreadable(error)
        return Other()

    def fill(self, hole: Hole) -> Filling:
        """Return how to fill a hole: pages of fills from its end down to its beginning.

        The first fills are those of the trade behind the hole, as many as make up its size.
        (GET /api/v5/market/history-trades?type=1&after=)
        """
        try:
            first, last = sequence(hole.after.trade_id) + 1, sequence(hole.before.trade_id)
        except ValueError as error:
            return Filled(trades=[], whole=False, reason=str(error))
        fills: dict[int, Fill] = {}
        oldest, why_not = last + 1, ""
        while oldest > first and not why_not:
            params: dict[str, str | int] = {
                "instId": hole.market.venue_id,
                "type": "1",
                "after": str(oldest),
                "limit": PAGE_MAX,
            }
            reply = yield Ask(endpoint="publicGetMarketHistoryTrades", params=params)
            page, why_not = self._page(reply, hole)
            new = {fill.number: fill for fill in page if first <= fill.number < oldest}
            fills |= new
            if not why_not and not new:
                why_not = f"{VENUE} does not have {oldest - 1}"
            oldest = min(new, default=oldest)
            if oldest > first and len(fills) >= FILL_TRADES_MAX and not why_not:
                why_not = f"more than {FILL_TRADES_MAX} trades are missing"
        return put_together(fills, first, last, hole.before, why_not)

    def _page(self, reply: Reply, hole: Hole) -> tuple[list[Fill], str]:
        """Return the fills of a page, and what is wrong with it."""

        def fill(entry: _Trade) -> Fill:
            if entry.inst_id != hole.market.venue_id:
                msg = f"{entry.inst_id[:32]!r} is not {hole.market.venue_id}"
                raise ValueError(msg)
            number = sequence(entry.trade_id)
            return Fill(number, entry.source, self._trade(entry, reply.received_ms))

        try:
            page = _read_page(reply.body)
            if page.code != "0":
                return [], f"{page.code}: {page.msg}"
            fills, bad = _trades.read(page.data, fill)
        except UNREADABLE as error:
            return [], f"unreadable page: {error}"
        return fills, f"unreadable trade: {bad[0].message}" if bad else ""

    def _read_trades(self, head: _Frame, received_ms: int) -> Reading:
        trades, bad = _trades.read(head.data, lambda entry: self._trade(entry, received_ms))
        venue_ms = max((trade.event_ms for trade in trades), default=None)
        return trades_reading(Trades(trades, venue_ms, bad))

    def _read_tickers(self, head: _Frame, received_ms: int) -> Reading:
        def level(entry: _Ticker) -> VolumeLevel:
            return self._instruments.level(
                entry.inst_id, entry.vol24h, event_ms=entry.ts, received_ms=received_ms
            )

        levels, bad = _tickers.read(head.data, level)
        venue_ms = max((level.event_ms for level in levels), default=None)
        return levels_reading(Levels(levels, venue_ms), bad)

    def _trade(self, entry: _Trade, received_ms: int) -> Trade:
        return Trade(
            subject=self._instruments.of(entry.inst_id).symbol,
            source=self._instruments.source,
            venue=VENUE,
            trade_id=entry.trade_id,
            event_ms=entry.ts,
            received_ms=received_ms,
            price=entry.px,
            size=entry.sz,
            side=entry.side,
        )


def _event(head: _Frame) -> Reading:
    """Return what a frame without data is: an answer to a request of ours, or a notice."""
    if head.event == "notice" and head.code == _UPGRADE:
        return Farewell(str(head.msg)[:300])
    if head.event in ("error", "channel-conn-count-error"):
        message = f"{head.code or head.event}: {head.msg}"[:300]
        return VenueError(message, request(head.id), refuses=True)
    if head.event in ("subscribe", "unsubscribe"):
        return Acknowledged()
    return Other()
