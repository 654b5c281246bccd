"""Kafka into the view: every record of the topics people look at, committed ones only."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError
from msgspec import Struct

from topics import BY_NAME, KINDS, ContractError, Decoder, Kind, raw_topic
from topics.codec import tag_of
from topics.marks import GapDetected, GapFilled, GapPermanent, Heartbeat
from topics.settings import BrokerSettings

from .view import View

POLL_MS = 200
SHOWN = ("aggregates", "late", "analyses", "decisions", "status", "feed.status")
_MARKS = {tag_of(mark): mark for mark in (Heartbeat, GapDetected, GapFilled, GapPermanent)}


class LogRecord(Protocol):
    """A fetched record, as aiokafka gives it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class _Head(Struct):
    """What the view needs of a raw event; reading the rest of it would cost ten times as much."""

    type: str
    event_ms: int = 0


Seen = Callable[[str, LogRecord, object], None]
"""Called with the catalog's topic name, the record, and the event read from it (None: unreadable)."""


class Feed:
    """Reads the shown topics from a time on, without a group, and gives each record to the view."""

    def __init__(
        self,
        broker: BrokerSettings,
        view: View,
        *,
        since_ms: int,
        seen: Seen | None = None,
        also: Sequence[str] = (),
    ) -> None:
        """Prepare; nothing is read before `run`.

        ``since_ms`` is log time, 0 all there is. ``also`` names topics whose records go to ``seen`` alone.
        """
        self.evicted: list[str] = []
        """Logs that were cut ahead of us, in words."""
        self._broker, self._view, self._seen = broker, view, seen
        self._since_ms = since_ms
        self._names = {
            broker.topic(name): name
            for name in (*map(raw_topic, KINDS), *SHOWN, "deadletters", *also)
        }
        self._kinds: dict[str, Kind] = {raw_topic(kind): kind for kind in KINDS}
        self._decoders: dict[str, Decoder[object]] = {
            name: BY_NAME[name].decoder() for name in SHOWN
        }
        self._head = msgspec.json.Decoder(_Head).decode
        self._marks = {tag: msgspec.json.Decoder(mark).decode for tag, mark in _MARKS.items()}
        self._places = [
            TopicPartition(topic, partition)
            for topic in self._names
            for partition in range(broker.partitions)
        ]
        self._consumer: AIOKafkaConsumer | None = None

    async def run(self) -> None:
        """Read until cancelled."""
        consumer = AIOKafkaConsumer(
            **self._broker.reader_options(),
            group_id=None,
            auto_offset_reset="none",
            fetch_max_wait_ms=100,
        )
        await consumer.start()
        self._consumer = consumer
        try:
            consumer.assign(self._places)
            await self._seek(consumer, self._places)
            while True:
                try:
                    fetched = await consumer.getmany(timeout_ms=POLL_MS)
                except OffsetOutOfRangeError as error:
                    await self._evicted(consumer, list(error.args[0]))
                    continue
                for place, records in fetched.items():
                    for record in records:
                        self._take(self._names[place.topic], record)
                await asyncio.sleep(0)
        finally:
            self._consumer = None
            await consumer.stop()

    async def bounds(self, name: str) -> dict[int, tuple[int, int]]:
        """Return, by partition, where the broker says that a topic's log begins and ends."""
        if self._consumer is None:
            return {}
        topic = self._broker.topic(name)
        places = [TopicPartition(topic, p) for p in range(self._broker.partitions)]
        begins = await self._consumer.beginning_offsets(places)
        ends = await self._consumer.end_offsets(places)
        return {place.partition: (begins[place], ends[place]) for place in places}

    async def caught_up(self) -> bool:
        """Return whether everything that is committed by now has been read and given on."""
        if self._consumer is None:
            return False
        ends = await self._consumer.end_offsets(self._places)
        for place, end in ends.items():
            if await self._consumer.position(place) < end:
                return False
        return True

    async def _seek(self, consumer: AIOKafkaConsumer, places: list[TopicPartition]) -> None:
        begins = await consumer.beginning_offsets(places)
        at = {}
        if self._since_ms:
            found = await consumer.offsets_for_times(dict.fromkeys(places, self._since_ms))
            ends = await consumer.end_offsets(places)
            at = {p: ends[p] if found[p] is None else found[p].offset for p in places}
        for place in places:
            consumer.seek(place, max(begins[place], at.get(place, 0)))

    async def _evicted(self, consumer: AIOKafkaConsumer, places: list[TopicPartition]) -> None:
        begins = await consumer.beginning_offsets(places)
        for place in places:
            self.evicted.append(
                f"{place.topic}/{place.partition}: cut up to offset {begins[place]} before it was read"
            )
            consumer.seek(place, begins[place])

    def _take(self, name: str, record: LogRecord) -> None:
        value = record.value or b""
        event: object = None
        if name == "deadletters":
            self._view.take_dead_letter()
        elif (kind := self._kinds.get(name)) is not None:
            event = self._take_raw(kind, value)
        elif value and name in self._decoders:
            try:
                event = self._decoders[name].decode(value)
                self._view.take(event)
            except ContractError:
                self._view.take_unreadable()
        if self._seen is not None:
            self._seen(name, record, event)

    def _take_raw(self, kind: Kind, value: bytes) -> object:
        try:
            head = self._head(value)
            if head.type in self._marks:
                mark: object = self._marks[head.type](value)
                self._view.take(mark)
                return mark
        except msgspec.DecodeError:
            self._view.take_unreadable()
            return None
        self._view.take_raw(kind, head.event_ms)
        return head
