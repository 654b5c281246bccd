"""The table's store, and how a changelog is read: in bulk, by position, committed records only.

Stock Faust reads 3,200 records a second, and waits for ever where the last offset carries no record (a
transaction's marker, or a compacted tail).
"""

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from faust.stores import memory
from faust.types import TP

from topics.errors import PipelineError
from topics.settings import BrokerSettings

from .fetched import hand_over_batches
from .heartbeat import heartbeating

if TYPE_CHECKING:
    from .app import EngineApp, Table
    from .transport import Consumer

Entries = dict[bytes, bytes]

_FETCH_BYTES = 8 * 1024 * 1024


class StateLostError(PipelineError):
    """State, or the records it goes on from, is gone; guessing would give wrong numbers."""


async def load(
    broker: BrokerSettings, changelog: str, partitions: Iterable[int]
) -> dict[int, Entries]:
    """Return the live entries of each partition, up to its last stable offset.

    Raises:
        StateLostError: A changelog does not begin at offset 0, so that entries are missing.
    """
    loaded: dict[int, Entries] = {partition: {} for partition in partitions}
    if not loaded:
        return loaded
    consumer = AIOKafkaConsumer(
        **broker.reader_options(),
        group_id=None,
        max_partition_fetch_bytes=_FETCH_BYTES,
        fetch_max_wait_ms=50,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        hand_over_batches(consumer)
        places = [TopicPartition(changelog, partition) for partition in loaded]
        consumer.assign(places)
        begins = await consumer.beginning_offsets(places)
        ends = await consumer.end_offsets(places)
        for place in places:
            if begins[place] > 0:
                msg = (
                    f"state lost: {place.topic}/{place.partition} begins at offset {begins[place]}, not 0."
                    " Replay the raw topics into a new state"
                )
                raise StateLostError(msg)
        await _read(consumer, {place: ends[place] for place in places}, loaded)
    finally:
        await consumer.stop()
    return loaded


async def _read(
    consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int], loaded: dict[int, Entries]
) -> None:
    left = {place for place, end in ends.items() if end > 0}
    for place in left:
        consumer.seek(place, 0)
    while left:
        for place, batches in (await consumer.getmany(*left, timeout_ms=200)).items():
            entries = loaded[place.partition]
            for record in chain.from_iterable(batch.records for batch in batches):
                if record.value is None:
                    entries.pop(record.key, None)
                else:
                    entries[record.key] = record.value
        left = {place for place in left if await consumer.position(place) < ends[place]}


class Store(memory.Store[bytes, bytes]):
    """Tells Faust how far the changelog has been read; everything else is the ownership's."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Faust's
        super().__init__(*args, **kwargs)
        self._read_to: dict[TP, int] = {}

    def persisted_offset(self, tp: TP) -> int | None:
        """Return the last offset read, so that Faust begins no recovery of its own."""
        return self._read_to.get(tp)

    def set_persisted_offset(self, tp: TP, offset: int) -> None:
        """Do nothing: Faust writes no changelog here."""

    async def on_rebalance(
        self,
        assigned: set[TP],
        revoked: set[TP],
        newly_assigned: set[TP],
        generation_id: int = 0,
    ) -> None:
        """Take the assignment: fence, load, and go on. An error ends the process."""
        del (
            revoked,
            newly_assigned,
        )  # after a zombie time they leave out what others owned meanwhile
        topic = cast("Table", self.table).changelog_topic.get_topic_name()
        mine = {tp.partition for tp in assigned if tp.topic == topic}
        sources = {(tp.topic, tp.partition) for tp in assigned if tp.topic != topic}
        app = cast("EngineApp", self.app)
        async with heartbeating(cast("Consumer", app.consumer)._thread):  # noqa: SLF001 - ours
            ends = await app.ownership.take(topic, mine, sources, generation_id)
        self._read_to = {TP(topic, partition): end - 1 for partition, end in ends.items()}
