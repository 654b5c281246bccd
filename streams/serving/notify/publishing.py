"""What the role writes: outcomes and dead letters, and what is done with once they are acknowledged."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from topics.record import OutRecord

ROUND_MAX = 500


class Outlet(Protocol):
    """Where records go."""

    async def deliver(self, records: list[OutRecord]) -> None:
        """Return when all are acknowledged."""


class _Outgoing(NamedTuple):
    records: Sequence[OutRecord]
    done: Callable[[], None]


class Publisher:
    """Writes in rounds, each acknowledged before what is in it counts as done."""

    def __init__(self, outlet: Outlet) -> None:
        """Begin with nothing to write."""
        self._outlet = outlet
        self._queue: asyncio.Queue[_Outgoing] = asyncio.Queue()
        self._idle = asyncio.Event()
        self._idle.set()

    def put(self, records: Sequence[OutRecord], done: Callable[[], None]) -> None:
        """Write this in its turn; ``done`` is called when it is acknowledged."""
        self._idle.clear()
        self._queue.put_nowait(_Outgoing(records, done))

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            taken = [await self._queue.get()]
            while len(taken) < ROUND_MAX and not self._queue.empty():
                taken.append(self._queue.get_nowait())
            await self._outlet.deliver([record for item in taken for record in item.records])
            for item in taken:
                item.done()
            if self._queue.empty():
                self._idle.set()

    async def drained(self) -> None:
        """Return when everything put so far is acknowledged."""
        await self._idle.wait()
