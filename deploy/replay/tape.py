"""The agent's topics as a replay of analyses reads them: a partition at a time, between offsets or since a log time."""

import asyncio
import time
from collections.abc import AsyncIterator

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord
from msgspec import Struct

from topics import TopicsError
from topics.settings import BrokerSettings

from .request import ReplayError, Request
from .source import SILENT_S

BATCH_MAX = 500
"""Records of one fetch from the client's buffer."""
POLL_MS = 200
SLACK_MS = 60_000
"""How far two hosts' clocks may be apart: an answer may seem to be older than what it is about."""


class Reach(Struct, frozen=True, kw_only=True):
    """Offsets of one partition's aggregates: from where it is folded, and those that are replayed."""

    partition: int
    read_from: int
    begin: int
    end: int

    @property
    def records(self) -> int:
        """How many offsets are replayed."""
        return self.end - self.begin


class Tape:
    """Reads one partition of a topic at a time, without a consumer group: nothing changes on the broker."""

    def __init__(self, broker: BrokerSettings, stop: asyncio.Event) -> None:
        """Prepare; reading ends with an error once ``stop`` is set."""
        self._broker, self._stop = broker, stop
        self._consumer = AIOKafkaConsumer(
            **broker.reader_options(), group_id=None, auto_offset_reset="none", fetch_max_wait_ms=50
        )

    @property
    def partitions(self) -> int:
        """How many partitions each of its topics has."""
        return self._broker.partitions

    async def start(self) -> None:
        """Connect.

        Raises:
            TopicsError: No broker answers.
        """
        try:
            await self._consumer.start()
        except KafkaError as error:
            msg = f"no Kafka broker answers at {self._broker.bootstrap}: {error}"
            raise TopicsError(msg) from None

    async def stop(self) -> None:
        """Disconnect."""
        await self._consumer.stop()

    async def reach(self, partition: int, warm_up_s: float, request: Request) -> Reach:
        """Return which aggregates of a partition are read, by log time, and from where they are replayed."""
        place = self._place("aggregates", partition)
        log_begin, log_end = await self._ends(place)
        begin = await self._at(place, request.from_ms, log_begin, log_end)
        end = await self._at(place, request.to_ms, log_end, log_end)
        warm_ms = request.from_ms and max(0, request.from_ms - int(warm_up_s * 1000))
        read_from = await self._at(place, warm_ms, log_begin, log_end)
        return Reach(partition=partition, read_from=read_from, begin=begin, end=max(begin, end))

    async def since(
        self, name: str, partition: int, from_ms: int | None
    ) -> AsyncIterator[list[ConsumerRecord]]:
        """Yield the records of a partition since a log time and a little before, up to its present end."""
        place = self._place(name, partition)
        begin, end = await self._ends(place)
        if from_ms is not None:
            begin = await self._at(place, max(0, from_ms - SLACK_MS), begin, end)
        async for batch in self.between(name, partition, begin, end):
            yield batch

    async def between(
        self, name: str, partition: int, begin: int, end: int
    ) -> AsyncIterator[list[ConsumerRecord]]:
        """Yield the records of a partition between two offsets, some at a time, none of them empty.

        Raises:
            ReplayError: Told to stop, or records do not come that there must be.
        """
        if begin >= end:
            # A consumer that is stopped right after it was assigned anew may wait for its own fetch for ever.
            return
        place = self._place(name, partition)
        self._consumer.assign([place])
        self._consumer.seek(place, begin)
        heard_s = time.monotonic()
        while await self._consumer.position(place) < end:
            if self._stop.is_set():
                msg = "told to stop"
                raise ReplayError(msg)
            fetched = await self._consumer.getmany(timeout_ms=POLL_MS, max_records=BATCH_MAX)
            batch = [r for records in fetched.values() for r in records if r.offset < end]
            if batch:
                heard_s = time.monotonic()
                yield batch
            elif time.monotonic() - heard_s > SILENT_S:
                msg = f"{place.topic}/{partition} has more records, which do not come"
                raise ReplayError(msg)

    def _place(self, name: str, partition: int) -> TopicPartition:
        return TopicPartition(self._broker.topic(name), partition)

    async def _ends(self, place: TopicPartition) -> tuple[int, int]:
        begins = await self._consumer.beginning_offsets([place])
        ends = await self._consumer.end_offsets([place])
        return int(begins[place]), int(ends[place])

    async def _at(
        self, place: TopicPartition, time_ms: int | None, otherwise: int, end: int
    ) -> int:
        """Return the first offset logged at a time or later: the end if there is none."""
        if time_ms is None:
            return otherwise
        found = (await self._consumer.offsets_for_times({place: time_ms}))[place]
        return end if found is None else min(int(found.offset), end)
