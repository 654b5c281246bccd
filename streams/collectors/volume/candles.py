"""Closed candles of a venue by its REST: what traded in each span, in the asset.

A market's candles are asked for from the first one that has not been seen, so what a broken connection or a restart
left out is fetched with the next answer. What has closed the venue's own time says (`Date` of its answer).
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Literal

from pydantic import Field

from streams.collectors.coverage import Coverage
from streams.collectors.port import (
    Clock,
    Context,
    Link,
    Observation,
    Source,
    SourceError,
    SourceType,
    Through,
)
from topics import GapMark, Heartbeat, Kind, RawEvent, SettingsError

from .candle_market import CandleMarket
from .line import Line, Missing
from .past import past_of
from .rest import Page, Rest, UnreadableError
from .settings import MARKETS_MAX, MarketsSettings
from .venues import facts_of, pairs_of

SPANS_MS = {"1m": 60_000, "5m": 300_000, "15m": 900_000, "30m": 1_800_000, "1h": 3_600_000}
"""By ccxt's word. Longer ones would hold windows back that have long been published."""

FAILED_MAX = 3
"""Markets in a row that fail like this: the venue is not there, and is dialled less and less often."""
REST_S_MAX, REST_S_MIN = 1.0, 0.05
"""Between two looks at which candles have closed."""

Spans = Literal["1m", "5m", "15m", "30m", "1h"]


class CandlesSettings(MarketsSettings):
    """Closed candles of markets of one venue."""

    type: Literal["candles"]
    timeframe: Spans = "1m"
    back_s: int = Field(default=21_600, ge=0, le=604_800)
    """How far back a restart asks for what it missed; what is older is lost, and told."""
    hold_s: float = Field(default=60.0, ge=1, le=3_600)
    """How long a market that cannot be had holds the promises of the others back."""


def create_candles(name: str, settings: CandlesSettings, context: Context) -> list[Source]:
    """Return the source of that name. It takes a second, for ccxt's import.

    Raises:
        SettingsError: The venue, a market, or what its volumes count is not known, or it has no such candles.
    """
    return [CandleSource(name, settings, now_ms=context.now_ms)]


