"""Whole topics of a real broker, read to their end."""

import asyncio
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from topics.broker import BrokerSettings
from topics.envelope import Headers

PATIENCE_S = 60.0
"""Longer than anything here takes on a busy machine."""


class LogRecord(NamedTuple):
    """One record and where it stands."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: Headers


async def read_log(broker: BrokerSettings, name: str) -> list[LogRecord]:
    """Return what a topic of the catalog holds now, partition by partition, each in its order."""
    topic = broker.topic(name)
    partitions = [TopicPartition(topic, number) for number in range(broker.partitions)]
    records: list[LogRecord] = []
    async with AIOKafkaConsumer(
        **broker.reader_options(), auto_offset_reset="earliest"
    ) as consumer:
        consumer.assign(partitions)
        async with asyncio.timeout(PATIENCE_S):
            ends = await consumer.end_offsets(partitions)
            for partition in partitions:
                while await consumer.position(partition) < ends[partition]:
                    for fetched in (await consumer.getmany(timeout_ms=100)).values():
                        records += [
                            LogRecord(r.partition, r.offset, r.key, r.value, list(r.headers))
                            for r in fetched
                        ]
    return sorted(records)
