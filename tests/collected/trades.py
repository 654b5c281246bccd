"""Trades: the ordeal of each venue, and of one by ccxt's parsing, run by the real supervisor."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import cast

from streams.collectors.market.exchange import ExchangeSource
from streams.collectors.market.unified import UnifiedSettings, UnifiedSource
from streams.collectors.port import Observation
from tests.servers.dialects import DIALECTS
from tests.servers.dialects.bitvavo import Bitvavo
from tests.servers.exchange import ExchangeServer
from tests.unit.streams.collectors.market.faring import Faring, faring, since_start
from tests.unit.streams.collectors.market.listening import now_ms
from tests.unit.streams.collectors.market.ordeal import CONDITIONS, endured
from topics import Kind, RawEvent

from .rows import Opened
from .scene import Expected, Hole, Running, Scene
from .waits import away

SILENCE_S = 5.0
"""Longer than alone: the waits after each failure are the supervisor's, and grow."""
PATIENCE_S = 240.0
"""Of a scene that is played beside all others."""
RECORDED = {
    "binance": "invented after documents (recorded frames (2019, 2021): in its unit tests)",
    "bitstamp": "invented after documents (recorded frames (2022): in its unit tests)",
    "gate": "invented after documents (recorded frames (2021): in its unit tests)",
    "gemini": "invented after documents (recorded frames (2021): in its unit tests)",
    "kucoin": "invented after documents (recorded frames (2021): in its unit tests)",
    "okx": "invented after documents (recorded frames (2022): in its unit tests)",
}
SYMBOLS = ("BTC/EUR", "ETH/EUR")
HOSTILE = (
    '{"event":"trade","market":"BTC-EUR","id":',
    "[]]",
    '{"event":"trade","market":"BTC-EUR","id":"x","timestamp":"soon","price":"1","amount":"1","side":"buy"}',
    '{"event":"trade","market":"NO-SUCH","id":"z","timestamp":1764100800000,"price":"1","amount":"1","side":"buy"}',
)
"""Each is refused."""


class Overheard:
    """A source of trades whose words the scene hears, too."""

    kind: Kind = "market"
    holds = False

    def __init__(self, one: Faring, name: str) -> None:
        self.name = name
        self._one = one

    def resume(self, past: "list[RawEvent]") -> None:
        """Go on behind what the log has."""
        self._one.source.resume(past)

    async def observations(self) -> AsyncIterator[Observation]:
        """Yield what it says."""
        async with aclosing(self._one.source.observations()) as observations:  # type: ignore[type-var]
            async for seen in observations:
                self._one.take(seen)
                yield seen


def venue(name: str) -> Opened:
    """Return the scene of a venue."""

    @asynccontextmanager
    async def opened(*, short: bool) -> AsyncIterator[Scene]:  # noqa: ARG001 - there is no shorter one
        conditions = {**CONDITIONS, "silence_s": SILENCE_S, "silence_min_s": SILENCE_S}
        async with faring(
            name, start=False, patience_s=PATIENCE_S, source_name=name, **conditions
        ) as one:

            async def play(running: Running) -> Expected:
                outcome = await endured(name, one)
                await running.until(lambda: running.sent >= outcome.sent)
                assert outcome.planted - outcome.closed == outcome.found, outcome
                return Expected(
                    events=outcome.frames + outcome.backfilled + outcome.refused,
                    twice=outcome.duplicates,
                    shared=outcome.refused
                    - len(one.refused),  # what a venue says of itself is no event
                    told=(outcome.found, outcome.filled, outcome.permanent),
                    planted=outcome.planted,
                    closed=outcome.closed,
                )

            yield Scene(
                name=name,
                kind="market",
                label=name,
                material=RECORDED.get(
                    name, "invented after documents (its frames: in its unit tests)"
                ),
                faults="clock 3 h behind, duplicates, old ids again, disorder, hostile frames, close, abort, mute but"
                " pinging; 429, 503, cut, slow, 404 by REST",
                make=lambda: Overheard(one, name),
                play=play,
            )

    return opened


VENUES = sorted(DIALECTS)


@asynccontextmanager
async def unified(*, short: bool) -> AsyncIterator[Scene]:  # noqa: ARG001 - it is short
    """Give the scene of a venue by ccxt's parsing."""
    async with asyncio.timeout(PATIENCE_S), ExchangeServer(Bitvavo(), SYMBOLS) as at:
        settings = UnifiedSettings(
            type="unified", venue="bitvavo", symbols=SYMBOLS, url=at.url, rest_url=at.rest_url
        )
        made = UnifiedSource("unified", settings, now_ms=now_ms, retry_s=(0.05, 0.1, 0.2))
        one = Faring(at, cast("ExchangeSource", made))

        async def play(running: Running) -> Expected:
            return await _unified(running, one, made)

        yield Scene(
            name="unified",
            kind="market",
            label="unified ccxt (bitvavo)",
            material="invented after Bitvavo's documents, parsed by ccxt",
            faults="duplicates, hostile frames, close, abort, REST away",
            make=lambda: Overheard(one, "unified"),
            play=play,
        )


async def _filled(one: Faring, gaps: int) -> None:
    await one.until(lambda: one.told()[1] == gaps)


async def _unified(running: Running, one: Faring, made: UnifiedSource) -> Expected:
    at = one.server
    await at.subscribed()
    await at.trade(40)
    for frame in at.frames[-8:]:
        await at.send(frame, SYMBOLS[0])
    for frame in HOSTILE:
        await at.send(frame)
    await at.trade(4)
    holes = []
    for number, end in enumerate((at.close, at.abort)):
        await one.until(lambda: len(one.trades) >= len(since_start(at)))
        await end()
        missed = at.miss(8)
        holes += [Hole(row.symbol, row.ms, "filled") for row in missed[:2]]
        await at.subscribed()
        await at.trade(6)
        want = 2 * number + 2
        await _filled(one, want)
    await one.until(lambda: len(one.trades) >= len(since_start(at)))
    away(at.rest)
    await at.abort()
    lost = at.miss(4)
    await at.subscribed()
    await at.trade(6)
    await one.until(lambda: one.told()[2] == 2)
    holes += [Hole(row.symbol, row.ms, "permanent") for row in lost[:2]]
    rows = len(since_start(at)) - len(lost)
    await running.came(rows + len(HOSTILE))
    assert made.tape is not None
    twice = made.tape.duplicates
    return Expected(events=rows + len(HOSTILE) + twice, twice=twice, holes=holes)
