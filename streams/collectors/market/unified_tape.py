"""Trades as ccxt has parsed them: read, taken once, and what a broken connection may have cost. PURE.

No id of theirs proves that nothing is missing. So every connection that broke leaves a doubt about each of its symbols,
between the last trade before and the first new one after, and is told as a gap by time, ahead of that new one: so that
whoever goes on after a crash finds it in the log. A page of REST that has both trades, by their ids, resolves it: what
it has between them is what was missed, if anything. Without such a page the gap is permanent.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct, structs

from topics import GapDetected, GapFilled, GapMark, GapPermanent, Trade
from topics.units import EPOCH_MS_MAX

IDS_MAX = 20_000
"""Ids of one symbol that are known again: more than a page of REST, or a snapshot, goes back."""
_ID_CHARS_MAX = 128
_REASON_CHARS_MAX = 200


class Doubt(Struct):
    """What may have been missed of one symbol."""

    after: Trade | None
    """The last trade before; None if there was none."""
    from_ms: int
    before: Trade | None = None
    """The first new trade after."""
    told: GapDetected | None = None


class UnifiedTape:
    """The trades of one source."""

    def __init__(self, source: str, venue: str, symbols: Sequence[str]) -> None:
        """Know nothing yet; ``venue`` is the name that the trades bear."""
        self.duplicates = 0
        """Trades that came again."""
        self.doubts: dict[str, Doubt] = {}
        self._source, self._venue = source, venue
        self.symbols = tuple(symbols)
        self._seen: dict[str, OrderedDict[str, None]] = {s: OrderedDict() for s in symbols}
        self._last: dict[str, Trade] = {}
        self._gaps = 0

    def last(self, symbol: str) -> Trade | None:
        """Return the latest trade of a symbol."""
        return self._last.get(symbol)

    def read(self, parsed: Mapping[str, Any], *, received_ms: int) -> Trade:
        """Return the trade that ccxt has parsed.

        Where the venue gives no id, one is made of all that it says: two trades that say the same are then one.

        Raises:
            ValueError: It is no trade, or the venue does not say the taker's side.
            ArithmeticError: Its price or size is no number.
        """
        symbol, side, ms = parsed.get("symbol"), parsed.get("side"), parsed.get("timestamp")
        if not isinstance(symbol, str) or symbol not in self._seen:
            msg = f"{str(symbol)[:32]!r} is not a symbol that was subscribed"
            raise ValueError(msg)
        if side not in ("buy", "sell"):
            msg = f"the taker's side is {str(side)[:32]!r}"
            raise ValueError(msg)
        if isinstance(ms, bool) or not isinstance(ms, int) or not 0 <= ms <= EPOCH_MS_MAX:
            msg = f"{str(ms)[:32]!r} is no time in milliseconds"
            raise ValueError(msg)
        price, size = str(parsed.get("price")), str(parsed.get("amount"))
        given = parsed.get("id")
        trade_id = f"{ms}/{price}/{size}/{side}" if given in (None, "") else str(given)
        if len(trade_id) > _ID_CHARS_MAX:
            msg = f"an id of {len(trade_id)} characters"
            raise ValueError(msg)
        return Trade(
            subject=symbol,
            source=self._source,
            venue=self._venue,
            trade_id=trade_id,
            event_ms=ms,
            received_ms=received_ms,
            price=Decimal(price),
            size=Decimal(size),
            side=side,
        )

    def take(self, trade: Trade) -> list[Trade | GapMark]:
        """Take a trade that came live; return what is to be given, nothing if it came before."""
        if not self._note(trade):
            self.duplicates += 1
            return []
        doubt = self.doubts.get(trade.subject)
        if doubt is None or doubt.before is not None or trade.event_ms < doubt.from_ms:
            return [trade]
        doubt.before = trade
        return [self._told(doubt, trade.subject, trade.event_ms), trade]

    def resume(self, past: Iterable[Trade | GapMark], promised_ms: int) -> list[GapMark]:
        """Go on after these, as after a broken connection; return the ends of gaps that were told and not ended."""
        told: dict[str, GapDetected] = {}
        for event in past:
            if isinstance(event, Trade):
                if event.subject in self._seen and event.venue == self._venue:
                    self._note(event)
            elif isinstance(event, GapDetected):
                told[event.gap_id] = event
            else:
                told.pop(event.gap_id, None)
        self.broke(promised_ms)
        return [_permanent(gap, "the collector was restarted") for gap in told.values()]

    def broke(self, since_ms: int) -> None:
        """Take that the connection broke. Of a symbol that never traded, ``since_ms`` is since when it could have."""
        for symbol in self.symbols:
            after = self._last.get(symbol)
            from_ms = since_ms if after is None else after.event_ms
            doubt = self.doubts.setdefault(symbol, Doubt(after=after, from_ms=from_ms))
            doubt.before = None  # between the two connections more may be missing

    def tell(self, symbol: str, to_ms: int) -> list[GapMark]:
        """Return the mark of a doubt that has lasted too long for time to wait; it will be ended all the same."""
        doubt = self.doubts[symbol]
        return [] if doubt.told is not None else [self._told(doubt, symbol, to_ms)]

    def resolve(
        self, symbol: str, pages: Iterable[Sequence[Trade]], *, last_try: str = ""
    ) -> list[Trade | GapMark] | None:
        """Return what resolves a doubt of which both ends are known; None if a later page may do so better.

        ``last_try`` is why no page will, in which case the gap is permanent.
        """
        doubt = self.doubts[symbol]
        found: dict[str, Trade] = {}
        whole = False
        for page in pages:
            ids = {trade.trade_id for trade in page}
            begins, ends = _begins(doubt, page, ids), doubt.before and doubt.before.trade_id in ids
            if begins or ends:  # else its ids may be of another kind than those that stream
                found |= {t.trade_id: t for t in page if self._missing(doubt, t)}
            whole = whole or bool(begins and ends)
        if not whole and not last_try:
            return None
        del self.doubts[symbol]
        trades = sorted(found.values(), key=lambda trade: trade.event_ms)
        for trade in trades:
            self._note(trade)
        gap = doubt.told or self._detected(symbol, doubt.from_ms, doubt.from_ms)
        begun: list[GapMark] = [] if doubt.told is not None else [gap]
        end = _filled(gap) if whole else _permanent(gap, last_try)
        return [*begun, *trades, end]

    def lost(self, symbol: str, to_ms: int, reason: str) -> list[GapMark]:
        """Return the marks of trades that are gone for certain, between the last one and a time."""
        after = self._last.get(symbol)
        from_ms = to_ms if after is None else min(after.event_ms, to_ms)
        gap = self._detected(symbol, from_ms, to_ms)
        return [gap, _permanent(gap, reason)]

    def _missing(self, doubt: Doubt, trade: Trade) -> bool:
        return trade.event_ms >= doubt.from_ms and trade.trade_id not in self._seen[trade.subject]

    def _told(self, doubt: Doubt, symbol: str, to_ms: int) -> GapDetected:
        """Return the mark of a doubt; one that has grown is told again with its later end."""
        if doubt.told is None:
            doubt.told = self._detected(symbol, doubt.from_ms, to_ms)
        doubt.told = structs.replace(doubt.told, to_ms=max(doubt.told.to_ms, to_ms))
        return doubt.told

    def _note(self, trade: Trade) -> bool:
        seen = self._seen[trade.subject]
        if trade.trade_id in seen:
            return False
        seen[trade.trade_id] = None
        if len(seen) > IDS_MAX:
            seen.popitem(last=False)
        last = self._last.get(trade.subject)
        if last is None or trade.event_ms >= last.event_ms:
            self._last[trade.subject] = trade
        return True

    def _detected(self, symbol: str, from_ms: int, to_ms: int) -> GapDetected:
        self._gaps += 1
        return GapDetected(
            gap_id=f"{self._venue}/{symbol}/{from_ms}/{self._gaps}",
            subject=symbol,
            source=self._source,
            venue=self._venue,
            from_ms=from_ms,
            to_ms=max(from_ms, to_ms),
        )


def _begins(doubt: Doubt, page: Sequence[Trade], ids: set[str]) -> bool:
    """Return whether a page goes back to where a doubt begins: by id, or, where no trade came before, by time."""
    if doubt.after is not None:
        return doubt.after.trade_id in ids
    return any(trade.event_ms < doubt.from_ms for trade in page)


def _filled(gap: GapDetected) -> GapFilled:
    return GapFilled(
        gap_id=gap.gap_id,
        subject=gap.subject,
        source=gap.source,
        venue=gap.venue,
        from_ms=gap.from_ms,
        to_ms=gap.to_ms,
    )


def _permanent(gap: GapDetected, reason: str) -> GapPermanent:
    return GapPermanent(
        gap_id=gap.gap_id,
        subject=gap.subject,
        source=gap.source,
        venue=gap.venue,
        from_ms=gap.from_ms,
        to_ms=gap.to_ms,
        reason=reason[:_REASON_CHARS_MAX],
    )
