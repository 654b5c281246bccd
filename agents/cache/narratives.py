"""What was paid for once, said again to whoever asks the same.

A lookup goes through this process's memory, then Redis. What nobody has is made once: those who want the same wait
for the one who makes it. Without Redis there are misses, never errors. Whoever asks checks each value again, wherever
it comes from. Operators' orders, a new epoch or a tombstone, hold everywhere within `board.KNOWN_S`.
"""

from collections.abc import Callable
from typing import Final, Generic, Literal, TypeVar

import structlog
from msgspec import Struct

from agents.metrics import AGENT
from agents.redis import NoAnswerError
from agents.settings import CacheSettings

from .board import Board
from .flights import Check, Landed, Make, Waiter
from .key import Key, name_of
from .levels import Found, Levels
from .lifetime import lifetime_of
from .local import LocalCache
from .making import Making
from .orders import Orders
from .store import Store

T = TypeVar("T")
D = TypeVar("D")
_NEVER: Final = Orders(epoch=0)
"""Where nobody knows what stands: an epoch that no worker ever shares."""
_WORDS: Final = frozenset(
    (
        *("absent", "expired", "declined", "tombstoned", "cleared", "unknown"),
        *("asked", "deadline", "leader_lost", "flights_full", "nobody_waits", "closed", "unfit"),
    )
)
"""Why a lookup missed, as it is counted; what a make says is counted as `not_made`."""

log = structlog.get_logger()


class Made(Struct, Generic[D], frozen=True):
    """The caller's own make was used, and this is its detail, whether there is a value or not."""

    detail: D
    taken_over: bool = False
    """Another worker had begun, and died or let it be."""
    again: bool = False
    """The make has to be waited for: it was no lookup yet."""


class Absent(Struct, frozen=True):
    """There is no value, and the caller's make was not used."""

    reason: str
    again: bool = False
    """Whoever was to make it has to wait for its turn: the caller may as well come again."""


