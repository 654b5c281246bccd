"""Candles of real ccxt venues against a server that speaks their forms and fails."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic import ValidationError

from streams.collectors.port import Link, Resuming, Through
from streams.collectors.volume.candles import CandleSource, CandlesSettings, create_candles
from streams.collectors.volume.line import AGAIN_MS, LATE_MS, SETTLE_MS
from tests.servers.candles import MINUTE_MS, Market, Raw, Venue
from tests.servers.web import Body, Cut, Fault, Hang, Slow, Status
from tests.unit.streams.collectors.volume.watching import Clock, Watched, patience_s
from topics import GapDetected, Heartbeat, SettingsError, VolumeFlow

T0 = 1_700_000_040_000
"""A whole minute."""
LATENESS_MS = 0
"""So that what is promised is plain from the first answer on."""
EXACT = "12345678.123456789012345678"

VENUES = [
    ("binance", "BTC/USDT", "BTCUSDT"),
    ("kraken", "BTC/USD", "XBTUSD"),
    ("okx", "BTC/USDT", "BTC-USDT"),
    ("bybit", "BTC/USDT", "BTCUSDT"),
    ("gate", "BTC/USDT", "BTC_USDT"),
    ("kucoin", "BTC/USDT", "BTC-USDT"),
    ("bitstamp", "BTC/USD", "btcusd"),
    ("gemini", "BTC/USD", "btcusd"),
    ("coinbase", "BTC/USD", "BTC-USD"),
]


def settings(venue: str = "binance", *symbols: str, **more: Any) -> CandlesSettings:
    more = {"lateness_ms": LATENESS_MS, **more}
    return CandlesSettings(type="candles", venue=venue, symbols=symbols or ("BTC/USDT",), **more)


def source(wanted: CandlesSettings, clock: Clock) -> CandleSource:
    return CandleSource("vol", wanted, now_ms=clock, rest_s=0.01)


@asynccontextmanager
async def running(place: Venue, clock: Clock) -> AsyncIterator[Watched]:
    """Binance's BTC/USDT, watched."""
    async with (
        place.server as server,
        Watched(source(settings(url=server.url), clock), clock) as watched,
    ):
        yield watched


def minutes(first: int, *volumes: str) -> dict[int, str]:
    return {T0 + (first + at) * MINUTE_MS: volume for at, volume in enumerate(volumes)}


@pytest.mark.parametrize(("venue", "symbol", "market_id"), VENUES)
async def test_each_venue_s_candles_have_its_own_digits(
    venue: str, symbol: str, market_id: str
) -> None:
    clock = Clock(T0 + 1_000)
    place = Venue(clock)
    place.markets[market_id] = Market(minutes(0, EXACT, "7"))
    async with place.server as server:
        wanted = settings(venue, symbol, url=server.url)
        async with Watched(source(wanted, clock), clock) as watched:
            clock.now_ms = T0 + MINUTE_MS + SETTLE_MS
            await watched.until(lambda: watched.flows)
            assert watched.flows == [
                VolumeFlow(
                    subject="BTC",
                    source="vol",
                    venue=venue,
                    instrument=symbol,
                    event_ms=T0 + MINUTE_MS,
                    received_ms=clock.now_ms,
                    span_ms=MINUTE_MS,
                    volume=Decimal(EXACT),
                )
            ]
            await watched.promised(T0 + MINUTE_MS - LATENESS_MS)
            assert watched.counted == (1, 0)
            assert watched.of(Link)[-1].state == "connected"


async def test_only_what_has_closed_by_the_venue_s_clock_is_read() -> None:
    clock = Clock(T0)
    venue_s = Clock(T0)
    place = Venue(venue_s)
    place.markets["BTCUSDT"] = Market(minutes(0, "1", "2"))
    async with running(place, clock) as watched:
        # Our clock runs 30 s ahead: the candle is asked for, and is still open.
        clock.now_ms = T0 + 90_000
        venue_s.now_ms = T0 + 60_000
        await watched.until(lambda: len(place.server.requests) >= 1)
        await watched.until(lambda: watched.of(Link)[-1].state == "connected")
        assert watched.flows == []
        clock.now_ms, venue_s.now_ms = T0 + 94_000, T0 + 64_000
        await watched.until(lambda: watched.flows)
        assert watched.flows[0].event_ms == T0 + MINUTE_MS
        await watched.promised(T0 + 64_000 - SETTLE_MS - LATENESS_MS)


