"""What the services' documents show is read to the digit, by each source over a real socket."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from email.utils import formatdate
from fractions import Fraction
from pathlib import Path

import pytest
from aiohttp import web

from streams.collectors.port import Context, Source
from streams.collectors.volume.candles import CandleSource, CandlesSettings
from streams.collectors.volume.coingecko import CoinGeckoSettings, create_coingecko
from streams.collectors.volume.defillama import DefiLlamaSettings, create_defillama
from streams.collectors.volume.turnover import TurnoverSettings, create_turnover
from tests.servers.web import WebServer
from tests.unit.streams.collectors.volume.watching import Clock, Watched
from topics import VolumeFlow, VolumeLevel
from topics.settings import BrokerSettings

DATA = Path(__file__).parents[4] / "data" / "volume"
NOW_MS = 1_711_356_305_000
Make = Callable[[str, Context], Source]


def units(turnover: str, price: str) -> Decimal:
    return Decimal(round(Fraction(turnover) / Fraction(price) * 10**8)).scaleb(-8)


def served(answers: Mapping[str, str]) -> WebServer:
    """A service that answers each path with one document."""

    async def answer(request: web.Request) -> web.Response:
        name = next(file for path, file in answers.items() if request.path.startswith(path))
        headers = {"Date": formatdate(NOW_MS // 1_000, usegmt=True)}
        return web.Response(
            body=(DATA / name).read_bytes(), content_type="application/json", headers=headers
        )

    return WebServer(answer)


def _gecko(url: str, context: Context) -> Source:
    wanted = CoinGeckoSettings(type="coingecko", assets=("BTC", "ETH"), url=url)
    return create_coingecko("vol", wanted, context)[0]


def _llama(url: str, context: Context) -> Source:
    wanted = DefiLlamaSettings(type="defillama", assets=("ETH", "UNI"), url=url, prices_url=url)
    return create_defillama("vol", wanted, context)[0]


def _turnover(venue: str, symbol: str) -> Make:
    def make(url: str, context: Context) -> Source:
        wanted = TurnoverSettings(type="turnover", venue=venue, symbols=(symbol,), url=url)
        return create_turnover("vol", wanted, context)[0]

    return make


def _candles(venue: str, symbol: str) -> Make:
    def make(url: str, context: Context) -> Source:
        wanted = CandlesSettings(type="candles", venue=venue, symbols=(symbol,), url=url)
        made = CandleSource("vol", wanted, now_ms=lambda: NOW_MS - 60_000, rest_s=0.01)
        made._now_ms = context.now_ms
        return made

    return make


@pytest.mark.parametrize(
    ("make", "answers", "found"),
    [
        (
            _gecko,
            {"/simple/price": "coingecko-simple-price.json"},
            [
                ("BTC", 1_711_356_300_000, units("31260929299.52484", "67187.3358936566")),
                ("ETH", 1_711_356_289_000, units("16250000000.123", "3458.1234567")),
            ],
        ),
        (
            _llama,
            {
                "/overview": "defillama-overview-dexs-chain.json",
                "/summary": "defillama-summary-dexs-protocol.json",
                "/prices": "defillama-prices-current.json",
            },
            [
                ("ETH", NOW_MS, units("2873456789.5", "3458.12")),
                ("UNI", NOW_MS, units("1534567890", "12.03")),
            ],
        ),
        (
            _turnover("binance", "BTC/USDT"),
            {"/api/v3/ticker/24hr": "binance-ticker-24hr.json"},
            [("BTC", 1_711_356_301_234, Decimal("28934.47235000"))],
        ),
        (
            _turnover("kraken", "BTC/USD"),
            {"/0/public/Ticker": "kraken-ticker.json"},
            [("BTC", NOW_MS, Decimal("2874.98723411"))],
        ),
        (
            _candles("binance", "BTC/USDT"),
            {"/api/v3/klines": "binance-klines.json"},
            [("BTC", 1_711_356_300_000, Decimal("14.86725000"))],
        ),
        (
            _candles("kraken", "BTC/USD"),
            {"/0/public/OHLC": "kraken-ohlc.json"},
            [("BTC", 1_711_356_300_000, Decimal("3.86725104"))],
        ),
    ],
    ids=["coingecko", "defillama", "binance 24h", "kraken 24h", "binance", "kraken"],
)
async def test_the_documents_are_read_to_the_digit(
    make: Make, answers: Mapping[str, str], found: list[tuple[str, int, Decimal]]
) -> None:
    clock = Clock(NOW_MS)
    async with served(answers) as server:
        source = make(server.url, Context(broker=BrokerSettings(), now_ms=clock))
        async with Watched(source, clock) as watched:
            await watched.until(lambda: watched.counted == (len(found), 0))
            events = [o for o in watched.seen if isinstance(o, VolumeFlow | VolumeLevel)]
            assert [(o.subject, o.event_ms, o.volume) for o in events] == found
            assert [str(o.volume) for o in events] == [str(volume) for *_, volume in found]
