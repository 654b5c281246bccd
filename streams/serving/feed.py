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
from topics.units import EpochMs

from .embedded import consumer_class
from .letters import letter_of
from .shown import Place
from .view import View

POLL_MS = 200
RECORDS_MAX = 500
"""Taken in one go: between two the screen is painted and Ctrl-C is heard."""
EVICTED_MAX = 100
"""Cuts remembered in words; the view counts what they cost."""
WHOLE = ("alerts", "control", "status", "feed.status")
"""Read from their beginnings, whatever the time: they are compacted, and what they say holds until it is said anew."""
TIMED = ("aggregates", "late", "analyses", "decisions", "notifications")
SHOWN = (*WHOLE, *TIMED)
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
    event_ms: EpochMs | None = None
    received_ms: EpochMs | None = None


Seen = Callable[[str, LogRecord, object], None]
"""Called with the catalog's topic name, the record, and the event read from it (None: unreadable)."""
Cut = Callable[[str, int, int, str], None]
"""Called with the catalog's topic name, the partition, the offset at which it is read on, and why not before."""


class Feed:
    """Reads the shown topics from a time on, without a group, and gives each record to the view."""

    def __init__(
        self,
        broker: BrokerSettings,
        view: View,
        *,
        since_ms: int,
        raw_since_ms: int | None = None,
        seen: Seen | None = None,
        also: Sequence[str] = (),
        cut: Cut | None = None,
    ) -> None:
        """Prepare; nothing is read before `run`.

        ``since_ms`` is log time, 0 all there is; compacted topics are read whole. ``raw_since_ms`` is that of the raw
        topics where it is another: a busy pipeline writes more in a day than one reader catches up with in an hour.
        ``also`` names topics whose records go to ``seen`` alone.
        """
        self.evicted: deque[str] = deque(maxlen=EVICTED_MAX)
        """Logs that were cut ahead of us, in words; the last ones."""
        self._broker, self._view, self._seen, self._cut = broker, view, seen, cut
        self._since_ms = since_ms
        self._raw_since_ms = since_ms if raw_since_ms is None else raw_since_ms
        self._names = {
            broker.topic(name): name
            for name in (*map(raw_topic, KINDS), *SHOWN, "deadletters", *also)
        }
        self._prefix = broker.prefix
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
        consumer = consumer_class(self._broker)(
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

    async def positions(self) -> dict[tuple[str, int], int]:
        """Return, by the catalog's topic name and partition, the offset that is read next."""
        if self._consumer is None:
            return {}
        return {
            (self._names[place.topic], place.partition): await self._consumer.position(place)
            for place in self._places
        }

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
        """Return where to begin: the beginning, or the first record since the time, or the end."""
        times = {place: self._time_of(self._names[place.topic]) for place in self._places}
        whole = [place for place, since_ms in times.items() if not since_ms]
        timed = {place: since_ms for place, since_ms in times.items() if since_ms}
        offsets = dict(await consumer.beginning_offsets(whole)) if whole else {}
        if timed:
            # The ends first: what is written between the two questions is not passed over.
            ends = await consumer.end_offsets(list(timed))
            found = await consumer.offsets_for_times(dict(timed))
            offsets |= {p: ends[p] if found[p] is None else found[p].offset for p in timed}
        return offsets

    def _time_of(self, name: str) -> int:
        """Return since when a topic is read; 0 from its beginning."""
        if name in WHOLE:
            return 0
        return self._raw_since_ms if name in self._kinds else self._since_ms

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
                self._view.begin_anew(
                    self._names.get(place.topic, place.topic), place.partition, begin
                )
                words = f"it ends before offset {position}, where we were: it is another log, read from its begin"
            self.evicted.append(f"{place.topic}/{place.partition}: {words}")
            if self._cut is not None:
                self._cut(self._names[place.topic], place.partition, begin, words)
            consumer.seek(place, begin)

    def _take(self, name: str, record: LogRecord) -> None:
        event: object = None
        place = Place(name, record.partition, record.offset)
        if name == "deadletters":
            self._take_letter(record, place)
        elif (kind := self._kinds.get(name)) is not None:
            event = self._take_raw(kind, record, place)
        elif name in self._decoders:
            event = self._take_event(record, place)
        if self._seen is not None:
            self._seen(name, record, event)

    def _take_event(self, record: LogRecord, place: Place) -> object:
        if record.value is None and "compact" in BY_NAME[place.topic].cleanup:
            key = (record.key or b"").decode(errors="replace")
            self._view.take_deleted(place.topic, key, place)
            return None
        try:
            event = self._decoders[place.topic].decode(record.value or b"")
        except ContractError:
            self._view.take_unreadable(place)
            return None
        self._view.take(event, place, record.timestamp)
        return event

    def _take_letter(self, record: LogRecord, place: Place) -> None:
        try:
            letter = letter_of(
                record.key,
                record.value or b"",
                record.headers,
                at_ms=record.timestamp,
                place=place,
                prefix=self._prefix,
            )
        except ValueError:
            self._view.take_dead_letter(place=place)
        else:
            self._view.take_dead_letter(letter)

    def _take_raw(self, kind: Kind, record: LogRecord, place: Place) -> object:
        value = record.value or b""
        try:
            head = self._head(value)
            if head.type in self._marks:
                mark: object = self._marks[head.type](value)
                self._view.take(mark, place, record.timestamp)
                return mark
        except _UNREADABLE:
            self._view.take_unreadable(place)
            return None
        if head.event_ms is None or head.type not in self._tags[place.topic]:
            self._view.take_unreadable(place)
            return None
        # None is newer than its receipt: one that says so would hide for ever that no others come.
        newest_ms = (
            head.event_ms if head.received_ms is None else min(head.event_ms, head.received_ms)
        )
        self._view.take_raw(kind, newest_ms, place)
        return head
