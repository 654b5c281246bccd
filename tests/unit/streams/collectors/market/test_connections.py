"""Connections come and go, by plan and by failure, and the source goes on."""

import asyncio

import pytest
import trustme
from pydantic import ValidationError

from streams.collectors.market import shard
from streams.collectors.market.budget import DialBudget
from streams.collectors.market.settings import ExchangeSettings
from streams.collectors.port import Link, Through
from tests.servers.web import Status
from topics import GapDetected, GapFilled, Heartbeat, Trade

from .faring import faring, since_start

NOTICES = {"okx": '{"event":"notice","code":"64008","msg":"The connection will soon be closed"}',
           "bitstamp": '{"event":"bts:request_reconnect","channel":"","data":""}'}  # fmt: skip


@pytest.fixture
def short_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections are heard together for less than the minute-long lives of a test would bear."""
    monkeypatch.setattr(shard, "OVERLAP_S", 0.5)
    monkeypatch.setattr(shard, "SURE_S", 0.2)


@pytest.mark.usefixtures("short_overlap")
@pytest.mark.parametrize("venue", ["binance", "bybit"])
async def test_a_connection_that_grows_old_is_followed_before_it_ends(venue: str) -> None:
    """While trades go on; nothing is missing, nothing twice, and no hole is told: with numbers and without."""
    async with faring(venue, source={"life_s": 2.0}) as one:
        await one.server.subscribed()
        while one.server.connections < 4:
            await one.server.trade(1)
            await asyncio.sleep(0.02)
        await one.quiet()
        rows = since_start(one.server)
        assert sorted(one.came(rows), key=rows.index) == rows
        assert one.told() == (0, 0, 0)
        assert one.source.counts.duplicates > 0
        assert not one.errors


@pytest.mark.usefixtures("short_overlap")
@pytest.mark.parametrize("venue", sorted(NOTICES))
async def test_a_venue_that_announces_the_end_is_left_before_it(venue: str) -> None:
    """The next connection is there when the venue closes the old one."""
    async with faring(venue) as one:
        await one.server.subscribed()
        await one.server.trade(10)
        await one.server.send(NOTICES[venue])
        await one.until(lambda: one.server.connections == 2)
        await one.server.trade(10)
        await one.until(lambda: one.server.open == 1)
        await one.server.trade(10)
        await one.quiet()
        rows = since_start(one.server)
        assert sorted(one.came(rows), key=rows.index) == rows
        assert one.told() == (0, 0, 0)
        assert one.links == ["connecting", "connected"]


@pytest.mark.parametrize("venue", ["binance", "bitstamp"])
async def test_symbols_are_spread_over_connections_and_one_that_fails_is_its_own(
    venue: str,
) -> None:
    """The others go on; it comes back, and what it missed is found."""
    async with faring(venue, symbols=4, symbols_per_connection=2) as one:
        await one.server.subscribed(2)
        assert one.server.connections == 2
        await one.server.trade(20)
        await one.until(lambda: len(one.trades) == 20)
        one.server.miss(4, await one.server.break_off_one())
        await one.server.subscribed(2)
        await one.server.trade(20)
        await one.quiet()
        rows = since_start(one.server)
        heard = [row for row in rows if row in set(one.came(rows))]
        assert len(heard) == len(rows)
        assert not one.errors
        states = [seen.reason for seen in one.all if isinstance(seen, Link)]
        assert any(reason.startswith("1 of 2 connections are down") for reason in states)


async def test_a_connection_that_stays_down_holds_the_promise_for_so_long_and_then_tells_its_hole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The other one's instruments go on in time; the hole of the dead one grows until it is back."""
    monkeypatch.setattr(shard, "WAIT_MOST_S", 0.5)
    async with faring("bybit", symbols=2, symbols_per_connection=1, backfill_hold_ms=1_500) as one:
        await one.server.subscribed(2)
        await one.server.trade(10)
        await one.until(lambda: bool(one.promises) and len(one.trades) == 10)
        dead = await one.server.break_off_one(refuse=True)
        one.server.miss(3, dead)
        (alive,) = set(one.server.market.rows) - {dead}
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        while not one.gaps(GapDetected):
            await one.server.trade(1, alive)
            await asyncio.sleep(0.05)
        assert loop.time() - begun_s >= 1.3
        (gap,) = one.gaps(GapDetected).values()
        assert gap.subject == dead
        assert not [ms for ms in one.promises if ms > gap.to_ms]
        lost_ms = gap.from_ms
        await one.server.trade(1, alive)
        await one.until(lambda: one.promises[-1] > lost_ms)
        one.server.refusing = None
        await one.server.subscribed(2)
        await one.server.trade(4)
        await one.quiet()
        assert one.told() == (1, 1, 0)
        rows = since_start(one.server)
        assert sorted(one.came(rows), key=rows.index) == rows


@pytest.mark.parametrize("venue", ["binance", "kraken"])
async def test_a_hole_holds_the_promise_until_what_it_missed_has_come(venue: str) -> None:
    """Though trades go on beside it, and the venue's REST makes it wait."""
    async with faring(venue, lateness_ms=0) as one:
        server = one.server
        await server.subscribed()
        await server.trade(4)
        await one.quiet()
        server.rest.faults.append(Status(429, {"Retry-After": "1"}))
        (missed,) = server.miss(1, next(iter(server.market.rows)))
        while not one.gaps(GapFilled):
            await server.trade(2)
            await asyncio.sleep(0.02)
        told = (missed.symbol, one.server.dialect.id(missed))
        came = [
            isinstance(seen, Trade) and (seen.subject, seen.trade_id) == told for seen in one.all
        ]
        before = one.all[: came.index(True)]
        assert max(seen.through_ms for seen in before if isinstance(seen, Through)) <= missed.ms
        await one.until(lambda: one.promises[-1] > missed.ms)


