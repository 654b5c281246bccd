"""RSS: a feed that fails in every way, is away, and shows too little, beside one that is well."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from streams.collectors.social.rss import HOLD_MS, RssSettings, RssSource
from tests.servers.web import Body, Cut, Hang, Slow, Status, WebServer
from tests.unit.streams.collectors.social.test_rss import News
from tests.unit.streams.collectors.social.watching import SALT

from .clock import Behind
from .scene import Expected, Hole, Running, Scene
from .waits import asked_twice, away, back, some

ANSWER_S = 1.0
KEEPS = 10
FOLLOWED = ("BTC", "ETH")
FAULTS = (
    Status(500),
    Status(503, {"Retry-After": "1"}),
    Status(429, {"Retry-After": "1"}),
    Cut(),
    Hang(),
    Slow(0.05),
    Body(b"\xff\xfe\x00garbage"),
    Body(b"<html>Just a moment...</html>", "text/html"),
    Body(b"/etc/passwd"),
    Body(b"x" * 5_000_000),
)
TOO_LARGE = FAULTS[-1]
SECOND_MS = 1_000


class Press:
    """Items of one feed, a second apart, as feeds tell seconds only."""

    def __init__(self, news: News, clock: Behind) -> None:
        self.news, self.clock = news, clock
        self.number = self.at_ms = 0

    def publish(self, title: str = "Bitcoin news") -> int:
        """Return the time of what was published."""
        self.number += 1
        now_ms = self.clock() // SECOND_MS * SECOND_MS
        self.at_ms = max(self.at_ms + SECOND_MS, now_ms)
        self.news.publish(self.number, self.at_ms, title)
        return self.at_ms


@asynccontextmanager
async def news(*, short: bool) -> AsyncIterator[Scene]:
    """Give the scene, its servers listening."""
    clock, ill, well = Behind(), News(keeps=KEEPS), News(keeps=KEEPS)
    async with WebServer(ill) as server, WebServer(well) as other:
        settings = RssSettings.model_validate(
            {
                "type": "rss",
                "salt": SALT,
                "feeds": {"a": f"{server.url}/a", "b": f"{other.url}/b"},
                "assets": FOLLOWED,
                "every_s": 0.05,
            }
        )

        def make() -> RssSource:
            made = RssSource("news", settings, now_ms=clock)
            made._http._timeout_s = ANSWER_S
            return made

        async def play(running: Running) -> Expected:
            return await _play(running, (ill, server), (well, other), short=short)

        yield Scene(
            name="news",
            kind="social",
            label="RSS",
            material="invented after RSS 2.0 and RFC 9110",
            faults="500, 503 and 429 with Retry-After, cut, hang, slow bytes, garbage, HTML, a file's name, 5 MB,"
            " away beyond the hold, a feed that keeps too few",
            make=make,
            play=play,
            clock=clock,
        )


async def _play(
    running: Running, ill: tuple[News, WebServer], well: tuple[News, WebServer], *, short: bool
) -> Expected:
    want = Expected(wall_of=running.clock.wall_of)
    press, other = Press(ill[0], running.clock), Press(well[0], running.clock)
    server = ill[1]
    await running.connected()
    events = 0
    for fault in (None, *some(FAULTS, short=short)):
        if fault is not None:
            server.faults.append(fault)
        letter = isinstance(fault, Body) and fault is not TOO_LARGE
        for title in ("Bitcoin news", "Ethereum news", "the weather"):
            press.publish(title)
            other.publish(title)
        want.passed += 2
        want.events += 6 + letter
        events += 4 + letter
        await running.came(events)
        await running.until(lambda: not server.faults)
    # Times to the second: what comes next is behind all that is covered.
    await running.walk(60_000, lambda: asked_twice(running, server, well[1]))
    away(server)
    running.clock.forward(2 * SECOND_MS)
    hole_ms = press.publish()
    await running.walk(HOLD_MS + 60_000, lambda: asked_twice(running, server, well[1]))
    await running.until(lambda: running.told[0] >= len(FOLLOWED), "the gap")
    back(server)
    await running.until(lambda: running.told[1] >= len(FOLLOWED), "its end")
    want.events += 1
    await running.came(events + 1)
    want.holes += [Hole(asset, hole_ms, "filled") for asset in FOLLOWED]
    return await _too_few(running, want, press, (server, well[1]), events + 1)


async def _too_few(
    running: Running, want: Expected, press: Press, servers: tuple[WebServer, WebServer], had: int
) -> Expected:
    """Publish more than the feed keeps, between two answers."""
    await running.walk(60_000, lambda: asked_twice(running, *servers))
    hole_ms = [press.publish() for _ in range(KEEPS + 3)][1]
    await running.walk(60_000, lambda: asked_twice(running, *servers))
    await running.came(had + KEEPS)
    await running.until(lambda: running.told[2] >= len(FOLLOWED), "the loss")
    want.events += KEEPS
    want.holes += [Hole(asset, hole_ms, "permanent") for asset in FOLLOWED]
    return want
