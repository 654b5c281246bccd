"""Rolling turnovers of real ccxt venues against a server that speaks their forms and fails."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from streams.collectors.port import Context
from streams.collectors.volume.samples import SAME_MS
from streams.collectors.volume.turnover import (
    TurnoverSettings,
    TurnoverSource,
    create_turnover,
)
from tests.servers.candles import Market, Raw, Venue
from tests.servers.web import Body, Cut, Fault, Hang, Slow, Status
from tests.unit.streams.collectors.volume.watching import Clock, Watched, patience_s
from topics import SettingsError, VolumeLevel
from topics.settings import BrokerSettings

T0 = 1_700_000_040_000
LATENESS_MS = 0
"""So that what is promised is plain from the first answer on."""
EXACT = "12345678.123456789012345678"


@asynccontextmanager
async def running(
    place: Venue, clock: Clock, venue: str = "binance", *symbols: str, timeout_s: float = 5.0
) -> AsyncIterator[Watched]:
    async with place.server as server:
        wanted = TurnoverSettings(
            type="turnover",
            venue=venue,
            symbols=symbols or ("BTC/USDT",),
            url=server.url,
            timeout_s=timeout_s,
            lateness_ms=LATENESS_MS,
        )
        context = Context(broker=BrokerSettings(), now_ms=clock)
        made = TurnoverSource("turn", wanted, context, rest_s=0.01)
        async with Watched(made, clock) as watched:
            yield watched


def binance(clock: Clock, turnover: Any = EXACT) -> Venue:
    place = Venue(clock)
    place.markets["BTCUSDT"] = Market(turnover=turnover, ticker_ms=T0 - 500)
    return place


async def test_binance_s_turnover_has_its_own_digits_and_time() -> None:
    clock = Clock(T0)
    async with running(binance(clock), clock) as watched:
        await watched.until(lambda: watched.levels)
        assert watched.levels == [
            VolumeLevel(
                subject="BTC",
                source="turn",
                venue="binance",
                instrument="BTC/USDT",
                event_ms=T0 - 500,
                received_ms=T0,
                span_ms=86_400_000,
                volume=Decimal(EXACT),
            )
        ]
        await watched.promised(T0 - LATENESS_MS)
        # The same sample again is none.
        await watched.walk(T0 + 180_000)
        await watched.promised(T0 + 180_000 - LATENESS_MS)
        assert watched.counted == (1, 0)


async def test_kraken_s_turnover_is_that_of_24_hours_under_its_own_name_for_bitcoin() -> None:
    clock = Clock(T0)
    place = Venue(clock)
    place.markets["XBTUSD"] = Market(turnover=EXACT)
    async with running(place, clock, "kraken", "BTC/USD") as watched:
        await watched.until(lambda: watched.levels)
        level = watched.levels[0]
        assert (level.subject, level.event_ms, level.volume) == ("BTC", T0, Decimal(EXACT))
        # Without a time of its own, the same number is said again only when a window could miss it.
        await watched.walk(T0 + SAME_MS + 60_000)
        await watched.until(lambda: len(watched.levels) == 2)
        assert watched.levels[1].event_ms >= T0 + SAME_MS
        place.markets["XBTUSD"].turnover = "5"
        await watched.walk(clock() + 80_000)
        await watched.until(lambda: len(watched.levels) == 3)
        assert watched.gaps == []


@pytest.mark.parametrize(
    "hostile",
    [Raw("NaN"), "NaN", Raw("1e400"), "1e400", "-1", Raw("-1"), "abc", None, [], "1e99999999"],
    ids=range(10),
)
async def test_what_cannot_be_is_a_dead_letter_and_the_others_go_on(hostile: Any) -> None:
    clock = Clock(T0)
    place = binance(clock, hostile)
    place.markets["ETHUSDT"] = Market(turnover="7", ticker_ms=T0)
    async with running(place, clock, "binance", "BTC/USDT", "ETH/USDT") as watched:
        await watched.until(lambda: watched.levels and watched.refused)
        assert [level.subject for level in watched.levels] == ["ETH"]
        assert b"BTCUSDT" in watched.refused[0].original
        assert watched.counted == (1, 1)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Status(429, {"Retry-After": "30"}), "429"),
        (Status(502), "502"),
        (Status(404), "404"),
        (Cut(), "Payload"),
        (Hang(), "no whole answer"),
        (Slow(0.05), "no whole answer"),
        (Body(b"[" + b" " * (10 * 1024 * 1024)), "more than"),
    ],
)
async def test_faults_are_told_and_survived(fault: Fault, said: str) -> None:
    clock = Clock(T0)
    place = binance(clock)
    place.server.faults.append(fault)
    async with running(place, clock, timeout_s=patience_s(fault)) as watched:
        await watched.until(lambda: watched.errors)
        assert said in str(watched.errors[0])
        await watched.walk_until(lambda: watched.levels)
        assert watched.counted == (1, 0)


@pytest.mark.parametrize("body", ["<html>", "{", "[]", "null", '"x"', "7"], ids=range(6))
async def test_an_answer_that_is_no_answer_is_a_dead_letter(body: str) -> None:
    clock = Clock(T0)
    place = binance(clock)
    place.bodies.append(body)
    async with running(place, clock) as watched:
        await watched.until(lambda: watched.refused)
        assert watched.refused[0].original == body.encode()
        await watched.walk(T0 + 80_000)
        await watched.until(lambda: watched.levels)
        assert watched.counted == (1, 1)


async def test_an_outage_is_a_gap_for_good() -> None:
    clock = Clock(T0)
    place = binance(clock)
    async with running(place, clock) as watched:
        await watched.until(lambda: watched.levels)
        place.down = True
        await watched.walk(T0 + 600_000)
        await watched.until(lambda: watched.gaps)
        place.down = False
        place.markets["BTCUSDT"].ticker_ms = T0 + 590_000
        await watched.walk(T0 + 1_000_000)
        await watched.until(lambda: watched.gaps[-1][0] == "GapPermanent")
        assert {gap[2] for gap in watched.gaps} == {T0}
        assert watched.counted == (2, 0)


def test_a_venue_without_tickers_is_refused() -> None:
    entry = TurnoverSettings(
        type="turnover", venue="nowhere", symbols=("A/B",), unit="base", ids={"A/B": "x"}
    )
    with pytest.raises(SettingsError, match="ccxt knows no venue"):
        create_turnover("turn", entry, Context(broker=BrokerSettings(), now_ms=Clock(T0)))
