"""What the broker holds of each source: its records with their times, its gap marks, its letters."""

import asyncio
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition

from topics import BY_NAME, GapDetected, GapFilled, GapPermanent, Heartbeat, Kind, PostDeleted
from topics.broker import BrokerSettings
from topics.deadletter import from_record

from .judge import Found
from .scene import PATIENCE_S

MARKS = GapDetected | GapFilled | GapPermanent


async def records_of(
    broker: BrokerSettings, name: str
) -> list[tuple[int, bytes, list[tuple[str, bytes]]]]:
    """Return (time, value, headers) of each record of a topic, up to its end offsets."""
    partitions = [TopicPartition(broker.topic(name), number) for number in range(broker.partitions)]
    records = []
    consumer = AIOKafkaConsumer(**broker.reader_options(), auto_offset_reset="earliest")
    async with consumer, asyncio.timeout(PATIENCE_S):
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        for partition in partitions:
            while await consumer.position(partition) < ends[partition]:
                for fetched in (await consumer.getmany(timeout_ms=100)).values():
                    records += [(r.timestamp, r.value, list(r.headers)) for r in fetched]
    return records


async def found_of(broker: BrokerSettings, sources: Mapping[str, Kind]) -> dict[str, Found]:
    """Return what there is of each source, by its name; ``sources`` has the kind of each."""
    found = {name: Found([], [], 0) for name in sources}
    for kind in sorted(set(sources.values())):
        decode = BY_NAME[f"raw.{kind}"].decoder().decode
        for at_ms, value, _ in await records_of(broker, f"raw.{kind}"):
            said = decode(value)
            if isinstance(said, Heartbeat | PostDeleted):
                continue
            if isinstance(said, MARKS):
                found[said.source].marks.append(said)
            else:
                found[said.source].events.append((said, at_ms))
    for at_ms, value, headers in await records_of(broker, "deadletters"):
        letter = from_record(None, value, headers, at_ms)
        found[letter.letter_id.partition("/")[0]].letters += 1
    return found
