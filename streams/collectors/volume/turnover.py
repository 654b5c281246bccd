"""A venue's rolling turnover of 24 hours by its REST, in the asset.

Venues that do not say the time of their sample are taken to have worked it out when they answered (`Date`).
"""

from typing import Literal

from pydantic import Field

from streams.collectors.port import Context, Refused, Source, SourceType
from topics import SettingsError, VolumeLevel

from .digits import decimal, in_time
from .polling import SPAN_MS, Found, LevelSource
from .rest import Page, Rest, UnreadableError
from .rows import in_units
from .samples import SAME_MS, Samples
from .settings import MARKETS_MAX, MarketsSettings
from .venues import Pair, pairs_of


class TurnoverSettings(MarketsSettings):
    """Rolling 24 h turnovers of markets of one venue."""

    type: Literal["turnover"]
    every_s: float = Field(default=60.0, ge=1, le=3_600)
    hold_s: float = Field(default=300.0, ge=1, le=86_400)


def create_turnover(name: str, settings: TurnoverSettings, context: Context) -> list[Source]:
    """Return the source of that name. It takes a second, for ccxt's import.

    Raises:
        SettingsError: The venue, a market, or what its volumes count is not known, or it has no tickers.
    """
    return [TurnoverSource(name, settings, context)]


class TurnoverSource(LevelSource):
    """The turnovers of one venue's markets, asked for in turn."""

    def __init__(
        self, name: str, settings: TurnoverSettings, context: Context, **options: float
    ) -> None:
        """Prepare; nothing is asked before the first observation is."""
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
            now_ms=context.now_ms,
            url=settings.url,
            ca_file=settings.ca_file,
            timeout_s=settings.timeout_s,
        )
        if not self._rest.has("fetchTicker"):
            msg = f"{settings.venue} has no tickers"
            raise SettingsError(msg)
        samples = Samples()
        questions = [_Ticker(name, pair, self._rest, samples) for pair in pairs]
        super().__init__(
            name, settings.venue, questions, settings, now_ms=context.now_ms, **options
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._rest.close()


class _Ticker:
    """One question: the ticker of one market."""

    def __init__(self, source: str, pair: Pair, rest: Rest, samples: Samples) -> None:
        self.targets = {pair.symbol: pair.asset}
        self._source, self._pair, self._rest, self._samples = source, pair, rest, samples

    def resume(self, target: str, event_ms: int) -> None:
        self._samples.seen(target, event_ms)

    async def ask(self) -> Found:
        try:
            page = await self._rest.ticker(self._pair)
        except UnreadableError as error:
            return self._refused(str(error), error)
        try:
            return self._read(page)
        except ValueError as error:
            return self._refused(str(error), page)

    def _read(self, page: Page) -> Found:
        received_ms = page.answer.received_ms
        said = page.said if isinstance(page.said, dict) else {}
        volume = in_units(decimal(str(said.get("baseVolume"))), self._pair.factor)
        at_ms = said.get("timestamp")
        timed = isinstance(at_ms, int)
        event_ms = in_time(at_ms if isinstance(at_ms, int) else page.venue_ms, received_ms)
        symbol = self._pair.symbol
        new = (
            self._samples.newer(symbol, event_ms, volume)
            if timed
            else self._samples.changed(symbol, event_ms, volume, again_ms=SAME_MS)
        )
        level = VolumeLevel(
            subject=self._pair.asset,
            source=self._source,
            venue=self._rest.venue,
            instrument=symbol,
            event_ms=event_ms,
            received_ms=received_ms,
            span_ms=SPAN_MS,
            volume=volume,
        )
        return Found(
            observations=[level] if new else [],
            covered=[symbol],
            # A venue's clock that is behind ours stamps its next sample behind our time too.
            through_ms=min(received_ms, page.venue_ms),
            received_ms=received_ms,
        )

    def _refused(self, message: str, said: Page | UnreadableError) -> Found:
        received_ms = said.answer.received_ms
        refused = Refused(
            reason="invalid",
            message=f"{self._pair.symbol}: {message}",
            original=said.answer.body,
            origin=f"{self._source}/{self._pair.symbol}/{received_ms}",
            received_ms=received_ms,
        )
        return Found(observations=[refused], covered=[], through_ms=0, received_ms=received_ms)


TYPE = SourceType(
    name="turnover",
    about="a venue's rolling 24 h turnover by its REST, in the asset",
    kinds=("volume",),
    settings=TurnoverSettings,
    create=create_turnover,
    limits=f"the venue's, kept by ccxt's rate limiter; {MARKETS_MAX} markets an entry, one question each a minute",
)