async def test_a_venue_without_the_time_is_believed_by_ours() -> None:
    clock = Clock(T0)
    place = Venue(clock)
    place.dated = False
    place.markets["BTCUSDT"] = Market(minutes(0, "1"))
    # aiohttp's server dates its answers itself, by the true time, which is years from T0.
    async with running(place, clock) as watched:
        clock.now_ms = T0 + MINUTE_MS + SETTLE_MS
        await watched.until(lambda: watched.errors)
        assert "clock and ours are" in str(watched.errors[0])
        assert watched.flows == []


async def test_the_first_promise_is_not_of_the_time_before_the_source_began() -> None:
    clock = Clock(T0 + 30_000)
    place = Venue(clock)
    place.markets["BTCUSDT"] = Market(minutes(0, *["1"] * 5))
    async with place.server as server:
        wanted = settings(url=server.url, lateness_ms=90_000)
        async with Watched(source(wanted, clock), clock) as watched:
            await watched.walk(T0 + 4 * MINUTE_MS + SETTLE_MS)
            await watched.flowed(4)
            await watched.promised(T0 + 4 * MINUTE_MS - 90_000)
            first_ms = watched.of(Through)[0].through_ms
            assert first_ms >= T0 + 30_000
            assert watched.flows[0].event_ms == T0 + MINUTE_MS


async def test_an_outage_is_a_gap_that_the_next_answer_fills() -> None:
    clock = Clock(T0)
    place = Venue(clock)
    place.markets["BTCUSDT"] = Market(minutes(0, *(str(n + 1) for n in range(12))))
    async with running(place, clock) as watched:
        await watched.walk(T0 + MINUTE_MS + SETTLE_MS)
        await watched.flowed(1)
        await watched.promised(T0 + MINUTE_MS - LATENESS_MS)
        place.down = True
        await watched.walk(T0 + 5 * MINUTE_MS)
        await watched.until(lambda: watched.gaps)
        place.down = False
        await watched.walk(T0 + 8 * MINUTE_MS + SETTLE_MS)
        await watched.flowed(8)
        closes = [flow.event_ms for flow in watched.flows]
        assert closes == [T0 + (n + 1) * MINUTE_MS for n in range(8)]
        kinds = [gap[0] for gap in watched.gaps]
        assert kinds == ["GapDetected"] * (len(kinds) - 1) + ["GapFilled"]
        begun = {gap[2] for gap in watched.gaps}
        assert len(begun) == 1
        assert T0 + MINUTE_MS <= begun.pop() < T0 + 2 * MINUTE_MS
        assert watched.through_ms == T0 + 8 * MINUTE_MS - LATENESS_MS
        assert watched.counted == (8, 0)


async def test_a_candle_the_venue_never_has_is_lost_exactly() -> None:
    clock = Clock(T0)
    place = Venue(clock)
    market = Market(minutes(0, "1", "2", "3", "4"))
    del market.volumes[T0 + MINUTE_MS]
    place.markets["BTCUSDT"] = market
    async with running(place, clock) as watched:
        await watched.walk(T0 + 3 * MINUTE_MS + AGAIN_MS)
        await watched.flowed(2)
        lost = ("GapPermanent", "BTC", T0 + MINUTE_MS, T0 + 2 * MINUTE_MS)
        assert [gap for gap in watched.gaps if gap[0] == "GapPermanent"] == [lost]
        assert [flow.volume for flow in watched.flows] == [Decimal(1), Decimal(3)]


