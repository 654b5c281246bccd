"""The raw topics' ends, read for the sources that are about to be started, or that stand by.

Ten minutes are read, so that a gap that may still be filled is known; where a source has nothing there, an hour
and then six, up to its last record. Reading leaves nothing on the broker. One reader serves all sources that begin
together, and reads on when it is asked again.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from topics import BY_NAME, ContractError, Kind, raw_topic
from topics.closing import close_consumer
from topics.settings import BrokerSettings

from .continuity import GIVE_UP_MS
from .port import Clock, SourceError
from .recall import Recall

BACK_MS = (GIVE_UP_MS + 60_000, 3_600_000, 6 * 3_600_000)
"""How far is read, and where a source has nothing there, how much further."""
RECORDS_MAX = 1_000_000
"""Of a topic and step: beyond it less far is read, as a start must not take long. Some five seconds."""
CHUNK = 2_000
"""Records between two chances for other tasks."""
_POLL_MS = 200
EMPTY_POLLS_MAX = 50
"""In a row, before the broker is taken for stuck: ten seconds."""

Places = Mapping[TopicPartition, int]


class Past:
    """The past of some sources of one kind."""

    def __init__(self, broker: BrokerSettings, kind: Kind, now_ms: Clock) -> None:
        """Prepare; nothing is connected before the first reading."""
        self._broker, self._now_ms = broker, now_ms
        self._topic = broker.topic(raw_topic(kind))
        self._decode: Callable[[bytes], object] = BY_NAME[raw_topic(kind)].decoder().decode
        self._consumer: AIOKafkaConsumer | None = None
        self._next: Places = {}

    async def read(self, recalls: Iterable[Recall]) -> None:
        """Read on to the present end; at first from as far back as is said above.

        Raises:
            SourceError: The broker cannot be reached, or gives nothing any more.
        """
        # The demo's broker cannot be sought by time, and keeps nothing from before its collectors.
        if self._broker.embedded:
            return
        try:
            await self._read({recall.source: recall for recall in recalls})
        except KafkaError as error:
            await self.close()
            msg = f"{self._topic} at {self._broker.bootstrap}: {error!r}"
            raise SourceError(msg) from error
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Disconnect; the next reading begins anew, so its recalls must be new."""
        consumer, self._consumer, self._next = self._consumer, None, {}
        if consumer is not None:
            await close_consumer(consumer)

    async def _read(self, recalls: Mapping[str, Recall]) -> None:
        if self._consumer is None:
            # No offset is committed, nor sought by the client itself: each partition is told where to begin.
            self._consumer = AIOKafkaConsumer(
                **self._broker.reader_options(), auto_offset_reset="earliest", fetch_max_wait_ms=50
            )
            await self._consumer.start()
        consumer = self._consumer
        partitions = [TopicPartition(self._topic, p) for p in range(self._broker.partitions)]
        ends = await consumer.end_offsets(partitions)
        if self._next:
            await self._range(consumer, self._next, ends, recalls)
        else:
            consumer.assign(partitions)
            await self._back(consumer, ends, recalls)
        self._next = ends

    async def _back(
        self, consumer: AIOKafkaConsumer, ends: Places, recalls: Mapping[str, Recall]
    ) -> None:
        """Read the last minutes, and further back for those who have nothing there."""
        until, now_ms = ends, self._now_ms()
        for back_ms in BACK_MS:
            silent = {name: recall for name, recall in recalls.items() if not recall.records}
            if not silent:
                return
            begins = await self._begins(consumer, until, now_ms - back_ms)
            await self._range(consumer, begins, until, silent)
            until = begins

    async def _begins(self, consumer: AIOKafkaConsumer, ends: Places, from_ms: int) -> Places:
        """Return where each partition is at a time, or where there are not too many records to read."""
        found = await consumer.offsets_for_times(dict.fromkeys(ends, max(0, from_ms)))
        first = await consumer.beginning_offsets(list(ends))
        share = RECORDS_MAX // len(ends)
        return {
            tp: max(
                first[tp], min(end, end if found[tp] is None else found[tp].offset), end - share
            )
            for tp, end in ends.items()
        }

    async def _range(
        self,
        consumer: AIOKafkaConsumer,
        begins: Places,
        ends: Places,
        recalls: Mapping[str, Recall],
    ) -> None:
        """Give the records between two places of each partition to those whom they are of."""
        marked = [(f'"{name}"'.encode(), recall) for name, recall in recalls.items()]
        left = [tp for tp, end in ends.items() if begins[tp] < end]
        consumer.pause(*[tp for tp in ends if tp not in left])
        consumer.resume(*left)
        for tp in left:
            consumer.seek(tp, begins[tp])
        empty_polls = 0
        while left:
            polled = await consumer.getmany(*left, timeout_ms=_POLL_MS, max_records=CHUNK)
            for tp, records in polled.items():
                for record in records:
                    if record.offset < ends[tp]:
                        self._give(record, marked)
            done = [tp for tp in left if await consumer.position(tp) >= ends[tp]]
            left = [tp for tp in left if tp not in done]
            empty_polls = 0 if polled or done else empty_polls + 1
            if empty_polls > EMPTY_POLLS_MAX:
                msg = f"{self._topic}: no records for {empty_polls * _POLL_MS} ms"
                raise SourceError(msg)
            await asyncio.sleep(0)

    def _give(self, record: ConsumerRecord, marked: list[tuple[bytes, Recall]]) -> None:
        value = record.value or b""
        for name, recall in marked:
            if name not in value:
                continue
            try:
                told = self._decode(value)
            except ContractError:
                return
            if told.source == recall.source:  # type: ignore[attr-defined]  # of every raw record
                recall.take(
                    told,  # type: ignore[arg-type]
                    partition=record.partition,
                    logged_ms=record.timestamp,
                )
                return


