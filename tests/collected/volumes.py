"""Candles, turnovers and aggregators' totals: services that fail, stand still, and say what cannot be."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from streams.collectors.port import Context, Source
from streams.collectors.volume.candles import CandleSource, CandlesSettings
from streams.collectors.volume.coingecko import CoinGeckoSettings, CoinGeckoSource
from streams.collectors.volume.defillama import DefiLlamaSettings, DefiLlamaSource
from streams.collectors.volume.turnover import TurnoverSettings, TurnoverSource
from tests.servers.candles import MINUTE_MS, Market, Raw, Venue
from tests.servers.totals import CoinGecko, DefiLlama
from tests.servers.web import Body, Cut, Fault, Hang, Slow, Status, WebServer
from topics.settings import BrokerSettings

from .clock import Behind
from .scene import PATIENCE_S, Expected, Hole, Running, Scene
from .waits import away, back, some

ANSWER_S = 1.0
STEP_MS = 20_000
"""A source of candles asks within seconds of a minute's end."""
REST_S = 0.01
SOON_MS, LATER_MS = 10_000, 60_000
"""Of a clock whose source asks every minute or two, or every ten."""
SETTLED_MS = 20_000
"""Behind the end of a minute: by then its candle is asked for."""
FAULTS: tuple[Fault, ...] = (
    Status(500),
    Status(429, {"Retry-After": "1"}),
    Cut(),
    Hang(),
    Slow(0.01),
    Body(b"<html>busy</html>", "text/html"),
    Body(b"[" * 100_000),
)
SURVIVED = "500, 429 with Retry-After, cut, hang, slow bytes, HTML, hostile JSON"
BASES = ("BTC", "ETH")


