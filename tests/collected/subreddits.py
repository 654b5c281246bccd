"""Reddit: the real client, a service that fails, and a listing that shows too little."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from streams.collectors.social.reddit import HOLD_MS, RedditSource
from tests.servers.web import Body, Cut, Status
from tests.unit.streams.collectors.social.test_reddit import Reddit, source

from .clock import Behind
from .scene import Expected, Hole, Running, Scene
from .waits import asked_twice, some

SHOWS = 120
FOLLOWED = ("BTC", "SOL")
SECOND_MS = 1_000
FAULTS = (
    Status(404),
    Status(429, {"Retry-After": "1"}),
    Cut(),
    Body(b"<html>", "text/html"),
    Body(b"[" * 100_000),
    Body(b'{"data":{"children":5}}'),
)
LETTERED = FAULTS[-1]
"""The other bodies are no JSON: the client says only that, and has no bytes."""


class Private(Reddit):
    """One that may close a listing."""

    closed = False

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if self.closed and request.path.startswith("/r/bitcoin/"):
            return web.Response(status=403)
        return await super()._serve(request)


@asynccontextmanager
async def subreddits(*, short: bool) -> AsyncIterator[Scene]:
    """Give the scene, its server listening."""
    clock, server = Behind(), Private(shows=SHOWS)
    async with server.web:

        def make() -> RedditSource:
            return source(clock, server, every_s=0.1, subreddits=["bitcoin", "solana"])  # type: ignore[arg-type]

        async def play(running: Running) -> Expected:
            return await _play(running, server, short=short)

        yield Scene(
            name="reddit",
            kind="social",
            label="Reddit",
            material="invented after Reddit's documents, read by the real client",
            faults="404, 429 with Retry-After, cut, HTML, hostile JSON, entries of no sense, closed beyond the hold,"
            " a listing that shows too few",
            make=make,
            play=play,
            clock=clock,
        )


async def _play(running: Running, server: Private, *, short: bool) -> Expected:
    clock, want = running.clock, Expected(wall_of=running.clock.wall_of)
    await running.connected()
    events = 0
    for fault in (None, *some(FAULTS, short=short)):
        if fault is not None:
            server.web.faults.append(fault)
        letter = fault is LETTERED
        for number in range(5):
            server.submit("Bitcoin" if number else "the weather", clock())
        want.events += 5 + letter
        want.passed += 1
        events += 4 + letter
        await running.came(events)
        await running.until(lambda: not server.web.faults)
    server.submit("Bitcoin", clock(), title=7)
    await running.came(events + 1)
    want.events += 1
    return await _holes(running, want, server, events + 1)


async def _holes(running: Running, want: Expected, server: Private, had: int) -> Expected:
    clock = running.clock
    await running.walk(60_000, lambda: asked_twice(running, server.web))
    server.closed = True
    away_ms = clock.forward(1_000)
    server.submit("Bitcoin unread", away_ms)
    await running.walk(HOLD_MS + 60_000, lambda: asked_twice(running, server.web))
    await running.until(lambda: running.told[0] >= len(FOLLOWED), "the gap")
    server.closed = False
    await running.came(had + 1)
    await running.until(lambda: running.told[1] >= len(FOLLOWED), "its end")
    await running.walk(60_000, lambda: asked_twice(running, server.web))
    first_ms = clock.forward(60_000)
    for number in range(SHOWS + 30):
        server.submit(f"Bitcoin {number}", first_ms - 50_000 + number * 100)
    await running.came(had + 1 + SHOWS)
    await running.until(lambda: running.told[2] >= len(FOLLOWED), "the loss")
    want.events += 1 + SHOWS
    want.holes += [Hole(asset, away_ms, "filled") for asset in FOLLOWED]
    want.holes += [Hole(asset, first_ms - 49_000, "permanent") for asset in FOLLOWED]
    return want
