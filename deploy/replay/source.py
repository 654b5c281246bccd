"""The raw topics a replay reads: which offsets, and their records in the order of the log's time."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord
from msgspec import Struct

from topics import Kind, raw_topic
from topics.record import OutRecord
from topics.settings import BrokerSettings

from .merge import Merge, Pace
from .request import ReplayError, Request

ROUND_RECORDS_MAX = 2_000
"""Of one fetch from the client's buffer."""
FETCH_BYTES = 512 * 1024
"""Of one partition, held by the client."""
LOOK_S = 0.05
"""How often is looked whether something is due."""
SILENT_S = 30.0
"""Without a record that there must be, before the broker is taken for stuck."""


class Span(Struct, frozen=True, kw_only=True):
    """The offsets of one partition that are copied: from ``begin`` to before ``end``."""

    kind: Kind
    partition: int
    begin: int
    end: int
    log_begin: int = 0
    """Of the log: what was before it has been deleted."""

    @property
    def records(self) -> int:
        """How many they are: raw topics are not written by transactions, and have no holes."""
        return self.end - self.begin


class Source:
    """Reads spans of the raw topics, without a consumer group: nothing changes on the broker."""

    def __init__(self, broker: BrokerSettings, target: BrokerSettings) -> None:
        """Prepare. Records are given out as those of the target."""
        self._broker, self._target = broker, target
        self._consumer = AIOKafkaConsumer(
            **broker.reader_options(),
            group_id=None,
            # Where the log is cut while it is read, the client must say so and not jump over the hole.
            auto_offset_reset="none",
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_wait_ms=100,
        )
        self._next: dict[TopicPartition, int] = {}

    async def start(self) -> None:
        """Connect.

        Raises:
            aiokafka.errors.KafkaError: No broker answers.
        """
        await self._consumer.start()

    async def stop(self) -> None:
        """Disconnect."""
        await self._consumer.stop()

    async def spans(self, request: Request) -> list[Span]:
        """Return what is to be copied, as the log stands now; what comes later is not."""
        kinds = {self._broker.topic(raw_topic(kind)): kind for kind in request.kinds}
        places = [TopicPartition(t, p) for t in kinds for p in range(self._broker.partitions)]
        self._consumer.assign(places)
        begins = await self._consumer.beginning_offsets(places)
        ends = await self._consumer.end_offsets(places)
        first = await self._crossings(places, request.from_ms, begins, ends)
        last = await self._crossings(places, request.to_ms, ends, ends)
        return [
            Span(
                kind=kinds[place.topic],
                partition=place.partition,
                begin=min(first[place], ends[place]),
                end=max(first[place], min(last[place], ends[place])),
                log_begin=begins[place],
            )
            for place in places
        ]

    async def _crossings(
        self,
        places: list[TopicPartition],
        time_ms: int | None,
        otherwise: Mapping[TopicPartition, int],
        ends: Mapping[TopicPartition, int],
    ) -> Mapping[TopicPartition, int]:
        """Return the first offset of each partition whose log timestamp is at or after a time."""
        if time_ms is None:
            return otherwise
        found = await self._consumer.offsets_for_times(dict.fromkeys(places, time_ms))
        return {p: ends[p] if (at := found[p]) is None else at.offset for p in places}

    async def rounds(
        self, spans: list[Span], speed: float | None, stop: asyncio.Event
    ) -> AsyncIterator[list[OutRecord]]:
        """Yield the records of the spans as they become due, some at a time, for the target's topics.

        Raises:
            ReplayError: Told to stop; or records are not there any more, or never were.
            aiokafka.errors.KafkaError: The broker does not answer.
        """
        lengths: dict[TopicPartition, int] = {}
        for span in spans:
            if span.records:
                place = TopicPartition(self._broker.topic(raw_topic(span.kind)), span.partition)
                lengths[place] = span.records
                self._next[place] = span.begin
                self._consumer.seek(place, span.begin)
        merge: Merge[TopicPartition, OutRecord] = Merge(lengths)
        pace, ends = Pace(speed), {p: self._next[p] + length for p, length in lengths.items()}
        while not merge.is_done:
            if stop.is_set():
                msg = "told to stop"
                raise ReplayError(msg)
            await self._feed(merge, ends)
            due = list(merge.take(pace.until_ms(merge.first_ms, time.monotonic())))
            if due:
                yield due
            elif not merge.hungry():
                await asyncio.sleep(LOOK_S)

    async def _feed(
        self, merge: Merge[TopicPartition, OutRecord], ends: Mapping[TopicPartition, int]
    ) -> None:
        """Give the merge what the client has; wait for it only where nothing can be given out without."""
        if not (hungry := merge.hungry()):
            return
        give_up_s = time.monotonic() + SILENT_S
        while True:
            fetched = await self._consumer.getmany(
                *hungry, timeout_ms=int(LOOK_S * 1000), max_records=ROUND_RECORDS_MAX
            )
            for place, records in fetched.items():
                merge.feed(place, self._copies(place, records, ends[place]))
            if fetched or merge.first_ms is not None:
                return
            if time.monotonic() > give_up_s:
                lacking = ", ".join(f"{p.topic}/{p.partition}/{self._next[p]}" for p in hungry[:3])
                msg = f"no record came for {SILENT_S:.0f} s, and there must be one at {lacking}"
                raise ReplayError(msg)

    def _copies(
        self, place: TopicPartition, records: list[ConsumerRecord], end: int
    ) -> list[OutRecord]:
        """Return records as the target's. Those behind the span are not wanted."""
        topic = self._target.topic(place.topic.removeprefix(self._broker.prefix))
        copies = []
        for record in records:
            if record.offset >= end:
                break
            if record.offset != self._next[place]:
                msg = (
                    f"{place.topic}/{place.partition} has no record at offset {self._next[place]}:"
                    f" after it comes {record.offset}"
                )
                raise ReplayError(msg)
            self._next[place] += 1
            copies.append(
                OutRecord(
                    topic,
                    place.partition,
                    record.key,
                    record.value,
                    list(record.headers),
                    record.timestamp,
                )
            )
        return copies
