"""DefiLlama's DEX volumes: what was swapped in 24 hours on an asset's chain, or on the DEX whose token it is.

DefiLlama says it in US dollars. Our levels are in units of the asset, so it is divided by DefiLlama's own price of
the asset (a second question, at most ten minutes old), and rounded to 1e-8. So it is how much of the asset the swaps were
worth, not how much of it was swapped. The answers have no time: a level's is that of its answer, and one whose
turnover in dollars has not changed is not sent again. (DefiLlama works it out about once an hour.)
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal
from urllib.parse import quote

from msgspec import Struct
from pydantic import Field

from streams.collectors.asking import Answer, Http
from streams.collectors.assets import ASSETS
from streams.collectors.lateness import LATENESS_MS
from streams.collectors.port import Context, Refused, Source, SourceSettings, SourceType
from topics import SettingsError, VolumeLevel

from .digits import amount, in_asset, in_time, loads, time_of
from .polling import SPAN_MS, Found, LevelSource
from .samples import Samples

VENUE = "defillama"
URL, PRICES_URL = "https://api.llama.fi", "https://coins.llama.fi"
ASSETS_MAX = 100
PER_MINUTE = 60.0
"""The service says no limit for a free user, and turns 500 a minute away."""
BODY_BYTES_MAX = 8 * 1024 * 1024
"""Of one answer: a chain's has all its DEXs, of Ethereum some 2 MiB."""
PRICE_MS_MAX = 600_000
"""A price older than this is asked for again; one that the service itself has not seen for longer is none."""
NO_CHARTS = {"excludeTotalDataChart": "true", "excludeTotalDataChartBreakdown": "true"}


class DefiLlamaSettings(SourceSettings):
    """24 h DEX volumes."""

    type: Literal["defillama"]
    assets: tuple[str, ...] = Field(min_length=1, max_length=ASSETS_MAX)
    """Our ids. The table says whether an asset is a chain's token or a DEX's."""
    every_s: float = Field(default=600.0, ge=1, le=3_600)
    hold_s: float = Field(default=1_800.0, ge=1, le=86_400)
    lateness_ms: int = Field(default=LATENESS_MS["volume"], ge=0, le=600_000)
    timeout_s: float = Field(default=30.0, gt=0, le=60)
    url: str = URL
    prices_url: str = PRICES_URL
    ca_file: str | None = None


def create_defillama(name: str, settings: DefiLlamaSettings, context: Context) -> list[Source]:
    """Return the source of that name.

    Raises:
        SettingsError: An asset is neither a chain's token nor a DEX's, as far as the table knows.
    """
    return [DefiLlamaSource(name, settings, context)]


class DefiLlamaSource(LevelSource):
    """The DEX volumes of some assets, one question each."""

    def __init__(
        self, name: str, settings: DefiLlamaSettings, context: Context, **options: float
    ) -> None:
        """Prepare; nothing is asked before the first observation is."""
        self._http = Http(
            now_ms=context.now_ms,
            per_minute=PER_MINUTE,
            burst=5,
            timeout_s=settings.timeout_s,
            body_bytes_max=BODY_BYTES_MAX,
            ca_file=settings.ca_file,
        )
        places = [_place(asset) for asset in dict.fromkeys(settings.assets)]
        prices = _Prices(settings.prices_url, [place.coingecko for place in places], self._http)
        samples = Samples()
        questions = [
            _Volume(name, settings.url, place, self._http, prices=prices, samples=samples)
            for place in places
        ]
        super().__init__(name, VENUE, questions, settings, now_ms=context.now_ms, **options)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


class _Place(Struct, frozen=True):
    """Where an asset's DEX volume is found."""

    asset: str
    coingecko: str
    target: str
    """chain/NAME or protocol/SLUG: the instrument of its levels."""

    @property
    def path(self) -> str:
        kind, _, name = self.target.partition("/")
        return f"/{'overview' if kind == 'chain' else 'summary'}/dexs/{quote(name, safe='')}"


class _PriceError(ValueError):
    """There is no price to convert with. The answer is the one that should have said it."""

    def __init__(self, message: str, answer: Answer) -> None:
        super().__init__(message)
        self.answer = answer


class _Prices:
    """The dollar prices of all assets of an entry, asked for together."""

    def __init__(self, url: str, ids: list[str], http: Http) -> None:
        keys = ",".join(f"coingecko:{name}" for name in dict.fromkeys(ids))
        self._url, self._http = f"{url}/prices/current/{keys}", http
        self._answer: Answer | None = None
        self._coins: Mapping[str, object] = {}

    async def of(self, coingecko: str, now_ms: int) -> Decimal:
        """Return an asset's price.

        Raises:
            SourceError: There was no answer.
            _PriceError: There is no price in it, or an old one.
        """
        answer = self._answer
        if answer is None or now_ms - answer.received_ms > PRICE_MS_MAX:
            answer = await self._http.get(self._url)
            self._coins = _coins(answer)
            self._answer = answer
        try:
            return _price(self._coins.get(f"coingecko:{coingecko}"), answer.received_ms)
        except ValueError as error:
            msg = f"the price of {coingecko}: {error}"
            raise _PriceError(msg, answer) from error


