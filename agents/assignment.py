"""Which partitions of the aggregates are this worker's, and from where each is folded and decided."""

import asyncio
from collections.abc import Callable, Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition

from topics import PipelineError
from topics.broker import BrokerSettings

from .decide.partition import PartitionDecider
from .settings import AgentSettings

GROUP = "agent"
SESSION_MS = 10_000
FETCH_BYTES = 512 * 1024
"""Of one partition: little is read ahead of what can be answered."""


class Assignment(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """Makes a decider for each partition as it is assigned, and drops it when it is revoked."""

    def __init__(
        self,
        settings: AgentSettings,
        broker: BrokerSettings,
        *,
        instance_id: str,
        now_ms: Callable[[], int],
    ) -> None:
        """Own nothing yet."""
        self.deciders: dict[int, PartitionDecider] = {}
        self.on_revoked: Callable[[Sequence[TopicPartition]], None] = lambda _: None
        self._settings, self._broker, self._now_ms = settings, broker, now_ms
        self._topic = broker.topic("aggregates")
        self._committed: dict[int, int] = {}
        self._assigned = asyncio.Event()
        self._consumer = AIOKafkaConsumer(
            **broker.reader_options(),
            group_id=broker.topic(GROUP),
            group_instance_id=instance_id,
            auto_offset_reset="earliest",
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=SESSION_MS // 4,
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_wait_ms=100,
        )

    @property
    def warm(self) -> bool:
        """Whether every partition of ours has been folded up to where it is decided."""
        return self._assigned.is_set() and all(d.warm for d in self.deciders.values())

    async def start(self) -> AIOKafkaConsumer:
        """Join the group and return the consumer."""
        self._consumer.subscribe([self._topic], listener=self)
        await self._consumer.start()
        return self._consumer

    def take_committable(self) -> dict[TopicPartition, int]:
        """Return the offsets that have moved since they were last taken."""
        moved = {}
        for partition, decider in self.deciders.items():
            offset = decider.offsets.committable
            if offset > self._committed.get(partition, -1):
                self._committed[partition] = offset
                moved[TopicPartition(self._topic, partition)] = offset
        return moved

    async def check_logs(self) -> None:
        """Make sure that nothing was deleted before it was read.

        Raises:
            PipelineError: It was. A restart goes on from where the log begins.
        """
        places = {TopicPartition(self._topic, p): d for p, d in self.deciders.items()}
        if not places:
            return
        for place, begin in (await self._consumer.beginning_offsets(list(places))).items():
            reached = places[place].next_offset
            if begin > reached:
                msg = f"{place.topic}/{place.partition} was cut up to {begin}; it had been read to {reached}"
                raise PipelineError(msg)

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        """Forget these partitions; what is not committed another worker reads again."""
        self._assigned.clear()
        offsets = self.take_committable()
        if offsets:
            await self._consumer.commit(offsets)
        for place in revoked:
            self.deciders.pop(place.partition, None)
            self._committed.pop(place.partition, None)
        self.on_revoked(revoked)

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        """Begin to read each partition a fixed horizon before where it is decided."""
        for place in assigned:
            self.deciders[place.partition] = await self._decider(place)
        self._assigned.set()

    async def _decider(self, place: TopicPartition) -> PartitionDecider:
        consumer, settings = self._consumer, self._settings
        begin = (await consumer.beginning_offsets([place]))[place]
        decide_from = await consumer.committed(place)
        if decide_from is None:  # a new group: what is long past needs no analysis any more
            decide_from = await self._offset_at(
                place, self._now_ms() - int(settings.fresh_s * 1000)
            )
        decide_from = max(begin, decide_from)
        since_ms = self._now_ms() - int((settings.warm_up_s + settings.fresh_s) * 1000)
        read_from = max(begin, min(decide_from, await self._offset_at(place, since_ms)))
        consumer.seek(place, read_from)
        return PartitionDecider(
            settings, place.partition, read_from=read_from, decide_from=decide_from
        )

    async def _offset_at(self, place: TopicPartition, time_ms: int) -> int:
        """Return the first offset logged at or after a time, or the end."""
        found = (await self._consumer.offsets_for_times({place: max(0, time_ms)}))[place]
        if found is not None:
            return int(found.offset)
        return int((await self._consumer.end_offsets([place]))[place])
