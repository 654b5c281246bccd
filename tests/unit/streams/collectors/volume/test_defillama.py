"""DefiLlama's DEX volumes, in units of the asset, from a service that fails in every way."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from streams.collectors.port import Context
from streams.collectors.volume.defillama import (
    DefiLlamaSettings,
    DefiLlamaSource,
    create_defillama,
)
from tests.servers.candles import Raw
from tests.servers.totals import DefiLlama
from tests.servers.web import Body, Cut, Fault, Hang, Slow, Status
from tests.unit.streams.collectors.volume.watching import Clock, Watched, patience_s
from topics import SettingsError, VolumeLevel
from topics.settings import BrokerSettings

T0 = 1_700_000_040_000
T0_S = T0 // 1_000
LATENESS_MS = 0
"""So that what is promised is plain from the first answer on."""
ETH, UNI = "/overview/dexs/Ethereum", "/summary/dexs/uniswap"


def told() -> DefiLlama:
    service = DefiLlama()
    service.volumes[ETH] = {"chain": "Ethereum", "total24h": Raw("3000000000.5"), "protocols": []}
    service.volumes[UNI] = {"name": "Uniswap", "gecko_id": "uniswap", "total24h": 1_500_000_000}
    service.price("ethereum", Raw("3000"), T0_S - 20)
    service.price("uniswap", Raw("7.5"), T0_S - 20)
    return service


def context(clock: Clock) -> Context:
    return Context(broker=BrokerSettings(), now_ms=clock)


@asynccontextmanager
async def running(
    service: DefiLlama, clock: Clock, *assets: str, timeout_s: float = 5.0
) -> AsyncIterator[Watched]:
    async with service.server as server:
        wanted = DefiLlamaSettings(
            type="defillama",
            assets=assets or ("ETH", "UNI"),
            url=server.url,
            prices_url=server.url,
            timeout_s=timeout_s,
            lateness_ms=LATENESS_MS,
        )
        made = DefiLlamaSource("llama", wanted, context(clock), rest_s=0.01)
        async with Watched(made, clock) as watched:
            yield watched


async def test_dollars_of_a_chain_and_of_a_dex_become_units_of_their_tokens() -> None:
    clock, service = Clock(T0), told()
    async with running(service, clock) as watched:
        await watched.until(lambda: len(watched.levels) == 2)
        assert watched.levels[0] == VolumeLevel(
            subject="ETH",
            source="llama",
            venue="defillama",
            instrument="chain/Ethereum",
            event_ms=T0,
            received_ms=T0,
            span_ms=86_400_000,
            volume=Decimal("1000000.00016667"),
        )
        uni = watched.levels[1]
        assert (uni.subject, uni.instrument) == ("UNI", "protocol/uniswap")
        assert uni.volume == 200_000_000
        prices = [path for path in service.server.paths if path.startswith("/prices")]
        assert prices == ["/prices/current/coingecko:ethereum,coingecko:uniswap"]
        await watched.promised(T0 - LATENESS_MS)
        assert watched.counted == (2, 0)


async def test_dollars_that_have_not_changed_are_not_sent_again_and_promises_go_on() -> None:
    clock, service = Clock(T0), told()
    async with running(service, clock, "ETH") as watched:
        await watched.until(lambda: len(watched.levels) == 1)
        service.price("ethereum", Raw("2900"), T0_S + 590)
        await watched.walk(T0 + 620_000)
        await watched.until(lambda: len(service.server.paths) >= 3)
        await watched.promised(T0 + 620_000 - LATENESS_MS)
        assert len(watched.levels) == 1
        service.volumes[ETH]["total24h"] = Raw("2900000000")
        service.price("ethereum", Raw("2900"), T0_S + 1_200)
        await watched.walk(T0 + 1_240_000)
        await watched.until(lambda: len(watched.levels) == 2)
        assert watched.levels[1].volume == 1_000_000
        assert watched.gaps == []


@pytest.mark.parametrize(
    "hostile",
    [Raw("NaN"), Raw("1e400"), Raw("-5"), "7", None, {}, Raw("1e24")],
    ids=range(7),
)
async def test_what_cannot_be_is_a_dead_letter_and_the_others_go_on(hostile: Any) -> None:
    clock, service = Clock(T0), told()
    service.volumes[ETH]["total24h"] = hostile
    async with running(service, clock) as watched:
        await watched.until(lambda: watched.levels and watched.refused)
        assert [level.subject for level in watched.levels] == ["UNI"]
        assert "chain/Ethereum" in watched.refused[0].message
        assert b'"protocols"' in watched.refused[0].original
        assert watched.counted == (1, 1)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (ETH, {"chain": "Solana", "total24h": 1}),
        (UNI, {"gecko_id": "pancakeswap-token", "total24h": 1}),
        (ETH, []),
        (ETH, {"chain": "Ethereum"}),
    ],
)
async def test_an_answer_about_something_else_is_refused(path: str, said: Any) -> None:
    clock, service = Clock(T0), told()
    service.volumes[path] = said
    async with running(service, clock) as watched:
        await watched.until(lambda: watched.levels and watched.refused)
        assert watched.counted == (1, 1)


@pytest.mark.parametrize(
    ("usd", "at_s"),
    [(Raw("0"), T0_S), (Raw("NaN"), T0_S), (Raw("3000"), T0_S - 7_200), (None, T0_S), ("1", T0_S)],
)
async def test_a_price_that_is_none_or_old_converts_nothing(usd: Any, at_s: int) -> None:
    clock, service = Clock(T0), told()
    service.price("ethereum", usd, at_s)
    async with running(service, clock) as watched:
        await watched.until(lambda: watched.levels and watched.refused)
        assert [level.subject for level in watched.levels] == ["UNI"]
        assert watched.counted == (1, 1)


async def test_a_price_that_is_missing_is_refused_with_the_answer_that_lacks_it() -> None:
    clock, service = Clock(T0), told()
    del service.coins["coingecko:ethereum"]
    async with running(service, clock, "ETH") as watched:
        await watched.until(lambda: watched.refused)
        assert watched.refused[0].original.startswith(b'{"coins":')


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Status(429, {"Retry-After": "30"}), "429"),
        (Status(502), "502"),
        (Cut(), "Payload"),
        (Hang(), "no whole answer"),
        (Slow(0.05), "no whole answer"),
        (Body(b"x" * (10 * 1024 * 1024)), "more than"),
    ],
)
@pytest.mark.parametrize("at", [0, 1], ids=["volume", "price"])
async def test_faults_are_told_and_survived(fault: Fault, said: str, at: int) -> None:
    clock, service = Clock(T0), told()
    if at:
        service.server.faults.append(Body(b'{"chain":"Ethereum","total24h":3000}'))
    service.server.faults.append(fault)
    async with running(service, clock, "ETH", timeout_s=patience_s(fault)) as watched:
        await watched.until(lambda: watched.errors)
        assert said in str(watched.errors[0])
        assert watched.errors[0].wait_s == (30.0 if said == "429" else None)
        await watched.walk_until(lambda: len(watched.levels) == 1)
        assert watched.counted == (1, 0)


@pytest.mark.parametrize(
    "body", [b"<html>", b'{"total24h":1', b"[" * 50_000, b"\xff"], ids=range(4)
)
@pytest.mark.parametrize("at", [0, 1], ids=["volume", "price"])
async def test_an_answer_that_is_no_answer_is_a_dead_letter(body: bytes, at: int) -> None:
    clock, service = Clock(T0), told()
    if at:
        service.server.faults.append(Body(b'{"chain":"Ethereum","total24h":3000}'))
    service.server.faults.append(Body(body))
    async with running(service, clock, "ETH") as watched:
        await watched.until(lambda: watched.refused)
        assert watched.refused[0].original == body
        await watched.walk(T0 + 620_000)
        await watched.until(lambda: watched.refused and len(service.server.paths) > 2)
        assert watched.counted == (len(watched.levels), 1 if watched.levels else 2)


def test_an_asset_without_a_chain_or_a_dex_is_refused() -> None:
    entry = DefiLlamaSettings(type="defillama", assets=("SHIB",))
    with pytest.raises(SettingsError, match="neither a chain's token nor a DEX's"):
        create_defillama("llama", entry, context(Clock(T0)))
