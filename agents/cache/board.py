"""What stands against values, as this process knows it: never older than it may be, or not known."""

import asyncio
import time
from collections.abc import Callable

import structlog
from msgspec import Struct
from msgspec.structs import replace

from agents.metrics import AGENT
from agents.redis import NoAnswerError

from .orders import TOMBSTONES_MAX, Orders
from .store import Store

READ_S = 2.0
"""Orders older than this are read again before a value is said."""
KNOWN_S = 5.0
"""Older ones say nothing: without Redis nothing is said out of this process's memory either."""

log = structlog.get_logger()


class _Own(Struct):
    """A tombstone that this process put up."""

    name: str
    """Of the value under it."""
    until_ms: int
    told: bool = False
    """Whether Redis knows of it."""


class Board:
    """Orders, read when somebody needs them, by one for all."""

    def __init__(self, store: Store | None, *, now_ms: Callable[[], int]) -> None:
        """Know nothing yet. Without a store there are only this process's own tombstones."""
        self._store, self._now_ms = store, now_ms
        self._read = Orders(epoch=0)
        self._read_s = float("-inf")
        self._own: dict[str, _Own] = {}
        """By word, until they are among what is read."""
        self._reading: asyncio.Task[None] | None = None
        self.lost = False
        """Whether Redis did not answer when it was asked last."""

    async def orders(self) -> Orders | None:
        """Return what stands, or None where nobody knows."""
        if self._store is None:
            return self._all()
        if time.monotonic() - self._read_s > READ_S:
            if self._reading is None:
                self._reading = asyncio.create_task(self._look(self._store))
                self._reading.add_done_callback(self._looked)
            await asyncio.wait({self._reading})
        return self.known()

    def known(self) -> Orders | None:
        """Return what stands as it was read last, or None where that was too long ago."""
        if self._store is None or time.monotonic() - self._read_s <= KNOWN_S:
            return self._all()
        return None

    async def follow(self) -> None:
        """Keep it known until cancelled, for those who cannot wait to be told."""
        while True:
            await self.orders()
            await asyncio.sleep(READ_S)

    async def bar(self, word: str, name: str, until_ms: int) -> bool:
        """Put a tombstone over a key; return whether all workers will know of it."""
        now_ms = self._now_ms()
        self._own = {word: own for word, own in self._own.items() if own.until_ms > now_ms}
        if word not in self._own and len(self._own) >= TOMBSTONES_MAX:
            AGENT.cache_refused.labels("tombstone").inc()
            return False
        self._own[word] = _Own(name, until_ms)
        return self._store is None or await self._tell(self._store)

    async def close(self) -> None:
        """End what reads."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})

    async def _look(self, store: Store) -> None:
        asked_s = time.monotonic()
        try:
            await self._tell(store)
            told = {word: own for word, own in self._own.items() if own.told}
            self._read = await store.orders(self._now_ms())
            self._read_s = asked_s
            # What was told before it was read is among it; another of the same key may have come meanwhile.
            self._own = {w: own for w, own in self._own.items() if told.get(w) is not own}
        except NoAnswerError as error:
            if not self.lost:
                log.warning("the cache's Redis does not tell its orders", error=str(error))
            self.lost = True
        else:
            self.lost = False

    async def _tell(self, store: Store) -> bool:
        """Tell Redis of our tombstones; return whether it knows all of them."""
        now_ms = self._now_ms()
        for word, own in list(self._own.items()):
            if own.told:
                continue
            try:
                own.told = await store.bar(word, own.name, until_ms=own.until_ms, now_ms=now_ms)
            except NoAnswerError:
                return False
            if not own.told:
                AGENT.cache_refused.labels("tombstone").inc()
                return False
        return True

    def _all(self) -> Orders:
        if not self._own:
            return self._read
        own = {word: own.until_ms for word, own in self._own.items()}
        return replace(self._read, tombstones={**self._read.tombstones, **own})

    def _looked(self, reading: "asyncio.Task[None]") -> None:
        self._reading = None
        if not reading.cancelled() and (error := reading.exception()) is not None:
            log.error("reading the cache's orders failed", error=repr(error))