async def test_a_candle_that_comes_late_is_waited_for() -> None:
    clock = Clock(T0)
    place = Venue(clock)
    place.markets["BTCUSDT"] = Market(minutes(0, "1"))
    async with running(place, clock) as watched:
        await watched.walk(T0 + 2 * MINUTE_MS + SETTLE_MS)
        await watched.flowed(1)
        clock.now_ms += 5_000
        asked = len(place.server.requests)
        await watched.until(lambda: len(place.server.requests) > asked)
        assert watched.through_ms <= T0 + 2 * MINUTE_MS - LATENESS_MS
        place.markets["BTCUSDT"].volumes |= minutes(1, "2")
        clock.now_ms += 5_000
        await watched.flowed(2)
        await watched.promised(clock() - SETTLE_MS - LATENESS_MS)
        assert watched.gaps == []


async def test_a_quiet_market_of_a_venue_without_empty_candles_is_no_hole() -> None:
    clock = Clock(T0)
    place = Venue(clock)
    place.markets["BTC-USD"] = Market(minutes(0, "1"))
    async with place.server as server:
        wanted = settings("coinbase", "BTC/USD", url=server.url)
        async with Watched(source(wanted, clock), clock) as watched:
            await watched.walk(T0 + MINUTE_MS + SETTLE_MS)
            await watched.flowed(1)
            for minute in range(2, 10):
                await watched.walk(T0 + minute * MINUTE_MS + LATE_MS)
                want = clock.now_ms - SETTLE_MS - LATENESS_MS
                await watched.promised(want)
            place.markets["BTC-USD"].volumes |= minutes(9, "5")
            await watched.walk(T0 + 10 * MINUTE_MS + SETTLE_MS)
            await watched.flowed(2)
            assert watched.gaps == []


async def test_what_the_venue_keeps_no_more_is_lost_after_a_restart() -> None:
    clock = Clock(T0 + 800 * MINUTE_MS + SETTLE_MS)
    place = Venue(clock)
    place.markets["XBTUSD"] = Market(minutes(81, *["1"] * 720))
    async with place.server as server:
        made = source(settings("kraken", "BTC/USD", back_s=604_800, url=server.url), clock)
        assert isinstance(made, Resuming)
        made.resume([_flow("kraken", "BTC/USD", T0)])
        async with Watched(made, clock) as watched:
            await watched.flowed(719)
            lost = [gap for gap in watched.gaps if gap[0] == "GapPermanent"]
            assert lost == [("GapPermanent", "BTC", T0, T0 + 81 * MINUTE_MS)]
            assert watched.flows[0].event_ms == T0 + 82 * MINUTE_MS


def _flow(venue: str, symbol: str, event_ms: int) -> VolumeFlow:
    return VolumeFlow(
        subject=symbol.partition("/")[0],
        source="vol",
        venue=venue,
        instrument=symbol,
        event_ms=event_ms,
        received_ms=event_ms,
        span_ms=MINUTE_MS,
        volume=Decimal(1),
    )


async def test_a_restart_goes_on_behind_the_last_candle_in_pages() -> None:
    clock = Clock(T0 + 350 * MINUTE_MS + SETTLE_MS)
    place = Venue(clock)
    place.markets["BTCUSDT"] = Market(minutes(0, *["1"] * 351))
    async with place.server as server:
        made = source(settings(url=server.url), clock)
        made.resume(
            [Heartbeat(source="vol", epoch=1, through_ms=T0), _flow("binance", "BTC/USDT", T0)]
        )
        async with Watched(made, clock) as watched:
            await watched.flowed(350)
            assert [flow.event_ms for flow in watched.flows] == [
                T0 + (n + 1) * MINUTE_MS for n in range(350)
            ]
            assert len(server.requests) == 2
            clock.now_ms += SETTLE_MS
            await watched.until(lambda: watched.gaps and watched.gaps[-1][0] == "GapFilled")


