"""Every live stream of this process: each has its own bounded queue, so that none waits for another."""

import asyncio
from collections import Counter, deque
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

from .events import GAP, told_lines
from .tail import Happening, Tail

QUEUE_MAX = 2_000
"""Events that wait for one reader. They are shared: one costs a reader a few bytes."""


class Subscription:
    """What waits for one reader."""

    def __init__(self, topics: Collection[str], assets: Collection[str]) -> None:
        """Wait for records of these topics, and of these assets if there are any."""
        self.topics, self.assets = frozenset(topics), frozenset(assets)
        self.segments: dict[str, str] = {}
        """Of the cursor after the last record taken out."""
        self.too_slow = False
        """It did not keep up, and gets nothing more."""
        self.ended = False
        self._waiting: deque[Happening] = deque()
        self._woken = asyncio.Event()

    def offer(self, happening: Happening) -> bool:
        """Put a record into the queue; False: there is no room, and from now on there is nothing more."""
        if self.too_slow or self.ended:
            return True  # as it was
        if len(self._waiting) >= QUEUE_MAX:
            self.too_slow = True
            self._waiting.clear()
            self._woken.set()
            return False
        self._waiting.append(happening)
        self._woken.set()
        return True

    def end(self) -> None:
        """Have the stream end: the server stops."""
        self.ended = True
        self._woken.set()

    def wants(self, happening: Happening) -> bool:
        """Return whether a record is one that was asked for; one of no asset is, whatever the assets."""
        return not self.assets or not happening.asset or happening.asset in self.assets

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to wait for, and nothing left to take."""
        return self.too_slow or (self.ended and not self._waiting)

    async def wait(self, timeout_s: float) -> None:
        """Return when something waits, or after this time."""
        if not self._waiting and not self.is_over:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._woken.wait()
        self._woken.clear()

    def take(self, most: int) -> list[tuple[Happening, str]]:
        """Take records out, each with the cursor after it. Those not asked for only move the cursor."""
        taken: list[tuple[Happening, str]] = []
        while self._waiting and len(taken) < most:
            happening = self._waiting.popleft()
            self.segments[happening.topic] = happening.segment
            if self.wants(happening):
                taken.append((happening, self.cursor))
        return taken

    @property
    def cursor(self) -> str:
        """Where the reader is."""
        return "~".join(self.segments.values())


class Hub:
    """Gives each record to every stream that is of its topic."""

    def __init__(self) -> None:
        """Begin with no stream."""
        self.tail = Tail()
        self.counts: Counter[str] = Counter()
        """Streams opened, dropped as too slow, resumed from memory and from the log; records with a gap."""
        self._subscriptions: set[Subscription] = set()
        self._seats: Counter[str] = Counter()
        self._ended = False

    def __len__(self) -> int:
        return self._seats.total()

    def of_client(self, client: str) -> int:
        """Return how many streams one client has."""
        return self._seats[client]

    @contextmanager
    def seat(self, client: str) -> Iterator[None]:
        """Count a client's stream while it lasts."""
        self._seats[client] += 1
        try:
            yield
        finally:
            self._seats[client] -= 1
            if not self._seats[client]:
                del self._seats[client]

    def put(self, topic: str, partition: int, offset: int, *, asset: str, data: bytes) -> None:
        """Take a record that was read."""
        self._give(self.tail.put(topic, partition, offset, asset=asset, data=data))

    def jump(self, topic: str, partition: int, offset: int, why: str) -> None:
        """Take it that a log goes on at an offset, and tell every stream of it what it does not get."""
        before = self.tail.position((topic, partition))
        hole = {"topic": topic, "partition": partition, "from_offset": before, "to_offset": offset}
        self._give(self.tail.jump(topic, partition, offset, data=told_lines(GAP, **hole, why=why)))

    def _give(self, happening: Happening | None) -> None:
        if happening is None:
            return
        for subscription in self._subscriptions:
            if happening.topic in subscription.topics and not subscription.offer(happening):
                self.counts["dropped"] += 1

    def subscribe(self, topics: Collection[str], assets: Collection[str]) -> Subscription:
        """Open a stream at where the logs are now."""
        subscription = Subscription(topics, assets)
        subscription.segments = {t: s for t, s in self.tail.segments.items() if t in topics}
        if self._ended:
            subscription.end()
        self._subscriptions.add(subscription)
        self.counts["opened"] += 1
        return subscription

    def leave(self, subscription: Subscription) -> None:
        """Close a stream."""
        self._subscriptions.discard(subscription)

    def end(self) -> None:
        """End every stream, and those that are opened yet: the server stops."""
        self._ended = True
        for subscription in self._subscriptions:
            subscription.end()
