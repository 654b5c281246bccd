"""Topics and records for tests against a real broker, with a deadline on every wait."""

import asyncio
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

PATIENCE_S = 30.0
"""Longer than anything here takes on a busy machine."""


def create_topic(bootstrap: str, topic: str, partitions: int = 1) -> str:
    """Create a topic and return its name."""
    client = AdminClient({"bootstrap.servers": bootstrap})
    client.create_topics([NewTopic(topic, partitions)])[topic].result(timeout=PATIENCE_S)
    return topic


async def write(bootstrap: str, topic: str, values: list[bytes]) -> None:
    """Return when all values are acknowledged."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        for value in values:
            await producer.send_and_wait(topic, value)


async def read(bootstrap: str, topic: str, isolation: str, at_least: int) -> list[bytes]:
    """Return a topic's values: at least so many, and all that there are once they have come."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, isolation_level=isolation, auto_offset_reset="earliest"
    )
    values: list[bytes] = []
    async with consumer:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        end = (await consumer.end_offsets([partition]))[partition]
        async with asyncio.timeout(PATIENCE_S):
            while len(values) < at_least or await consumer.position(partition) < end:
                for records in (await consumer.getmany(timeout_ms=100)).values():
                    values += [record.value for record in records]
    return values


async def eventually(holds: Callable[[], bool]) -> None:
    """Return when ``holds`` is true."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # No event tells of an assignment.
            await asyncio.sleep(0.02)