async def test_a_gap_of_before_the_restart_ends_under_its_own_id() -> None:
    clock = Clock(T0 + 10 * MINUTE_MS + SETTLE_MS)
    place = Venue(clock)
    place.markets["BTCUSDT"] = Market(minutes(0, *["1"] * 12))
    gap = GapDetected(
        gap_id=f"binance/BTC/BTC/USDT/{T0 + 500}",
        subject="BTC",
        source="vol",
        venue="binance",
        from_ms=T0 + 500,
        to_ms=T0 + 7 * MINUTE_MS,
    )
    async with place.server as server:
        made = source(settings(url=server.url), clock)
        made.resume([_flow("binance", "BTC/USDT", T0), gap])
        async with Watched(made, clock) as watched:
            await watched.flowed(10)
            clock.now_ms += SETTLE_MS
            await watched.until(lambda: "GapFilled" in [g[0] for g in watched.gaps])
            ids = {mark.gap_id for mark in watched.of(GapDetected)} | {gap.gap_id}
            assert ids == {gap.gap_id}
            assert len(watched.flows) == 10


HOSTILE = [
    Raw("NaN"),
    Raw("1e400"),
    Raw("-1"),
    "-1",
    "NaN",
    "abc",
    None,
    Raw("1e16"),
    "9" * 100,
]


@pytest.mark.parametrize("hostile", HOSTILE, ids=str)
async def test_a_hostile_volume_is_a_dead_letter_once_and_the_others_go_on(hostile: Any) -> None:
    clock = Clock(T0)
    place = Venue(clock)
    market = Market(minutes(0, "1", "2", "3", "4"))
    market.volumes[T0 + MINUTE_MS] = hostile
    place.markets["BTCUSDT"] = market
    async with running(place, clock) as watched:
        await watched.walk(T0 + 3 * MINUTE_MS + AGAIN_MS)
        await watched.flowed(2)
        await watched.walk(T0 + 4 * MINUTE_MS + AGAIN_MS)
        await watched.flowed(3)
        assert [flow.volume for flow in watched.flows] == [Decimal(1), Decimal(3), Decimal(4)]
        assert watched.counted == (3, 1)
        assert b"1700000100000" in watched.refused[0].original
        lost = ("GapPermanent", "BTC", T0 + MINUTE_MS, T0 + 2 * MINUTE_MS)
        assert [gap for gap in watched.gaps if gap[0] == "GapPermanent"] == [lost]


@pytest.mark.parametrize(
    "body",
    [
        b"<html>busy</html>",
        b'[[1700000040000,"1"',
        b'{"a":1}',
        b"[[null,null,null,null,null,null]]",
        b'["abc"]',
        b"[" * 100_000,
        b"\xff\xfe",
        b"",
    ],
    ids=range(8),
)
async def test_an_answer_that_cannot_be_read_is_a_dead_letter_and_asked_again(body: bytes) -> None:
    clock = Clock(T0)
    place = Venue(clock)
    place.markets["BTCUSDT"] = Market(minutes(0, "1", "2"))
    async with place.server as server:
        server.faults.append(Body(body))
        async with Watched(source(settings(url=server.url), clock), clock) as watched:
            clock.now_ms = T0 + MINUTE_MS + SETTLE_MS
            await watched.until(lambda: len(server.requests) == 1)
            await watched.walk_until(lambda: watched.flows)
            assert [flow.volume for flow in watched.flows] == [Decimal(1)]
            assert {refused.original for refused in watched.refused} <= {body}
            assert all(refused.events == 1 for refused in watched.refused)
            assert watched.counted == (1, len(watched.refused))


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Status(500), "500"),
        (Status(429, {"Retry-After": "7"}), "429"),
        (Status(418, {"Retry-After": "70"}), "418"),
        (Status(400), "400"),
        (Cut(), "Payload"),
        (Hang(), "no whole answer"),
        (Slow(0.05), "no whole answer"),
        (Body(b"[" + b" " * (10 * 1024 * 1024) + b"]"), "more than"),
    ],
)
async def test_faults_of_the_network_are_told_and_survived(fault: Fault, told: str) -> None:
    clock = Clock(T0)
    place = Venue(clock)
    place.markets["BTCUSDT"] = Market(minutes(0, "1", "2"))
    async with place.server as server:
        server.faults.append(fault)
        wanted = settings(url=server.url, timeout_s=patience_s(fault))
        async with Watched(source(wanted, clock), clock) as watched:
            clock.now_ms = T0 + MINUTE_MS + SETTLE_MS
            await watched.until(lambda: watched.errors)
            assert told in str(watched.errors[0])
            wait_s = {"429": 7.0, "418": 70.0}.get(told)
            assert watched.errors[0].wait_s == wait_s
            await watched.walk_until(lambda: watched.flows)
            assert watched.counted == (1, 0)


