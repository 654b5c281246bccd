"""Asks the targets of one platform in rounds: each failure is its own, and what was seen before it is not lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from msgspec import Struct

from streams.collectors.port import Clock, Link, Observation, SourceError

from .polled import PolledPosts

WAIT_S_MAX = 3_600.0
"""Of what the other side asks us to wait."""

Ask = Callable[[str, list[Observation]], Awaitable[float]]
"""Asks one target, and puts what is seen into the list as it comes; returns how long its group is to be left alone.

Raises:
    SourceError: It could not be read, or not to its end.
"""


class Group(Struct):
    """Targets that are asked one after the other, as one server's limits are theirs together."""

    targets: tuple[str, ...]
    due_s: float = 0.0


class Polling:
    """Rounds of questions, for ever."""

    def __init__(
        self,
        posts: PolledPosts,
        groups: Sequence[Sequence[str]],
        ask: Ask,
        *,
        every_s: float,
        now_ms: Clock,
    ) -> None:
        """Prepare; nothing is asked before the first observation is."""
        self.groups = [Group(tuple(targets)) for targets in groups]
        self._posts, self._ask, self._every_s, self._now_ms = posts, ask, every_s, now_ms
        self.failed: dict[str, str] = {}
        """Why, by target."""
        self._link: Link | None = None

    async def observations(self) -> AsyncIterator[Observation]:
        """Yield what is seen, round by round.

        Raises:
            SourceError: In a whole round nobody could be asked.
        """
        self._link = None
        loop = asyncio.get_running_loop()
        while True:
            begun_s = loop.time()
            async for observation in self.round():
                yield observation
            await asyncio.sleep(max(0.0, begun_s + self._every_s - loop.time()))

    async def round(self) -> AsyncIterator[Observation]:
        """Ask everybody once, but those who want to be left alone, and yield what is seen.

        Raises:
            SourceError: Nobody could be asked; everything that was seen has been yielded.
        """
        for told in self._posts.begin(self._now_ms()):
            yield told
        for seen in await asyncio.gather(*map(self._round, self.groups)):
            for one in seen:
                yield one
        for told in self._posts.end(self._now_ms()):
            yield told
        link = self._state()
        if link is not None:
            yield link

    async def _round(self, group: Group) -> list[Observation]:
        seen: list[Observation] = []
        loop = asyncio.get_running_loop()
        for target in group.targets:
            if loop.time() < group.due_s:
                break
            try:
                wait_s = await self._ask(target, seen)
                self.failed.pop(target, None)
            except SourceError as error:
                wait_s = error.wait_s or 0.0
                self.failed[target] = f"{target}: {error}"
                if _is_of_server(error):
                    self.failed |= {one: f"{one}: {error}" for one in group.targets}
                    wait_s = max(wait_s, self._every_s)
            if wait_s:
                group.due_s = loop.time() + min(wait_s, WAIT_S_MAX)
        return seen

    def _state(self) -> Link | None:
        if len(self.failed) == sum(len(group.targets) for group in self.groups):
            due_s = min(group.due_s for group in self.groups)
            wait_s = max(0.0, due_s - asyncio.get_running_loop().time())
            raise SourceError(next(iter(self.failed.values())), wait_s=wait_s)
        link = Link(state="connected")
        if self.failed:
            link = Link(state="stale", reason="; ".join(self.failed.values())[:200])
        if link == self._link:
            return None
        self._link = link
        return link


def _is_of_server(error: SourceError) -> bool:
    """Return whether the server failed, rather than one of the things it is asked for."""
    return not hasattr(error, "status")
