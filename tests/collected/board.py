"""Hacker News: an API that fails, items that never come, and a board that is away."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from msgspec import Raw

from streams.collectors.social.hackernews import HOLD_MS, HackerNewsSettings, HackerNewsSource
from streams.collectors.social.stories import PATIENCE_MS
from tests.servers.web import Cut, Hang, Slow, Status, WebServer
from tests.unit.streams.collectors.social.test_hackernews import Board
from tests.unit.streams.collectors.social.watching import SALT

from .clock import Behind
from .scene import Expected, Hole, Running, Scene
from .waits import asked_twice, away, back, some

ANSWER_S = 1.0
FOLLOWED = ("BTC", "ETH")
FAULTS = (
    Status(500),
    Status(429, {"Retry-After": "1"}),
    Cut(),
    Hang(),
    Slow(0.3),
)
HOSTILE = (b"<html>Just a moment...</html>", b'{"id": 7}', b"[" * 100_000, b"\xff\x00")
"""In the place of an item: one that cannot be read is refused."""


@asynccontextmanager
async def board(*, short: bool) -> AsyncIterator[Scene]:
    """Give the scene, its server listening."""
    clock, there = Behind(), Board()
    async with WebServer(there) as server:
        settings = HackerNewsSettings.model_validate(
            {
                "type": "hackernews",
                "salt": SALT,
                "url": server.url,
                "assets": FOLLOWED,
                "every_s": 0.05,
                "per_minute": 6_000,
            }
        )

        def make() -> HackerNewsSource:
            made = HackerNewsSource("hn", settings, now_ms=clock)
            made._api._http._timeout_s = ANSWER_S
            return made

        async def play(running: Running) -> Expected:
            return await _play(running, there, server, short=short)

        yield Scene(
            name="hn",
            kind="social",
            label="Hacker News",
            material="invented after the API's documents",
            faults="500, 503, 429 with Retry-After, cut, hang, slow bytes, hostile items, one that is shown late, one that"
            " never comes, away beyond the hold",
            make=make,
            play=play,
            clock=clock,
        )


async def _play(running: Running, there: Board, server: WebServer, *, short: bool) -> Expected:
    clock, want = running.clock, Expected(wall_of=running.clock.wall_of)
    await running.connected()
    events = 0
    for fault in (None, *some(FAULTS, short=short)):
        if fault is not None:
            server.faults.append(fault)
        for number in range(6):
            there.add(clock(), "bitcoin" if number else "weather")
        want.events += 6
        want.passed += 1
        events += 5
        await running.came(events)
        await running.until(lambda: not server.faults)
    for body in HOSTILE:
        there.items[there.add(clock())] = Raw(body)
    want.events += len(HOSTILE)
    events += len(HOSTILE)
    await running.came(events)
    return await _holes(running, want, there, server, events)


async def _holes(
    running: Running, want: Expected, there: Board, server: WebServer, had: int
) -> Expected:
    clock = running.clock
    late = there.add(clock())
    there.hidden.add(late)
    there.add(clock())
    await running.came(had + 1)
    there.hidden.clear()
    await running.came(had + 2)
    clock.forward(10_000)
    there.add(clock())
    await running.came(had + 3)
    clock.forward(5_000)
    lost_ms = clock()
    there.hidden.add(there.add(lost_ms))
    clock.forward(5_000)
    there.add(clock())
    await running.came(had + 4)
    await running.walk(PATIENCE_MS + 5_000, lambda: asked_twice(running, server))
    await running.until(lambda: running.told[2] >= len(FOLLOWED), "the loss")
    await asked_twice(running, server)
    away(server)
    away_ms = clock.forward(60_000)
    there.add(away_ms)
    clock.forward(HOLD_MS)
    await running.until(lambda: running.told[0] >= len(FOLLOWED), "the gap")
    back(server)
    await running.came(had + 5)
    await running.until(lambda: running.told[1] >= len(FOLLOWED), "its end")
    want.events += 5
    want.holes += [Hole(asset, lost_ms, "permanent") for asset in FOLLOWED]
    want.holes += [Hole(asset, away_ms, "filled") for asset in FOLLOWED]
    return want
