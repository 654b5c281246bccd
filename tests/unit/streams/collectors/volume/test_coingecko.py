"""CoinGecko's totals, in units of the asset, from a service that fails in every way."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from pydantic import SecretStr

from streams.collectors.port import Context, Link
from streams.collectors.volume.coingecko import (
    IDS_MAX,
    CoinGeckoSettings,
    CoinGeckoSource,
    create_coingecko,
)
from tests.servers.candles import Raw
from tests.servers.totals import CoinGecko
from tests.servers.web import Body, Cut, Fault, Hang, Slow, Status
from tests.unit.streams.collectors.volume.watching import Clock, Watched, patience_s
from topics import GapDetected, Heartbeat, SettingsError, VolumeLevel
from topics.settings import BrokerSettings

T0 = 1_700_000_040_000
T0_S = T0 // 1_000
KEY = "CG-secret"
LATENESS_MS = 0
"""So that what is promised is plain from the first answer on."""


def settings(*assets: str, **more: Any) -> CoinGeckoSettings:
    wanted = {
        "type": "coingecko",
        "assets": assets or ("BTC", "ETH"),
        "per_minute": 1_000,
        "lateness_ms": LATENESS_MS,
        **more,
    }
    return CoinGeckoSettings(**wanted)


def context(clock: Clock) -> Context:
    return Context(broker=BrokerSettings(), now_ms=clock)


def source(wanted: CoinGeckoSettings, clock: Clock) -> CoinGeckoSource:
    return CoinGeckoSource("gecko", wanted, context(clock), rest_s=0.01)


@asynccontextmanager
async def running(
    service: CoinGecko, clock: Clock, *assets: str, **more: Any
) -> AsyncIterator[Watched]:
    async with service.server as server:
        wanted = settings(*assets, url=server.url, **more)
        async with Watched(source(wanted, clock), clock) as watched:
            yield watched


def told() -> CoinGecko:
    service = CoinGecko()
    service.say("bitcoin", Raw("67187.3358936566"), Raw("31260929299.524834"), T0_S - 30)
    service.say("ethereum", Raw("3180.25"), Raw("15900000000"), T0_S - 40)
    return service


def units(turnover: str, price: str) -> Decimal:
    """The amount on the grid, worked out in whole numbers."""
    exact = Fraction(turnover) / Fraction(price) * 10**8
    return Decimal(round(exact)).scaleb(-8)


async def test_dollars_become_units_by_the_same_answer_s_price() -> None:
    clock, service = Clock(T0), told()
    async with running(service, clock) as watched:
        await watched.until(lambda: len(watched.levels) == 2)
        assert watched.levels[0] == VolumeLevel(
            subject="BTC",
            source="gecko",
            venue="coingecko",
            instrument="bitcoin",
            event_ms=T0 - 30_000,
            received_ms=T0,
            span_ms=86_400_000,
            volume=units("31260929299.524834", "67187.3358936566"),
        )
        assert watched.levels[1].volume == units("15900000000", "3180.25")
        query = service.server.requests[0].query
        assert query["ids"] == "bitcoin,ethereum"
        assert (query["vs_currencies"], query["precision"]) == ("usd", "full")
        await watched.promised(T0 - LATENESS_MS)
        assert watched.counted == (2, 0)


async def test_a_sample_that_has_not_changed_is_not_sent_twice() -> None:
    clock, service = Clock(T0), told()
    async with running(service, clock) as watched:
        await watched.until(lambda: len(watched.levels) == 2)
        service.say("bitcoin", Raw("67188"), Raw("31260929299"), T0_S + 100)
        await watched.walk(T0 + 120_000)
        await watched.until(lambda: len(watched.levels) == 3)
        service.say("ethereum", Raw("3180.25"), Raw("15900000000"), T0_S + 220)
        # An older answer out of some cache is no news.
        service.say("bitcoin", Raw("67187"), Raw("1"), T0_S - 30)
        await watched.walk(T0 + 240_000)
        await watched.until(lambda: len(service.server.requests) == 3)
        await watched.promised(T0 + 240_000 - LATENESS_MS)
        assert [level.event_ms for level in watched.levels] == [
            T0 - 30_000,
            T0 - 40_000,
            T0 + 100_000,
            T0 + 220_000,
        ]
        assert watched.gaps == []


HOSTILE = [
    Raw("NaN"),
    Raw("1e400"),
    Raw("-1"),
    Raw("Infinity"),
    Raw("1" * 5_000),
    "12",
    "abc",
    None,
    True,
    [1],
    {"eur": 1},
]


@pytest.mark.parametrize(
    ("field", "hostile"),
    [("usd_24h_vol", hostile) for hostile in HOSTILE]
    + [("usd", hostile) for hostile in HOSTILE[::3]]
    + [("last_updated_at", hostile) for hostile in HOSTILE[::3]],
    ids=range(len(HOSTILE) + 8),
)
async def test_what_cannot_be_is_a_dead_letter_and_the_others_go_on(
    field: str, hostile: Any
) -> None:
    clock, service = Clock(T0), told()
    service.coins["bitcoin"][field] = hostile
    async with running(service, clock) as watched:
        await watched.until(lambda: watched.levels and watched.refused)
        assert [level.subject for level in watched.levels] == ["ETH"]
        assert "bitcoin" in watched.refused[0].message
        assert b'"ethereum"' in watched.refused[0].original
        assert watched.counted == (1, 1)
        await watched.walk(T0 + 700_000)
        await watched.until(lambda: watched.gaps)
        assert {gap[:3] for gap in watched.gaps} == {("GapDetected", "BTC", T0)}


@pytest.mark.parametrize(
    "said",
    [
        {"eur": 1.0, "eur_24h_vol": 2.0, "last_updated_at": T0_S},
        {"usd": Raw("0"), "usd_24h_vol": 1, "last_updated_at": T0_S},
        {"usd": Raw("1e-12"), "usd_24h_vol": Raw("1e14"), "last_updated_at": T0_S},
        {"usd": 1, "usd_24h_vol": 1, "last_updated_at": T0_S + 3_600},
        {"usd": 1, "usd_24h_vol": 1, "last_updated_at": 1},
        [],
        None,
        "bitcoin",
    ],
    ids=range(8),
)
async def test_another_currency_an_absurd_rate_a_wrong_clock_are_refused(said: Any) -> None:
    clock, service = Clock(T0), told()
    service.coins["bitcoin"] = said
    async with running(service, clock) as watched:
        await watched.until(lambda: watched.levels and watched.refused)
        assert watched.counted == (1, 1)
        service.say("bitcoin", Raw("2"), Raw("3"), T0_S + 60)
        await watched.walk(T0 + 120_000)
        await watched.until(lambda: len(watched.levels) == 2)
        assert watched.levels[-1].volume == Decimal("1.5")


async def test_a_missing_asset_is_told_once_and_is_a_gap() -> None:
    clock, service = Clock(T0), told()
    bitcoin = service.coins.pop("bitcoin")
    service.coins["ethereum"]["last_updated_at"] = lambda: clock() // 1_000 - 40
    async with running(service, clock) as watched:
        await watched.walk(T0 + 720_000)
        await watched.until(lambda: watched.gaps)
        assert {gap[1] for gap in watched.gaps} == {"BTC"}
        assert [refused.message for refused in watched.refused] == ["bitcoin: not in the answer"]
        service.coins["bitcoin"] = {**bitcoin, "last_updated_at": T0_S + 700}
        await watched.walk(T0 + 860_000)
        await watched.until(lambda: watched.gaps[-1][0] == "GapPermanent")
        assert watched.gaps[-1][1:3] == ("BTC", T0)
        assert watched.counted == (len(watched.levels), 1)


@pytest.mark.parametrize(
    "body",
    [
        b"<html><title>Just a moment...</title></html>",
        b'{"bitcoin":{"usd":1,',
        b"[]",
        b"null",
        b"{" * 50_000,
        b"\xff\xfe\x00",
        b"",
    ],
    ids=range(7),
)
async def test_an_answer_that_is_no_answer_is_a_dead_letter_with_its_bytes(body: bytes) -> None:
    clock, service = Clock(T0), told()
    service.server.faults.append(Body(body, "text/html"))
    async with running(service, clock) as watched:
        await watched.until(lambda: watched.refused)
        assert watched.refused[0].original == body
        assert watched.counted == (0, 2)
        await watched.walk(T0 + 120_000)
        await watched.until(lambda: len(watched.levels) == 2)
        assert watched.counted == (2, 2)


@pytest.mark.parametrize(
    ("fault", "told_of", "wait_s"),
    [
        (Status(429, {"Retry-After": "60"}), "429", 60.0),
        (Status(503), "503", None),
        (Status(401), "401", None),
        (Cut(), "Payload", None),
        (Hang(), "no whole answer", None),
        (Slow(0.05), "no whole answer", None),
        (Body(b"x" * (10 * 1024 * 1024)), "more than", None),
    ],
)
async def test_faults_are_told_obeyed_and_survived(
    fault: Fault, told_of: str, wait_s: float | None
) -> None:
    clock, service = Clock(T0), told()
    service.server.faults.append(fault)
    async with running(service, clock, timeout_s=patience_s(fault)) as watched:
        await watched.until(lambda: watched.errors)
        assert told_of in str(watched.errors[0])
        assert watched.errors[0].wait_s == wait_s
        await watched.walk_until(lambda: len(watched.levels) == 2)
        assert watched.counted == (2, 0)
        assert watched.of(Link)[-1].state == "connected"


async def test_an_outage_is_a_gap_for_good_with_its_times() -> None:
    clock, service = Clock(T0), told()
    async with running(service, clock, hold_s=300) as watched:
        await watched.until(lambda: len(watched.levels) == 2)
        service.down = True
        await watched.walk(T0 + 900_000)
        await watched.until(lambda: watched.gaps)
        service.down = False
        service.say("bitcoin", Raw("1"), Raw("2"), T0_S + 890)
        service.say("ethereum", Raw("1"), Raw("2"), T0_S + 890)
        await watched.walk(T0 + 1_300_000)
        await watched.until(lambda: len(watched.levels) == 4)
        ended = [gap for gap in watched.gaps if gap[0] == "GapPermanent"]
        assert {gap[1] for gap in ended} == {"BTC", "ETH"}
        assert len(ended) == 2
        assert {gap[2] for gap in watched.gaps} == {T0}
        assert all(T0 + 900_000 <= gap[3] <= T0 + 1_300_000 for gap in ended)


async def test_a_service_that_stands_still_promises_nothing_new() -> None:
    clock, service = Clock(T0), told()
    async with running(service, clock, hold_s=300) as watched:
        await watched.until(lambda: len(watched.levels) == 2)
        await watched.walk(T0 + 500_000)
        # The youngest sample is of 30 s before T0, and may be 90 s old.
        assert watched.through_ms <= T0 + 120_000 + 60_000 - LATENESS_MS
        assert {gap[0] for gap in watched.gaps} == {"GapDetected"}
        assert len(watched.levels) == 2


async def test_after_a_restart_nothing_is_sent_twice_and_the_time_between_is_a_gap() -> None:
    clock, service = Clock(T0), told()
    async with service.server as server:
        made = source(settings("BTC", url=server.url, hold_s=300), clock)
        sent = VolumeLevel(
            subject="BTC",
            source="gecko",
            venue="coingecko",
            instrument="bitcoin",
            event_ms=T0 - 30_000,
            received_ms=T0,
            span_ms=86_400_000,
            volume=Decimal(1),
        )
        made.resume([sent, Heartbeat(source="gecko", epoch=1, through_ms=T0 - 800_000)])
        async with Watched(made, clock) as watched:
            await watched.until(lambda: [gap[0] for gap in watched.gaps][-1:] == ["GapPermanent"])
            assert {gap[2:] for gap in watched.gaps} == {(T0 - 800_000, T0)}
            assert watched.levels == []
            assert len(watched.of(GapDetected)) == 1


async def test_assets_are_asked_for_a_hundred_at_a_time_and_the_key_is_nowhere_told() -> None:
    clock, service = Clock(T0), CoinGecko()
    names = [f"A{number}" for number in range(IDS_MAX + 1)]
    for name in names:
        service.say(name.lower(), Raw("1"), Raw("2"), T0_S - 30)
    ids = {name: name.lower() for name in names}
    service.server.faults.append(Status(500))
    async with running(service, clock, *names, ids=ids, plan="demo", key=SecretStr(KEY)) as watched:
        await watched.until(lambda: len(service.server.requests) == 2)
        await watched.walk(T0 + 40_000)
        await watched.until(lambda: len(watched.levels) == IDS_MAX + 1)
        assert {len(request.query["ids"].split(",")) for request in service.server.requests} == {
            IDS_MAX,
            1,
        }
        heads = [request.headers["x-cg-demo-api-key"] for request in service.server.requests]
        assert set(heads) == {KEY}
        assert KEY not in repr(watched.seen) + repr(watched.errors)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"assets": ("NEWCOIN",)}, "say it in ids"),
        ({"assets": ("BTC", "XBT"), "ids": {"XBT": "bitcoin"}}, "both bitcoin"),
        ({"plan": "pro"}, "they need one"),
        ({"key": KEY}, "a key is of the plans"),
    ],
)
def test_what_does_not_go_together_is_refused(wanted: dict[str, Any], said: str) -> None:
    entry = CoinGeckoSettings(**{"type": "coingecko", "assets": ("BTC",), **wanted})
    with pytest.raises(SettingsError, match=said):
        create_coingecko("gecko", entry, context(Clock(T0)))
    assert KEY not in repr(entry)