class NarrativeCache:
    """The cache of one process."""

    def __init__(
        self,
        settings: CacheSettings,
        store: Store | None,
        *,
        prefix: str,
        now_ms: Callable[[], int],
    ) -> None:
        """Begin empty. Without a store each process has what it made itself. ``prefix`` is the pipeline's."""
        self._prefix, self._store, self._now_ms = prefix, store, now_ms
        self._lifetime = lifetime_of(settings)
        self._levels = Levels(
            LocalCache(settings.local_bytes_max), store, self._lifetime, now_ms=now_ms
        )
        self._board = Board(store, now_ms=now_ms)
        self._making = Making(
            self._levels,
            store,
            flights_max=settings.flights_max,
            lease_s=settings.lease_s,
            declined_s=settings.declined_s,
            now_ms=now_ms,
        )

    @property
    def state(self) -> Literal["own", "shared", "away"]:
        """Whether values are shared with other processes; `away`: for now they cannot be."""
        if self._store is None:
            return "own"
        return "away" if self._board.lost else "shared"

    @property
    def entries(self) -> int:
        """Values in this process's memory."""
        return self._levels.entries

    @property
    def waiting(self) -> int:
        """How many wait for a value that is being made."""
        return self._making.waiting

    async def begin(self) -> None:
        """Look at what Redis does with its memory; one that does not answer yet is none of a start's business.

        Raises:
            CacheError: It is not one for a cache.
        """
        if self._store is None:
            return
        try:
            loud = await self._store.check_policy()
        except NoAnswerError as error:
            loud = f"the cache's Redis does not say what it does with its memory: {error}"
        if loud is not None:
            log.warning(loud)

    async def follow(self) -> None:
        """Read what stands against values again and again until cancelled, so that `peek` knows it."""
        await self._board.follow()

    async def get(
        self,
        key: Key,
        check: Check[T],
        make: Make[D] | None = None,
        *,
        until_s: float,
        stale: bool = False,
    ) -> Found[T] | Made[D] | Absent:
        """Return a value that ``check`` takes, or what became of ``make``, which is called at most once by all.

        ``until_s`` is when the caller needs its answer, by the monotonic clock; its own make is waited for longer.
        Without ``make`` nothing is made. ``stale``: one that is beyond its time will do, as while a breaker is open.

        Raises:
            Exception: Whatever the caller's own ``make`` raised.
        """
        told = await self.find(key, check, make, until_s=until_s, stale=stale)
        match told:
            case Made(again=False):
                self.miss("asked")
            case Absent(reason, again=False):
                self.miss(reason)
        return told

    def miss(self, reason: str) -> None:
        """Count a lookup that missed."""
        AGENT.cache_lookups.labels("miss").inc()
        AGENT.cache_misses.labels(reason if reason in _WORDS else "not_made").inc()

    async def find(
        self,
        key: Key,
        check: Check[T],
        make: Make[D] | None = None,
        *,
        until_s: float,
        stale: bool = False,
    ) -> Found[T] | Made[D] | Absent:
        """Do as `get` does, but for a miss, which the caller counts if nothing else is found for it.

        Raises:
            Exception: Whatever the caller's own ``make`` raised.
        """
        known = await self._board.orders()
        orders = known or _NEVER
        name = name_of(self._prefix, orders.epoch, key.word)
        if orders.bars(key.word, self._now_ms()):
            return self._barred(name)
        looked: Found[T] | str = "unknown"
        if known is not None:
            looked = await self._levels.look(name, check, stale=stale)
        if isinstance(looked, Found):
            AGENT.cache_lookups.labels("stale" if looked.stale else looked.source).inc()
            return looked
        if self._levels.is_declined(name):
            return Absent("declined")
        if make is None:
            return Absent(looked)
        waiter = Waiter(check, make, until_s)
        landed = await self._making.once(name, waiter, shared=known is not None)
        if landed.leader is waiter:
            return Made(landed.detail, landed.taken_over, landed.again)
        return await self._joined(key, name, check, landed, orders)

    async def look(self, key: Key, check: Check[T], *, stale: bool = False) -> Found[T] | None:
        """Return a value that ``check`` takes, if there is one. What is not found is counted by no name."""
        orders = await self._board.orders()
        if orders is None or orders.bars(key.word, self._now_ms()):
            return None
        looked = await self._levels.look(
            name_of(self._prefix, orders.epoch, key.word), check, stale=stale
        )
        if isinstance(looked, str):
            return None
        AGENT.cache_lookups.labels("stale" if looked.stale else looked.source).inc()
        return looked

    def peek(self, key: Key, check: Check[T]) -> Found[T] | None:
        """Return a fresh value of this process's memory, if what stands against it is known; nobody waits, nothing is counted."""
        orders = self._board.known()
        if orders is None or orders.bars(key.word, self._now_ms()):
            return None
        return self._levels.peek(name_of(self._prefix, orders.epoch, key.word), check)

    async def drop(self, key: Key) -> bool:
        """Let nothing be said under a key any more; return whether all workers will know of it.

        It holds until nobody can have a value of before; nobody is asked meanwhile.
        """
        orders = await self._board.orders() or _NEVER
        name = name_of(self._prefix, orders.epoch, key.word)
        self._levels.forget(name)
        until_ms = self._lifetime.barred_until_ms(self._now_ms())
        return await self._board.bar(key.word, name, until_ms)

    async def close(self) -> None:
        """End what is under way, and disconnect."""
        await self._making.close()
        await self._board.close()
        if self._store is not None:
            await self._store.close()

    def _barred(self, name: str) -> Absent:
        self._levels.forget(name)
        return Absent("tombstoned")

    async def _joined(
        self, key: Key, name: str, check: Check[T], landed: Landed, before: Orders
    ) -> Found[T] | Absent:
        """Return what another made, as the caller's check takes it, unless an order came meanwhile."""
        if landed.again:
            return Absent(landed.reason, again=True)
        if landed.entry is None:
            return Absent(landed.reason)
        orders = await self._board.orders() or before
        if orders.bars(key.word, self._now_ms()):
            return self._barred(name)
        if orders.epoch != before.epoch:
            return Absent("cleared")
        found = self._levels.judged(name, landed.entry, check, "joined")
        if found is None:
            return Absent("unfit")
        AGENT.cache_lookups.labels("joined").inc()
        return found
