"""Things by a time, to be taken when the time has come."""

from collections.abc import Hashable
from heapq import heappop, heappush
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class Timeline(Generic[T]):
    """A set of (time, thing), taken oldest time first."""

    def __init__(self) -> None:
        """Begin empty."""
        self._times: list[int] = []
        self._things: dict[int, set[T]] = {}

    def __len__(self) -> int:
        """How many things wait."""
        return sum(len(things) for things in self._things.values())

    def add(self, time_ms: int, thing: T) -> None:
        """Keep a thing until its time; twice the same is once."""
        if time_ms not in self._things:
            self._things[time_ms] = set()
            heappush(self._times, time_ms)
        self._things[time_ms].add(thing)

    def take_until(self, time_ms: int) -> list[tuple[int, T]]:
        """Return everything whose time is at most ``time_ms``, and keep it no more. In no order within one time."""
        taken: list[tuple[int, T]] = []
        while self._times and self._times[0] <= time_ms:
            at = heappop(self._times)
            taken.extend((at, thing) for thing in self._things.pop(at))
        return taken
