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
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams.metrics import COLLECT
from streams.outbox import BATCH_BYTES_MAX, OutRecord, send
from topics import Kind
from topics.broker import BrokerSettings

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

log = structlog.get_logger()


class Sender:
    """Sends records until every one is acknowledged, over as many producers as that takes."""

    def __init__(self, broker: BrokerSettings, on_resend: Callable[[], None]) -> None:
        """Connect on the first send."""
        self._broker, self._on_resend = broker, on_resend
        self._producer: AIOKafkaProducer | None = None

    async def deliver(self, records: list[OutRecord]) -> None:
        """Return when all are acknowledged: idempotent producer, all replicas.

        After a failure the whole list is sent again by a new producer: one that has failed may be unable
        to send anything more.
        """
        async for attempt in stamina.retry_context(
            on=KafkaError, attempts=None, timeout=None, wait_initial=0.1, wait_max=5.0
        ):
            with attempt:
                if attempt.num > 1:
                    self._on_resend()
                    await self.close()
                await send(await self._connected(), records)

    async def close(self) -> None:
        """Disconnect."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(KafkaError):
                await producer.stop()

    async def _connected(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                **self._broker.client_options(),
                enable_idempotence=True,
                acks="all",
                linger_ms=0,
                max_batch_size=BATCH_BYTES_MAX,
                max_request_size=BATCH_BYTES_MAX + 64 * 1024,
            )
            self._producer = producer
            await producer.start()
        return self._producer


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
        self._sender = Sender(broker, self._metrics.resends.inc)
        self._next_beat_s = self._next_changed_s = self._next_every_s = monotonic_s()

    async def run(self, stop: asyncio.Event) -> None:
        """Collect until the source is finished, or until told to stop; then send what was taken.

        Raises:
            Exception: Whatever the source raised that is no `SourceError`: a defect.
        """
        reader = asyncio.create_task(self._read(), name=f"read-{self.source.name}")
        stopper = asyncio.create_task(self._stop_reading(stop, reader))
        try:
            while not (reader.done() and self.queue.empty()):
                await self._send_round()
            # Only a source that is finished is taken out of the clock; one that restarts will be back.
            finished = not reader.cancelled() and reader.exception() is None
            rest = self.outbound.heartbeats(closed=finished)
            rest += self.outbound.feed_statuses(self._now_ms(), every=True, closed=finished)
            await self._sender.deliver(rest)
        finally:
            for task in (reader, stopper):
                task.cancel()
            await asyncio.gather(reader, stopper, return_exceptions=True)
            await self._sender.close()
        if not reader.cancelled() and (error := reader.exception()) is not None:
            raise error

    async def _stop_reading(self, stop: asyncio.Event, reader: asyncio.Task[None]) -> None:
        await stop.wait()
        reader.cancel()

    async def _read(self) -> None:
        """Put what the source sees into the queue, until it is finished."""
        while not await self._session():
            pass

    async def _session(self) -> bool:
        """Read until the source is finished (True), or failed after it had worked (False: begin the waits anew)."""
        async for attempt in stamina.retry_context(
            on=SourceError, attempts=None, timeout=None, wait_initial=0.2, wait_max=30.0
        ):
            with attempt:
                worked = False
                try:
                    async with aclosing(self.source.observations()) as observations:  # type: ignore[type-var]
                        async for observation in observations:
                            worked = worked or not isinstance(observation, Link)
                            await self.queue.put(observation)
                except SourceError as error:
                    self._metrics.failures.inc()
                    log.warning("source failed", source=self.source.name, error=str(error))
                    await self.queue.put(Link(state="disconnected", reason=str(error)[:200]))
                    if worked:
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
            taken.append(await asyncio.wait_for(self.queue.get(), max(0.001, wait_s)))
        while len(taken) < ROUND_MAX and not self.queue.empty():
            taken.append(self.queue.get_nowait())
        return taken

    def _due(self, now_ms: int) -> list[OutRecord]:
        """Return the heartbeats and feed statuses whose time has come; they go behind the round's events."""
        now_s = self._monotonic_s()
        records: list[OutRecord] = []
        if now_s >= self._next_beat_s:
            self._next_beat_s = now_s + CADENCE_S[self.source.kind]
            records += self.outbound.heartbeats()
        if now_s >= self._next_changed_s:
            self._next_changed_s = now_s + CHANGED_S
            every = now_s >= self._next_every_s
            if every:
                self._next_every_s = now_s + EVERY_S
            records += self.outbound.feed_statuses(now_ms, every=every)
        return records
