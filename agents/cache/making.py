"""Values made once: by one of those who want it in this process, and by one of all processes.

A leader has a lease in Redis and renews it while it works; followers look for what it makes. A lease that lapses is
taken over once (`lease.py`). Without Redis each process makes its own.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from secrets import token_hex
from typing import Any

import structlog
from msgspec import Struct

from agents.metrics import AGENT
from agents.redis import NoAnswerError

from .codec import Entry
from .flights import Filled, Flight, Landed, Unfilled, Waiter
from .key import lease_name
from .lease import Following, GiveUp, Ready, TakeOver, follow, held, read_lease
from .levels import Levels
from .store import Store

POLL_S = 0.1
"""Between two looks of a follower; of each value one in a process looks, however many wait for it."""
RENEWALS = 3
"""Of a lease, in the time it would last: two may be lost."""

log = structlog.get_logger()


class _Lead(Struct, frozen=True):
    """This process is to make the value; ``lease`` is its own word in Redis, if it has one."""

    lease: bytes | None
    taken_over: bool = False


class _Ending(Struct):
    """How a lease ends."""

    declined: bool = False


class Making:
    """The flights of one process."""

    def __init__(
        self,
        levels: Levels,
        store: Store | None,
        *,
        flights_max: int,
        lease_s: float,
        declined_s: float,
        now_ms: Callable[[], int],
    ) -> None:
        """Take where values are kept, and how long a lease and a refusal last."""
        self._levels, self._store, self._now_ms = levels, store, now_ms
        self._flights_max, self._lease_s = flights_max, lease_s
        self._declined_ms = round(declined_s * 1000)
        self._flights: dict[str, Flight] = {}

    @property
    def waiting(self) -> int:
        """How many wait, for whatever value."""
        return sum(flight.waiting for flight in self._flights.values())

    async def once(self, name: str, waiter: Waiter, *, shared: bool) -> Landed:
        """Return what becomes of a value: made by this waiter, or by another of this process or, ``shared``, of all.

        Raises:
            Exception: Whatever this waiter's own make raised.
        """
        flight = self._flights.get(name)
        if flight is None:
            if len(self._flights) >= self._flights_max:
                return Landed(reason="flights_full")
            flight = self._begin(name, shared=shared)
        flight.join(waiter)
        try:
            return await self._landed(flight, waiter)
        finally:
            flight.leave(waiter)

    async def close(self) -> None:
        """End what is under way."""
        tasks = [flight.task for flight in self._flights.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, name: str, *, shared: bool) -> Flight:
        store = self._store if shared else None
        flight = self._flights[name] = Flight(lambda flight: self._fly(store, name, flight))
        flight.task.add_done_callback(lambda task: self._end(name, task))
        return flight

    def _end(self, name: str, task: "asyncio.Task[Landed]") -> None:
        del self._flights[name]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("a value could not be made", name=name, error=repr(error))

    async def _landed(self, flight: Flight, waiter: Waiter) -> Landed:
        """Wait as long as the waiter can; for a make of its own, until that ends."""
        task = flight.task
        await asyncio.wait({task}, timeout=max(0.0, waiter.until_s - time.monotonic()))
        if not task.done() and flight.leader is waiter:
            await asyncio.wait({task})
        if not task.done():
            return Landed(reason="deadline")
        if task.cancelled():
            return Landed(reason="closed")
        if task.exception() is not None and flight.leader is not waiter:
            return Landed(reason="failed")
        return task.result()

    async def _fly(self, store: Store | None, name: str, flight: Flight) -> Landed:
        if store is None:
            return await self._lead(None, name, flight, _Lead(None))
        decided = await self._decided(store, name, flight)
        if isinstance(decided, Landed):
            return decided
        return await self._lead(store, name, flight, decided)

    async def _decided(self, store: Store, name: str, flight: Flight) -> Landed | _Lead:
        """Return what another worker made, or that this one is to."""
        lease, mine = lease_name(name), held(token_hex(8))
        try:
            if await self._took(store, lease, mine):
                return await self._double_checked(store, name, _Lead(mine))
            return await self._followed(store, name, flight, mine)
        except NoAnswerError:
            return _Lead(None)

    async def _followed(
        self, store: Store, name: str, flight: Flight, mine: bytes
    ) -> Landed | _Lead:
        seen, lease = Following(), lease_name(name)
        while True:
            stands = read_lease(await store.lease(lease))
            entry = await self._levels.fresh(name)
            seen, step = follow(
                seen,
                stands,
                value_is_there=entry is not None,
                now_s=time.monotonic(),
                until_s=flight.until_s,
            )
            match step:
                case Ready():
                    return Landed(entry)
                case GiveUp(reason):
                    if reason == "declined":
                        self._levels.decline(name, self._declined_ms)
                    return Landed(reason=reason)
                case TakeOver():
                    if await self._took(store, lease, mine):
                        return await self._double_checked(store, name, _Lead(mine, taken_over=True))
            await asyncio.sleep(POLL_S)

    async def _took(self, store: Store, lease: str, mine: bytes) -> bool:
        return await store.take(lease, mine, round(self._lease_s * 1000))

    async def _double_checked(self, store: Store, name: str, lead: _Lead) -> Landed | _Lead:
        """Return what was made between the look for the value and the lease."""
        entry = await self._levels.fresh(name)
        if entry is None:
            return lead
        if lead.lease is not None:
            with suppress(NoAnswerError):  # then it ends by itself
                await store.leave(lease_name(name), lead.lease)
        return Landed(entry)

    async def _lead(self, store: Store | None, name: str, flight: Flight, lead: _Lead) -> Landed:
        """Make the value, unless nobody waits for it any more."""
        async with self._leased(store, name, lead.lease) as ending:
            leader = flight.lead()
            if leader is None:
                return Landed(reason="nobody_waits")
            AGENT.cache_taken_over.inc(lead.taken_over)
            made = await leader.make()
            shared = store is not None
            entry, reason, ending.declined = await self._kept(name, leader, made, shared=shared)
            if ending.declined:
                self._levels.decline(name, self._declined_ms)
            again = isinstance(made, Unfilled) and made.again
            return Landed(entry, reason, leader, made.detail, again, lead.taken_over)

    async def _kept(
        self, name: str, leader: Waiter, made: Filled[Any] | Unfilled[Any], *, shared: bool
    ) -> tuple[Entry | None, str, bool]:
        """Keep what was made; return it, else the reason, and whether nobody is to ask again for a while."""
        if isinstance(made, Unfilled):
            return None, made.reason, made.declined
        if leader.check(made.value) is None:
            AGENT.cache_refused.labels("unfit").inc()
            return None, "unfit", True
        entry = Entry(made.value, self._now_ms())
        return entry, "", not await self._levels.keep(name, entry, shared=shared)

    @asynccontextmanager
    async def _leased(
        self, store: Store | None, name: str, mine: bytes | None
    ) -> "AsyncIterator[_Ending]":
        """Renew our lease, if there is one, and end it afterwards: after the value is kept, as followers look."""
        ending = _Ending()
        if store is None or mine is None:
            yield ending
            return
        lease = lease_name(name)
        renewing = asyncio.create_task(self._renew(store, lease, mine))
        try:
            yield ending
        finally:
            renewing.cancel()
            with suppress(NoAnswerError):  # then it ends by itself
                if ending.declined:
                    await store.decline(lease, mine, self._declined_ms)
                else:
                    await store.leave(lease, mine)

    async def _renew(self, store: Store, lease: str, mine: bytes) -> None:
        lease_ms = round(self._lease_s * 1000)
        while True:
            await asyncio.sleep(self._lease_s / RENEWALS)
            with suppress(NoAnswerError):
                if not await store.renew(lease, mine, lease_ms):
                    return  # it lapsed, and somebody may have taken over; what is made here counts all the same
