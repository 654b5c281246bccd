"""Runs many sources in one process: each source's failure is its own, and a defect ends no other.

The sources of one entry belong together: one lease says which process runs them.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import structlog
from msgspec import Struct

from topics import Kind
from topics.outbox import Sender
from topics.settings import BrokerSettings

from .leading import Leadership
from .lease import Heard
from .metrics import COLLECT
from .outbound import Tally
from .past import Pasts
from .port import Clock, Preparing, Resuming, Source, SourceError
from .runner import Runner, UnsentError
from .spill import Spill

WAIT_S, WAIT_S_MAX = 1.0, 300.0
"""Before a source that has a defect is started again: twice as long each time, less up to a half by chance."""
LASTED_S = 600.0
"""One that ran this long begins the waits anew."""
FOLLOW_S = 1.0
"""Between two readings of the log by one that stands by."""
HEARD_MS_MAX = 5_000
"""What was read longer ago than this says nothing of who leads now."""
SENDERS_MAX = 8
"""Kafka's producers of a process; more sources than that share them."""

log = structlog.get_logger()


class Surroundings(Struct, frozen=True, kw_only=True):
    """What all sources of a process have in common."""

    broker: BrokerSettings
    now_ms: Clock
    monotonic_s: Callable[[], float]
    senders: Sequence[Sender]
    spill: Callable[[str, Kind], Spill] | None = None
    """Opens what a source has on disk; None where nothing may go there."""
    wait_s: float = WAIT_S
    wait_s_max: float = WAIT_S_MAX


class Supervised:
    """One source, started again after each defect."""

    def __init__(
        self, source: Source, make: Callable[[], Source], around: Surroundings, number: int
    ) -> None:
        """Take a source that was made, and how to make another in its place."""
        self.name: str = source.name
        self.kind: Kind = source.kind
        self.resumes = isinstance(source, Resuming)
        self.runner: Runner | None = None
        self.tally = Tally()
        self.defects = 0
        self._first: Source | None = source
        self._make, self._around = make, around
        self._sender = around.senders[number % len(around.senders)]
        self._metrics = COLLECT.of(source.name, source.kind)
        self._defect = ""

    @property
    def state(self) -> str:
        """As the runner's; connecting before there is one, failed between two."""
        if self._defect:
            return "failed"
        return "connecting" if self.runner is None else self.runner.state

    @property
    def words(self) -> str:
        """Why it is in that state."""
        return self._defect or ("" if self.runner is None else self.runner.words)

    @property
    def measures(self) -> dict[str, float]:
        """What it has done, as numbers."""
        runner = self.runner
        return {
            "sent": float(self.tally.sent),
            "refused": float(self.tally.refused),
            "gaps_detected": float(self.tally.gaps_detected),
            "gaps_filled": float(self.tally.gaps_filled),
            "gaps_permanent": float(self.tally.gaps_permanent),
            "defects": float(self.defects),
            "queued": 0.0 if runner is None else float(runner.queue.qsize()),
            "spill_bytes": 0.0 if runner is None else float(runner.outlet.spill_bytes),
            "through_ms": 0.0 if runner is None else float(runner.outbound.through_ms or 0),
            "last_event_ms": 0.0 if runner is None else float(runner.outbound.last_event_ms),
        }

    async def prepare(self) -> None:
        """Let the source do what takes time, before it is needed. A defect shows when it runs."""
        source, self._first = self._first or self._make(), None
        if isinstance(source, Preparing):
            with suppress(Exception):
                await asyncio.to_thread(source.prepare)
        self._first = source

    async def run(
        self, stop: asyncio.Event, epoch: int, pasts: Pasts, may_send: Callable[[], bool]
    ) -> None:
        """Run until finished or told to stop.

        Raises:
            UnsentError: Told to stop, and Kafka did not take what was left in time.
        """
        wait_s = self._around.wait_s
        while True:
            begun_s = self._around.monotonic_s()
            try:
                await self._once(stop, epoch, pasts, may_send)
            except UnsentError:
                raise
            except Exception as error:  # noqa: BLE001 - one source's defect is no other's
                self._failed(error)
            else:
                return
            if self._around.monotonic_s() - begun_s >= LASTED_S:
                wait_s = self._around.wait_s
            if await _told(stop, wait_s * random.uniform(0.5, 1.0)):  # noqa: S311 - no secret
                return
            wait_s = min(2 * wait_s, self._around.wait_s_max)

    async def _once(
        self, stop: asyncio.Event, epoch: int, pasts: Pasts, may_send: Callable[[], bool]
    ) -> None:
        source, self._first = self._first or self._make(), None
        around = self._around
        self.runner = Runner(
            source,
            around.broker,
            epoch=epoch,
            now_ms=around.now_ms,
            monotonic_s=around.monotonic_s,
            pasts=pasts,
            sender=self._sender,
            metrics=self._metrics,
            tally=self.tally,
            may_send=may_send,
            spill=self._spill(source),
        )
        self._defect = ""
        await self.runner.run(stop)

    def _spill(self, source: Source) -> Spill | None:
        holds = getattr(source, "holds", True)
        return (
            None
            if holds or self._around.spill is None
            else self._around.spill(self.name, self.kind)
        )

    def _failed(self, error: Exception) -> None:
        self.defects += 1
        self._metrics.defects.inc()
        self._defect = f"defect {self.defects}, will be started again: {error!r}"[:300]
        log.error("source has a defect", source=self.name, error=repr(error), exc_info=error)


