"""A runner that is slow holds the venue back; nothing is dropped, and nothing grows without bound."""

import asyncio
from contextlib import aclosing

import pytest

from streams.collectors.backlog import BACKLOG_MAX, HELD_AT
from streams.collectors.port import SourceError
from tests.servers.venue import VenueServer, sends
from topics import Trade

from .listening import PATIENCE_S, create, expected, flood, told

READ_AHEAD_BYTES = 512 * 1024
"""What aiohttp has read of a websocket when it stops reading."""
FRAME_OVERHEAD_BYTES = 128
"""What it counts for a frame beside its length."""


async def test_a_flood_before_a_slow_consumer_is_held_back_and_whole() -> None:
    """20,000 frames: none lost, the backlog within its bound, the venue unable to send while nobody takes."""
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
                        await asyncio.sleep(1.0)  # Until all that can be is full.
                        stuck_at = server.sent
                        await asyncio.sleep(0.5)
                        assert server.sent == stuck_at < len(frames)
                    elif len(trades) % 100 == 0:
                        await asyncio.sleep(0.001)
                    if len(trades) == len(frames):
                        break
        assert server.connections == 1
    assert source.backlog is not None
    assert HELD_AT <= source.backlog.greatest <= bound
    assert [told(trade) for trade in trades] == [expected(f, {"XRPETH": "XRP/ETH"}) for f in frames]


async def test_a_held_venue_is_neither_silent_nor_deaf() -> None:
    """While we do not read, no frame and no pong can come: the connection outlives both time-outs."""
    frames = flood(20_000)
    count = 0
    async with VenueServer(sends(frames)) as server, asyncio.timeout(PATIENCE_S):
        source = create(server.url, silence_s=0.5, keep_alive_ms=100)
        async with aclosing(source.observations()) as observations:  # type: ignore[type-var]
            async for seen in observations:
                count += isinstance(seen, Trade)
                if count == 100:
                    count += 1
                    await asyncio.sleep(2.0)
                if count == len(frames):
                    break
        assert server.connections == 1


async def test_at_the_bound_the_session_ends_and_says_so() -> None:
    """What was taken until then is yielded first; the next session begins empty."""
    async with VenueServer(sends(flood(5_000))) as server, asyncio.timeout(PATIENCE_S):
        source = create(server.url, held_at=200, backlog_max=100)
        taken: list[Trade] = []
        with pytest.raises(SourceError, match="100 observations wait"):
            async with aclosing(source.observations()) as observations:  # type: ignore[type-var]
                async for seen in observations:
                    if isinstance(seen, Trade):
                        taken.append(seen)
                        await asyncio.sleep(0.05)
        assert [trade.sequence for trade in taken] == [
            taken[0].sequence + n for n in range(len(taken)) if taken[0].sequence is not None
        ]
        assert len(taken) >= 90
        assert source.backlog is not None
        assert source.backlog.greatest == 100
