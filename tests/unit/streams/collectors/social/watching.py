"""Sources of posts as the runner sees them: what they yield, what they raise, on a clock that tests set."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing

from streams.collectors.outbound import Outbound
from streams.collectors.port import Observation, Source, SourceError, Through
from topics import Post
from topics.settings import BrokerSettings

T0 = 1_700_000_000_000
SALT = "salt of the tests"


class Wall:
    """A wall clock that stands still until it is moved."""

    def __init__(self, now_ms: int = T0) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


class Watched:
    """What a source has yielded so far, sessions together."""

    def __init__(self, source: Source, wall: Wall) -> None:
        self.source, self.wall = source, wall
        self.told: list[Observation] = []
        self.failures: list[SourceError] = []
        self._task: asyncio.Task[None] | None = None
        self.outbound = Outbound(source.name, source.kind, BrokerSettings(), epoch=1)

    async def until(self, enough: Callable[["Watched"], bool], *, within_s: float = 10.0) -> None:
        """Wait until enough has been seen. The first call begins the watching; the test's end ends it."""
        if self._task is None:
            self._task = asyncio.create_task(self._watch())
        async with asyncio.timeout(within_s):
            while not enough(self):
                assert not self._task.done(), self._task
                await asyncio.sleep(0.005)

    async def _watch(self) -> None:
        """Take what the source yields; after a failure begin again, as the runner does."""
        while True:
            try:
                async with aclosing(self.source.observations()) as told:  # type: ignore[type-var]
                    async for observation in told:
                        self.told.append(observation)
                        self.outbound.take(observation, self.wall())
            except SourceError as error:
                self.failures.append(error)
                await asyncio.sleep(min(error.wait_s or 0.0, 0.02))

    def of(self, kind: type) -> list[Observation]:
        """Return what was yielded of a type."""
        return [observation for observation in self.told if isinstance(observation, kind)]

    @property
    def posts(self) -> list[Post]:
        """Return the posts."""
        return [observation for observation in self.told if isinstance(observation, Post)]

    @property
    def through_ms(self) -> int | None:
        """Return how far the last promise goes."""
        return max(
            (told.through_ms for told in self.told if isinstance(told, Through)), default=None
        )
