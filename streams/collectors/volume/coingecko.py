"""CoinGecko's totals: what an asset turned over in 24 hours, on all markets that CoinGecko counts.

CoinGecko says it in US dollars. Our levels are in units of the asset, so it is divided by the price that the same
answer says, and rounded to 1e-8. The price is CoinGecko's mean of all markets, the volume as its venues report it:
the level is an estimate, marked by its venue, `coingecko`. Its time is `last_updated_at`.
"""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, SecretStr

from streams.collectors.asking import TIMEOUT_S, Answer, Http
from streams.collectors.assets import ASSETS
from streams.collectors.lateness import LATENESS_MS
from streams.collectors.port import Context, Refused, Source, SourceSettings, SourceType
from topics import SettingsError, VolumeLevel

from .digits import amount, in_asset, in_time, loads, time_of
from .polling import SPAN_MS, Found, LevelSource
from .samples import Samples

VENUE = "coingecko"
HOSTS = {
    "keyless": "https://api.coingecko.com/api/v3",
    "demo": "https://api.coingecko.com/api/v3",
    "pro": "https://pro-api.coingecko.com/api/v3",
}
KEY_HEADERS = {"demo": "x-cg-demo-api-key", "pro": "x-cg-pro-api-key"}
PER_MINUTE = {"keyless": 5.0, "demo": 25.0, "pro": 200.0}
"""Below what is allowed: 5 to 15 without a key, as the service is busy; 30; from 250 on."""
IDS_MAX = 100
"""Of one question: its address stays below 8 KiB."""
ASSETS_MAX = 2_000
BODY_BYTES_MAX = 1024 * 1024
"""Of one answer; a hundred assets have 20 KiB."""
STALE_MS = 90_000
"""The youngest sample of an answer may be this old, and the answer still speak of now."""


class CoinGeckoSettings(SourceSettings):
    """24 h totals of assets."""

    type: Literal["coingecko"]
    assets: tuple[str, ...] = Field(min_length=1, max_length=ASSETS_MAX)
    """Our ids."""
    ids: dict[str, str] = Field(default={})
    """CoinGecko's ids of assets that are not in the table, or are meant otherwise."""
    plan: Literal["keyless", "demo", "pro"] = "keyless"
    key: SecretStr | None = None
    every_s: float = Field(default=120.0, ge=1, le=3_600)
    hold_s: float = Field(default=600.0, ge=1, le=86_400)
    """How long an asset that cannot be had holds the promises of the others back."""
    lateness_ms: int = Field(default=LATENESS_MS["volume"], ge=0, le=600_000)
    per_minute: float | None = Field(default=None, gt=0, le=1_000)
    """Questions a minute, where the plan allows other than what is known here."""
    timeout_s: float = Field(default=TIMEOUT_S, gt=0, le=60)
    url: str | None = None
    ca_file: str | None = None


def create_coingecko(name: str, settings: CoinGeckoSettings, context: Context) -> list[Source]:
    """Return the source of that name.

    Raises:
        SettingsError: An asset's id at CoinGecko is not known, or the plan and the key do not go together.
    """
    return [CoinGeckoSource(name, settings, context)]


class CoinGeckoSource(LevelSource):
    """The totals of some assets, a hundred with each question."""

    def __init__(
        self, name: str, settings: CoinGeckoSettings, context: Context, **options: float
    ) -> None:
        """Prepare; nothing is asked before the first observation is."""
        headers = _headers(settings)
        self._http = Http(
            now_ms=context.now_ms,
            per_minute=settings.per_minute or PER_MINUTE[settings.plan],
            timeout_s=settings.timeout_s,
            body_bytes_max=BODY_BYTES_MAX,
            follow=not headers,
            headers=headers,
            ca_file=settings.ca_file,
        )
        ids = list(_ids(settings).items())
        url = (settings.url or HOSTS[settings.plan]) + "/simple/price"
        samples = Samples()
        questions = [
            _Prices(name, url, dict(ids[at : at + IDS_MAX]), self._http, samples)
            for at in range(0, len(ids), IDS_MAX)
        ]
        super().__init__(name, VENUE, questions, settings, now_ms=context.now_ms, **options)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


