"""A raw topic as it stands, from one time to its present end, merged over its partitions."""

from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from topics import Kind, raw_topic
from topics.closing import close_consumer
from topics.settings import BrokerSettings

from .lines import Frame
from .outbound import AHEAD_MS_MAX
from .port import SourceError

T = TypeVar("T")

_POLL_MS = 200
EMPTY_POLLS_MAX = 150
"""In a row, before the broker is taken for stuck: half a minute."""


class TopicRange:
    """The records of one raw topic, without a consumer group: reading it changes nothing on the broker."""

    def __init__(self, broker: BrokerSettings, kind: Kind, from_ms: int | None) -> None:
        """Say what to read. Nothing is connected before `merged`."""
        self._broker, self._from_ms = broker, from_ms
        self.topic = broker.topic(raw_topic(kind))

    async def merged(self, read: Callable[[Frame], tuple[int, T] | None]) -> AsyncIterator[T]:
        """Yield what ``read`` makes of each record, with its event time; None is passed over.

        Always the earliest of the partitions' next ones: in the order of event time, as far as each
        partition is. The end is where the topic ended when the reading began.

        Raises:
            SourceError: The broker cannot be reached, or gives nothing any more.
        """
        consumer = AIOKafkaConsumer(**self._broker.reader_options(), auto_offset_reset="earliest")
        try:
            await consumer.start()
            ends = await self._assign(consumer)
            waiting: dict[TopicPartition, deque[tuple[int, T]]] = {tp: deque() for tp in ends}
            while True:
                await _feed(consumer, ends, waiting, read)
                heads = [(queue[0][0], tp) for tp, queue in waiting.items() if queue]
                if not heads:
                    return
                yield waiting[min(heads)[1]].popleft()[1]
        except KafkaError as error:
            msg = f"{self.topic} at {self._broker.bootstrap}: {error!r}"
            raise SourceError(msg) from error
        finally:
            await close_consumer(consumer)

    async def _assign(self, consumer: AIOKafkaConsumer) -> dict[TopicPartition, int]:
        """Take every partition, from the first record that may be wanted, and return where each ends."""
        if self.topic not in await consumer.topics():
            msg = f"{self.topic} is not on {self._broker.bootstrap}: check broker.prefix"
            raise SourceError(msg)
        partitions = [TopicPartition(self.topic, p) for p in range(self._broker.partitions)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        begins = await self._begins(consumer, partitions, ends)
        for partition in partitions:
            consumer.seek(partition, begins[partition])
        return {tp: end for tp, end in ends.items() if begins[tp] < end}

    async def _begins(
        self,
        consumer: AIOKafkaConsumer,
        partitions: list[TopicPartition],
        ends: dict[TopicPartition, int],
    ) -> dict[TopicPartition, int]:
        """Return where to begin: nothing is logged longer than `AHEAD_MS_MAX` before it happened."""
        # The embedded broker cannot find a record by its time: it would say that there is none.
        if self._from_ms is None or self._broker.embedded:
            begins: dict[TopicPartition, int] = await consumer.beginning_offsets(partitions)
            return begins
        logged_ms = max(0, self._from_ms - AHEAD_MS_MAX)
        found = await consumer.offsets_for_times(dict.fromkeys(partitions, logged_ms))
        return {tp: ends[tp] if at is None else at.offset for tp, at in found.items()}


async def _feed(
    consumer: AIOKafkaConsumer,
    ends: dict[TopicPartition, int],
    waiting: dict[TopicPartition, deque[tuple[int, T]]],
    read: Callable[[Frame], tuple[int, T] | None],
) -> None:
    """Return when each partition has something waiting or is at its end; those are taken out of ``ends``.

    The consumer holds at most one fetch of a partition that nobody asks for, so nothing piles up.
    """
    empty_polls = 0
    while hungry := [tp for tp in ends if not waiting[tp]]:
        polled = await consumer.getmany(*hungry, timeout_ms=_POLL_MS)
        for tp, records in polled.items():
            frames = (
                Frame(record.value or b"", f"{tp.topic}/{tp.partition}/{record.offset}")
                for record in records
                if record.offset < ends[tp]
            )
            waiting[tp].extend(seen for frame in frames if (seen := read(frame)) is not None)
        at_end = [tp for tp in hungry if await consumer.position(tp) >= ends[tp]]
        for tp in at_end:
            del ends[tp]
        empty_polls = 0 if polled or at_end else empty_polls + 1
        if empty_polls > EMPTY_POLLS_MAX:
            msg = f"{', '.join(map(str, hungry))}: no records for {empty_polls * _POLL_MS} ms"
            raise SourceError(msg)
