"""Bluesky's stream: connections that end in every way, frames of no sense, and what the host has no more."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr

from streams.collectors.social.jetstream import Jetstream, JetstreamSettings
from tests.servers.jetstream import JetstreamServer, Trouble
from tests.servers.web import Status
from tests.unit.streams.collectors.social.test_jetstream import HOSTILE

from .clock import Behind
from .scene import Expected, Hole, Running, Scene

FOLLOWED = ("BTC", "SOL")
BETWEEN_US = 2_000
ENDS = ((20, "cut"), (30, "close"), (5, "silence"), (10, "error"))
BEFORE_HOLE = 25


class Network:
    """What people post, each a little after the one before."""

    def __init__(self, server: JetstreamServer, clock: Behind) -> None:
        self.server, self.clock = server, clock
        self.posts = self.unnamed = self.at_us = 0

    def post(self, count: int, text: str = "Bitcoin says") -> None:
        for _ in range(count):
            self.at_us = max(self.at_us + BETWEEN_US, self.clock() * 1_000)
            self.posts += 1
            named = self.posts % 5 > 0
            self.unnamed += not named
            said = f"{text} {self.posts}" if named else f"the weather {self.posts}"
            self.server.post(f"k{self.posts}", said, self.at_us, did=f"did:plc:{self.posts}")

    def hostile(self) -> int:
        for frame in HOSTILE:
            self.at_us += BETWEEN_US
            self.server.frame(frame, self.at_us)
        return len(HOSTILE)


@asynccontextmanager
async def bluesky(*, short: bool) -> AsyncIterator[Scene]:
    """Give the scene, its server listening."""
    clock, server = Behind(), JetstreamServer()
    sources: list[Jetstream] = []
    async with server:
        settings = JetstreamSettings(
            type="jetstream",
            salt=SecretStr("a salt of the tests"),
            assets=FOLLOWED,
            silence_s=3.0,
            urls=(server.v2,),
        )

        def make() -> Jetstream:
            sources.append(Jetstream("bluesky", settings, now_ms=clock))
            return sources[-1]

        async def play(running: Running) -> Expected:
            return await _play(running, server, sources, short=short)

        yield Scene(
            name="bluesky",
            kind="social",
            label="Bluesky Jetstream",
            material="invented after the lexicon and the service's published sources",
            faults="cut, close, mute but pinging, error frame, 503, frames twice, replay, hostile frames,"
            " cursor too old",
            make=make,
            play=play,
            clock=clock,
        )


async def _play(
    running: Running, server: JetstreamServer, sources: list[Jetstream], *, short: bool
) -> Expected:
    network = Network(server, running.clock)
    ends = ENDS[1:2] if short else ENDS
    server.troubles.extend(
        Trouble(after=after, what=what, twice=what == "close") for after, what in ends
    )
    server.troubles.append(Trouble(after=BEFORE_HOLE, what="close"))
    await running.until(lambda: len(server.asked) == 1, "the first connection")
    if not short:
        server.web.faults.append(Status(503))
    network.post(sum(after - 1 for after, _ in ends) + 1)
    await server.tell()
    await running.until(lambda: len(server.asked) == 1 + len(ends), "the last connection")
    # The connection that is open now sends so many, and no more.
    first = int(server.asked[-1]) - server.first_seq
    network.post(first + BEFORE_HOLE - len(server.log))
    heard, unnamed = network.posts, network.unnamed
    network.post(1)
    hole_ms = network.at_us // 1_000
    network.post(4)
    lost, unnamed_lost = network.posts - heard, network.unnamed - unnamed
    server.floor = len(server.log)
    network.at_us += 1_000_000
    network.post(40)
    await server.tell()
    letters = network.hostile()
    network.post(4)
    await server.tell()
    planted = network.posts - lost + letters
    tally = sources[-1].posts.tally
    await running.until(lambda: tally.seen - tally.known >= planted, "all of it")
    named = network.posts - lost - (network.unnamed - unnamed_lost)
    await running.came(named + letters)
    return Expected(
        events=planted + tally.known,
        passed=network.unnamed - unnamed_lost,
        twice=tally.known,
        holes=[Hole(asset, hole_ms, "permanent") for asset in FOLLOWED],
        wall_of=running.clock.wall_of,
    )
