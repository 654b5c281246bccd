"""Runs one source: what the log says of it, then what it sees, sent so that nothing is lost.

Records go out in rounds: a round is taken from the queue, sent, and acknowledged by every broker before the
next is sent, which is made ready meanwhile. A round that fails is sent again, whole, until it succeeds; the queue
fills and the source is held back, or what it brings goes by way of the disk (`outlet.py`). (The fold drops what a
second sending doubles.)
"""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog

from topics import BY_NAME, Kind, PipelineError, raw_topic
from topics.outbox import OutRecord, Sender
from topics.settings import BrokerSettings

from .intake import GIVE_WAY_EVERY, WORKED_S, again, read_source
from .metrics import COLLECT, SourceMetrics
from .outbound import Outbound, Tally
from .outlet import Outlet
from .past import Pasts
from .port import Clock, Observation, Resuming, Source, SourceError
from .recall import Recall
from .spill import Spill
from .waiting import QUEUE_MAX, Waiting

__all__ = ["QUEUE_MAX", "WORKED_S", "Runner", "UnsentError"]

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
STOP_S = 10.0
"""After a stop, for Kafka to take what was read."""
PAST_WAIT_S_MAX = 5.0
"""Between two tries to read the past; without it nothing begins."""

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
        pasts: Pasts | None = None,
        sender: Sender | None = None,
        metrics: SourceMetrics | None = None,
        tally: Tally | None = None,
        may_send: Callable[[], bool] = lambda: True,
        spill: Spill | None = None,
    ) -> None:
        """Prepare; nothing is read before `run`.

        ``pasts`` reads what the log says of the source; without it nothing is known. A ``sender`` that is given is
        shared, and not closed. ``metrics`` and ``tally`` are those of who ran the source in this process before.
        ``may_send`` says whether this is still the process that may; when it is not, `run` is about to be cancelled.
        ``spill`` is where records go while Kafka is away, for a source that cannot be held back.
        """
        self.source = source
        self.outbound = Outbound(source.name, source.kind, broker, epoch=epoch)
        if tally is not None:
            self.outbound.tally = tally
        self.queue = Waiting()
        self._pasts, self._now_ms, self._monotonic_s = pasts, now_ms, monotonic_s
        self._metrics = metrics or COLLECT.of(source.name, source.kind)
        self._sender = sender or Sender(broker)
        self._broker = broker
        self._shared, self._may_send = sender is not None, may_send
        status = broker.topic("feed.status")
        self.outlet = Outlet(
            self._to_kafka,
            self._metrics,
            spill,
            unspilt=lambda record: record.topic == status,  # the next one says it all
        )
        self._spill = spill
        self._ready: list[OutRecord] = []
        """The round that the outlet has not taken."""
        self._ended: str | None = None
        self._defect = ""
        self._next_beat_s = self._next_changed_s = self._next_every_s = monotonic_s()

    @property
    def state(self) -> str:
        """connecting, connected, stale, disconnected; at the end finished, stopped or failed."""
        return self._ended or self.outbound.link.state

    @property
    def words(self) -> str:
        """Why it is in that state."""
        return self._defect or self.outbound.link.reason

    async def run(self, stop: asyncio.Event) -> None:
        """Collect until the source is finished, or until told to stop; then send what was taken.

        Raises:
            UnsentError: Told to stop, and Kafka did not take what was left in time.
            Exception: Whatever the source raised that is no `SourceError`: a defect.
        """
        name = self.source.name
        reader = asyncio.create_task(self._read(), name=f"read-{name}")
        sending = asyncio.create_task(self._send_all(reader), name=f"send-{name}")
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({sending, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set():
                reader.cancel()
            await asyncio.wait({sending}, timeout=STOP_S if stop.is_set() else None)
            if sending.done():
                sending.result()
            else:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
                self._park()
        except asyncio.CancelledError:
            await self._end(reader, sending, stopping)
            await (
                self._sender.abort()
            )  # nothing more may leave: neither what waits, nor by a try again
            raise
        finally:
            await self._end(reader, sending, stopping)
            if not self._shared:
                await self._sender.close()
        if not reader.cancelled() and (error := reader.exception()) is not None:
            raise error

    async def _end(self, *tasks: "asyncio.Task[Any]") -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.outlet.close()

    async def _read(self) -> None:
        """Learn what the log says, and then put what the source sees into the queue until it is finished."""
        if self._pasts is not None:
            await again(self._resume, SourceError, wait_max_s=PAST_WAIT_S_MAX)
        await read_source(self.source, self.queue, self._metrics, self._monotonic_s)

    async def _resume(self) -> None:
        if self._pasts is None:
            return
        keeps = isinstance(self.source, Resuming)
        recall = await self._pasts.recall(self.source.name, self.source.kind, keeps=keeps)
        await self._recall_spill(recall)
        for mark in self.outbound.resume(recall):
            await self.queue.put(mark)
        if isinstance(self.source, Resuming):
            self.source.resume(recall.past())
        log.info("past read", source=self.source.name, records=recall.records)
        self.outlet.begin()

    async def _recall_spill(self, recall: Recall) -> None:
        """What an earlier process left on the disk comes behind what the log holds."""
        if self._spill is None:
            return
        name = raw_topic(self.source.kind)
        topic, decode = self._broker.topic(name), BY_NAME[name].decoder().decode
        for number, record in enumerate(self._spill.records()):
            if record.topic == topic:
                recall.take(decode(record.value or b""), partition=record.partition, logged_ms=0)
            if number % GIVE_WAY_EVERY == 0:
                await asyncio.sleep(0)

    def _park(self) -> None:
        """Put on the disk what Kafka did not take in time.

        Raises:
            UnsentError: There is no room there, or no disk to go to.
        """
        left = self.queue.qsize()
        records = [*self._ready, *self._records(self.queue.take(left))]
        if not self.outlet.park(records):
            msg = (
                f"{self.source.name}: Kafka took nothing for {STOP_S:.0f} s after the stop; {left} observations"
                " and the rounds before them were not sent. The next start finds the hole"
            )
            raise UnsentError(msg)
        self._ended = "stopped"

    async def _send_all(self, reader: "asyncio.Task[None]") -> None:
        """Send what the reader puts into the queue, until it has ended and the queue is empty."""
        while not (reader.done() and self.queue.empty()):
            self._ready = self._records(await self._round())
            if self._ready:
                await self.outlet.send(self._ready)
                self._ready = []
            self._metrics.show(self.outbound.tally, self.queue.qsize())
        await self.outlet.flush()
        await self._send_end(reader)

    async def _send_end(self, reader: "asyncio.Task[None]") -> None:
        # Only a source that is finished is taken out of the clock; one that restarts will be back.
        error = None if reader.cancelled() else reader.exception()
        finished = not reader.cancelled() and error is None
        now_ms = self._now_ms()
        # A closed source moves no watermark: first how far it came.
        rest = self.outbound.heartbeats(now_ms)
        if finished:
            rest += self.outbound.heartbeats(now_ms, closed=True)
        rest += self.outbound.feed_statuses(now_ms, every=True, closed=finished)
        await self._to_kafka(rest)
        self._metrics.show(self.outbound.tally, self.queue.qsize())
        self._defect = f"defect: {error!r}"[:300] if error is not None else ""
        self._ended = "stopped" if reader.cancelled() else "finished" if finished else "failed"

    async def _to_kafka(self, records: list[OutRecord]) -> None:
        if not self._may_send():
            await asyncio.Event().wait()
        await self._sender.deliver(records, on_resend=self._metrics.resends.inc)

    async def _round(self) -> list[Observation]:
        """Return what waits in the queue; at the latest when something else is due."""
        wait_s = min(self._next_beat_s, self._next_changed_s) - self._monotonic_s()
        await self.queue.wait(max(0.001, wait_s))
        return self.queue.take(ROUND_MAX)

    def _records(self, taken: list[Observation]) -> list[OutRecord]:
        """Return the records of a round: what was seen, and behind it the heartbeats and statuses that are due."""
        now_ms, now_s = self._now_ms(), self._monotonic_s()
        records = self.outbound.take_all(taken, now_ms)
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
