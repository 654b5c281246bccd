"""Reading topics without a group: whole, or from a time on, to their present ends and beyond."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.serving.embedded import consumer_class
from topics import TopicsError
from topics.closing import close_within
from topics.record import LogRecord
from topics.settings import BrokerSettings

POLL_MS = 200
RECORDS_MAX = 500
"""Taken in one go: others have work too."""
CLOSE_S = 2.0
"""For a consumer to end; without a broker it may wait longer."""


@asynccontextmanager
async def reader(
    broker: BrokerSettings, *names: str
) -> AsyncIterator[tuple[AIOKafkaConsumer, list[TopicPartition]]]:
    """Give a consumer of whole topics of the catalog, at their beginnings.

    Raises:
        aiokafka.errors.KafkaError: No broker answers.
        TopicsError: There is no such topic; asking for it would make one on some brokers.
    """
    consumer = consumer_class(broker)(
        **broker.reader_options(),
        group_id=None,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=100,
    )
    try:
        await consumer.start()
        topics = [broker.topic(name) for name in names]
        there = await consumer.topics()
        if missing := [topic for topic in topics if topic not in there]:
            msg = f"missing on {broker.bootstrap}: {', '.join(missing)}. `tapereader topics apply` creates them"
            raise TopicsError(msg)
        places = [TopicPartition(t, p) for t in topics for p in range(broker.partitions)]
        consumer.assign(places)
        yield consumer, places
    finally:
        await close_within(consumer, CLOSE_S)


async def offsets_at(
    consumer: AIOKafkaConsumer, places: Sequence[TopicPartition], time_ms: int
) -> dict[TopicPartition, int]:
    """Return, by partition, the first offset logged at a time or later, or the end."""
    # The ends first: what is written between the two questions is not passed over.
    ends = await consumer.end_offsets(places)
    found = await consumer.offsets_for_times(dict.fromkeys(places, max(0, time_ms)))
    return {p: int(ends[p] if found[p] is None else found[p].offset) for p in places}


async def up_to(
    consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]
) -> AsyncIterator[LogRecord]:
    """Give every record from where the consumer is up to these ends."""
    left = {p: end for p, end in ends.items() if await consumer.position(p) < end}
    while left:
        fetched = await consumer.getmany(*left, timeout_ms=POLL_MS, max_records=RECORDS_MAX)
        for place, records in fetched.items():
            for record in records:
                if record.offset < ends[place]:
                    yield record
        left = {p: end for p, end in left.items() if await consumer.position(p) < end}
