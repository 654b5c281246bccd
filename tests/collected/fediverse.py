"""Mastodon: a server that fails and comes back, beside one that is well."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from streams.collectors.social.mastodon import HOLD_MS, Mastodon
from streams.collectors.spacing import Spacing
from tests.servers.web import Body, Cut, Hang, Slow, Status
from tests.unit.streams.collectors.social.test_mastodon import Server, source

from .clock import Behind
from .scene import Expected, Hole, Running, Scene
from .waits import asked_twice, away, back, some

ANSWER_S = 1.0
FAULTS = (
    Status(500),
    Status(429, {"Retry-After": "1"}),
    Status(404),
    Cut(),
    Hang(),
    Slow(0.05),
    Body(b"<html>busy</html>", "text/html"),
    Body(b"[" * 200_000),
    Body(rb'["\ud800"]'),
)
LETTERS = sum(isinstance(fault, Body) for fault in FAULTS)


@asynccontextmanager
async def fediverse(*, short: bool) -> AsyncIterator[Scene]:
    """Give the scene, its servers listening."""
    clock, well, ill = Behind(), Server(page=20), Server(page=20)
    async with well.web, ill.web:

        def make() -> Mastodon:
            made = source(clock, well, ill, every_s=0.05)  # type: ignore[arg-type]
            made.name = "fedi"
            for http in made._https.values():
                http._timeout_s = ANSWER_S
                http._spacing = Spacing(per_minute=60_000, burst=100)
            return made

        async def play(running: Running) -> Expected:
            return await _play(running, well, ill, short=short)

        yield Scene(
            name="fedi",
            kind="social",
            label="Mastodon",
            material="invented after Mastodon's documents",
            faults="500, 503, 429 with Retry-After, 404, cut, hang, slow bytes, HTML, hostile JSON, a status of two"
            " servers, late ones, away beyond the hold",
            make=make,
            play=play,
            clock=clock,
        )


async def _play(running: Running, well: Server, ill: Server, *, short: bool) -> Expected:
    clock, want = running.clock, Expected(wall_of=running.clock.wall_of)
    await running.connected()
    await running.walk(60_000, lambda: asked_twice(running, well.web, ill.web))
    sent = letters = 0
    for fault in (None, *some(FAULTS, short=short)):
        if fault is not None:
            ill.web.faults.append(fault)
            letters += isinstance(fault, Body)
        at_ms = clock()
        for number in range(4):
            ill.post(f"Bitcoin {sent + number}", at_ms + number)
        ill.post("the weather", at_ms + 4)
        uri = f"https://x.example/{sent}"
        for server in (well, ill):
            server.post(f"Bitcoin of both {sent}", at_ms + 5, uri=uri)
        ill.post("Bitcoin late", at_ms - 30_000)
        sent += 6
        want.events += 8 + isinstance(fault, Body)
        want.passed += 1
        want.twice += 1
        await running.came(sent + letters)
        await running.until(lambda: not ill.web.faults)
    return await _away(running, want, well, ill, sent + letters)


async def _away(running: Running, want: Expected, well: Server, ill: Server, had: int) -> Expected:
    """Be away for longer than the hold; the other one is read all the while."""
    await asked_twice(running, ill.web)  # what was there is covered
    at_ms = running.clock() + 1_000
    away(ill.web)
    ill.post("Bitcoin unread", at_ms)
    await running.walk(HOLD_MS + 60_000, lambda: asked_twice(running, well.web, ill.web))
    await running.until(lambda: running.told[0] >= 2, "the gap")
    back(ill.web)
    await running.came(had + 1)
    await running.until(lambda: running.told[1] >= 2, "its end")
    want.events += 1
    want.holes += [Hole(asset, at_ms, "filled") for asset in ("BTC", "SOL")]
    return want
