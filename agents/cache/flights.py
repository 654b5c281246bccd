"""Values that are being made: one call for all who want the same, in this process and among all."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Generic, TypeVar

from msgspec import Struct

from .codec import Entry

T = TypeVar("T")
D = TypeVar("D")
Check = Callable[[bytes], T | None]
"""Return a value as it is used, or None where it is not fit to be. It must not depend on the moment, and not raise."""


class Filled(Struct, Generic[D], frozen=True):
    """A value was made."""

    value: bytes
    detail: D
    """Handed to whoever made it."""


class Unfilled(Struct, Generic[D], frozen=True):
    """None was made."""

    reason: str
    """One word in small letters."""
    detail: D
    declined: bool = False
    """The model refused, or its answer could not be used: nobody asks again for a while."""
    again: bool = False
    """Who asked comes again, as where it has to wait for its turn: it was no lookup yet."""


Make = Callable[[], Awaitable[Filled[D] | Unfilled[D]]]
"""Make a value. It bounds its own time, and goes on when its caller is gone."""


class Waiter(Struct, eq=False):
    """One who waits for a value, and would make it."""

    check: Check[Any]
    make: Make[Any]
    until_s: float


class Landed(Struct, frozen=True):
    """What became of a flight."""

    entry: Entry | None = None
    reason: str = ""
    """Where there is no value."""
    leader: Waiter | None = None
    """Whose make was used."""
    detail: Any = None
    """For the leader."""
    again: bool = False
    taken_over: bool = False


class Flight:
    """One value on its way, and those who wait for it."""

    def __init__(self, fly: "Callable[[Flight], Coroutine[Any, Any, Landed]]") -> None:
        """Begin; it does nothing before who begins it has joined."""
        self.leader: Waiter | None = None
        """Whose make is used."""
        self._waiting: list[Waiter] = []
        self.task = asyncio.create_task(fly(self))

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @property
    def until_s(self) -> float:
        """How long anybody waits, by the monotonic clock."""
        return max((waiter.until_s for waiter in self._waiting), default=float("-inf"))

    def join(self, waiter: Waiter) -> None:
        """Wait for it."""
        self._waiting.append(waiter)

    def leave(self, waiter: Waiter) -> None:
        """Wait no more."""
        self._waiting.remove(waiter)

    def lead(self) -> Waiter | None:
        """Return who makes the value, of those who wait the one who came first; None where nobody does any more."""
        self.leader = self._waiting[0] if self._waiting else None
        return self.leader