async def test_the_venue_s_budget_of_connections_is_kept_to() -> None:
    """What is dialled once too often waits."""
    async with faring("binance", source={"budget": DialBudget(2)}) as one:
        for _ in range(2):
            await one.server.subscribed()
            await one.server.trade(4)
            await one.server.close()
        await asyncio.sleep(1.5)
        assert one.server.connections == 2


@pytest.mark.parametrize("venue", ["binance", "bybit", "kraken"])
async def test_a_restart_finds_and_fills_what_was_missed_meanwhile(venue: str) -> None:
    """By the log's last minutes; nothing that is in it comes again."""
    async with faring(venue) as before:
        await before.server.subscribed()
        await before.server.trade(20)
        await before.quiet()
        past = [*before.trades, Heartbeat(source="live", epoch=1, through_ms=before.promises[-1])]
        market = before.server.market
    async with faring(venue, market=market, past=past) as after:
        after.server.miss(60)
        after.start()
        await after.server.subscribed()
        await after.server.trade(4)
        await after.quiet()
        rows = since_start(after.server)
        name = after.server.dialect.id
        sent = {(trade.subject, trade.trade_id) for trade in before.trades}
        news = [row for row in rows if (row.symbol, name(row)) not in sent]
        assert sorted(after.came(news), key=news.index) == news
        assert len(after.trades) == len(news)
        detected, filled, permanent = after.told()
        assert (detected, permanent) == (filled, 0)


@pytest.mark.parametrize("venue", ["binance", "bybit"])
async def test_a_hole_is_filled_although_the_connection_breaks_meanwhile(venue: str) -> None:
    """What is asked for, or waits to be handed over, outlives the connections."""
    async with faring(venue) as one:
        await one.server.subscribed()
        await one.server.trade(10)
        await one.until(lambda: len(one.trades) == 10)
        await one.server.abort()
        one.server.miss(8)
        one.server.rest.faults.append(Status(429, {"Retry-After": "1"}))
        await one.server.subscribed()
        await one.server.trade(4)
        await one.until(lambda: bool(one.server.rest.requests))
        await one.server.abort()
        one.server.miss(8)
        await one.server.subscribed()
        await one.server.trade(4)
        await one.quiet()
        rows = since_start(one.server)
        assert sorted(one.came(rows), key=rows.index) == rows
        assert one.told() == (4, 4, 0)


async def test_certificates_are_checked_by_websocket_and_by_rest() -> None:
    """An authority that is not trusted is an error that says so; one that is given is trusted."""
    authority = trustme.CA()
    async with faring("kraken", server={"authority": authority}) as one:
        await one.until(lambda: bool(one.errors))
        assert "CERTIFICATE_VERIFY_FAILED" in one.errors[0]
        assert one.links == ["connecting"]


async def test_an_authority_of_one_s_own_is_trusted(tmp_path: object) -> None:
    authority = trustme.CA()
    file = f"{tmp_path}/ca.pem"
    authority.cert_pem.write_to_path(file)
    async with faring("kraken", server={"authority": authority}, ca_file=file) as one:
        await one.server.subscribed()
        await one.server.trade(4)
        await one.until(lambda: len(one.trades) >= 4)
        await one.server.abort()
        one.server.miss(60)
        await one.server.subscribed()
        await one.server.trade(4)
        await one.quiet()
        rows = since_start(one.server)
        assert sorted(one.came(rows), key=rows.index) == rows


TURNOVERS = {
    "kraken": '{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":1,"ask":2,"volume":5.2500,'
    '"timestamp":"2026-11-26T18:00:00.123456Z"}]}',
    "okx": '{"arg":{"channel":"tickers","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","last":"1",'
    '"vol24h":"5.2500","volCcy24h":"9","ts":"1795716000123"}]}',
}
UNSAID = {
    "kraken": TURNOVERS["kraken"].replace(',"timestamp":"2026-11-26T18:00:00.123456Z"', ""),
    "okx": '{"arg":{"channel":"tickers","instId":"BTC-USDT"},"data":[]}',
}


@pytest.mark.parametrize("venue", sorted(TURNOVERS))
async def test_turnovers_come_by_the_stream_of_tickers(venue: str) -> None:
    """As levels of the asset, in the venue's digits; a ticker that says none ends nothing, and a break is no hole."""
    async with faring(venue, feed="tickers") as one:
        assert one.source.kind == "volume"
        await one.server.subscribed()
        for _ in range(2):
            for frame in (UNSAID[venue], TURNOVERS[venue], UNSAID[venue]):
                await one.server.send(frame)
            await one.until(lambda: bool(one.levels))
        await one.server.abort()
        await one.server.subscribed()
        await one.server.send(TURNOVERS[venue])
        await one.until(lambda: len(one.levels) == 3)
        level = one.levels[0]
        assert (level.subject, str(level.volume), level.event_ms) == (
            "BTC",
            "5.2500",
            1795716000123,
        )
        assert one.server.connections == 2
        assert one.told() == (0, 0, 0)


@pytest.mark.parametrize("venue", ["binance", "bitstamp", "gemini"])
def test_a_venue_without_turnovers_is_refused_with_those_that_have_them(venue: str) -> None:
    with pytest.raises(ValidationError, match=f"{venue} streams no turnovers that are read; bybit"):
        ExchangeSettings(type="exchange", venue=venue, symbols=("BTC/USD",), feed="tickers")
