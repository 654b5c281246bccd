"""What a venue sends is heard once, exactly, and its time is told in the venue's own terms."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from streams.collectors.market.exchange import create_exchange
from streams.collectors.market.settings import ExchangeSettings
from streams.collectors.market.venues import VENUES
from streams.collectors.port import Context
from tests.recordings import futures_frames, us_frames, without_stream, xrpeth_frames
from tests.servers.venue import Abort, Close, Send, VenueServer, Wait, sends
from topics import SettingsError
from topics.settings import BrokerSettings

from .listening import LATENESS_MS, create, expected, listen, now_ms, told

US = {"OMGBUSD": "OMG/BUSD", "COMPUSDT": "COMP/USDT", "CRVUSDT": "CRV/USDT"}
FUTURES = {
    name: f"{name.removesuffix('USDT')}/USDT:USDT"
    for name in ("SUSHIUSDT", "AKROUSDT", "KEEPUSDT", "CTKUSDT")
}
XRPETH = {"XRPETH": "XRP/ETH"}
ROOT = Path(__file__).parents[4]


async def test_every_trade_arrives_once_and_exactly() -> None:
    """Id, digits of price and size, the taker's side and the time of 12,477 real trades, in their order."""
    frames = xrpeth_frames()
    async with VenueServer(sends(frames)) as server:
        heard = await listen(create(server.url), lambda heard: len(heard.trades) == len(frames))
        assert server.connections == 1
        assert server.subscriptions == [["xrpeth@aggTrade"]]
    assert [told(trade) for trade in heard.trades] == [expected(f, XRPETH) for f in frames]
    assert not heard.refused
    assert not heard.errors


@pytest.mark.parametrize("combined", [True, False])
async def test_trades_are_found_among_other_frames(*, combined: bool) -> None:
    """Order books, candles and quotes on the same connection are neither trades nor letters."""
    frames = us_frames() if combined else tuple(without_stream(f) for f in us_frames())
    trades = [without_stream(f) for f in us_frames() if "@aggTrade" in f]
    async with VenueServer(sends(frames)) as server:
        source = create(server.url, *US.values())
        heard = await listen(source, lambda heard: len(heard.trades) == len(trades))
        assert sorted(server.subscriptions[0]) == sorted(f"{name.lower()}@aggTrade" for name in US)
    assert [told(trade) for trade in heard.trades] == [expected(f, US) for f in trades]
    assert not heard.refused


async def test_futures_come_by_their_own_address() -> None:
    """Linear futures speak the same protocol under another path; their subjects name the settlement."""
    trades = [without_stream(f) for f in futures_frames() if "@aggTrade" in f]
    async with VenueServer(sends(futures_frames())) as server:
        source = create(f"ws://127.0.0.1:{server.port}/ws", *FUTURES.values())
        heard = await listen(source, lambda heard: len(heard.trades) == len(trades))
    assert [told(trade) for trade in heard.trades] == [expected(f, FUTURES) for f in trades]
    assert not heard.refused


async def test_promises_are_kept_across_connections() -> None:
    """No promise passes an event behind it, and none goes back, whatever breaks between the frames."""
    frames = xrpeth_frames()[:1200]
    script = [
        *sends(frames[:300]),
        Wait(1.2),
        Abort(),
        *sends(frames[310:600]),
        Close(),
        *sends(frames[600:900]),
        Wait(0.2),
        *sends(frames[900:]),
        Wait(0.3),
    ]
    async with VenueServer(script) as server:
        heard = await listen(create(server.url), lambda _: server.played.is_set())
    assert len(heard.trades) == 1190
    assert heard.promises == sorted(set(heard.promises))
    latest = None
    for seen in reversed(heard.all):
        if hasattr(seen, "event_ms"):
            latest = min(latest or seen.event_ms, seen.event_ms)
        elif latest is not None and hasattr(seen, "through_ms"):
            assert seen.through_ms <= latest


