"""Rounds of records on their way to Kafka, in order; by way of the disk while Kafka is slow.

One round is delivered while the next is made ready. If it takes longer than `SPILL_AFTER_S`, it and all that follow
go to the spill, as far as there is room, and from there to Kafka when it answers; then rounds go straight again. A
source that can be held back has no spill: its rounds wait, and it with them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from topics.record import OutRecord

from .metrics import SourceMetrics
from .rounds import parts
from .spill import Spill

SPILL_AFTER_S = 2.0
"""A round that was not acknowledged for so long goes to the disk: a killed process would lose it."""
SYNC_S = 1.0
"""Between two times that what was written is forced to the disk."""
ROOM_S = 0.1
"""Between two looks for room, while there is none."""

log = structlog.get_logger()


class Outlet:
    """The way out of one source."""

    def __init__(
        self,
        deliver: Callable[[list[OutRecord]], Awaitable[None]],
        metrics: SourceMetrics,
        spill: Spill | None = None,
        *,
        unspilt: Callable[[OutRecord], bool] = lambda record: False,  # noqa: ARG005 - none by default
    ) -> None:
        """Take what sends. ``unspilt`` says of which records nobody needs an old one."""
        self._deliver, self._metrics, self._spill, self._unspilt = (
            deliver,
            metrics,
            spill,
            unspilt,
        )
        self._flight: asyncio.Task[None] | None = None
        self._flying: list[OutRecord] = []
        self._draining: asyncio.Task[None] | None = None
        self._syncing: asyncio.Task[None] | None = None
        self._held = self._skipped = False

    @property
    def spilling(self) -> bool:
        """Whether rounds go by way of the disk."""
        return self._spill is not None and not self._spill.empty

    @property
    def spill_bytes(self) -> int:
        """On disk."""
        return 0 if self._spill is None else self._spill.bytes

    async def send(self, records: list[OutRecord]) -> None:
        """Take the next round, when there is room for it.

        Raises:
            Exception: What Kafka will never take, of this round or one before.
        """
        self._failed()
        if self.spilling:
            await self._spilt(records)
            return
        if await self._flown():
            self._flying = records
            self._flight = asyncio.create_task(self._fly(records))
        else:
            await self._begin_spill(records)

    async def flush(self) -> None:
        """Return when everything was acknowledged.

        Raises:
            Exception: As `send`.
        """
        for task in (self._flight, self._draining):
            if task is not None:
                # Whoever waits may be cancelled; what is under way is then still to be parked.
                await asyncio.wait({task})
                task.result()

    def begin(self) -> None:
        """Send first what an earlier process left on the disk."""
        if self.spilling:
            self._drain()

    def park(self, records: list[OutRecord]) -> bool:
        """Put what is not acknowledged on the disk, and this; return whether all of it is there."""
        spill = self._spill
        if spill is None:
            return False
        left = (
            [] if not spill.empty or self._flight is None or self._flight.done() else self._flying
        )
        left = [record for record in [*left, *records] if not self._unspilt(record)]
        try:
            if not left or spill.append(left):
                spill.sync()
                return True
        except OSError as error:
            log.warning("cannot spill", error=str(error))
        return False

    async def close(self) -> None:
        """End what is under way; what is on the disk stays there."""
        tasks = [task for task in (self._flight, self._draining, self._syncing) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._spill is not None:
            with suppress(OSError):
                self._spill.sync()
            self._spill.close()

    async def _flown(self) -> bool:
        """Wait for the round under way; return False if it takes too long and there is a disk to go to."""
        if self._flight is None:
            return True
        timeout_s = None if self._spill is None else SPILL_AFTER_S
        await asyncio.wait({self._flight}, timeout=timeout_s)
        if not self._flight.done():
            return False
        self._flight.result()
        return True

    async def _fly(self, records: list[OutRecord]) -> None:
        for part in parts(records):
            await self._deliver(part)

    async def _begin_spill(self, records: list[OutRecord]) -> None:
        """Go to the disk with the round under way, which a killed process would lose, and with this one."""
        spill, flying = self._spill, [r for r in self._flying if not self._unspilt(r)]
        if spill is None:
            return
        if flying and self._append(spill, flying):
            spill.skip(len(flying))
            self._skipped = True
        self._drain()
        log.warning("spilling", records=len(flying))
        await self._spilt(records)

    async def _spilt(self, records: list[OutRecord]) -> None:
        spill = self._spill
        kept = [record for record in records if not self._unspilt(record)]
        if spill is None or not kept:
            return
        while not self._append(spill, kept):
            if spill.empty:  # the disk is broken, or smaller than a round: Kafka it must be
                await self.flush()
                self._flying, self._flight = records, asyncio.create_task(self._fly(records))
                return
            await asyncio.sleep(ROOM_S)
            self._failed()
        if self._draining is None or self._draining.done():
            self._drain()

    def _append(self, spill: Spill, records: list[OutRecord]) -> bool:
        try:
            done = spill.append(records)
        except OSError as error:
            done = False
            if not self._held:
                log.warning("cannot spill: the source is held back", error=str(error))
        if done:
            self._metrics.spilled.inc(len(records))
        elif not self._held:
            log.warning("spill is full: the source is held back", bytes=spill.bytes)
        self._held = not done
        self._metrics.spill_bytes.set(spill.bytes)
        return done

    def _drain(self) -> None:
        self._draining = asyncio.create_task(self._drained())
        if self._syncing is None or self._syncing.done():
            self._syncing = asyncio.create_task(self._synced())

    async def _drained(self) -> None:
        spill = self._spill
        if spill is None:
            return
        if self._flight is not None:
            await self._flight
        if self._skipped:
            self._skipped = False
            spill.acknowledged()
        while records := spill.take():
            for part in parts(records):
                await self._deliver(part)
            spill.acknowledged()
            self._metrics.spill_bytes.set(spill.bytes)
        spill.settle()
        self._metrics.spill_bytes.set(spill.bytes)

    async def _synced(self) -> None:
        while self.spilling:
            await asyncio.sleep(SYNC_S)
            if self._spill is not None:
                with suppress(OSError):
                    await asyncio.to_thread(self._spill.sync)

    def _failed(self) -> None:
        """Raise what ended the draining, if something did."""
        if self._draining is not None and self._draining.done():
            self._draining.result()