async def test_one_market_that_is_refused_holds_nobody_back_for_long() -> None:
    clock = Clock(T0)
    place = Venue(clock)
    place.markets["BTCUSDT"] = Market(minutes(0, *["1"] * 10))
    async with place.server as server:
        wanted = settings("binance", "NOPE/USDT", "BTC/USDT", url=server.url)
        async with Watched(source(wanted, clock), clock) as watched:
            for minute in range(1, 6):
                await watched.walk(T0 + minute * MINUTE_MS + SETTLE_MS)
                await watched.flowed(minute)
            await watched.promised(T0 + 5 * MINUTE_MS - LATENESS_MS)
            assert {gap[:2] for gap in watched.gaps} == {("GapDetected", "NOPE")}
            assert watched.errors == []


async def test_a_certificate_is_checked(tmp_path: Path) -> None:
    clock = Clock(T0)
    place = Venue(clock)
    place.markets["BTCUSDT"] = Market(minutes(0, "1", "2"))
    authority = trustme.CA()
    trusted = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(trusted))
    place.server.authority = authority
    async with place.server as server:
        async with Watched(source(settings(url=server.url), clock), clock) as stranger:
            clock.now_ms = T0 + MINUTE_MS + SETTLE_MS
            await stranger.until(lambda: stranger.errors)
            assert "not to be trusted" in str(stranger.errors[0])
        clock.now_ms = T0
        friendly = source(settings(url=server.url, ca_file=str(trusted)), clock)
        async with Watched(friendly, clock) as friend:
            await friend.walk(T0 + MINUTE_MS + SETTLE_MS)
            await friend.flowed(1)
            assert friend.errors == []


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"venue": "nowhere", "ids": {"BTC/USDT": "X"}, "unit": "base"}, "ccxt knows no venue"),
        ({"venue": "bitfinex"}, "say it in ids"),
        ({"venue": "bitfinex", "ids": {"BTC/USDT": "tBTCUST"}}, "say unit = 'base'"),
        ({"venue": "okx", "symbols": ("BTC/USDT:USDT",)}, "say it in ids"),
        (
            {
                "venue": "okx",
                "symbols": ("BTC/USDT:USDT",),
                "ids": {"BTC/USDT:USDT": "BTC-USDT-SWAP"},
            },
            "unit = 'contracts'",
        ),
        ({"venue": "binance", "symbols": ("BTT/USDT",), "timeframe": "1m"}, None),
        ({"venue": "mexc", "symbols": ("LUNA/USDT",)}, None),
        ({"venue": "gemini", "symbols": ("LUNA/USD",)}, "not certain"),
    ],
)
def test_what_is_not_certain_is_refused_at_the_start(
    wanted: dict[str, Any], told: str | None
) -> None:
    entry = CandlesSettings(**{"type": "candles", "symbols": ("BTC/USDT",), **wanted})
    if told is None:
        source(entry, Clock(T0))
        return
    with pytest.raises(SettingsError, match=told):
        source(entry, Clock(T0))


def test_contracts_become_units_of_the_asset_exactly() -> None:
    entry = settings(
        "okx",
        "BTC/USDT:USDT",
        ids={"BTC/USDT:USDT": "BTC-USDT-SWAP"},
        unit="contracts",
        contract_size=Decimal("0.01"),
    )
    source(entry, Clock(T0))
    with pytest.raises(ValidationError):
        settings(contract_size=0)
    assert create_candles.__doc__
