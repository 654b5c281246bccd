"""Along one partition of the log: from an offset, from a time, to a record of an id. The shell of `lookup`."""

from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from topics import BY_NAME, Aggregate, ContractError

from .found import Found, Missing, Whole, Why
from .ids import Wanted
from .raw_range import time_of
from .records import Place

SCAN_RECORDS_MAX = 50_000
"""Looked at for one id or span."""
PROBES_MAX = 24
"""Steps of the search for a time: halves any log there can be."""
NEAR_RECORDS = 100
"""So close before a time, reading on is cheaper than another step."""
POLL_MS = 200

E = TypeVar("E")


async def find(  # noqa: PLR0917 - what is looked for, and where
    consumer: AIOKafkaConsumer,
    log: TopicPartition,
    asked: Wanted,
    record_id: str,
    contract: type[E],
    id_of: Callable[[E], str],
) -> Found[E] | Missing:
    """Return the first record of an id since its time."""
    began = await consumer.offsets_for_times({log: asked.since_ms})
    if began[log] is None:
        return nothing("not_found", "nothing was written since the time it speaks of")
    needle, read = record_id.encode(), 0
    async for record in walk(consumer, log, began[log].offset):
        read += 1
        if needle in (record.value or b""):
            found = decoded_as(whole_of(asked.name, record), contract)
            if isinstance(found, Found) and id_of(found.event) == record_id:
                return found
        if read >= SCAN_RECORDS_MAX:
            return nothing("not_found", f"it is not among the {read:,} records since its time")
    return nothing("not_found", "the log has no such record: it was never written, or is deleted")


async def editions(
    consumer: AIOKafkaConsumer, log: TopicPartition, since_ms: int, window: str, last: int | None
) -> list[Found[Aggregate]] | Missing:
    """Read on to the greatest edition that is known, or as far as is looked for one id."""
    began = await consumer.offsets_for_times({log: since_ms})
    if began[log] is None:
        return nothing("not_found", "nothing was written since the time it speaks of")
    needle, read = window.encode(), 0
    editions: list[Found[Aggregate]] = []
    async for record in walk(consumer, log, began[log].offset):
        read += 1
        if needle in (record.value or b""):
            found = decoded_as(whole_of("aggregates", record), Aggregate)
            if isinstance(found, Found) and found.event.aggregate_id.startswith(window):
                editions.append(found)
        if read >= SCAN_RECORDS_MAX or record.offset == last:
            break
    return editions or nothing("not_found", "the log has no edition of it: never written, or deleted")  # fmt: skip


async def first_at(consumer: AIOKafkaConsumer, log: TopicPartition, time_ms: int) -> int:
    """Return an offset shortly before which nothing is of a time or later, as far as times rise along a log.

    Records are logged after what they tell of: the log time bounds it from below. Where the two are far apart, as in
    a demo's market, ever longer steps, and then halves, find it.
    """
    found = await consumer.offsets_for_times({log: max(0, time_ms)})
    end = int((await consumer.end_offsets([log]))[log])
    if found[log] is None:
        return end
    low, high, step = int(found[log].offset), end, NEAR_RECORDS
    for _ in range(PROBES_MAX):
        if high - low <= NEAR_RECORDS:
            break
        middle = min(low + step, (low + high) // 2)
        told_ms = await _probe(consumer, log, middle)
        if told_ms is None or told_ms >= time_ms:
            high = middle
        else:
            low, step = middle, step * 8
    return low


async def _probe(consumer: AIOKafkaConsumer, log: TopicPartition, offset: int) -> int | None:
    """Return the first time told at an offset or behind it; None if there is none."""
    async for record in walk(consumer, log, offset):
        told_ms = time_of(record.value or b"")
        if told_ms is not None:
            return told_ms
    return None


async def walk(
    consumer: AIOKafkaConsumer, log: TopicPartition, start: int
) -> AsyncIterator[ConsumerRecord[Any, Any]]:
    """Give the committed records from an offset to what is the end now."""
    end = (await consumer.end_offsets([log]))[log]
    consumer.seek(log, start)
    while await consumer.position(log) < end:
        fetched = await consumer.getmany(log, timeout_ms=POLL_MS)
        for record in fetched.get(log, ()):
            yield record
            if record.offset + 1 >= end:
                return


def whole_of(name: str, record: ConsumerRecord[Any, Any]) -> Whole:
    """Return a record as it stands in a topic of the catalogue's name."""
    return Whole(
        place=Place(name, record.partition, record.offset),
        at_ms=record.timestamp,
        key=record.key,
        value=record.value,
        headers=list(record.headers),
    )


def decoded_as(whole: Whole, contract: type[E]) -> Found[E] | Missing:
    """Return the event of a record, if it is one of a contract."""
    try:
        event = BY_NAME[whole.place.topic].decoder().decode(whole.value or b"")
    except ContractError as error:
        return nothing("unreadable", f"the record is not what its contract says: {error}")
    if not isinstance(event, contract):
        return nothing("not_found", "the record is another one")
    return Found(event=event, whole=whole)


def nothing(why: Why, words: str) -> Missing:
    """Return why there is no record."""
    return Missing(why=why, words=words)
