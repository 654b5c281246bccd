"""A venue by ccxt's parsing, over real sockets: what was sent is given, or a gap is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any, cast

import pytest
from pydantic import ValidationError

from streams.collectors.market.exchange import ExchangeSource
from streams.collectors.market.unified import UnifiedSettings, UnifiedSource, create_unified
from streams.collectors.port import Context, Through
from tests.servers.dialects import Row
from tests.servers.dialects.bitvavo import Bitvavo
from tests.servers.exchange import ExchangeServer
from topics import GapDetected, GapFilled, GapPermanent, SettingsError, Trade
from topics.settings import BrokerSettings

from .faring import PATIENCE_S, Faring, since_start
from .listening import now_ms

SYMBOLS = ("BTC/EUR", "ETH/EUR")
VENUE = "bitvavo/unified"
RETRY_S = (0.05, 0.1, 0.2)
"""Shorter than for a venue that is far away."""


@asynccontextmanager
async def unified(
    *, symbols: tuple[str, ...] = SYMBOLS, known: tuple[str, ...] = SYMBOLS, **settings: Any
) -> AsyncIterator[Faring]:
    async with asyncio.timeout(PATIENCE_S), ExchangeServer(Bitvavo(), known) as at:
        made = UnifiedSource(
            "live",
            UnifiedSettings(
                type="unified",
                venue="bitvavo",
                symbols=symbols,
                **{"url": at.url, "rest_url": at.rest_url, **settings},
            ),
            now_ms=now_ms,
            retry_s=RETRY_S,
        )
        one = Faring(at, cast("ExchangeSource", made))
        running = asyncio.create_task(one.run())
        try:
            yield one
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    if not running.cancelled() and (error := running.exception()) is not None:
        raise error


def tape(one: Faring) -> Any:
    return cast("UnifiedSource", one.source).tape


async def heard(one: Faring, rows: list[Row]) -> None:
    """Return when all of them have come."""
    await one.until(lambda: len({t.trade_id for t in one.trades}) >= len(rows))


async def test_every_trade_is_given_once_with_its_digits_and_marked() -> None:
    async with unified() as one:
        await one.server.subscribed()
        rows = await one.server.trade(40)
        await heard(one, rows)
        await one.quiet()
        assert one.came(rows) == rows
        assert {(t.venue, t.source, t.sequence) for t in one.trades} == {(VENUE, "live", None)}
        assert (one.marks, one.refused, one.errors) == ([], [], [])
        assert one.links == ["connecting", "connected"]


async def test_a_burst_of_5000_on_two_symbols_is_given_whole_and_no_wake_up_is_waited_for() -> None:
    """ccxt would keep 1,000 of a symbol, and wake whoever waits once."""
    async with unified() as one:
        await one.server.subscribed()
        rows = await one.server.trade(5_000)
        await heard(one, rows)
        assert one.came(rows) == rows
        assert one.marks == []


async def test_trades_that_come_again_are_given_once() -> None:
    async with unified() as one:
        await one.server.subscribed()
        rows = await one.server.trade(20)
        for frame in list(one.server.frames):
            await one.server.send(frame, rows[0].symbol)
        more = await one.server.trade(2)
        await heard(one, rows + more)
        await one.quiet()
        assert one.came(rows + more) == rows + more
        assert tape(one).duplicates == 20
        assert one.marks == []


async def test_a_taker_that_is_slow_holds_the_socket_and_misses_nothing() -> None:
    async with asyncio.timeout(PATIENCE_S), ExchangeServer(Bitvavo(), SYMBOLS) as at:
        settings = UnifiedSettings(
            type="unified", venue="bitvavo", symbols=SYMBOLS, url=at.url, rest_url=at.rest_url
        )
        given: list[Trade] = []

        async def take() -> None:
            source = UnifiedSource("live", settings, now_ms=now_ms)
            async with aclosing(source.observations()) as observations:  # type: ignore[type-var]
                async for seen in observations:
                    if isinstance(seen, Trade):
                        given.append(seen)
                        await asyncio.sleep(0.02 if len(given) < 50 else 0)
                    if len(given) == 6_000:
                        return

        taking = asyncio.create_task(take())
        await at.subscribed()
        rows = await at.trade(6_000)
        await taking
        assert [t.trade_id for t in given] == [at.dialect.id(row) for row in rows]


async def test_what_a_cut_cost_is_told_and_filled() -> None:
    async with unified() as one:
        await one.server.subscribed()
        await one.server.trade(10)
        await one.until(lambda: len(one.trades) == 10)
        await one.server.abort()
        missed = one.server.miss(8)
        await one.server.subscribed()
        await one.server.trade(10)
        await one.until(lambda: one.told() == (2, 2, 0))
        rows = since_start(one.server)
        assert sorted(one.came(rows), key=rows.index) == rows
        for symbol in SYMBOLS:
            lost = [row for row in missed if row.symbol == symbol]
            (gap,) = (m for m in one.marks if isinstance(m, GapDetected) and m.subject == symbol)
            assert gap.from_ms <= min(row.ms for row in lost)
            assert max(row.ms for row in lost) <= gap.to_ms
            (end,) = (
                at
                for at, seen in enumerate(one.all)
                if isinstance(seen, GapFilled) and seen.subject == symbol
            )
            ids = {one.server.dialect.id(row) for row in lost}
            assert ids <= {seen.trade_id for seen in one.all[:end] if isinstance(seen, Trade)}


async def test_a_cut_that_cost_nothing_is_told_and_found_to_have_cost_nothing() -> None:
    async with unified() as one:
        await one.server.subscribed()
        await one.server.trade(10)
        await one.until(lambda: len(one.trades) == 10)
        await one.server.close()
        await one.server.subscribed()
        rows = since_start(one.server) + await one.server.trade(10)
        await heard(one, rows)
        await one.until(lambda: one.told() == (2, 2, 0))
        assert set(one.came(rows)) == set(rows)
        assert tape(one).doubts == {}


async def test_more_than_rest_has_is_permanent_and_what_it_has_is_given() -> None:
    async with unified(symbols=SYMBOLS[:1], known=SYMBOLS[:1], backfill_hold_ms=60_000) as one:
        await one.server.subscribed()
        before = await one.server.trade(3, SYMBOLS[0])
        await heard(one, before)
        await one.server.abort()
        missed = one.server.miss(600, SYMBOLS[0])
        await one.server.subscribed()
        after = await one.server.trade(3, SYMBOLS[0])
        await one.until(lambda: one.told() == (1, 0, 1))
        assert "no page with both" in one.permanent[0]
        given = one.came(before + missed + after)
        assert len(given) == len(before) + 500  # REST has 500, of which it streams 3
        assert set(given) == set(before + missed[-497:] + after)


async def test_without_rest_a_cut_is_a_permanent_gap() -> None:
    async with unified(symbols=SYMBOLS[:1], known=SYMBOLS[:1]) as one:
        await one.server.subscribed()
        await one.server.trade(3, SYMBOLS[0])
        await one.until(lambda: len(one.trades) == 3)
        await one.server.rest.__aexit__(None, None, None)
        await one.server.abort()
        one.server.miss(2, SYMBOLS[0])
        await one.server.subscribed()
        await one.server.trade(3, SYMBOLS[0])
        await one.until(lambda: one.told() == (1, 0, 1))
        assert "REST: " in one.permanent[0]
        assert len(one.trades) == 6


async def test_a_quiet_symbols_cut_is_told_when_the_hold_is_over_and_ended_by_its_next_trade() -> (
    None
):
    async with unified(backfill_hold_ms=300) as one:
        await one.server.subscribed()
        await one.server.trade(4)
        await one.until(lambda: len(one.trades) == 4)
        await one.server.abort()
        await one.server.subscribed()
        await one.until(lambda: one.told() == (2, 0, 0))
        await one.server.trade(2)
        await one.until(lambda: one.told() == (2, 2, 0))
        rows = since_start(one.server)
        assert set(one.came(rows)) == set(rows)


async def test_promises_wait_for_what_is_in_doubt_and_then_go_on() -> None:
    async with unified(lateness_ms=0) as one:
        await one.server.subscribed()
        rows = await one.server.trade(4)
        await one.until(lambda: bool(one.promises) and one.promises[-1] >= rows[-1].ms)
        await one.server.abort()
        one.server.miss(4)
        await one.server.subscribed()
        await one.server.trade(2)
        await one.until(lambda: one.told() == (2, 2, 0))
        told = len(one.promises)
        await one.until(lambda: len(one.promises) > told)
        again = max(
            i for i, seen in enumerate(one.all) if getattr(seen, "state", "") == "connecting"
        )
        ends = [i for i, seen in enumerate(one.all) if isinstance(seen, GapFilled | GapPermanent)]
        later = [i for i, seen in enumerate(one.all) if isinstance(seen, Through) and i > again]
        assert max(ends) < min(later)


async def test_frames_that_ccxt_cannot_parse_cost_only_themselves() -> None:
    """In ccxt alone each of these would end the reading for minutes, without a word."""
    async with unified() as one:
        await one.server.subscribed()
        rows = await one.server.trade(2)
        for bad in (
            '{"event":"trade","market":"BTC-EUR","id":',
            "[]]",
            '{"event":"trade","market":"BTC-EUR","id":"x","timestamp":"soon","price":"1","amount":"1","side":"buy"}',
            '{"event":"trade","market":"BTC-EUR","id":"y","timestamp":1764100800000,"price":"x","amount":"1","side":"buy"}',
            '{"event":"trade","market":"BTC-EUR","id":"z","timestamp":1764100800000,"price":"1","amount":"1","side":"up"}',
            '{"event":"trade","market":"NO-SUCH","id":"z","timestamp":1764100800000,"price":"1","amount":"1","side":"buy"}',
        ):
            await one.server.send(bad)
        rows += await one.server.trade(2)
        await heard(one, rows)
        assert one.came(rows) == rows
        assert len(one.refused) == 6
        assert len({refused.origin for refused in one.refused}) == 6
        assert one.errors == []


async def test_a_silent_connection_is_taken_for_dead() -> None:
    async with unified(silence_s=0.5) as one:
        await one.server.subscribed()
        await one.until(lambda: bool(one.errors))
        assert "no frame for 0.5 s" in one.errors[0]


async def test_a_symbol_that_the_venue_does_not_trade_costs_no_other() -> None:
    async with unified(symbols=("BTC/EUR", "NO/SUCH"), known=("BTC/EUR",)) as one:
        await one.server.subscribed()
        rows = await one.server.trade(2)
        await heard(one, rows)
        (link,) = (seen for seen in one.all if getattr(seen, "state", "") == "connected")
        assert link.reason == "it does not trade NO/SUCH"  # type: ignore[union-attr]


async def test_no_symbol_that_the_venue_trades() -> None:
    async with unified(symbols=("NO/SUCH",)) as one:
        await one.until(lambda: bool(one.errors))
        assert one.errors[0] == "bitvavo: it does not trade NO/SUCH"


async def test_it_goes_on_where_the_log_says() -> None:
    async with unified(symbols=SYMBOLS[:1], known=SYMBOLS[:1]) as one:
        await one.server.subscribed()
        rows = await one.server.trade(5, SYMBOLS[0])
        await heard(one, rows)
        made = UnifiedSource(
            "live", cast("Any", one.source)._settings, now_ms=now_ms, retry_s=RETRY_S
        )
        made.resume([seen for seen in one.all if isinstance(seen, Trade)])
        next_one = Faring(one.server, cast("ExchangeSource", made))
        one.server.miss(4, SYMBOLS[0])
        running = asyncio.create_task(next_one.run())
        await one.server.subscribed(2)
        after = await one.server.trade(1, SYMBOLS[0])
        await next_one.until(lambda: next_one.told() == (1, 1, 0))
        everything = since_start(one.server)
        assert sorted(next_one.came(everything), key=everything.index) == everything[5:]
        assert after[0] in everything
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def created(**settings: Any) -> None:
    entry = UnifiedSettings(type="unified", **settings)
    create_unified("other", entry, Context(broker=BrokerSettings(), now_ms=now_ms))


@pytest.mark.parametrize(
    ("venue", "said"),
    [
        ("bitvavoo", "near it are bitvavo"),
        ("zzzzzzz", "ccxt streams from no venue of the name 'zzzzzzz'"),
        ("kraken", "kraken is read by ourselves: take the type exchange"),
        ("coinbaseexchange", "maker's side"),
    ],
)
def test_venues_that_cannot_be_watched_are_refused_with_their_reason(venue: str, said: str) -> None:
    with pytest.raises(SettingsError, match=r"^sources\.other\.venue: ") as refused:
        created(venue=venue, symbols=("BTC/EUR",))
    assert said in str(refused.value)


def test_a_venue_without_trades_is_refused(ccxt_without_trades: str) -> None:
    with pytest.raises(SettingsError, match="has no watchTrades"):
        created(venue=ccxt_without_trades, symbols=("BTC/EUR",))


@pytest.fixture
def ccxt_without_trades() -> str:
    """Return a venue that ccxt streams from, but not its trades."""
    import ccxt.pro  # noqa: PLC0415 - seconds

    names = (n for n in ccxt.pro.exchanges if not getattr(ccxt.pro, n)().has.get("watchTrades"))
    name: str | None = next(names, None)
    if name is None:
        pytest.skip("ccxt watches trades of every venue that it streams from")
    return name


def test_futures_are_refused() -> None:
    with pytest.raises(SettingsError, match="BTC/USDT:USDT: only spot"):
        created(venue="bitvavo", symbols=("BTC/EUR", "BTC/USDT:USDT"))


def test_settings_are_checked_before_anything_is_imported() -> None:
    with pytest.raises(ValidationError):
        UnifiedSettings(type="unified", venue="Bit/vavo", symbols=("BTC/EUR",))
    with pytest.raises(ValidationError):
        UnifiedSettings(type="unified", venue="bitvavo", symbols=())