class Fresh(dict[str, Any]):
    """Prices that are always of now."""

    def __init__(self, clock: Behind) -> None:
        super().__init__()
        self._clock = clock

    def __getitem__(self, name: str) -> Any:
        return {**super().__getitem__(name), "timestamp": self._clock() // 1_000}


class Minutes:
    """A market in which every minute has a candle, of which some never come."""

    def __init__(self, place: Venue, clock: Behind) -> None:
        self.place, self.clock = place, clock
        self.begun_ms = clock() // MINUTE_MS * MINUTE_MS
        for base in BASES:
            place.markets[f"{base}USDT"] = Market(
                {self.begun_ms + n * MINUTE_MS: f"{n}.12345678" for n in range(200)}
            )

    def lose(self, base: str, at_ms: int) -> None:
        del self.place.markets[f"{base}USDT"].volumes[at_ms]

    def closed(self) -> int:
        """Return how many minutes have closed since the beginning."""
        return (self.clock() - self.begun_ms) // MINUTE_MS

    async def to_next(self, running: Running) -> None:
        """Go to the next minute, and so far behind it that its candle is asked for."""
        due_ms = self.begun_ms + (self.closed() + 1) * MINUTE_MS + SETTLED_MS
        # It must not lose by its waits, which are the wall's.
        await running.until(lambda: running.state != "disconnected", "another try")
        await running.walk(due_ms - self.clock(), step_ms=STEP_MS)


@asynccontextmanager
async def candles(*, short: bool) -> AsyncIterator[Scene]:
    """Give the scene of candles."""
    clock = Behind()
    place = Venue(clock)
    minutes = Minutes(place, clock)
    async with place.server as server:
        settings = CandlesSettings(
            type="candles",
            venue="binance",
            symbols=tuple(f"{base}/USDT" for base in BASES),
            url=server.url,
            timeout_s=ANSWER_S,
            hold_s=600,
        )

        async def play(running: Running) -> Expected:
            return await _candles(running, minutes, short=short)

        yield Scene(
            name="candles",
            kind="volume",
            label="candles",
            material="invented after the venues' documents",
            faults=SURVIVED
            + ", a volume that cannot be, a candle that never comes, away beyond the hold",
            make=lambda: CandleSource("candles", settings, now_ms=clock, rest_s=REST_S),
            play=play,
            clock=clock,
        )


async def _candles(running: Running, minutes: Minutes, *, short: bool) -> Expected:
    clock, server = running.clock, minutes.place.server
    want = Expected(wall_of=clock.wall_of)
    letters = missing = 0
    await minutes.to_next(running)
    await running.came(2 * minutes.closed())
    for fault in some(FAULTS, short=short):
        server.faults.append(fault)
        letters += isinstance(fault, Body)
        await minutes.to_next(running)
        await _closed(running, minutes, letters)
        await running.until(lambda: not server.faults)
    lost_ms = minutes.begun_ms + (minutes.closed() + 1) * MINUTE_MS
    minutes.lose("BTC", lost_ms)
    minutes.place.markets["ETHUSDT"].volumes[lost_ms] = "-1"
    letters, missing = letters + 1, 2
    for _ in range(4):
        await minutes.to_next(running)
    await _until(running, lambda: 2 * minutes.closed() - missing + letters)
    want.holes += [Hole(base, lost_ms + MINUTE_MS // 2, "permanent") for base in BASES]
    await running.until(lambda: running.told[2] >= len(BASES), "the losses")
    gaps = running.told[1]
    away_ms = clock() + MINUTE_MS
    away(server)
    await running.walk(20 * MINUTE_MS, step_ms=STEP_MS)
    await running.until(lambda: running.told[0] > gaps, "the gap")
    back(server)
    await _until(running, lambda: 2 * minutes.closed() - missing + letters)
    await running.until(lambda: running.told[1] >= len(BASES), "its end")
    want.holes += [Hole(base, away_ms, "filled") for base in BASES]
    want.events = 2 * minutes.closed() - missing + letters
    return want


async def _closed(running: Running, minutes: Minutes, letters: int) -> None:
    """Return when every minute that has closed is there, and so many letters."""
    await _until(running, lambda: 2 * minutes.closed() + letters)


async def _until(running: Running, events: Callable[[], int], *, step_ms: int = SOON_MS) -> None:
    """Let the time come until so many events have; not while the source waits, as its waits are the wall's."""
    async with asyncio.timeout(PATIENCE_S):
        while running.sent + running.refused < events():
            if running.state != "disconnected":
                running.clock.forward(step_ms)
            await asyncio.sleep(0.1)


class Told:
    """What is asked of a service of levels: say something new, and see that it comes."""

    def __init__(
        self,
        running: Running,
        server: WebServer,
        say: Callable[[int], None],
        *,
        step_ms: int = SOON_MS,
    ) -> None:
        self.running, self.server, self.say, self._step_ms = running, server, say, step_ms
        self.number = self.letters = 0
        self.want = Expected(wall_of=running.clock.wall_of)

    async def new(self, letters: int = 0, shared: int = 0) -> None:
        """Have a new sample of each; return when it has come, and so many letters besides."""
        self.number += 1
        self.say(self.number)
        self.want.shared += shared
        self.want.events += 2 + letters + shared
        events = self.want.events
        await _until(self.running, lambda: events, step_ms=self._step_ms)

    async def survive(self, faults: Iterable[Fault], *, both: bool) -> None:
        """Have each fault, and then a new sample of each. ``both``: one answer is of both targets."""
        for fault in faults:
            self.server.faults.append(fault)
            letter = isinstance(fault, Body)
            await self.new(letter, letter and both)
            await self.running.until(lambda: not self.server.faults)

    async def gone(self, ms: int) -> None:
        """Be away for longer than the hold: what was to be had then is lost."""
        clock = self.running.clock
        away(self.server)
        at_ms = clock.forward(60_000)
        await self.running.walk(ms)
        await self.running.until(lambda: self.running.told[0] >= 2, "the gap")
        back(self.server)
        await self.new()
        await self.running.until(lambda: self.running.told[2] >= 2, "its end")
        self.want.holes += [Hole(base, at_ms, "permanent") for base in BASES]


def _levels(  # noqa: PLR0917 - each is said once
    name: str,
    label: str,
    material: str,
    make: Callable[[], Source],
    clock: Behind,
    play: Callable[[Running], Awaitable[Expected]],
    besides: str,
) -> Scene:
    return Scene(
        name=name,
        kind="volume",
        label=label,
        material=material,
        faults=f"{SURVIVED}, {besides}, away beyond the hold",
        make=make,
        play=play,
        clock=clock,
    )


@asynccontextmanager
async def turnover(*, short: bool) -> AsyncIterator[Scene]:
    """Give the scene of turnovers."""
    clock = Behind()
    place = Venue(clock)
    async with place.server as server:
        settings = TurnoverSettings(
            type="turnover",
            venue="binance",
            symbols=tuple(f"{base}/USDT" for base in BASES),
            url=server.url,
            timeout_s=ANSWER_S,
        )

        def say(number: int) -> None:
            for base in BASES:
                said = f"{number}.123456789012345678"
                place.markets[f"{base}USDT"] = Market(turnover=said, ticker_ms=clock())

        async def play(running: Running) -> Expected:
            told = Told(running, server, say)
            await told.new()
            await told.survive(some(FAULTS, short=short), both=False)
            place.markets["ETHUSDT"] = Market(turnover="NaN", ticker_ms=clock())
            told.want.events += 1
            await _until(running, lambda: told.want.events)
            await told.new()
            await told.gone(900_000)
            return told.want

        context = Context(broker=BrokerSettings(), now_ms=clock)
        yield _levels(
            "turnover",
            "turnover",
            "invented after the venues' documents",
            lambda: TurnoverSource("turnover", settings, context, rest_s=REST_S),
            clock,
            play,
            "numbers that cannot be",
        )


@asynccontextmanager
async def coingecko(*, short: bool) -> AsyncIterator[Scene]:
    """Give the scene of CoinGecko."""
    clock, service = Behind(), CoinGecko()
    async with service.server as server:
        settings = CoinGeckoSettings(
            type="coingecko",
            assets=BASES,
            per_minute=1_000,
            url=server.url,
            timeout_s=ANSWER_S,
        )

        def say(number: int) -> None:
            for coin in ("bitcoin", "ethereum"):
                service.say(coin, Raw("60000.5"), Raw(f"{number}0000000000.5"), clock() // 1_000)

        async def play(running: Running) -> Expected:
            told = Told(running, server, say)
            await told.new()
            await told.survive(some(FAULTS, short=short), both=True)
            await told.gone(900_000)
            return told.want

        context = Context(broker=BrokerSettings(), now_ms=clock)
        yield _levels(
            "gecko",
            "CoinGecko",
            "invented after CoinGecko's documents",
            lambda: CoinGeckoSource("gecko", settings, context, rest_s=REST_S),
            clock,
            play,
            "a sample that stands still",
        )


@asynccontextmanager
async def defillama(*, short: bool) -> AsyncIterator[Scene]:
    """Give the scene of DefiLlama."""
    clock = Behind()
    service = DefiLlama(coins=Fresh(clock))
    async with service.server as server:
        settings = DefiLlamaSettings(
            type="defillama",
            assets=("ETH", "UNI"),
            url=server.url,
            prices_url=server.url,
            timeout_s=ANSWER_S,
            hold_s=7_200,
        )

        def say(number: int) -> None:
            usd = Raw(f"{number}000000000.5")
            chain = {"chain": "Ethereum", "total24h": usd, "protocols": []}
            service.volumes["/overview/dexs/Ethereum"] = chain
            dex = {"name": "Uniswap", "gecko_id": "uniswap", "total24h": usd}
            service.volumes["/summary/dexs/uniswap"] = dex
            for coin in ("ethereum", "uniswap"):
                service.price(coin, Raw("7.5"), clock() // 1_000)

        async def play(running: Running) -> Expected:
            told = Told(running, server, say, step_ms=LATER_MS)
            await told.new()
            await told.survive(some(FAULTS, short=short), both=False)
            await told.gone(9_000_000)
            for hole, asset in zip(told.want.holes, settings.assets, strict=True):
                told.want.holes[told.want.holes.index(hole)] = Hole(asset, hole.at_ms, hole.ends)
            return told.want

        context = Context(broker=BrokerSettings(), now_ms=clock)
        yield _levels(
            "llama",
            "DefiLlama",
            "invented after DefiLlama's documents",
            lambda: DefiLlamaSource("llama", settings, context, rest_s=REST_S),
            clock,
            play,
            "dollars and prices of two answers",
        )
