"""Which partitions of the aggregates are this worker's, and from where each is folded and decided."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from topics import PipelineError
from topics.closing import close_consumer
from topics.settings import BrokerSettings

from .ask.paid import PaidCalls
from .decide.answered import Said
from .decide.partition import PartitionDecider
from .decide.standing import Standing
from .settings import AgentSettings
from .tails import read_paid, read_said

GROUP = "agent"
SESSION_MS = 10_000
FETCH_BYTES = 512 * 1024
"""Of one partition: little is read ahead of what can be answered."""
COMMIT_WAIT_S = 3.0
"""aiokafka itself asks again for ever; what is not committed by then is committed the next time."""
BEHIND_S_MIN = 60.0
"""The first guess of how far the committed offset is behind."""

log = structlog.get_logger()


class Assignment(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """Makes a decider for each partition as it is assigned, and drops it when it is revoked.

    aiokafka logs what its listener raises and goes on as if nothing had been: a partition would be read and
    thrown away. So nothing is raised there; ``on_failed`` is told.
    """

    def __init__(
        self,
        settings: AgentSettings,
        broker: BrokerSettings,
        *,
        instance_id: str,
        now_ms: Callable[[], int],
        paid: PaidCalls | None = None,
        on_revoked: Callable[[Sequence[PartitionDecider]], Awaitable[None]],
        on_failed: Callable[[Exception], None],
    ) -> None:
        """Own nothing yet. ``on_revoked`` is waited for before what is finished is committed.

        ``paid`` takes the answers of a partition that were paid for before, and are not told of.
        """
        self.deciders: dict[int, PartitionDecider] = {}
        self._settings, self._broker, self._now_ms = settings, broker, now_ms
        self._instance_id, self._paid = instance_id, paid
        self._on_revoked, self._on_failed = on_revoked, on_failed
        self._topic = broker.topic("aggregates")
        self._assigned = asyncio.Event()
        self._tenures = 0
        self._consumer: AIOKafkaConsumer | None = None

    @property
    def consumer(self) -> AIOKafkaConsumer:
        """The group's member, once there is one."""
        if self._consumer is None:
            msg = "start comes first"
            raise RuntimeError(msg)
        return self._consumer

    @property
    def warm(self) -> bool:
        """Whether every partition of ours has been folded up to where it is decided."""
        return self._assigned.is_set() and all(d.warm for d in self.deciders.values())

    async def start(self) -> None:
        """Join the group, and return once partitions are assigned.

        Raises:
            aiokafka.errors.KafkaError: The broker cannot be reached.
        """
        self._consumer = AIOKafkaConsumer(
            **self._broker.reader_options(),
            group_id=self._broker.topic(GROUP),
            group_instance_id=self._instance_id,
            # Where the log was cut under us, aiokafka must say so and not jump over the hole.
            auto_offset_reset="none",
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=SESSION_MS // 4,
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_wait_ms=100,
        )
        self._consumer.subscribe([self._topic], listener=self)
        await self._consumer.start()

    async def stop(self) -> None:
        """Leave, if it was started."""
        if self._consumer is None:
            return
        await close_consumer(self._consumer)

    async def commit(self) -> None:
        """Commit what has been finished since the last time; what fails is committed the next time."""
        await self._commit(self.deciders.values())

    async def follow(self) -> None:
        """Take over the positions past records that are none, and make sure that nothing was deleted unread.

        Raises:
            PipelineError: It was. A restart goes on from where the log begins.
        """
        held = {self._place(partition): decider for partition, decider in self.deciders.items()}
        for place, decider in held.items():
            with suppress(IllegalStateError):  # revoked meanwhile
                position = await self.consumer.position(place)
                if self.deciders.get(place.partition) is decider:
                    decider.reach(position)
        try:
            begins = await self.consumer.beginning_offsets(list(held)) if held else {}
        except KafkaError as error:
            log.warning("the logs' beginnings are not known", error=repr(error))
            return
        for place, begin in begins.items():
            reached = held[place].next_offset
            if begin > reached and self.deciders.get(place.partition) is held[place]:
                msg = f"{place.topic}/{place.partition} was cut up to {begin}; it had been read to {reached}"
                raise PipelineError(msg)

    async def refuse_cut(self, asked: Mapping[TopicPartition, int]) -> None:
        """Take offsets the broker says are out of range. Before a partition's place is set, that is nothing.

        Raises:
            PipelineError: One of them was next to be read.
        """
        for place, offset in asked.items():
            if place.partition in self.deciders and await self.consumer.position(place) == offset:
                msg = f"{place.topic}/{place.partition} was cut: {offset}, the next to be read, is not there"
                raise PipelineError(msg)

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Forget these partitions; what is not committed another worker reads again."""
        self._assigned.clear()
        leaving = [
            self.deciders.pop(place.partition)
            for place in revoked
            if place.partition in self.deciders
        ]
        try:
            await self._on_revoked(leaving)
            await self._commit(leaving)
        except Exception as error:  # noqa: BLE001 - the worker ends by it
            self._on_failed(error)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Begin to read each partition a fixed horizon before where it is decided."""
        try:
            # aiokafka sends no heartbeat before this returns. What was said of the partitions may take longer to read
            # than a session lasts: the group would take them away, and give them back, and so for ever.
            self.consumer._coordinator._start_heartbeat_task()  # noqa: SLF001
            for place in assigned:
                self.deciders[place.partition] = await self._decider(place)
        except Exception as error:  # noqa: BLE001 - the worker ends by it
            self._on_failed(error)
        else:
            self._assigned.set()

    def _place(self, partition: int) -> TopicPartition:
        return TopicPartition(self._topic, partition)

    async def _commit(self, deciders: Iterable[PartitionDecider]) -> None:
        moved = {d: d.offsets.committable for d in deciders if d.offsets.has_moved}
        if not moved:
            return
        try:
            async with asyncio.timeout(COMMIT_WAIT_S):
                await self.consumer.commit(
                    {self._place(decider.partition): offset for decider, offset in moved.items()}
                )
        except (CommitFailedError, IllegalStateError):
            return  # no longer ours: read again elsewhere
        except TimeoutError:
            log.warning("offsets could not be committed", within_s=COMMIT_WAIT_S)
            return
        for decider, offset in moved.items():
            decider.offsets.commit(offset)

    async def _decider(self, place: TopicPartition) -> PartitionDecider:
        begin = (await self.consumer.beginning_offsets([place]))[place]
        end = (await self.consumer.end_offsets([place]))[place]
        committed = decide_from = await self.consumer.committed(place)
        renewed = committed is not None and committed > end
        if renewed:
            log.warning("the log ends before the committed offset", end=end, committed=committed)
            committed = decide_from = None
        if decide_from is None:  # a new group or log: what is long past needs no analysis any more
            decide_from = await self._offset_at(place, self._settings.fresh_s)
        decide_from = max(begin, decide_from)
        behind_s = await self._behind_s(place, decide_from)
        horizon_s = behind_s + self._settings.warm_up_s
        read_from = max(begin, min(decide_from, await self._offset_at(place, horizon_s)))
        behind_ms = self._now_ms() - int(behind_s * 1000)
        said, standing = Said(counts_tallies=committed is not None), Standing()
        if not renewed:
            since_ms = min(behind_ms, self._now_ms() - int(self._settings.alerts_reach_s * 1000))
            await read_said(self._broker, place.partition, since_ms, said, standing)
        if self._paid is not None:
            paid_ms = self._now_ms() - int(self._settings.paid_reach_s * 1000)
            await read_paid(self._broker, place.partition, paid_ms, self._paid)
        self._tenures += 1
        self.consumer.seek(place, read_from)
        return PartitionDecider(
            self._settings,
            place.partition,
            read_from=read_from,
            decide_from=decide_from,
            tenure=self._tenures,
            said=said,
            standing=standing,
        )

    async def _behind_s(self, place: TopicPartition, decide_from: int) -> float:
        """Return for how long at least an offset has been there."""
        behind_s = max(BEHIND_S_MIN, self._settings.fresh_s)
        now_s = self._now_ms() / 1000
        while behind_s < now_s and await self._offset_at(place, behind_s) > decide_from:
            behind_s *= 2
        return behind_s

    async def _offset_at(self, place: TopicPartition, ago_s: float) -> int:
        """Return the first offset logged at most so long ago, or the end."""
        time_ms = max(0, self._now_ms() - int(ago_s * 1000))
        found = (await self.consumer.offsets_for_times({place: time_ms}))[place]
        if found is not None:
            return int(found.offset)
        return int((await self.consumer.end_offsets([place]))[place])