async def test_a_quiet_market_goes_on_in_time() -> None:
    """The venue's clock stands years behind ours; while it answers pings, its time passes as ours does."""
    frame = xrpeth_frames()[0]
    sent_ms = expected(frame, XRPETH)[5]
    async with VenueServer([Send(frame)]) as server:
        first = asyncio.get_running_loop().time()
        heard = await listen(
            create(server.url), lambda heard: (heard.promises or [0])[-1] > sent_ms - 800
        )
        passed_ms = (asyncio.get_running_loop().time() - first) * 1000
        assert 2 <= server.pings <= 1 + passed_ms / 500
    assert heard.promises[0] == sent_ms - LATENESS_MS
    assert sent_ms - LATENESS_MS + passed_ms >= heard.promises[-1]
    assert now_ms() - sent_ms > 365 * 86_400_000


async def test_nothing_is_promised_before_the_first_frame() -> None:
    """The subscription is acknowledged and pings are answered, but nobody knows the venue's time yet."""
    async with VenueServer([Wait(1.2), Send(xrpeth_frames()[0])]) as server:
        heard = await listen(create(server.url), lambda heard: bool(heard.promises))
        assert server.pings > 0
    assert [type(seen).__name__ for seen in heard.all] == ["Link", "Link", "Trade", "Through"]


async def test_an_absurd_time_moves_no_promise() -> None:
    """A frame from the next century is a trade for the outbound's rules to refuse, and no clock."""
    first, frame = xrpeth_frames()[:2]
    sent_ms, first_ms = expected(frame, XRPETH)[5], expected(first, XRPETH)[5]
    absurd = first.replace(str(first_ms), str(first_ms + 100 * 365 * 86_400_000))
    async with VenueServer([Send(absurd), Wait(0.3), Send(frame)]) as server:
        heard = await listen(create(server.url), lambda heard: bool(heard.promises))
    assert len(heard.trades) == 2
    assert heard.promises == [sent_ms - LATENESS_MS]


async def test_a_connection_that_grows_quiet_is_stale_until_it_speaks() -> None:
    """Half of the silence that would end it; the next frame makes it well."""
    first, second = xrpeth_frames()[:2]
    script = [Send(first), Wait(0.8), Send(second)]
    async with VenueServer(script) as server:
        source = create(server.url, silence_s=1.2)
        heard = await listen(source, lambda heard: len(heard.links) == 4)
    assert heard.links == ["connecting", "connected", "stale", "connected"]


async def test_stopping_ends_the_connection() -> None:
    """Who stops asking leaves no connection, no session and no task behind."""
    before = asyncio.all_tasks()
    async with VenueServer(sends(xrpeth_frames()[:10])) as server:
        await listen(create(server.url), lambda heard: len(heard.trades) == 3)
        async with asyncio.timeout(5):
            while server.open:
                await asyncio.sleep(0.01)
    assert asyncio.all_tasks() == before


def test_a_venue_that_is_not_known_is_refused_with_those_that_are() -> None:
    """By their names in the settings."""
    with pytest.raises(ValidationError, match=r"mtgox is not known; known are .*binance"):
        ExchangeSettings(type="exchange", venue="mtgox", symbols=("BTC/USD",))
    for venue in VENUES:
        assert ExchangeSettings(type="exchange", venue=venue, symbols=("BTC/USDT",)).venue == venue


def test_a_source_that_cannot_be_is_refused_at_once() -> None:
    """Before anything is dialled."""
    settings = ExchangeSettings(type="exchange", venue="binance", symbols=("BTC/USD:BTC",))
    with pytest.raises(SettingsError, match=r"sources\.live\.symbols"):
        create_exchange("live", settings, Context(broker=BrokerSettings(), now_ms=now_ms))


def test_ccxt_is_imported_by_who_uses_it_only() -> None:
    """It costs seconds and 119 MiB: neither the module nor the table of sources pulls it in."""
    modules = "streams.collectors.market.exchange, streams.collectors.table, sys"
    code = f"import {modules}; sys.exit('ccxt' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)  # noqa: S603 - our own code
