"""What waits between a socket and the runner: bounded, and it says when the socket must be held."""

import asyncio
from collections import deque
from collections.abc import Sequence

from streams.collectors.port import Observation

HELD_AT = 1_000
"""Observations at which the socket is held: a second of a busy venue."""
BACKLOG_MAX = 10_000
"""Observations at most. A socket that is held still hands over what was read: aiohttp stops reading at 512 KiB,
and counts a frame as 128 bytes more than it is long, so that is at most 4,096 frames."""


class BacklogFullError(Exception):
    """No more can be taken, although the socket was to be held: the session must end, and say so."""


class Backlog:
    """A queue whose far side may be slow: `room` holds the socket back, and `put` refuses at the bound."""

    def __init__(self, *, held_at: int = HELD_AT, most: int = BACKLOG_MAX) -> None:
        """Begin empty."""
        self.greatest = 0
        """Observations that ever waited at one time."""
        self._held_at, self._most = held_at, most
        self._waiting: deque[Observation] = deque()
        self._ended: BaseException | None = None
        self._wanted = False
        """Whether one waits for the next observation."""
        self._more = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def __len__(self) -> int:
        """Return how many observations wait."""
        return len(self._waiting)

    @property
    def held(self) -> bool:
        """Whether the socket must not be read now."""
        return not self._room.is_set()

    @property
    def ended(self) -> bool:
        """Whether nothing more is taken."""
        return self._ended is not None

    def put(self, observation: Observation) -> None:
        """Take an observation; after the end it is let go.

        Raises:
            BacklogFullError: The bound is reached.
        """
        self.require_room()
        self.put_all((observation,))

    def require_room(self) -> None:
        """Check the bound.

        Raises:
            BacklogFullError: It is reached.
        """
        if len(self._waiting) >= self._most and self._ended is None:
            msg = f"{self._most} observations wait to be sent"
            raise BacklogFullError(msg)

    def put_all(self, observations: Sequence[Observation]) -> None:
        """Take what belongs together, such as a frame's, and may lead beyond the bound; after the end it is let go."""
        if not observations or self._ended is not None:
            return
        self._waiting.extend(observations)
        count = len(self._waiting)
        if count > self.greatest:  # noqa: PLR1730 - once a frame, and `max` costs thrice as much
            self.greatest = count
        if self._wanted:
            self._more.set()
        if count >= self._held_at:
            self._room.clear()

    def end(self, why: BaseException) -> None:
        """Take nothing more; ``why`` is raised behind the last observation. Only the first end counts."""
        if self._ended is None:
            self._ended = why
        self._more.set()
        self._room.set()

    async def room(self) -> None:
        """Return when the socket may be read."""
        await self._room.wait()

    async def take(self) -> Observation:
        """Return the oldest observation, waiting for one.

        Raises:
            BaseException: What ended the session, once nothing waits any more.
        """
        while not self._waiting:
            if self._ended is not None:
                raise self._ended
            self._more.clear()
            self._wanted = True
            try:
                await self._more.wait()
            finally:
                self._wanted = False
        observation = self._waiting.popleft()
        if len(self._waiting) < self._held_at:
            self._room.set()
        return observation