class Entry:
    """One entry of the settings: its sources, and whether it is this process that runs them."""

    def __init__(
        self,
        name: str,
        sources: Sequence[Supervised],
        around: Surroundings,
        pasts: Pasts,
        *,
        epoch: int,
        leadership: Leadership | None,
    ) -> None:
        """Take its sources. ``epoch`` holds without a lease."""
        self.name, self.sources = name, sources
        self._around, self._pasts, self._epoch, self._leadership = around, pasts, epoch, leadership
        self._followed_ms: int | None = None
        """When the log was read last, since this one stands by."""
        self._expect()
        if leadership is not None:
            leadership.heard = self._heard

    @property
    def standby(self) -> str | None:
        """Why it does not collect, or None if it does."""
        leadership = self._leadership
        if leadership is None or leadership.leads():
            return None
        return leadership.lease.why or "another leads"

    @property
    def alone(self) -> bool:
        """Whether it leads without a lease."""
        return self._leadership is not None and self._leadership.state == "leads_alone"

    async def run(self, stop: asyncio.Event) -> None:
        """Run until all sources are finished, or told to stop.

        Raises:
            Exception: What a source could not send, the first of them.
        """
        if self._leadership is None:
            await self._sources(stop, self._epoch, lambda: True)
            return
        keeping = asyncio.create_task(self._leadership.keep(), name=f"lease-{self.name}")
        try:
            while await self._stand_by(self._leadership, stop):
                if await self._lead(self._leadership, stop):
                    return
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await self._leadership.leave()

    async def _stand_by(self, leadership: Leadership, stop: asyncio.Event) -> bool:
        """Read the log until this one leads; return False when told to stop before."""
        following = asyncio.create_task(self._follow(leadership), name=f"follow-{self.name}")
        won = asyncio.create_task(leadership.won())
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({won, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            won.cancel()
            stopping.cancel()
            if stop.is_set():
                following.cancel()
            # A reading under way is not broken off: it would have to begin anew.
            await asyncio.gather(following, won, stopping, return_exceptions=True)
        return not stop.is_set()

    async def _follow(self, leadership: Leadership) -> None:
        for source in self.sources:
            await source.prepare()
        while not leadership.leads():
            try:
                await self._pasts.follow()
                self._followed_ms = self._around.now_ms()
            except SourceError as error:
                log.warning("cannot follow", entry=self.name, error=str(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(FOLLOW_S):
                    await leadership.won()

    async def _lead(self, leadership: Leadership, stop: asyncio.Event) -> bool:
        """Run the sources; return whether they are finished, or False when the lease was lost."""
        epoch = leadership.lease.epoch or self._epoch
        COLLECT.leads.labels(self.name).set(1)
        may_send = partial(leadership.leads_in, epoch)
        running = asyncio.create_task(self._sources(stop, epoch, may_send))
        lost = asyncio.create_task(leadership.lost(epoch))
        try:
            await asyncio.wait({running, lost}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
                return True
            return False
        finally:
            COLLECT.leads.labels(self.name).set(0)
            for task in (running, lost):
                task.cancel()
            await asyncio.gather(running, lost, return_exceptions=True)
            self._expect()

    async def _sources(self, stop: asyncio.Event, epoch: int, may_send: Callable[[], bool]) -> None:
        outcomes = await asyncio.gather(
            *(source.run(stop, epoch, self._pasts, may_send) for source in self.sources),
            return_exceptions=True,
        )
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    def _expect(self) -> None:
        self._followed_ms = None
        for source in self.sources:
            self._pasts.expect(source.name, source.kind, keeps=source.resumes)

    def _heard(self) -> Heard | None:
        """Return what the log says, unless it was not read for a while, or is being read from far back."""
        now_ms, read_ms = self._around.now_ms(), self._followed_ms
        if read_ms is None or now_ms - read_ms > HEARD_MS_MAX:
            return None
        recalls = [self._pasts.waiting(source.kind, source.name) for source in self.sources]
        epoch = max((recall.epoch for recall in recalls if recall), default=-1)
        beaten = [recall.beaten_ms for recall in recalls if recall and recall.beaten_ms]
        return Heard(epoch, (now_ms - max(beaten, default=0)) / 1_000)


async def _told(stop: asyncio.Event, wait_s: float) -> bool:
    """Wait, and return whether told to stop meanwhile."""
    with suppress(TimeoutError):
        async with asyncio.timeout(wait_s):
            await stop.wait()
    return stop.is_set()