def _coins(answer: Answer) -> Mapping[str, object]:
    try:
        said = loads(answer.body)
    except ValueError as error:
        msg = f"no prices: {error}"
        raise _PriceError(msg, answer) from error
    coins = said.get("coins") if isinstance(said, dict) else None
    if not isinstance(coins, dict):
        msg = "no prices"
        raise _PriceError(msg, answer)
    return coins


def _price(coin: object, received_ms: int) -> Decimal:
    if not isinstance(coin, dict):
        msg = "none"
        raise ValueError(msg)  # noqa: TRY004 - of what others wrote
    age_ms = received_ms - in_time(time_of(coin.get("timestamp")) * 1_000, received_ms)
    if age_ms > PRICE_MS_MAX:
        msg = f"{age_ms // 1_000} s old"
        raise ValueError(msg)
    return amount(coin.get("price"))


class _Volume:
    """One question: the DEX volume of a chain or a DEX."""

    def __init__(
        self, source: str, url: str, place: _Place, http: Http, *, prices: _Prices, samples: Samples
    ) -> None:
        self.targets = {place.target: place.asset}
        self._source, self._url, self._place = source, url + place.path, place
        self._http, self._prices, self._samples = http, prices, samples

    def resume(self, target: str, event_ms: int) -> None:
        self._samples.seen(target, event_ms)

    async def ask(self) -> Found:
        answer = await self._http.get(self._url, params=NO_CHARTS)
        try:
            turnover = self._turnover(loads(answer.body))
            price = await self._prices.of(self._place.coingecko, answer.received_ms)
            volume = in_asset(turnover, price)
        except _PriceError as error:
            return self._refused(error.answer, str(error))
        except ValueError as error:
            return self._refused(answer, str(error))
        target = self._place.target
        level = VolumeLevel(
            subject=self._place.asset,
            source=self._source,
            venue=VENUE,
            instrument=target,
            event_ms=answer.received_ms,
            received_ms=answer.received_ms,
            span_ms=SPAN_MS,
            volume=volume,
        )
        new = self._samples.changed(target, answer.received_ms, turnover, again_ms=None)
        return Found(
            observations=[level] if new else [],
            covered=[target],
            through_ms=answer.received_ms,
            received_ms=answer.received_ms,
        )

    def _turnover(self, said: object) -> Decimal:
        """Return the dollars of the last 24 h.

        Raises:
            ValueError: They are not said, or of something else than was asked for.
        """
        if not isinstance(said, dict):
            msg = "no object"
            raise ValueError(msg)  # noqa: TRY004 - of what others wrote
        kind, _, name = self._place.target.partition("/")
        of = said.get("chain") if kind == "chain" else said.get("gecko_id")
        meant = name if kind == "chain" else self._place.coingecko
        if isinstance(of, str) and of.lower() != meant.lower():
            msg = f"it is of {of[:64]}, not of {meant}"
            raise ValueError(msg)
        return amount(said.get("total24h"))

    def _refused(self, answer: Answer, message: str) -> Found:
        refused = Refused(
            reason="invalid",
            message=f"{self._place.target}: {message}",
            original=answer.body,
            origin=f"{self._source}/{self._place.target}/{answer.received_ms}",
            received_ms=answer.received_ms,
        )
        return Found(
            observations=[refused], covered=[], through_ms=0, received_ms=answer.received_ms
        )


def _place(asset: str) -> _Place:
    known = ASSETS.by_id.get(asset)
    if known is not None and known.defillama.chain is not None:
        return _Place(asset, known.coingecko, f"chain/{known.defillama.chain}")
    if known is not None and known.defillama.protocol is not None:
        return _Place(asset, known.coingecko, f"protocol/{known.defillama.protocol}")
    msg = f"{asset}: it is neither a chain's token nor a DEX's, as far as assets.toml knows"
    raise SettingsError(msg)


TYPE = SourceType(
    name="defillama",
    about="what was swapped in 24 h on an asset's chain, or on the DEX whose token it is",
    kinds=("volume",),
    settings=DefiLlamaSettings,
    create=create_defillama,
    limits=f"{PER_MINUTE:.0f} questions a minute (none is written down for free users); one an asset in ten minutes",
)
