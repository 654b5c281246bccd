"""One market whose candles are asked for: what an answer brings, and when to ask again: PURE."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from streams.collectors.port import Refused
from topics import VolumeFlow

from .line import Line, Missing
from .rows import Fault, read_rows
from .venues import Pair

AGAIN_MS = 3_000
"""Before a market is asked again for a candle that was not there yet."""
PUT_OFF_MS, PUT_OFF_MS_MAX = 5_000, 60_000
"""Before a market that failed is asked again; doubled with each failure."""


class CandleMarket:
    """One market of one source."""

    def __init__(self, source: str, venue: str, pair: Pair, line: Line) -> None:
        """Begin where the line does."""
        self.pair, self.line = pair, line
        self.ask_at_ms = 0
        """When it may be asked, by our clock."""
        self._source, self._venue = source, venue
        self._put_off_ms = PUT_OFF_MS
        self._refused: set[int] = set()
        """Openings of the candles that have become dead letters, so that each is one once."""

    def read(
        self, rows: Iterable[Any], body: bytes, *, received_ms: int, venue_ms: int, asked_to_ms: int
    ) -> Iterator[VolumeFlow | Refused | Missing]:
        """Yield what an answer brings: new candles that have closed, what cannot be read, what will not come."""
        candles, faults = read_rows(rows, span_ms=self.line.span_ms, factor=self.pair.factor)
        for fault in faults:
            if self._newly(fault, venue_ms):
                at = received_ms if fault.open_ms is None else fault.open_ms
                yield self.refused(fault.message, body, received_ms=received_ms, at=at)
        for item in self.line.take(candles, asked_to_ms=asked_to_ms, now_ms=venue_ms):
            if isinstance(item, Missing):
                yield item
            elif item.volume is not None:
                yield self._flow(item.open_ms, item.volume, received_ms)
        self._refused = {at for at in self._refused if at >= self.line.next_ms}

    def refused(self, message: str, body: bytes, *, received_ms: int, at: int) -> Refused:
        """Return an answer, or a candle of it, as what cannot be read; ``at`` tells it from others."""
        return Refused(
            reason="invalid",
            message=f"{self.pair.symbol}: {message}",
            original=body,
            origin=f"{self._source}/{self.pair.symbol}/{at}",
            received_ms=received_ms,
        )

    def failed(self, now_ms: int) -> None:
        """Ask again later, and later still if that fails too."""
        self.ask_at_ms = now_ms + self._put_off_ms
        self._put_off_ms = min(2 * self._put_off_ms, PUT_OFF_MS_MAX)

    def answered(self, now_ms: int, *, moved: bool, behind: bool) -> None:
        """Ask again at once for what is still to be had, a little later for what was not there yet."""
        self._put_off_ms = PUT_OFF_MS
        self.ask_at_ms = now_ms + (AGAIN_MS if behind and not moved else 0)

    def _newly(self, fault: Fault, venue_ms: int) -> bool:
        """Return whether a candle that cannot be read has closed, is wanted, and has not been refused yet."""
        if fault.open_ms is None:
            return True
        wanted = self.line.next_ms <= fault.open_ms <= venue_ms - self.line.span_ms
        new = wanted and fault.open_ms not in self._refused
        if new:
            self._refused.add(fault.open_ms)
        return new

    def _flow(self, open_ms: int, volume: Decimal, received_ms: int) -> VolumeFlow:
        return VolumeFlow(
            subject=self.pair.asset,
            source=self._source,
            venue=self._venue,
            instrument=self.pair.symbol,
            event_ms=open_ms + self.line.span_ms,
            received_ms=received_ms,
            span_ms=self.line.span_ms,
            volume=volume,
        )
