"""Kafka's logs, a partition at a time, committed records only and never more than a slice in memory."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

SLICE_MAX = 2_000
POLL_MS = 500
FETCH_WAIT_MS = 50
"""How long a broker waits for more at the end of a log: what is asked next waits as long."""
SILENCE_POLLS_MAX = 60
"""Polls without a record after which a broker is said not to answer."""


class LogError(Exception):
    """A log that cannot be read; the message says which and why."""


class PartitionLog:
    """One partition of a topic, from its start to the end it had when it was opened."""

    def __init__(self, consumer: AIOKafkaConsumer, asking: AIOKafkaConsumer) -> None:
        """Take a consumer that reads nothing else while this log is read, and one that only asks.

        A broker answers a connection's requests in turn: asked by one that reads, it would end the wait first.
        """
        self._consumer, self._asking = consumer, asking
        self._place = TopicPartition("", 0)
        self.begin = self.end = 0

    async def open(self, topic: str, partition: int) -> None:
        """Go to a partition's first record."""
        place = self._place = TopicPartition(topic, partition)
        self.begin = (await self._asking.beginning_offsets([place]))[place]
        self.end = (await self._asking.end_offsets([place]))[place]
        if self.begin < self.end:
            self._consumer.assign([place])
            self._consumer.seek(place, self.begin)

    async def read(self) -> Sequence[ConsumerRecord]:
        """Return the next slice; it is empty at the end.

        Raises:
            LogError: There is more, and it does not come.
        """
        if self.begin >= self.end:
            return ()
        for _ in range(SILENCE_POLLS_MAX):
            # Behind the last record there may be markers, which nobody is given.
            if await self._consumer.position(self._place) >= self.end:
                return ()
            fetched = await self._consumer.getmany(timeout_ms=POLL_MS, max_records=SLICE_MAX)
            records = [record for slice_ in fetched.values() for record in slice_]
            if records:
                return [record for record in records if record.offset < self.end]
        msg = f"{self._place.topic}/{self._place.partition} has more records, which do not come"
        raise LogError(msg)


@asynccontextmanager
async def logs(options: Mapping[str, Any], number: int) -> AsyncIterator[list[PartitionLog]]:
    """Give so many logs that can be read at once; ``options`` are aiokafka's, for a reader.

    Raises:
        LogError: No broker answers, or a log was cut while it was read.
    """
    consumers = [
        AIOKafkaConsumer(
            **options, group_id=None, auto_offset_reset="none", fetch_max_wait_ms=FETCH_WAIT_MS
        )
        for _ in range(number + 1)
    ]
    try:
        for consumer in consumers:
            await consumer.start()
        asking, *reading = consumers
        yield [PartitionLog(consumer, asking) for consumer in reading]
    except KafkaError as error:
        msg = f"cannot read from {options['bootstrap_servers']}: {error!r}"
        raise LogError(msg) from None
    finally:
        for consumer in consumers:
            await consumer.stop()
