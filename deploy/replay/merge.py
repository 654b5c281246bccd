"""Partitions put together in the order of their log timestamps, and when each record is due: PURE."""

import heapq
import math
from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Generic, Protocol, TypeVar

HELD_MAX = 2_000
"""Records of one partition that wait for their time or for other partitions; it is fed again below half."""


class Timed(Protocol):
    """What has a place in time."""

    @property
    def timestamp_ms(self) -> int | None:
        """The log's, in epoch milliseconds."""


P = TypeVar("P", bound=Hashable)
R = TypeVar("R", bound=Timed)


class Merge(Generic[P, R]):
    """Gives out the records of several partitions: each partition's in its order, the earliest of all first.

    A producer's clock may go back: what is earlier than the record before it follows that one at once.
    """

    def __init__(self, lengths: Mapping[P, int]) -> None:
        """Begin. ``lengths`` says how many records each partition will be fed."""
        self._places = [place for place, length in lengths.items() if length]
        self._left = {place: lengths[place] for place in self._places}
        self._queues: dict[P, deque[R]] = {place: deque() for place in self._places}
        self._heads: list[tuple[int, int]] = []
        """Of each partition that has something: the time of its next, and its number."""
        self._numbers = {place: number for number, place in enumerate(self._places)}
        self._bare = set(self._places)
        """Partitions with nothing here and more to come: nobody knows yet whose record is the earliest."""

    @property
    def is_done(self) -> bool:
        """Whether everything was fed and given out."""
        return not self._heads and not self._bare

    @property
    def first_ms(self) -> int | None:
        """The time of the next record; None while that is not known, or there is none."""
        return None if self._bare or not self._heads else self._heads[0][0]

    def hungry(self) -> list[P]:
        """Return the partitions that may be fed."""
        return [
            place
            for place in self._places
            if self._left[place] and len(self._queues[place]) < HELD_MAX // 2
        ]

    def feed(self, place: P, records: Iterable[R]) -> None:
        """Take the next records of a partition."""
        queue = self._queues[place]
        before = len(queue)
        queue.extend(records)
        self._left[place] -= len(queue) - before
        if queue and not before:
            self._bare.discard(place)
            heapq.heappush(self._heads, (queue[0].timestamp_ms or 0, self._numbers[place]))

    def take(self, until_ms: float) -> Iterator[R]:
        """Give out every record whose time is at most this, as far as the order is known."""
        while not self._bare and self._heads and self._heads[0][0] <= until_ms:
            _, number = self._heads[0]
            place = self._places[number]
            queue = self._queues[place]
            yield queue.popleft()
            if queue:
                heapq.heapreplace(self._heads, (queue[0].timestamp_ms or 0, number))
                continue
            heapq.heappop(self._heads)
            if self._left[place]:
                self._bare.add(place)


class Pace:
    """Log time as a straight line of wall time."""

    def __init__(self, speed: float | None) -> None:
        """Begin with the first record; without a speed everything is due at once."""
        self._speed = speed
        self._began: tuple[float, int] | None = None

    def until_ms(self, first_ms: int | None, now_s: float) -> float:
        """Return the log time up to which records are due: monotonic seconds of now."""
        if self._speed is None:
            return math.inf
        if self._began is None:
            if first_ms is None:
                return -math.inf
            self._began = (now_s, first_ms)
        began_s, began_ms = self._began
        return began_ms + (now_s - began_s) * 1000 * self._speed
