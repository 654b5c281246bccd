"""Records out of the log on demand: by their place, by an id, or a subject's raw events of a span of time.

The view keeps points and places; whole records of a day, and what is older, stand in Kafka alone. Every look is
bounded in records, bytes and seconds, and says what it could not find, and why.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from topics import (
    BY_NAME,
    Aggregate,
    Analysis,
    Decision,
    Kind,
    asset_of,
    partition_of,
    raw_topic,
)
from topics.closing import close_within
from topics.settings import BrokerSettings

from .embedded import consumer_class
from .found import Found, Missing, RawRange, Whole
from .ids import wanted, window_of
from .raw_range import Sieve
from .records import Place
from .view import View
from .walking import decoded_as, editions, find, first_at, nothing, walk, whole_of

READERS_MAX = 4
"""Looks at once; others wait. A look takes one connection to each broker it reads from."""
LOOK_S = 5.0
"""For one look, waiting for a reader included: who asks is a person or a page."""
CLOSE_S = 2.0
"""For a connection to end; then nobody waits for it any longer."""
FETCH_BYTES = 256 * 1024

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
        await asyncio.gather(*(close_within(consumer, CLOSE_S) for consumer in idle))

    async def record(self, place: Place) -> Whole | Missing:
        """Return the record at a place."""
        if place.topic not in BY_NAME or not 0 <= place.partition < self._broker.partitions:
            return nothing("not_found", f"there is no log {place.topic}/{place.partition}")
        return await self._look(place.topic, place.partition, lambda c, p: _at(c, p, place))

    async def aggregate(self, aggregate_id: str) -> Found[Aggregate] | Missing:
        """Return an aggregate by its id, of whatever edition."""
        known = self._view.point(aggregate_id)
        if known is not None:
            found = await self._event(known[1].place, Aggregate)
            if isinstance(found, Found) and found.event.aggregate_id == aggregate_id:
                return found
            if isinstance(found, Missing) and found.why == "unreachable":
                return found
        return await self._search(
            "aggregates", aggregate_id, Aggregate, lambda event: event.aggregate_id
        )

    async def editions(self, aggregate_id: str) -> list[Found[Aggregate]] | Missing:
        """Return every edition of a window that the log has, in its order; the id may be any edition's."""
        asked, window = wanted("aggregates", aggregate_id), window_of(aggregate_id)
        if asked is None or window is None:
            return nothing("not_found", "the id is not one of this pipeline's")
        known = self._view.point(aggregate_id)
        last = known[1].place.offset if known else None
        partition = partition_of(asked.asset, self._broker.partitions)
        return await self._look(
            "aggregates", partition, lambda c, p: editions(c, p, asked.since_ms, window, last)
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
        self,
        kind: Kind,
        subject: str,
        from_ms: int,
        to_ms: int,
        *,
        after: int | None = None,
        beats: bool = False,
    ) -> RawRange | Missing:
        """Return a subject's raw events and gap marks with event times in [from, to), in the order of the log.

        ``after`` is the ``next_offset`` of a range that was cut; with ``beats``, heartbeats in between are told too.
        """
        sieve = Sieve(kind, subject, from_ms, to_ms, beats=beats)

        async def read(consumer: AIOKafkaConsumer, place: TopicPartition) -> RawRange | Missing:
            try:
                async with asyncio.timeout(self._look_s / 2):
                    begin = (await consumer.beginning_offsets([place]))[place]
                    sieve.begin(begin)
                    start = after
                    if start is None:
                        start = await first_at(consumer, place, from_ms - sieve.slack_ms)
                    async for record in walk(consumer, place, max(start, begin)):
                        if not sieve.take(record):
                            break
            except TimeoutError:
                sieve.cut_by("time")
            return sieve.result()

        partition = partition_of(asset_of(subject), self._broker.partitions)
        return await self._look(raw_topic(kind), partition, read)

    async def _event(self, place: Place, contract: type[E]) -> Found[E] | Missing:
        whole = await self.record(place)
        return whole if isinstance(whole, Missing) else decoded_as(whole, contract)

    async def _search(
        self, name: str, record_id: str, contract: type[E], id_of: Callable[[E], str]
    ) -> Found[E] | Missing:
        """Look through the log from the time an id speaks of: a record is logged after what it is about."""
        asked = wanted(name, record_id)
        if asked is None:
            return nothing("not_found", "the id is not one of this pipeline's")
        partition = partition_of(asked.asset, self._broker.partitions)
        return await self._look(
            name, partition, lambda c, p: find(c, p, asked, record_id, contract, id_of)
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
            return nothing("unreachable", f"it was not found in {self._look_s:g} s")
        except OffsetOutOfRangeError:
            return nothing("deleted", "the log no longer has it: it was deleted just now")
        except KafkaError as error:
            return nothing("unreachable", f"Kafka did not give it: {type(error).__name__}")

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
                    await close_within(consumer, CLOSE_S)

    async def _open(self) -> AIOKafkaConsumer:
        consumer = consumer_class(self._broker)(
            **self._broker.reader_options(),
            group_id=None,
            auto_offset_reset="none",
            fetch_max_wait_ms=50,
            max_partition_fetch_bytes=FETCH_BYTES,
        )
        try:
            await consumer.start()
        except BaseException:
            await close_within(consumer, CLOSE_S)
            raise
        return consumer


async def _at(consumer: AIOKafkaConsumer, log: TopicPartition, place: Place) -> Whole | Missing:
    begin = (await consumer.beginning_offsets([log]))[log]
    if place.offset < begin:
        return nothing("deleted", f"the log no longer has it: it begins at offset {begin}")
    async for record in walk(consumer, log, place.offset):
        if record.offset == place.offset:
            return whole_of(place.topic, record)
        return nothing("not_committed", "there is no such record: compacted, or never committed")
    return nothing("not_written", "the log does not reach so far")