class Pasts:
    """The pasts of the sources that one process starts together: each topic is read once for all of them."""

    def __init__(self, broker: BrokerSettings, now_ms: Clock) -> None:
        """Begin without sources."""
        self._broker, self._now_ms = broker, now_ms
        self._pasts: dict[Kind, Past] = {}
        self._waiting: dict[Kind, dict[str, Recall]] = {}
        self._locks: dict[Kind, asyncio.Lock] = {}
        self._stale: set[Kind] = set()
        """Kinds of which more is wanted than their reader has been reading for."""

    def expect(self, name: str, kind: Kind, *, keeps: bool) -> None:
        """Say that a source will ask; what has been read for others is then read anew with its."""
        self._waiting.setdefault(kind, {})[name] = Recall(name, keeps=keeps)
        self._stale.add(kind)

    def waiting(self, kind: Kind, name: str) -> Recall | None:
        """Return what was read so far of a source that has not taken it."""
        return self._waiting.get(kind, {}).get(name)

    async def follow(self) -> None:
        """Read on for all who wait.

        Raises:
            SourceError: As `Past.read`; the next call begins anew.
        """
        for kind in list(self._waiting):
            async with self._locks.setdefault(kind, asyncio.Lock()):
                await self._read(kind)

    async def recall(self, name: str, kind: Kind, *, keeps: bool) -> Recall:
        """Return a source's past up to now.

        Raises:
            SourceError: As `Past.read`.
        """
        async with self._locks.setdefault(kind, asyncio.Lock()):
            waiting = self._waiting.setdefault(kind, {})
            if name in waiting:
                await self._read(kind)
                recall = waiting.pop(name)
                if not waiting:
                    await self._pasts.pop(kind).close()
                return recall
        past, recall = Past(self._broker, kind, self._now_ms), Recall(name, keeps=keeps)
        try:
            await past.read([recall])
        finally:
            await past.close()
        return recall

    async def close(self) -> None:
        """Disconnect."""
        for past in self._pasts.values():
            await past.close()

    async def _read(self, kind: Kind) -> None:
        waiting = self._waiting[kind]
        past = self._pasts.setdefault(kind, Past(self._broker, kind, self._now_ms))
        if kind in self._stale:
            await past.close()
            waiting |= {name: recall.anew() for name, recall in waiting.items()}
            self._stale.discard(kind)
        try:
            await past.read(waiting.values())
        except BaseException:
            self._stale.add(kind)  # what was read in part cannot be gone on with
            raise
