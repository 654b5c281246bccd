"""Records out of the log on demand: by their place, by an id, or a subject's raw events of a span of time.

The view keeps points and places; whole records of a day, and what is older, stand in Kafka alone. Every look is
bounded in records, bytes and seconds, and says what it could not find, and why.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError
from aiokafka.structs import ConsumerRecord

from topics import (
    BY_NAME,
    Aggregate,
    Analysis,
    ContractError,
    Decision,
    Kind,
    asset_of,
    partition_of,
    raw_topic,
)
from topics.settings import BrokerSettings

from .found import Found, Missing, RawRange, Whole, Why
from .ids import Wanted, wanted
from .raw_range import Sieve, time_of
from .records import Place
from .view import View

READERS_MAX = 4
"""Looks at once; others wait. A look takes one connection to each broker it reads from."""
LOOK_S = 5.0
"""For one look, waiting for a reader included: who asks is a person or a page."""
SCAN_RECORDS_MAX = 50_000
"""Looked at for one id or span."""
PROBES_MAX = 24
"""Steps of the search for a time: halves any log there can be."""
NEAR_RECORDS = 1_000
"""So close before a time, reading on is cheaper than another step."""
FETCH_BYTES = 256 * 1024
POLL_MS = 200

E = TypeVar("E")
T = TypeVar("T")


class Lookup:
    """Reads single records with consumers of its own, which belong to no group."""

    def __init__(self, broker: BrokerSettings, view: View, *, look_s: float = LOOK_S) -> None:
        """Prepare; nothing is connected before the first look."""
        self._broker, self._view, self._look_s = broker, view, look_s
        self._idle: list[AIOKafkaConsumer] = []
        self._free = asyncio.Semaphore(READERS_MAX)

    async def close(self) -> None:
        """End the connections."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(consumer.stop() for consumer in idle), return_exceptions=True)

    async def record(self, place: Place) -> Whole | Missing:
        """Return the record at a place."""
        if place.topic not in BY_NAME or not 0 <= place.partition < self._broker.partitions:
            return _missing("not_found", f"there is no log {place.topic}/{place.partition}")
        return await self._look(place.topic, place.partition, lambda c, p: _at(c, p, place))

    async def aggregate(self, aggregate_id: str) -> Found[Aggregate] | Missing:
        """Return an aggregate by its id, of whatever edition."""
        known = self._view.point(aggregate_id)
        if known is not None:
            found = await self._event(known[1].place, Aggregate)
            if isinstance(found, Found) and found.event.aggregate_id == aggregate_id:
                return found
        return await self._search(
            "aggregates", aggregate_id, Aggregate, lambda event: event.aggregate_id
        )

    async def analysis(self, analysis_id: str) -> Found[Analysis] | Missing:
        """Return an analysis by its id: the one at the lowest offset."""
        shown = self._view.analysis(analysis_id)
        if shown is not None:
            return await self._event(shown.place, Analysis)
        return await self._search(
            "analyses", analysis_id, Analysis, lambda event: event.analysis_id
        )

    async def decision(self, decision_id: str) -> Found[Decision] | Missing:
        """Return a decision by its id: the one at the lowest offset."""
        shown = self._view.decision(decision_id)
        if shown is not None:
            return await self._event(shown.place, Decision)
        return await self._search(
            "decisions", decision_id, Decision, lambda event: getattr(event, "decision_id", "")
        )

    async def raw(
        self, kind: Kind, subject: str, from_ms: int, to_ms: int, *, after: int | None = None
    ) -> RawRange | Missing:
        """Return a subject's raw events and gap marks with event times in [from, to), in the order of the log.

        ``after`` is the ``next_offset`` of a range that was cut.
        """
        sieve = Sieve(kind, subject, from_ms, to_ms)

        async def read(consumer: AIOKafkaConsumer, place: TopicPartition) -> RawRange | Missing:
            try:
                async with asyncio.timeout(self._look_s / 2):
                    begin = (await consumer.beginning_offsets([place]))[place]
                    sieve.begin(begin)
                    start = after
                    if start is None:
                        start = await _first_at(consumer, place, from_ms - sieve.slack_ms)
                    async for record in _walk(consumer, place, max(start, begin)):
                        if not sieve.take(record):
                            break
            except TimeoutError:
                sieve.cut_by("time")
            return sieve.result()

        partition = partition_of(asset_of(subject), self._broker.partitions)
        return await self._look(raw_topic(kind), partition, read)

    async def _event(self, place: Place, contract: type[E]) -> Found[E] | Missing:
        whole = await self.record(place)
        return whole if isinstance(whole, Missing) else _decoded(whole, contract)

    async def _search(
        self, name: str, record_id: str, contract: type[E], id_of: Callable[[E], str]
    ) -> Found[E] | Missing:
        """Look through the log from the time an id speaks of: a record is logged after what it is about."""
        asked = wanted(name, record_id)
        if asked is None:
            return _missing("not_found", "the id is not one of this pipeline's")
        partition = partition_of(asked.asset, self._broker.partitions)
        return await self._look(
            name, partition, lambda c, p: _find(c, p, asked, record_id, contract, id_of)
        )

    async def _look(
        self,
        name: str,
        partition: int,
        read: Callable[[AIOKafkaConsumer, TopicPartition], Awaitable[T | Missing]],
    ) -> T | Missing:
        place = TopicPartition(self._broker.topic(name), partition)
        try:
            async with asyncio.timeout(self._look_s), self._reader() as consumer:
                consumer.assign([place])
                return await read(consumer, place)
        except TimeoutError:
            return _missing("unreachable", f"it was not found in {self._look_s:g} s")
        except OffsetOutOfRangeError:
            return _missing("deleted", "the log no longer has it: it was deleted just now")
        except KafkaError as error:
            return _missing("unreachable", f"Kafka did not give it: {type(error).__name__}")

    @asynccontextmanager
    async def _reader(self) -> AsyncIterator[AIOKafkaConsumer]:
        async with self._free:
            consumer = self._idle.pop() if self._idle else await self._open()
            well = False
            try:
                yield consumer
                well = True
            finally:
                if well:
                    consumer.unsubscribe()
                    self._idle.append(consumer)
                else:
                    await consumer.stop()

    async def _open(self) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            **self._broker.reader_options(),
            group_id=None,
            auto_offset_reset="none",
            fetch_max_wait_ms=50,
            max_partition_fetch_bytes=FETCH_BYTES,
        )
        try:
            await consumer.start()
        except BaseException:
            await consumer.stop()
            raise
        return consumer


