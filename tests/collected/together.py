"""All sources in one process: beside them one that fails for good, and one that has a defect."""

from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager

from streams.collectors.port import Observation
from streams.collectors.social.rss import RssSettings, RssSource
from tests.servers.web import Status, WebServer
from tests.unit.streams.collectors.social.test_rss import News
from tests.unit.streams.collectors.social.watching import SALT
from topics import Kind, Post, RawEvent

from .clock import Behind
from .news import Press
from .rows import Opened
from .scene import Expected, Running, Scene
from .waits import away

FAILING, DEFECTIVE = "failing", "defective"
DEFECTS = 2


class DefectError(Exception):
    """What no source should raise."""


class Defective:
    """A source of news with a defect: it raises behind its first post, twice."""

    kind: Kind = "social"

    def __init__(self, source: RssSource, *, broken: bool) -> None:
        self.name = source.name
        self._source, self._broken = source, broken

    def resume(self, past: "list[RawEvent]") -> None:
        """Go on behind what the log has."""
        self._source.resume(past)

    async def observations(self) -> AsyncIterator[Observation]:
        """Yield what the source says, up to the defect."""
        async with aclosing(self._source.observations()) as observations:  # type: ignore[type-var]
            async for seen in observations:
                yield seen
                if self._broken and isinstance(seen, Post):
                    raise DefectError


def _settings(url: str) -> RssSettings:
    feeds = {"a": f"{url}/a"}
    return RssSettings.model_validate(
        {"type": "rss", "salt": SALT, "feeds": feeds, "assets": ("BTC",), "every_s": 0.05}
    )


@asynccontextmanager
async def failing(*, short: bool) -> AsyncIterator[Scene]:  # noqa: ARG001 - it is short
    """Give the scene of one that is never answered."""
    clock = Behind()
    async with WebServer(News()) as server:
        away(server, Status(503))

        async def play(running: Running) -> Expected:
            await running.until(lambda: running.state == "disconnected")
            await running.until(lambda: len(server.requests) >= 4, "four questions")
            assert running.supervised.defects == 0
            return Expected()

        yield Scene(
            name=FAILING,
            kind="social",
            label=f"{FAILING} (RSS)",
            material="none",
            faults="503 for good",
            make=lambda: RssSource(FAILING, _settings(server.url), now_ms=clock),
            play=play,
            clock=clock,
        )


@asynccontextmanager
async def defective(*, short: bool) -> AsyncIterator[Scene]:  # noqa: ARG001 - it is short
    """Give the scene of one that raises what it should not."""
    clock, news, made = Behind(), News(), 0
    async with WebServer(news) as server:

        def make() -> Defective:
            nonlocal made
            made += 1
            source = RssSource(DEFECTIVE, _settings(server.url), now_ms=clock)
            return Defective(source, broken=made <= DEFECTS)

        async def play(running: Running) -> Expected:
            press = Press(news, clock)
            await running.connected()
            for number in range(1, 7):
                clock.forward(2_000)
                press.publish()
                await running.came(number)
            await running.until(lambda: running.supervised.defects == DEFECTS, "two defects")
            return Expected(events=6, wall_of=clock.wall_of)

        yield Scene(
            name=DEFECTIVE,
            kind="social",
            label=f"{DEFECTIVE} (RSS)",
            material="invented after RSS 2.0",
            faults="a defect, twice",
            make=make,
            play=play,
            clock=clock,
        )


def together(scenes: Iterable[Opened]) -> list[Opened]:
    """Return these scenes, and the two beside them."""
    return [*scenes, failing, defective]
