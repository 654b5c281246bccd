"""Runs a source again after each defect of its own, which ends no other source of the process."""

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog
from msgspec import Struct

from topics import Kind
from topics.outbox import Sender
from topics.settings import BrokerSettings

from .metrics import COLLECT
from .outbound import Tally
from .past import Pasts
from .port import Clock, Preparing, Resuming, Source
from .runner import Runner, UnsentError
from .spill import Spill

WAIT_S, WAIT_S_MAX = 1.0, 300.0
"""Before a source that has a defect is started again: twice as long each time, less up to a half by chance."""
LASTED_S = 600.0
"""One that ran this long begins the waits anew."""
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


async def _told(stop: asyncio.Event, wait_s: float) -> bool:
    """Wait, and return whether told to stop meanwhile."""
    with suppress(TimeoutError):
        async with asyncio.timeout(wait_s):
            await stop.wait()
    return stop.is_set()
