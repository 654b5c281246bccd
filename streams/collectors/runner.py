"""Runs one source: holds it back, tries it again, and sends what it sees so that nothing is lost.

Records go out in rounds: a round is taken from the queue, sent, and acknowledged by every broker before the
next. A round that fails is sent again, whole, until it succeeds; meanwhile the queue fills and the source is
held back. (The fold drops what a second sending doubles.)
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing, suppress

import stamina
import structlog

from topics import Kind, PipelineError
from topics.outbox import OutRecord, Sender
from topics.settings import BrokerSettings

from .metrics import COLLECT
from .outbound import Outbound
from .port import Clock, Link, Observation, Source, SourceError

QUEUE_MAX = 10_000
"""Observations between the source and the sender; at the bound the source waits."""
ROUND_MAX = 2_000
"""Observations of one round."""
CADENCE_S: dict[Kind, float] = {
    "market": 0.25,
    "volume": 1.0,
    "social": 1.0,
    "development": 1.0,
}
"""Between heartbeats."""
CHANGED_S, EVERY_S = 1.0, 10.0
"""Feed status: what changed at most this often, and everything at least this often."""
WORKED_S = 10.0
"""A source that lasted this long has worked: its next failure begins the waits anew. One that yields something
and fails at once, over and over, must be waited for ever longer: venues ban who dials too often."""

WAIT_S_MAX = 3_600.0
"""Of what the other side asks us to wait; the next try tells it again if it meant more."""

STOP_S = 10.0
"""After a stop, for Kafka to take what was read."""

log = structlog.get_logger()


class UnsentError(PipelineError):
    """A source was stopped while Kafka was away: what it had read is not sent."""


class Runner:
    """One source, from its connection to the acknowledged record."""

    def __init__(
        self,
        source: Source,
        broker: BrokerSettings,
        *,
        epoch: int,
        now_ms: Clock,
        monotonic_s: Callable[[], float],
    ) -> None:
        """Prepare; nothing is read before `run`."""
        self.source = source
        self.outbound = Outbound(source.name, source.kind, broker, epoch=epoch)
        self.queue: asyncio.Queue[Observation] = asyncio.Queue(QUEUE_MAX)
        self._now_ms, self._monotonic_s = now_ms, monotonic_s
        self._metrics = COLLECT.of(source.name, source.kind)
        self._sender = Sender(broker, on_resend=self._metrics.resends.inc)
        self._ended: str | None = None
        self._next_beat_s = self._next_changed_s = self._next_every_s = monotonic_s()

    @property
    def state(self) -> str:
        """connecting, connected, stale, disconnected; at the end finished, stopped or failed."""
        return self._ended or self.outbound.link.state

    @property
    def words(self) -> str:
        """Why it is in that state."""
        return self.outbound.link.reason

    async def run(self, stop: asyncio.Event) -> None:
        """Collect until the source is finished, or until told to stop; then send what was taken.

        Raises:
            UnsentError: Told to stop, and Kafka did not take what was left in time.
            Exception: Whatever the source raised that is no `SourceError`: a defect.
        """
        reader = asyncio.create_task(self._read(), name=f"read-{self.source.name}")
        sending = asyncio.create_task(self._send_all(reader), name=f"send-{self.source.name}")
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({sending, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set():
                reader.cancel()
            await asyncio.wait({sending}, timeout=STOP_S if stop.is_set() else None)
            if not sending.done():
                msg = (
                    f"{self.source.name}: Kafka took nothing for {STOP_S:.0f} s after the stop; a round and"
                    f" {self.queue.qsize()} observations were not sent. The next start finds the hole"
                )
                raise UnsentError(msg)
            sending.result()
        finally:
            for task in (reader, sending, stopping):
                task.cancel()
            await asyncio.gather(reader, sending, stopping, return_exceptions=True)
            await self._sender.close()
        if not reader.cancelled() and (error := reader.exception()) is not None:
            log.error("source failed for good", source=self.source.name, error=repr(error))
            raise error

    async def _send_all(self, reader: "asyncio.Task[None]") -> None:
        """Send what the reader puts into the queue, until it has ended and the queue is empty."""
        while not (reader.done() and self.queue.empty()):
            await self._send_round()
        # Only a source that is finished is taken out of the clock; one that restarts will be back.
        finished = not reader.cancelled() and reader.exception() is None
        now_ms = self._now_ms()
        # A closed source moves no watermark: first how far it came.
        rest = self.outbound.heartbeats(now_ms)
        if finished:
            rest += self.outbound.heartbeats(now_ms, closed=True)
        rest += self.outbound.feed_statuses(now_ms, every=True, closed=finished)
        await self._sender.deliver(rest)
        self._ended = "stopped" if reader.cancelled() else "finished" if finished else "failed"

    async def _read(self) -> None:
        """Put what the source sees into the queue, until it is finished."""
        while not await self._session():
            pass

    async def _session(self) -> bool:
        """Read until the source is finished (True), or fails after it has worked (False: begin the waits anew)."""
        async for attempt in stamina.retry_context(
            on=SourceError, attempts=None, timeout=None, wait_initial=0.2, wait_max=30.0
        ):
            with attempt:
                begun_s = self._monotonic_s()
                try:
                    async with aclosing(self.source.observations()) as observations:  # type: ignore[type-var]
                        async for observation in observations:
                            await self.queue.put(observation)
                except SourceError as error:
                    self._metrics.failures.inc()
                    log.warning("source failed", source=self.source.name, error=str(error))
                    await self.queue.put(Link(state="disconnected", reason=str(error)[:200]))
                    if error.wait_s is not None:
                        await asyncio.sleep(min(error.wait_s, WAIT_S_MAX))
                    if self._monotonic_s() - begun_s >= WORKED_S:
                        return False
                    raise
        return True

    async def _send_round(self) -> None:
        taken = await self._round()
        now_ms = self._now_ms()
        records: list[OutRecord] = []
        for observation in taken:
            records += self.outbound.take(observation, now_ms)
        await self._sender.deliver(records + self._due(now_ms))
        self._metrics.show(self.outbound.tally, self.queue.qsize())

    async def _round(self) -> list[Observation]:
        """Return what waits in the queue; at the latest when something else is due."""
        wait_s = min(self._next_beat_s, self._next_changed_s) - self._monotonic_s()
        taken: list[Observation] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.001, wait_s)):
                taken.append(await self.queue.get())
        while len(taken) < ROUND_MAX and not self.queue.empty():
            taken.append(self.queue.get_nowait())
        return taken

    def _due(self, now_ms: int) -> list[OutRecord]:
        """Return the heartbeats and feed statuses whose time has come; they go behind the round's events."""
        now_s = self._monotonic_s()
        records: list[OutRecord] = []
        if now_s >= self._next_beat_s:
            self._next_beat_s = now_s + CADENCE_S[self.source.kind]
            records += self.outbound.heartbeats(now_ms)
        if now_s >= self._next_changed_s:
            self._next_changed_s = now_s + CHANGED_S
            every = now_s >= self._next_every_s
            if every:
                self._next_every_s = now_s + EVERY_S
            records += self.outbound.feed_statuses(now_ms, every=every)
        return records