async def _at(consumer: AIOKafkaConsumer, log: TopicPartition, place: Place) -> Whole | Missing:
    begin = (await consumer.beginning_offsets([log]))[log]
    if place.offset < begin:
        return _missing("deleted", f"the log no longer has it: it begins at offset {begin}")
    async for record in _walk(consumer, log, place.offset):
        if record.offset == place.offset:
            return _whole(place.topic, record)
        return _missing("not_committed", "there is no such record: compacted, or never committed")
    return _missing("not_written", "the log does not reach so far")


async def _find(  # noqa: PLR0917 - what is looked for, and where
    consumer: AIOKafkaConsumer,
    log: TopicPartition,
    asked: Wanted,
    record_id: str,
    contract: type[E],
    id_of: Callable[[E], str],
) -> Found[E] | Missing:
    began = await consumer.offsets_for_times({log: asked.since_ms})
    if began[log] is None:
        return _missing("not_found", "nothing was written since the time it speaks of")
    needle, read = record_id.encode(), 0
    async for record in _walk(consumer, log, began[log].offset):
        read += 1
        if needle in (record.value or b""):
            found = _decoded(_whole(asked.name, record), contract)
            if isinstance(found, Found) and id_of(found.event) == record_id:
                return found
        if read >= SCAN_RECORDS_MAX:
            return _missing("not_found", f"it is not among the {read:,} records since its time")
    return _missing("not_found", "the log has no such record: it was never written, or is deleted")


async def _first_at(consumer: AIOKafkaConsumer, log: TopicPartition, time_ms: int) -> int:
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
    async for record in _walk(consumer, log, offset):
        told_ms = time_of(record.value or b"")
        if told_ms is not None:
            return told_ms
    return None


async def _walk(
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


def _whole(name: str, record: ConsumerRecord[Any, Any]) -> Whole:
    return Whole(
        place=Place(name, record.partition, record.offset),
        at_ms=record.timestamp,
        key=record.key,
        value=record.value,
        headers=list(record.headers),
    )


def _decoded(whole: Whole, contract: type[E]) -> Found[E] | Missing:
    try:
        event = BY_NAME[whole.place.topic].decoder().decode(whole.value or b"")
    except ContractError as error:
        return _missing("unreadable", f"the record is not what its contract says: {error}")
    if not isinstance(event, contract):
        return _missing("not_found", "the record is another one")
    return Found(event=event, whole=whole)


def _missing(why: Why, words: str) -> Missing:
    return Missing(why=why, words=words)
