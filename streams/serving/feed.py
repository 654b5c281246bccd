"""Kafka into the view: every record of the topics people look at, committed ones only."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError, OffsetOutOfRangeError
from msgspec import Struct

from topics import BY_NAME, KINDS, ContractError, Decoder, Kind, TopicsError, raw_topic
from topics.closing import close_consumer
from topics.codec import tag_of
from topics.marks import GapDetected, GapFilled, GapPermanent, Heartbeat
from topics.settings import BrokerSettings

from .view import View

POLL_MS = 200
RECORDS_MAX = 500
"""Taken in one go: between two the screen is painted and Ctrl-C is heard."""
EVICTED_MAX = 100
"""Cuts remembered in words; the view counts what they cost."""
SHOWN = ("aggregates", "late", "analyses", "decisions", "status", "feed.status")
_MARKS = {tag_of(mark): mark for mark in (Heartbeat, GapDetected, GapFilled, GapPermanent)}
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""Not JSON or not the contract; not UTF-8; nested too deep."""


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
    event_ms: int | None = None


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
        self.evicted: deque[str] = deque(maxlen=EVICTED_MAX)
        """Logs that were cut ahead of us, in words; the last ones."""
        self._broker, self._view, self._seen = broker, view, seen
        self._since_ms = since_ms
        self._names = {
            broker.topic(name): name
            for name in (*map(raw_topic, KINDS), *SHOWN, "deadletters", *also)
        }
        self._kinds: dict[str, Kind] = {raw_topic(kind): kind for kind in KINDS}
        self._tags = {name: frozenset(BY_NAME[name].tags) for name in self._kinds}
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
        """Read until cancelled. A broker that goes away while we read is waited for.

        Raises:
            TopicsError: No broker answers at first, a topic is missing, or has another partition count.
        """
        consumer = AIOKafkaConsumer(
            **self._broker.reader_options(),
            group_id=None,
            auto_offset_reset="none",
            fetch_max_wait_ms=100,
        )
        try:
            await self._begin(consumer)
            self._consumer = consumer
            while True:
                try:
                    fetched = await consumer.getmany(timeout_ms=POLL_MS, max_records=RECORDS_MAX)
                except OffsetOutOfRangeError as error:
                    # The broker may be gone again: then the next fetch says it once more.
                    with suppress(KafkaTimeoutError):
                        await self._evicted(consumer, dict(error.args[0]))
                    continue
                for place, records in fetched.items():
                    for record in records:
                        self._take(self._names[place.topic], record)
                await asyncio.sleep(0)
        finally:
            self._consumer = None
            await close_consumer(consumer)

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
        consumer = self._consumer
        if consumer is None:
            return False
        ends = await consumer.end_offsets(self._places)
        for place, end in ends.items():
            if await consumer.position(place) < end:
                return False
        return True

    async def _begin(self, consumer: AIOKafkaConsumer) -> None:
        try:
            await consumer.start()
            # First, so that the client asks for all topics at once, not for one after the other.
            consumer.assign(self._places)
            await self._refuse_wrong_topics(consumer)
            offsets = await self._offsets(consumer)
        except (KafkaConnectionError, KafkaTimeoutError) as error:
            msg = f"no Kafka broker answers at {self._broker.bootstrap}: {error}"
            raise TopicsError(msg) from None
        for place, offset in offsets.items():
            consumer.seek(place, offset)

    async def _refuse_wrong_topics(self, consumer: AIOKafkaConsumer) -> None:
        """Refuse what the client would wait for, or leave out, without a word."""
        there = await consumer.topics()
        if missing := [topic for topic in self._names if topic not in there]:
            msg = f"missing on {self._broker.bootstrap}: {', '.join(missing)}. `tapereader topics apply` creates them"
            raise TopicsError(msg)
        # The client knows the partitions of topics that it was asked something about.
        await consumer.end_offsets([TopicPartition(topic, 0) for topic in self._names])
        wrong = [
            f"{topic} has {count} partitions"
            for topic in self._names
            if (count := len(consumer.partitions_for_topic(topic))) != self._broker.partitions
        ]
        if wrong:
            msg = f"{'; '.join(wrong)}, but broker.partitions is {self._broker.partitions}"
            raise TopicsError(msg)

    async def _offsets(self, consumer: AIOKafkaConsumer) -> dict[TopicPartition, int]:
        """Return where to begin: the first record since the time, or the end."""
        if not self._since_ms:
            return dict(await consumer.beginning_offsets(self._places))
        # The ends first: what is written between the two questions is not passed over.
        ends = await consumer.end_offsets(self._places)
        found = await consumer.offsets_for_times(dict.fromkeys(self._places, self._since_ms))
        return {p: ends[p] if found[p] is None else found[p].offset for p in self._places}

    async def _evicted(
        self, consumer: AIOKafkaConsumer, positions: dict[TopicPartition, int]
    ) -> None:
        """Go on at the beginning of logs in which our position is no more."""
        begins = await consumer.beginning_offsets(list(positions))
        for place, position in positions.items():
            begin = begins[place]
            if begin > position:
                self._view.take_evicted(begin - position)
                words = f"offsets {position} to {begin - 1} were deleted before they were read"
            else:
                words = f"it ends before offset {position}, where we were: it is another log, read from its begin"
            self.evicted.append(f"{place.topic}/{place.partition}: {words}")
            consumer.seek(place, begin)

    def _take(self, name: str, record: LogRecord) -> None:
        event: object = None
        if name == "deadletters":
            self._view.take_dead_letter()
        elif (kind := self._kinds.get(name)) is not None:
            event = self._take_raw(name, kind, record.value or b"")
        elif name in self._decoders and not self._is_tombstone(name, record):
            try:
                event = self._decoders[name].decode(record.value or b"")
                self._view.take(event)
            except ContractError:
                self._view.take_unreadable()
        if self._seen is not None:
            self._seen(name, record, event)

    @staticmethod
    def _is_tombstone(name: str, record: LogRecord) -> bool:
        """Return whether a record only says that its key is deleted: where topics are compacted it is in order."""
        return record.value is None and "compact" in BY_NAME[name].cleanup

    def _take_raw(self, name: str, kind: Kind, value: bytes) -> object:
        try:
            head = self._head(value)
            if head.type in self._marks:
                mark: object = self._marks[head.type](value)
                self._view.take(mark)
                return mark
        except _UNREADABLE:
            self._view.take_unreadable()
            return None
        if head.event_ms is None or head.type not in self._tags[name]:
            self._view.take_unreadable()
            return None
        self._view.take_raw(kind, head.event_ms)
        return head