class _Prices:
    """One question: price, turnover and time of some assets."""

    def __init__(
        self, source: str, url: str, targets: Mapping[str, str], http: Http, samples: Samples
    ) -> None:
        self.targets = targets
        self._source, self._url, self._http, self._samples = source, url, http, samples
        self._missing: set[str] = set()
        """Told, so that they are not told with every answer."""

    def resume(self, target: str, event_ms: int) -> None:
        self._samples.seen(target, event_ms)

    async def ask(self) -> Found:
        params = {
            "ids": ",".join(self.targets),
            "vs_currencies": "usd",
            "include_24hr_vol": "true",
            "include_last_updated_at": "true",
            "precision": "full",
        }
        return self._read(await self._http.get(self._url, params=params))

    def _read(self, answer: Answer) -> Found:
        try:
            said = loads(answer.body)
        except ValueError as error:
            return self._nothing(answer, f"no JSON: {error}")
        if not isinstance(said, dict):
            return self._nothing(answer, "no object of assets")
        levels, covered, faults, newest_ms = [], [], {}, 0
        for target in self.targets:
            if target not in said:
                continue
            try:
                level = self._level(target, said[target], answer.received_ms)
            except ValueError as error:
                faults[target] = str(error)
                continue
            covered.append(target)
            newest_ms = max(newest_ms, level.event_ms)
            if self._samples.newer(target, level.event_ms, level.volume):
                levels.append(level)
        missing = {target for target in self.targets if target not in said}
        faults |= dict.fromkeys(missing - self._missing, "not in the answer")
        self._missing = missing
        return Found(
            observations=[*levels, *self._refusals(answer, faults)],
            covered=covered,
            through_ms=min(answer.received_ms, newest_ms + STALE_MS),
            received_ms=answer.received_ms,
        )

    def _level(self, target: str, said: object, received_ms: int) -> VolumeLevel:
        if not isinstance(said, dict):
            msg = "nothing is said of it"
            raise ValueError(msg)  # noqa: TRY004 - of what others wrote
        turnover, price = amount(said.get("usd_24h_vol")), amount(said.get("usd"))
        return VolumeLevel(
            subject=self.targets[target],
            source=self._source,
            venue=VENUE,
            instrument=target,
            event_ms=in_time(time_of(said.get("last_updated_at")) * 1_000, received_ms),
            received_ms=received_ms,
            span_ms=SPAN_MS,
            volume=in_asset(turnover, price),
        )

    def _refusals(self, answer: Answer, faults: Mapping[str, str]) -> list[Refused]:
        if not faults:
            return []
        told = "; ".join(f"{target}: {fault}" for target, fault in faults.items())
        return [self._refused(answer, told[:1_000], len(faults))]

    def _nothing(self, answer: Answer, message: str) -> Found:
        return Found(
            observations=[self._refused(answer, message, len(self.targets))],
            covered=[],
            through_ms=0,
            received_ms=answer.received_ms,
        )

    def _refused(self, answer: Answer, message: str, events: int) -> Refused:
        return Refused(
            reason="invalid",
            message=message,
            original=answer.body,
            origin=f"{self._source}/{next(iter(self.targets))}/{answer.received_ms}",
            received_ms=answer.received_ms,
            events=events,
        )


def _headers(settings: CoinGeckoSettings) -> dict[str, str]:
    if (settings.key is None) != (settings.plan == "keyless"):
        msg = f"plan {settings.plan}: a key is of the plans demo and pro, and they need one"
        raise SettingsError(msg)
    if settings.key is None:
        return {}
    return {KEY_HEADERS[settings.plan]: settings.key.get_secret_value()}


def _ids(settings: CoinGeckoSettings) -> dict[str, str]:
    """Return the asset of each of CoinGecko's ids that is to be asked for."""
    assets: dict[str, str] = {}
    for asset in settings.assets:
        known = ASSETS.by_id.get(asset)
        given = settings.ids.get(asset)
        if given is None and known is None:
            msg = f"{asset}: its id at CoinGecko is not in the table: say it in ids"
            raise SettingsError(msg)
        at = given or (known.coingecko if known is not None else "")
        if at in assets:
            msg = f"{asset} and {assets[at]} are both {at} at CoinGecko"
            raise SettingsError(msg)
        assets[at] = asset
    return assets


TYPE = SourceType(
    name="coingecko",
    about="what assets turned over in 24 h on all markets that CoinGecko counts",
    kinds=("volume",),
    settings=CoinGeckoSettings,
    create=create_coingecko,
    limits="5 questions a minute without a key (5 to 15 are allowed), 25 with a demo key (30), 200 with a paid one",
    key="none; a demo or paid key of CoinGecko's for more questions a minute",
)
