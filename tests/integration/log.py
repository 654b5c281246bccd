"""Whole topics of a real broker, read to their end."""

import asyncio
from typing import NamedTuple, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition

from topics import Heartbeat, Trade, decoder_of
from topics.broker import BrokerSettings
from topics.codec import tag_of
from topics.envelope import Headers

E = TypeVar("E")

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


def decoded(records: list[LogRecord], contract: type[E]) -> list[tuple[LogRecord, E]]:
    """Return the records of one contract, with what they say."""
    decode, tag = decoder_of(contract).decode, f'"type":"{tag_of(contract)}"'.encode()
    return [(record, decode(record.value)) for record in records if tag in record.value]


def broken_promises(records: list[LogRecord]) -> list[tuple[LogRecord, LogRecord]]:
    """Return each heartbeat that passes a trade behind it in its partition, with that trade.

    A trade that stands there a second time is no breach: a round was sent again, and readers know it by its id.
    """
    beats = {record[:2]: beat for record, beat in decoded(records, Heartbeat)}
    trades = {record[:2]: trade for record, trade in decoded(records, Trade)}
    promised: dict[tuple[int, str], LogRecord] = {}
    seen: set[tuple[str, str, str]] = set()
    broken = []
    for record in records:
        place = record[:2]
        if (beat := beats.get(place)) is not None:
            promised[record.partition, beat.source] = record
        elif (trade := trades.get(place)) is not None:
            name = (trade.venue, trade.subject, trade.trade_id)
            before = promised.get((record.partition, trade.source))
            if before and name not in seen and beats[before[:2]].through_ms > trade.event_ms:
                broken.append((before, record))
            seen.add(name)
    return broken
