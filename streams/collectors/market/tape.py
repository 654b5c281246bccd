"""What has been heard of each instrument: every trade once, and every hole known. PURE, time is an argument.

Trades come several times: by two connections while one follows the other, in snapshots when a connection begins, by
REST when a hole is filled, and because venues repeat themselves. Where trades are numbered, a number tells. Where they
are not, the last ids do; and a connection that broke leaves a hole by time, from the last trade before to the first
after it, unless a snapshot shows that nothing was missed.

Holes in numbers are marked behind the source (`continuity.py`); here they are only filled, or given up. Holes by time
are marked here. A numbered instrument that stays quiet after its connection broke has one too, until its next number:
from then on the numbers say exactly what is missing.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from streams.collectors.port import Lost
from topics import (
    GapDetected,
    GapFilled,
    GapMark,
    GapPermanent,
    Heartbeat,
    PostDeleted,
    RawEvent,
    Trade,
)

from .following import Known, Numbered, Unnumbered
from .marks import begin_of, end_of, numbers_of
from .venues import Filled, Hole, Market

Told = RawEvent | PostDeleted | GapMark | Heartbeat
"""What stands in the log of a source."""

HOLES_MAX = 1_000
"""Holes of one source that wait to be filled; a further one is given up at once."""
RESTARTED = "the collector ended before it was filled"


class Heard(Struct):
    """What comes of trades that were heard: what to yield, in order, and what to fill."""

    out: list[Trade | GapMark | Lost] = []
    holes: list[Hole] = []
    duplicates: int = 0
    strange: int = 0
    """Trades under an id that was another's: not taken."""


class _Break(Struct):
    after: Trade
    due_s: float
    """When the hole is to be told, or told again with its later end."""
    down: bool = True
    told: GapDetected | None = None


class _Open(Struct):
    hole: Hole
    mark: GapDetected | None
    """Of a hole by time."""


