"""One transaction per partition and checkpoint: outputs, state and offsets together, or nothing.

The transactional id belongs to the partition number, so that starting a producer fences whoever had the
partition before: a process that lost it without knowing cannot write any more.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from aiokafka import AIOKafkaProducer, TopicPartition

from topics.outbox import BATCH_BYTES_MAX, OutRecord, send
from topics.settings import BrokerSettings

from .port import Checkpoint, Fatal, Observer, PartitionProgram
from .undecided import encode_written, written_key

INTERVAL_S = 1.0
"""A checkpoint runs at least this often while records come, sooner when a window has closed."""
PAUSE_S = 0.1
"""And never closer than this to the one before."""
TRANSACTION_S = 30.0
"""A transaction that takes longer is aborted by the broker, and the process ends.

The clock runs on while the loop is busy: one heartbeat may end a day of windows, seconds of work. A dead owner's
transaction does not wait for it: whoever takes the partition over ends it at once.
"""
FLUSH_S = 10.0
"""And for the last one of a process that is told to end."""
START_S = 20.0
CLOSE_S = 3.0
"""For a producer to disconnect."""

Acknowledge = Callable[[], None]
Step = Callable[[str], None]
"""Called at each step of a checkpoint; the kill tests end the process there."""


def no_step(_name: str) -> None:
    """Do nothing: the step of every process but a kill test's."""


class Writer:
    """Writes the checkpoints of one partition."""

    def __init__(
        self,
        broker: BrokerSettings,
        partition: int,
        changelog: str,
        *,
        fatal: Fatal,
        observer: Observer,
        step: Step = no_step,
    ) -> None:
        """Make the producer; nothing is sent before `start`."""
        self.partition = partition
        self.program: PartitionProgram | None = None
        """None until the partition's state is loaded."""
        self.lock = asyncio.Lock()
        """Held while a transaction runs, and by the owner from revocation to assignment."""
        self.fresh = True
        """Whether it has not written anything yet: what it is given first need not wait for the interval."""
        self.acknowledge: list[Acknowledge] = []
        """What to call once everything folded so far is committed."""
        self._changelog = changelog
        self._fatal, self._observer, self._step = fatal, observer, step
        self._soon = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._last_s = 0.0
        self._places: set[TopicPartition] = set()
        """Where the last transaction wrote outputs."""
        self._producer = AIOKafkaProducer(
            **broker.client_options(),
            transactional_id=f"{broker.prefix}panes.{partition}",
            transaction_timeout_ms=int(TRANSACTION_S * 1000),
            acks="all",
            linger_ms=0,
            max_batch_size=BATCH_BYTES_MAX,
            max_request_size=BATCH_BYTES_MAX + 64 * 1024,
            request_timeout_ms=int(TRANSACTION_S * 1000),
        )

    async def start(self) -> None:
        """Fence the partition's former owner, and end its open transaction."""
        async with asyncio.timeout(START_S):
            await self._producer.start()

    async def end(self, places: Sequence[TopicPartition], *, commit: bool) -> None:
        """End what a former owner left open in these logs, by a transaction without a record of its own."""
        async with asyncio.timeout(START_S):
            await self._producer.begin_transaction()
            self._add(places)
            if commit:
                await self._producer.commit_transaction()
            else:
                await self._producer.abort_transaction()
        self._step("ended what was open: " + ("committed" if commit else "aborted"))

    def run(self, program: PartitionProgram) -> None:
        """Begin to write checkpoints of a loaded program."""
        self.program = program
        self._task = asyncio.create_task(self._loop(program), name=f"checkpoint-{self.partition}")

    def hurry(self) -> None:
        """Ask for a checkpoint now rather than at the next interval."""
        self._soon.set()

    async def flush(self) -> None:
        """Write a checkpoint of everything folded so far."""
        if self.program is not None:
            async with asyncio.timeout(FLUSH_S), self.lock:
                await self._write(self.program)

    async def close(self) -> None:
        """Write no more. An open transaction was ended before, or the process does not get here."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        # It may swallow a cancellation, as of a time-out, and wait on: it is left behind then.
        stopping = asyncio.create_task(self._producer.stop())
        await asyncio.wait({stopping}, timeout=CLOSE_S)
        if stopping.done() and (error := stopping.exception()) is not None:
            self._step(f"close: {error!r}")  # a producer that was fenced says so again here

    async def _loop(self, program: PartitionProgram) -> None:
        try:
            while True:
                await self._wait()
                async with self.lock:
                    self._last_s = time.monotonic()
                    async with asyncio.timeout(TRANSACTION_S):
                        await self._write(program)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - nothing may go on after a failed checkpoint
            self._fatal(f"the checkpoint of partition {self.partition} failed", error)

    async def _wait(self) -> None:
        """Return when a checkpoint is due."""
        left_s = self._last_s + INTERVAL_S - time.monotonic()
        # Not `wait_for`: on 3.11 it loses a cancellation that meets the event, and `close` waits for ever.
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.01, left_s)):
                await self._soon.wait()
        self._soon.clear()
        await asyncio.sleep(max(0.0, self._last_s + PAUSE_S - time.monotonic()))

    async def _write(self, program: PartitionProgram) -> None:
        """Commit what has changed. Folding goes on meanwhile: `take` is synchronous."""
        began_s = time.monotonic()
        checkpoint = program.take()
        if checkpoint is None:
            return
        folded, self.acknowledge = self.acknowledge, []
        await self._producer.begin_transaction()
        # The logs of the transaction before: should it have lost its end, it ends with this one, in all of them.
        self._add(self._places)
        self._step("begun")
        written = await send(self._producer, checkpoint.outputs)
        self._places = {TopicPartition(*place) for place in written}
        self._step("outputs written, state not")
        noted = encode_written({topic: offset for (topic, _), offset in written.items()})
        await send(self._producer, self._state(checkpoint, noted))
        self._step("all written, not committed")
        await self._producer.commit_transaction()
        self.fresh = False
        self._step("committed, not acknowledged")
        for acknowledge in folded:
            acknowledge()
        self._observer.checkpointed(
            self.partition,
            took_s=time.monotonic() - began_s,
            entries=len(checkpoint.entries),
            outputs=len(checkpoint.outputs),
        )

    def _state(self, checkpoint: Checkpoint, written: bytes) -> list[OutRecord]:
        """Return the state's records. What was written comes last: where it stands, all of it stands."""
        entries = [*checkpoint.entries, (written_key(self.partition), written)]
        return [OutRecord(self._changelog, self.partition, key, value) for key, value in entries]

    def _add(self, places: Iterable[TopicPartition]) -> None:
        """Let the transaction end in these logs too, whether or not it writes there; aiokafka has no word for it."""
        for place in places:
            self._producer._txn_manager.maybe_add_partition_to_txn(place)  # noqa: SLF001
