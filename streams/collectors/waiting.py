"""What waits between a source and its sender: bounded, first in, first out."""

import asyncio
from collections import deque
from contextlib import suppress

from .port import Observation

QUEUE_MAX = 10_000
"""Observations; at the bound the source waits."""


class Waiting:
    """Observations on their way. One puts, and another takes."""

    def __init__(self, most: int = QUEUE_MAX) -> None:
        """Begin empty."""
        self._most = most
        self._queue: deque[Observation] = deque()
        self._more = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def qsize(self) -> int:
        """Return how many wait."""
        return len(self._queue)

    def empty(self) -> bool:
        """Return whether none waits."""
        return not self._queue

    def full(self) -> bool:
        """Return whether the source must wait."""
        return len(self._queue) >= self._most

    def put_nowait(self, observation: Observation) -> bool:
        """Take an observation if there is room, and return whether it was taken."""
        if len(self._queue) >= self._most:
            self._room.clear()
            return False
        self._queue.append(observation)
        if len(self._queue) == 1:
            self._more.set()
        return True

    async def put(self, observation: Observation) -> None:
        """Take an observation when there is room."""
        while not self.put_nowait(observation):
            await self._room.wait()

    async def wait(self, timeout_s: float) -> None:
        """Return when one waits, or when the time is over."""
        if not self._queue:
            self._more.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._more.wait()

    def take(self, most: int) -> list[Observation]:
        """Return the oldest of what waits."""
        queue = self._queue
        if len(queue) <= most:
            taken = list(queue)
            queue.clear()
        else:
            taken = [queue.popleft() for _ in range(most)]
        self._room.set()
        return taken