class CandleSource:
    """The candles of one venue's markets, asked for in turn."""

    kind: Kind = "volume"

    def __init__(
        self,
        name: str,
        settings: CandlesSettings,
        *,
        now_ms: Clock,
        rest_s: float = REST_S_MAX,
    ) -> None:
        """Prepare; nothing is asked before the first observation is."""
        self.name = name
        self._venue, self._now_ms, self._rest_s = settings.venue, now_ms, rest_s
        self._timeframe = settings.timeframe
        self._span_ms = SPANS_MS[settings.timeframe]
        self._facts = facts_of(settings.venue)
        self._back_ms = settings.back_s * 1_000
        pairs = pairs_of(
            settings.venue,
            settings.symbols,
            ids=settings.ids,
            unit=settings.unit,
            contract_size=settings.contract_size,
        )
        self._rest = Rest(
            settings.venue,
            pairs,
            now_ms=now_ms,
            url=settings.url,
            ca_file=settings.ca_file,
            timeout_s=settings.timeout_s,
        )
        if settings.timeframe not in self._rest.timeframes():
            msg = f"{settings.venue} has no candles of {settings.timeframe}"
            raise SettingsError(msg)
        self._coverage = Coverage(
            name,
            settings.venue,
            hold_ms=round(settings.hold_s * 1_000),
            lateness_ms=settings.lateness_ms,
        )
        self._skew_ms = 0
        """The venue's time less ours, by its last answer."""
        self._connected = False
        self._next = 0
        """Whose turn it is."""
        self._since_ms = begun_ms = now_ms()
        """The first promise says since when the source speaks: not of candles from before it began."""
        self._markets = [
            CandleMarket(name, settings.venue, pair, self._line(begun_ms)) for pair in pairs
        ]
        for market in self._markets:
            self._coverage.follow(market.pair.symbol, (market.pair.asset,), begun_ms)

    def resume(self, past: Sequence[RawEvent | GapMark | Heartbeat]) -> None:
        """Go on behind the last candle of each market, and with the gaps that were told and not ended."""
        if past:
            self._since_ms = 0
        for market in self._markets:
            pair = market.pair
            left = past_of(
                past,
                venue=self._venue,
                asset=pair.asset,
                target=pair.symbol,
                span_ms=self._span_ms,
            )
            from_ms = left.through_ms if left.event_ms is None else left.event_ms
            if left.gap is not None:
                from_ms = min(left.gap.from_ms, from_ms or left.gap.from_ms)
            if from_ms is None:
                continue
            market.line = self._line(from_ms)
            self._coverage.follow(pair.symbol, (pair.asset,), from_ms)
            if left.gap is not None:
                self._coverage.reopen(pair.symbol, left.gap.from_ms, left.gap.to_ms)

    async def observations(self) -> AsyncIterator[Observation]:
        """Yield each candle when it has closed, and how far that is.

        Raises:
            SourceError: The venue is not there, or sends us away.
        """
        if not self._connected:
            yield Link(state="connecting")
        try:
            while True:
                async for observation in self._round():
                    yield observation
                await asyncio.sleep(self._pause_s())
        finally:
            self._connected = False
            await self._rest.close()

    async def _round(self) -> AsyncIterator[Observation]:
        for observation in self._promises():
            yield observation
        failed = 0
        for market in self._markets[self._next :] + self._markets[: self._next]:
            if self._now_ms() < market.ask_at_ms or not market.line.due(self._venue_ms()):
                continue
            try:
                async for observation in self._asked(market):
                    yield observation
                failed = 0
            except SourceError as error:
                failed += 1
                market.failed(self._now_ms())
                self._next = (self._markets.index(market) + 1) % len(self._markets)
                if error.wait_s is not None or failed >= min(FAILED_MAX, len(self._markets)):
                    raise
                yield Link(state=self._state(), reason=str(error)[:200])
            for observation in self._promises():
                yield observation

    async def _asked(self, market: CandleMarket) -> AsyncIterator[Observation]:
        """Ask for what a market lacks, once.

        Raises:
            SourceError: There was no answer.
        """
        page_ms = self._facts.page * self._span_ms
        gone = market.line.forget(self._oldest_ms())
        if gone is not None:
            for mark in self._lost(
                market, gone, "older than the venue keeps, or than was asked for"
            ):
                yield mark
        since_ms = market.line.next_ms
        try:
            page = await self._rest.candles(
                market.pair, self._timeframe, since_ms, self._facts.page
            )
        except UnreadableError as error:
            market.failed(self._now_ms())
            received_ms = error.answer.received_ms
            yield market.refused(
                str(error), error.answer.body, received_ms=received_ms, at=received_ms
            )
            return
        for observation in self._read(market, page, since_ms + page_ms):
            yield observation
        market.answered(
            self._now_ms(),
            moved=market.line.next_ms > since_ms,
            behind=market.line.due(self._venue_ms()),
        )

    def _read(self, market: CandleMarket, page: Page, asked_to_ms: int) -> Iterator[Observation]:
        self._skew_ms = page.venue_ms - page.answer.received_ms
        if not self._connected:
            self._connected = True
            yield Link(state="connected")
        for item in market.read(
            page.said,
            page.answer.body,
            received_ms=page.answer.received_ms,
            venue_ms=page.venue_ms,
            asked_to_ms=asked_to_ms,
        ):
            if isinstance(item, Missing):
                yield from self._lost(market, item, "the venue has no such candle")
            else:
                yield item

    def _promises(self) -> Iterator[Observation]:
        venue_ms = self._venue_ms()
        for market in self._markets:
            symbol, line = market.pair.symbol, market.line
            yield from self._coverage.covered(symbol, line.settled_ms)
            yield from self._coverage.clear(symbol, line.clear_ms(venue_ms))
        marks, through_ms = self._coverage.advance(venue_ms)
        yield from marks
        if through_ms is not None and through_ms >= self._since_ms:
            yield Through(through_ms)

    def _lost(self, market: CandleMarket, missing: Missing, reason: str) -> list[GapMark]:
        symbol = market.pair.symbol
        marks = self._coverage.covered(symbol, missing.from_ms)
        return marks + self._coverage.lost(symbol, missing.to_ms, reason)

    def _pause_s(self) -> float:
        now_ms, venue_ms = self._now_ms(), self._venue_ms()
        due_ms = min(
            max(market.line.due_ms() - venue_ms, market.ask_at_ms - now_ms)
            for market in self._markets
        )
        return min(self._rest_s, max(REST_S_MIN, due_ms / 1_000))

    def _venue_ms(self) -> int:
        return self._now_ms() + self._skew_ms

    def _oldest_ms(self) -> int:
        venue_ms = self._venue_ms()
        oldest_ms = venue_ms - self._back_ms - self._span_ms
        if self._facts.keeps is None:
            return oldest_ms
        # One of them is the candle that is still open.
        return max(oldest_ms, venue_ms - (self._facts.keeps - 1) * self._span_ms)

    def _line(self, from_ms: int) -> Line:
        return Line(self._span_ms, from_ms, empty_candles=self._facts.empty_candles)

    def _state(self) -> Literal["connecting", "connected"]:
        return "connected" if self._connected else "connecting"


TYPE = SourceType(
    name="candles",
    about="closed candles of a venue by its REST: what traded in each minute, in the asset",
    kinds=("volume",),
    settings=CandlesSettings,
    create=create_candles,
    limits=f"the venue's, kept by ccxt's rate limiter; {MARKETS_MAX} markets an entry, one question a market and candle",
)
