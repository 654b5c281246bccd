"""The two places a value is kept in: this process's memory, and Redis."""

from collections.abc import Callable
from contextlib import suppress
from typing import Generic, Literal, TypeVar

import structlog
from msgspec import Struct

from agents.metrics import AGENT
from agents.redis import NoAnswerError, RefusedError

from .codec import Entry, Unreadable, pack, unpack
from .flights import Check
from .key import lease_name
from .lease import DECLINED
from .lifetime import Lifetime
from .local import LocalCache
from .store import Store

T = TypeVar("T")
Source = Literal["l1", "redis", "joined"]

log = structlog.get_logger()


class Found(Struct, Generic[T], frozen=True):
    """A value, as the caller's check gave it."""

    value: T
    source: Source
    age_ms: int
    stale: bool = False
    """Beyond its time; only who asks for such a value gets one."""


class Levels:
    """Looks for a value and keeps it."""

    def __init__(
        self,
        local: LocalCache,
        store: Store | None,
        lifetime: Lifetime,
        *,
        now_ms: Callable[[], int],
    ) -> None:
        """Take both places; without a store there is one."""
        self._local, self._store, self._lifetime = local, store, lifetime
        self._now_ms = now_ms

    @property
    def entries(self) -> int:
        """Values in this process's memory."""
        return len(self._local)

    def peek(self, name: str, check: Check[T]) -> Found[T] | None:
        """Return a value of this process's memory that is fresh."""
        here = self.judged(name, self._local.get(name, self._now_ms()), check, "l1")
        return None if here is None or here.stale else here

    async def look(self, name: str, check: Check[T], *, stale: bool) -> Found[T] | str:
        """Return a value that is fresh, or ``stale`` if that will do; else why there is none."""
        here = self.judged(name, self._local.get(name, self._now_ms()), check, "l1")
        if here is not None and not here.stale:
            return here
        entry = await self.shared(name)
        there = self.judged(name, entry, check, "redis")
        if entry is not None and there is None:
            await self._delete(name)
        if entry is not None and there is not None and not there.stale:
            self._remember(name, entry)
            return there
        beyond = [found for found in (here, there) if found is not None]
        if not beyond:
            return "absent"
        return min(beyond, key=lambda found: found.age_ms) if stale else "expired"

    async def fresh(self, name: str) -> Entry | None:
        """Return what Redis holds, if it is fresh; who uses it checks it.

        It is remembered, as whoever waits for it asks for it here.
        """
        entry = await self.shared(name)
        if entry is None or not self._is_fresh(name, entry):
            return None
        self._remember(name, entry)
        return entry

    async def shared(self, name: str) -> Entry | None:
        """Return what Redis holds; what nobody can read is counted and deleted."""
        if self._store is None:
            return None
        try:
            packed = await self._store.get(name)
        except RefusedError:
            await self._refuse(name, "no_value")
            return None
        except NoAnswerError:
            return None
        if not packed:
            return None
        entry = unpack(name, packed, self._now_ms())
        if isinstance(entry, Unreadable):
            await self._refuse(name, entry.why)
            return None
        return entry

    async def keep(self, name: str, entry: Entry, *, shared: bool) -> bool:
        """Keep a value in both places, as far as they go; return False where it is too long for either.

        Where there is a Redis but the value is not ``shared``, nobody knows the epoch: none would look under this name.
        """
        packed = pack(name, entry)
        if packed is None:
            AGENT.cache_refused.labels("too_long").inc()
            return False
        if self._store is not None and not shared:
            return True
        self._remember(name, entry)
        if self._store is not None:
            with suppress(NoAnswerError):  # counted by the store; here it is kept all the same
                await self._store.put(name, packed, self._lifetime.kept_ms(name))
        return True

    def decline(self, name: str, for_ms: int) -> None:
        """Remember that nobody is to make a value for so long."""
        now_ms = self._now_ms()
        self._put(lease_name(name), Entry(DECLINED, now_ms), now_ms + for_ms)

    def is_declined(self, name: str) -> bool:
        """Return whether nobody is to make a value, as far as this process knows."""
        return self._local.get(lease_name(name), self._now_ms()) is not None

    def forget(self, name: str) -> None:
        """Drop a value from this process's memory."""
        self._local.drop(name)
        self._measure()

    def judged(
        self, name: str, entry: Entry | None, check: Check[T], source: Source
    ) -> Found[T] | None:
        """Return a value if its caller's check takes it; what it does not take is counted."""
        if entry is None:
            return None
        value = check(entry.value)
        if value is None:
            AGENT.cache_refused.labels("unfit").inc()
            self.forget(name)
            return None
        stale = not self._is_fresh(name, entry)
        return Found(value, source, entry.age_ms(self._now_ms()), stale)

    def _is_fresh(self, name: str, entry: Entry) -> bool:
        return entry.age_ms(self._now_ms()) < self._lifetime.fresh_ms(name)

    def _remember(self, name: str, entry: Entry) -> None:
        self._put(name, entry, entry.made_ms + self._lifetime.kept_ms(name))

    def _put(self, name: str, entry: Entry, until_ms: int) -> None:
        before = self._local.evictions
        self._local.put(name, entry, until_ms=until_ms, now_ms=self._now_ms())
        AGENT.cache_local_evictions.inc(self._local.evictions - before)
        self._measure()

    def _measure(self) -> None:
        AGENT.cache_local_bytes.set(self._local.size)
        AGENT.cache_local_entries.set(len(self._local))

    async def _refuse(self, name: str, why: str) -> None:
        AGENT.cache_refused.labels(why).inc()
        log.warning("the cache's Redis holds what is no value; it is deleted", name=name, why=why)
        await self._delete(name)

    async def _delete(self, name: str) -> None:
        if self._store is not None:
            with suppress(NoAnswerError):
                await self._store.delete(name)
