"""Who owns which partition, from assignment to revocation."""

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from topics.errors import PipelineError
from topics.record import LogRecord
from topics.settings import BrokerSettings

from .checkpoint import Step, Writer, no_step
from .port import Fatal, Observer, ProgramFactory
from .store import StateLostError, load
from .undecided import settle, written_key

HOLD_S = 3.0
"""A transaction that outlives a revocation by this much ends the process."""

Place = tuple[str, int]


class Ownership:
    """One writer and one program for each partition number this worker owns."""

    def __init__(
        self,
        broker: BrokerSettings,
        source_topics: Collection[str],
        factory: ProgramFactory,
        *,
        fatal: Fatal,
        observer: Observer,
        outputs: Sequence[str],
        step: Step = no_step,
    ) -> None:
        """Own nothing yet. ``source_topics``, and ``outputs`` where programs write, are the broker's names."""
        self.source_topics = frozenset(source_topics)
        self.writers: dict[int, Writer] = {}
        self._broker, self._factory = broker, factory
        self.fatal: Fatal = fatal
        self._observer, self._step = observer, step
        self._outputs = tuple(outputs)
        self._starts: dict[Place, int] = {}
        self._generation: int | None = None
        self._held: list[Writer] = []
        self._moving = self._closed = False
        """Between revocation and assignment; and after the end."""

    @property
    def loaded(self) -> bool:
        """Whether partitions are assigned, loaded, and being read."""
        return bool(self.writers) and not self._moving

    def feed(self, topic: str, partition: int, records: Iterable[LogRecord]) -> Writer | None:
        """Give a slice to its program, and return the writer that will commit it; None if it is not ours."""
        writer = self.writers.get(partition)
        if writer is None or writer.program is None or self._closed:
            return None
        if writer.program.feed(topic, records) or writer.fresh:
            writer.hurry()
        return writer

    def positions(self) -> dict[Place, int]:
        """Return where to read on, by source topic and partition."""
        found: dict[Place, int] = {}
        for partition, writer in self.writers.items():
            if writer.program is None:
                continue
            known = writer.program.next_offsets()
            for topic in self.source_topics:
                place = (topic, partition)
                found[place] = known.get(topic, self._starts.get(place, 0))
        return found

    async def hold(self) -> None:
        """Let running transactions end and begin no other until the next assignment is taken."""
        if self._closed:  # what it commits at the end is all that is left
            return
        self._moving = True
        for writer in self.writers.values():
            if writer in self._held:
                continue
            try:
                async with asyncio.timeout(HOLD_S):
                    await writer.lock.acquire()
            except TimeoutError as error:
                self.fatal("a transaction outlived the revocation of its partition", error)
            self._held.append(writer)

    async def take(
        self, changelog: str, mine: set[int], sources: set[Place], generation: int
    ) -> dict[int, int]:
        """Own these partitions from now on, and return the end offset of each one's changelog.

        Any error ends the process: half an assignment is none. After `close` nothing is owned, and it ends
        anyway.
        """
        try:
            return await self._take(changelog, mine, sources, generation)
        except Exception as error:  # noqa: BLE001 - see above
            if not self._closed:  # else its writers were taken away meanwhile
                # What we say ourselves needs no traceback.
                defect = None if isinstance(error, PipelineError) else error
                self.fatal(f"the assignment of generation {generation} failed: {error}", defect)
            return {}

    async def close(self) -> None:
        """Commit everything folded so far, and own nothing any more.

        In the middle of a rebalance nothing is committed: the partitions may be another's, and what is not
        committed is read again.
        """
        self._closed = True
        if not self._moving:
            await asyncio.gather(*(writer.flush() for writer in self.writers.values()))
        writers, self.writers = list(self.writers.values()), {}
        await asyncio.gather(*(writer.close() for writer in writers))

    async def _take(
        self, changelog: str, mine: set[int], sources: set[Place], generation: int
    ) -> dict[int, int]:
        if self._closed:
            return {}
        began_s = time.monotonic()
        self._check_copartitioned(mine, sources)
        await self.hold()
        # A member of generation g and g + 1 lost nothing between them. After a jump others may have owned all.
        stayed = self._generation is not None and generation == self._generation + 1
        kept = {partition for partition in self.writers if partition in mine and stayed}
        gone = [
            self.writers.pop(partition) for partition in list(self.writers) if partition not in kept
        ]
        await asyncio.gather(*(writer.close() for writer in gone))
        new = sorted(mine - kept)
        for partition in new:
            self.writers[partition] = Writer(
                self._broker,
                partition,
                changelog,
                fatal=self.fatal,
                observer=self._observer,
                step=self._step,
            )
        # Fence first, then end what was left open, then ask for the ends, then load: nobody can write behind what is
        # loaded, and nothing becomes readable behind it.
        self._step("assigned, not fenced")
        await asyncio.gather(*(self.writers[partition].start() for partition in new))
        await settle(self._broker, changelog, self._outputs, new, self._end)
        self._step("fenced, not loaded")
        ends = await self._offsets(changelog, mine)
        loaded = await load(self._broker, changelog, new)
        for partition in new:
            loaded[partition].pop(written_key(partition), None)
            program = self._factory(partition, loaded[partition])
            self._check_sources(partition, program.next_offsets())
            self.writers[partition].run(program)
        self._step("loaded")
        self._generation = generation
        self._release()
        self._observer.assigned(
            sorted(mine),
            loaded_s=time.monotonic() - began_s,
            entries=sum(map(len, loaded.values())),
        )
        return ends

    async def _end(self, partition: int, places: Sequence[TopicPartition], *, commit: bool) -> None:
        await self.writers[partition].end(places, commit=commit)

    def _release(self) -> None:
        for writer in self._held:
            writer.lock.release()
        self._held, self._moving = [], False

    def _check_copartitioned(self, mine: set[int], sources: set[Place]) -> None:
        expected = {(topic, partition) for topic in self.source_topics for partition in mine}
        if sources != expected:
            odd = sorted(sources ^ expected)[:4]
            msg = f"source topics and state were not assigned together, for example {odd}"
            raise StateLostError(msg)

    async def _offsets(self, changelog: str, mine: set[int]) -> dict[int, int]:
        """Return the changelogs' end offsets, and note where each source's log begins and ends."""
        if not mine:
            return {}
        consumer = AIOKafkaConsumer(**self._broker.reader_options(), group_id=None)
        await consumer.start()
        try:
            logs = [TopicPartition(changelog, partition) for partition in mine]
            raw = [TopicPartition(t, p) for t in self.source_topics for p in mine]
            # All at once: a topic that is first heard of when its offsets are asked for costs a tenth of a second.
            consumer.assign([*logs, *raw])
            consumer.pause(*logs, *raw)
            ends = await consumer.end_offsets(logs)
            begins = await consumer.beginning_offsets(raw)
            self._starts = {(tp.topic, tp.partition): offset for tp, offset in begins.items()}
            return {tp.partition: offset for tp, offset in ends.items()}
        finally:
            await consumer.stop()

    def _check_sources(self, partition: int, next_offsets: Mapping[str, int]) -> None:
        for topic, offset in next_offsets.items():
            begin = self._starts.get((topic, partition), 0)
            if begin > offset:
                msg = (
                    f"state lost: {topic}/{partition} begins at offset {begin}, but the state goes on at"
                    f" {offset}. The records between are gone; replay into a new state"
                )
                raise StateLostError(msg)
