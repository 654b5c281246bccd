"""A source that runs beside a fake GitHub, and what it has yielded so far."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

from streams.collectors.development.github import GithubSource
from streams.collectors.development.settings import GithubSettings
from streams.collectors.outbound import Outbound
from streams.collectors.port import Link, Observation, Refused, SourceError, Through
from streams.collectors.spacing import Spacing
from tests.servers.github import Github
from topics import GapDetected, GapFilled, GapMark, GapPermanent, RepositoryEvent
from topics.settings import BrokerSettings

SALT = "a salt of sixteen"
SECRET = "a secret of sixteen"  # noqa: S105 - of the tests
TOKEN = "ghp_secrettoken"  # noqa: S105 - of the tests
NOW_MS = 1_790_000_000_000
MARKS = (GapDetected, GapFilled, GapPermanent)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, at_ms: int = NOW_MS) -> None:
        self.at_ms = at_ms

    def __call__(self) -> int:
        return self.at_ms

    def forward(self, seconds: float) -> int:
        self.at_ms += int(seconds * 1000)
        return self.at_ms


def settings_for(github: Github, *names: str, **changes: Any) -> GithubSettings:
    return GithubSettings.model_validate(
        {
            "type": "github",
            "salt": SALT,
            "repositories": {"BTC": names},
            "token": TOKEN,
            "interval_s": 300,
            "url": github.api.url,
            "git_url": github.git.url,
        }
        | changes
    )


class Listening:
    """What came of a source."""

    def __init__(self, source: GithubSource) -> None:
        self.source = source
        self.seen: list[Observation] = []
        self.failed: SourceError | None = None
        self._outbound = Outbound("github", "development", BrokerSettings(partitions=1), epoch=1)

    @property
    def events(self) -> list[RepositoryEvent]:
        return [each for each in self.seen if isinstance(each, RepositoryEvent)]

    @property
    def ids(self) -> list[str]:
        return [event.event_id for event in self.events]

    @property
    def grades(self) -> list[str | None]:
        return [event.grade for event in self.events]

    @property
    def refused(self) -> list[Refused]:
        return [each for each in self.seen if isinstance(each, Refused)]

    @property
    def marks(self) -> list[GapMark]:
        return [each for each in self.seen if isinstance(each, MARKS)]

    @property
    def links(self) -> list[str]:
        return [each.state for each in self.seen if isinstance(each, Link)]

    @property
    def through_ms(self) -> int | None:
        told = [each.through_ms for each in self.seen if isinstance(each, Through)]
        return told[-1] if told else None

    def tally(self, now_ms: int) -> tuple[int, int]:
        """Return what is sent and refused of all that has come so far."""
        for observation in self.seen:
            self._outbound.take(observation, now_ms)
        return self._outbound.tally.sent, self._outbound.tally.refused

    async def run(self) -> None:
        try:
            async with aclosing(self.source.observations()) as observations:  # type: ignore[type-var]
                async for observation in observations:
                    self.seen.append(observation)
        except SourceError as error:
            self.failed = error

    async def look(self) -> None:
        """Have every repository looked at once more."""
        answers = {name: self._looks(name) for name in self.source.repositories}
        for repository in self.source.repositories.values():
            self.source.look_now(repository)
        await self.until(lambda: all(self._looks(name) > looks for name, looks in answers.items()))

    def _looks(self, name: str) -> int:
        return self.source.looks.get(name, 0)

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not done():
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.01)  # what was put into the queue has been taken


@asynccontextmanager
async def listening(source: GithubSource, *, first: bool = True) -> AsyncIterator[Listening]:
    source._tick_s = 0.02
    # This machine may be asked as often as we like.
    wide = Spacing(per_minute=60_000, burst=100)
    source.rest._allowance._spacing = wide
    if source._git is not None:
        source._git._spacing = wide
    heard = Listening(source)
    task = asyncio.create_task(heard.run())
    try:
        if first:
            await heard.until(
                lambda: (
                    heard.failed is not None
                    or (
                        bool(source.repositories)
                        and all(name in source.looks for name in source.repositories)
                    )
                )
            )
        yield heard
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
