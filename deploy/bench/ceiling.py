"""The ceiling A: one process that fetches with aiokafka and decodes with msgspec, and folds nothing."""

import asyncio
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from msgspec import Struct

from deploy.role import ending
from topics.settings import BrokerSettings

from .notes import Notes

FETCH_WAIT_MS = 100


class Print(Struct, gc=False):
    """A trade, or a heartbeat: what a fold would need of either, unchecked."""

    type: str
    source: str
    subject: str = ""
    venue: str = ""
    trade_id: str = ""
    event_ms: int = 0
    received_ms: int = 0
    price: float = 0.0
    size: float = 0.0
    side: str = ""
    sequence: int | None = None
    through_ms: int = 0


async def run_ceiling(
    broker: BrokerSettings, topic: str, file: Path, *, lifeline: int | None = None
) -> None:
    """Read a topic from its begin to its end; ``file`` gets the first fetch and the last record."""
    decode = msgspec.json.Decoder(Print).decode
    consumer = AIOKafkaConsumer(
        **broker.reader_options(), group_id=None, fetch_max_wait_ms=FETCH_WAIT_MS
    )
    places = [TopicPartition(topic, partition) for partition in range(broker.partitions)]
    with Notes(file) as notes:
        async with ending(asyncio.Event(), lifeline), consumer:
            ends = await consumer.end_offsets(places)
            consumer.assign(places)
            await consumer.seek_to_beginning(*places)
            left, read = sum(ends.values()), 0
            while read < left:
                fetched = await consumer.getmany(timeout_ms=1_000)
                if fetched and not read:
                    notes.write("fetched")
                for records in fetched.values():
                    for record in records:
                        decode(record.value)
                    read += len(records)
            notes.write("committed", read=read)