class Tape:
    """The instruments of one source at one venue."""

    def __init__(
        self, source: str, venue: str, markets: Sequence[Market], *, numbered: bool, hold_s: float
    ) -> None:
        """Begin with nothing heard. Holes by time are told ``hold_s`` after the break at the latest."""
        make = Numbered if numbered else Unnumbered
        self._known: dict[str, Known] = {market.symbol: make(market) for market in markets}
        self._source, self._venue, self._numbered = source, venue, numbered
        self._hold_s = hold_s
        self._breaks: dict[str, _Break] = {}
        self._open: dict[tuple[str, str, str], _Open] = {}

    # Trades

    def follow(self, trades: Sequence[Trade]) -> int:
        """Take the trades of a frame as far as each is new, and there is no more to be said; return how many these are.

        So it is with nearly every frame: they are to be yielded as they are, and the rest is for `take`.
        """
        if self._breaks or (
            len(trades) > 1 and not self._numbered
        ):  # whose order is yet to be found
            return 0
        known, taken = self._known, 0
        for trade in trades:
            if not known[trade.subject].follows(trade):
                break
            taken += 1
        return taken

    def take(self, trades: Sequence[Trade], *, snapshot: bool = False) -> Heard:
        """Take the trades of one frame."""
        heard = Heard()
        if len(trades) > 1:
            trades = self._ordered(trades)
        proven = self._overlapping(trades) if self._breaks and snapshot else ()
        for trade in trades:
            self._take(trade, heard)
        heard.out += proven
        return heard

    def filled(self, hole: Hole, filled: Filled) -> Heard:
        """Take what could be had of a hole; what could not is given up."""
        heard = Heard()
        opened = self._open.pop(_place(hole), None)
        for trade in filled.trades:
            self._take(trade, heard)
        reason = filled.reason or "the venue did not give all of it"
        if self._numbered:
            first, last = (hole.after.sequence or 0) + 1, (hole.before.sequence or 0) - 1
            heard.out += self._known[hole.market.symbol].give_up(first, last, reason)
        elif opened is not None and opened.mark is not None:
            heard.out.append(end_of(opened.mark, None if filled.whole else reason))
        return heard

    def open_holes(self) -> list[Hole]:
        """Return the holes that nobody has filled yet."""
        return [opened.hole for opened in self._open.values()]

    # Breaks

    def broke(self, symbols: Iterable[str], now_s: float) -> None:
        """Take that these instruments are not heard any more: what each misses is not known."""
        for symbol in symbols:
            last = self._known[symbol].last
            if symbol in self._breaks:
                self._breaks[symbol].down = True
            elif last is not None:
                self._breaks[symbol] = _Break(last, now_s + self._hold_s)

    def heard_again(self, symbols: Iterable[str]) -> None:
        """Take that a connection for these instruments is up."""
        for symbol in symbols:
            if symbol in self._breaks:
                self._breaks[symbol].down = False

    def unproven(self, symbols: Iterable[str]) -> bool:
        """Return whether one of these may have missed something that has not been told."""
        broken = [self._breaks.get(symbol) for symbol in symbols]
        return any(one is not None and one.told is None for one in broken)

    def overdue(self, now_s: float, venue_ms: int | None) -> list[GapMark]:
        """Return the marks of instruments that broke and have not shown since what they missed."""
        marks: list[GapMark] = []
        for broken in self._breaks.values():
            if now_s >= broken.due_s:
                broken.due_s = now_s + self._hold_s if broken.down else float("inf")
                marks.append(self._tell(broken, venue_ms or 0))
        return marks

    # A restart

    def resume(self, past: Sequence[Told], now_s: float) -> Heard:
        """Take what stands in the log; return what to yield first, and the holes that are still open."""
        heard = Heard()
        opened: dict[str, GapDetected] = {}
        for seen in past:
            match seen:
                case Trade() if seen.venue == self._venue and seen.subject in self._known:
                    self._take(seen, heard)
                case GapDetected() if seen.subject in self._known:
                    opened[seen.gap_id] = seen
                case GapFilled() | GapPermanent():
                    if (mark := opened.pop(seen.gap_id, None)) is not None:
                        self._forget(mark)
                case _:
                    pass
        self._open = {
            place: wanted
            for place, wanted in self._open.items()
            if self._still_open(wanted.hole, list(opened.values()))
        }
        left = Heard(holes=self.open_holes())
        for mark in opened.values():
            left.out += self._left_over(mark)
        self.broke(list(self._known), now_s)
        return left

    def _still_open(self, hole: Hole, opened: Sequence[GapDetected]) -> bool:
        """Return whether a hole of the log is to be filled: it was told, or its end is the last that was written.

        Any other is one of our reading: it began between trades that were written late.
        """
        known = self._known[hole.market.symbol]
        first, last = (hole.after.sequence or 0) + 1, (hole.before.sequence or 0) - 1
        if not known.misses(first, last):
            return False
        told = [numbers_of(mark) for mark in opened if mark.subject == hole.market.symbol]
        if hole.before is known.last or any(low <= last and first <= high for low, high in told):
            return True
        known.give_up(first, last, "")
        return False

    def _forget(self, mark: GapDetected) -> None:
        """Expect nothing of a hole that was ended before the restart."""
        if mark.first_missing is not None:
            self._known[mark.subject].give_up(*numbers_of(mark), "")

    def _left_over(self, mark: GapDetected) -> list[GapMark | Lost]:
        if mark.first_missing is None:
            return [end_of(mark, RESTARTED)]
        first, last = numbers_of(mark)
        if self._known[mark.subject].misses(first, last):
            return []  # the trades around it are in the log: it is filled as any other
        return [
            Lost(
                venue=self._venue,
                subject=mark.subject,
                first_missing=first,
                last_missing=last,
                reason=RESTARTED,
            )
        ]

    # The details

    def _take(self, trade: Trade, heard: Heard) -> None:
        known = self._known[trade.subject]
        taken = known.take(trade)
        if taken is False:
            if known.strange(trade):
                heard.strange += 1
            else:
                heard.duplicates += 1
            return
        if isinstance(taken, Hole):
            self._want(taken, None, heard)
        heard.out.append(trade)
        if self._breaks and known.last is trade:
            self._resolve(trade, heard)
        if known.overflown:
            heard.out += known.overflown
            known.overflown.clear()

    def _resolve(self, trade: Trade, heard: Heard) -> None:
        """End a break by the first new trade behind it."""
        broken = self._breaks.get(trade.subject)
        if broken is None or broken.down:
            return
        del self._breaks[trade.subject]
        if self._numbered:
            if (
                broken.told is not None
            ):  # the trade's number has just said what is missing, if anything
                heard.out.append(end_of(broken.told, None))
            return
        mark = self._tell(broken, trade.event_ms)
        heard.out.append(mark)
        market = self._known[trade.subject].market
        self._want(Hole(market=market, after=broken.after, before=trade), mark, heard)

    def _overlapping(self, trades: Sequence[Trade]) -> list[GapMark]:
        """End the breaks of instruments whose last trade is in a snapshot: nothing is missing in between."""
        ends: list[GapMark] = []
        for trade in trades:
            broken = self._breaks.get(trade.subject)
            if broken is None or broken.after.trade_id != trade.trade_id:
                continue
            del self._breaks[trade.subject]
            if broken.told is not None:
                ends.append(end_of(broken.told, None))
        return ends

    def _want(self, hole: Hole, mark: GapDetected | None, heard: Heard) -> None:
        wanted = len(self._open) < HOLES_MAX
        self._open[_place(hole)] = _Open(hole, mark)
        if wanted:
            heard.holes.append(hole)
            return
        reason = f"{HOLES_MAX} holes wait to be filled"
        heard.out += self.filled(hole, Filled(trades=[], whole=False, reason=reason)).out

    def _tell(self, broken: _Break, to_ms: int) -> GapDetected:
        after = broken.after
        to_ms = max(after.event_ms, to_ms, broken.told.to_ms if broken.told is not None else 0)
        broken.told = begin_of(after, source=self._source, venue=self._venue, to_ms=to_ms)
        return broken.told

    def _ordered(self, trades: Sequence[Trade]) -> Sequence[Trade]:
        if self._numbered:
            return sorted(trades, key=lambda trade: trade.sequence or 0)
        return trades[::-1] if trades[0].event_ms > trades[-1].event_ms else trades


def _place(hole: Hole) -> tuple[str, str, str]:
    return hole.market.symbol, hole.after.trade_id, hole.before.trade_id
