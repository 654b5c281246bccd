"""A runner that is slow holds the venue back; nothing is dropped, and nothing grows without bound."""

import asyncio
from contextlib import aclosing

import pytest

from streams.collectors.market.backlog import BACKLOG_MAX, HELD_AT
from streams.collectors.market.exchange import ExchangeSource
from streams.collectors.market.tap import DRAIN_MAX
from streams.collectors.port import SourceError
from tests.recordings import XRPETH_FIRST
from tests.servers.venue import VenueServer, sends
from topics import Trade

from .listening import PATIENCE_S, create, expected, flood, told

READ_AHEAD_BYTES = 512 * 1024
"""What aiohttp has read of a websocket when it stops reading."""
FRAME_OVERHEAD_BYTES = 128
"""What it counts for a frame beside its length."""


def reading_paused(source: ExchangeSource) -> bool:
    """Return whether aiohttp leaves what comes to the kernel, which will then leave it to the venue."""
    current = source.shards[0].current
    assert current is not None
    (client,) = current._clients
    return bool(client.connection._conn.protocol._reading_paused)


async def stall(source: ExchangeSource) -> int:
    """Return how many observations wait when nobody has taken one for a while."""
    while not reading_paused(source):
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.5)  # In which nothing grows.
    assert reading_paused(source)
    assert source.backlog is not None
    return len(source.backlog)


async def test_a_flood_before_a_slow_consumer_is_held_back_and_whole() -> None:
    """20,000 frames: none lost, the backlog within its bound, the socket not read while nobody takes."""
    frames = flood(20_000)
    bound = HELD_AT + READ_AHEAD_BYTES // (min(map(len, frames)) + FRAME_OVERHEAD_BYTES)
    assert bound < BACKLOG_MAX
    trades: list[Trade] = []
    async with VenueServer(sends(frames)) as server, asyncio.timeout(PATIENCE_S):
        source = create(server.url)
        async with aclosing(source.observations()) as observations:  # type: ignore[type-var]
            async for seen in observations:
                if isinstance(seen, Trade):
                    trades.append(seen)
                    if len(trades) == 100:
                        assert HELD_AT <= await stall(source) <= bound
                    elif len(trades) % 100 == 0:
                        await asyncio.sleep(0.001)
                    if len(trades) == len(frames):
                        break
        assert server.connections == 1
    assert source.backlog is not None
    assert source.backlog.greatest <= HELD_AT + 2 * DRAIN_MAX  # and not all that was read at once
    assert [told(trade) for trade in trades] == [expected(f, {"XRPETH": "XRP/ETH"}) for f in frames]


async def test_a_held_venue_is_neither_silent_nor_deaf() -> None:
    """While we do not read, no frame and no pong can come: the connection outlives both time-outs."""
    frames = flood(20_000)
    count = 0
    async with VenueServer(sends(frames)) as server, asyncio.timeout(PATIENCE_S):
        source = create(server.url, silence_s=4.0, keep_alive_ms=2_000)
        async with aclosing(source.observations()) as observations:  # type: ignore[type-var]
            async for seen in observations:
                count += isinstance(seen, Trade)
                if count == 100:
                    count += 1
                    await asyncio.sleep(6.0)  # past both, however ccxt counts missing pongs
                if count == len(frames):
                    break
        assert server.connections == 1


async def test_at_the_bound_the_session_ends_and_says_so() -> None:
    """What was taken until then is yielded first, without a hole."""
    taken: list[Trade] = []

    async def read() -> None:
        async with aclosing(source.observations()) as observations:  # type: ignore[type-var]
            async for seen in observations:
                if isinstance(seen, Trade):
                    taken.append(seen)
                    await asyncio.sleep(0.01)

    async with VenueServer(sends(flood(5_000))) as server, asyncio.timeout(PATIENCE_S):
        source = create(server.url, held_at=200, backlog_max=100)
        with pytest.raises(SourceError, match="100 observations wait"):
            await read()
    numbers = [trade.sequence for trade in taken]
    assert numbers == list(range(XRPETH_FIRST, XRPETH_FIRST + len(taken)))
    assert len(taken) >= 90
    assert source.backlog is not None
    assert source.backlog.greatest == 100
