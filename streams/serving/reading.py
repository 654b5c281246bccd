"""Topics read from a time to their end, once, in a bounded time and without a group."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from topics import TopicsError
from topics.closing import close_within
from topics.settings import BrokerSettings

READ_S = 60.0
"""For one question. Whoever waits is a person, and the dead letters of a month may be many."""
POLL_MS = 200
RECORDS_MAX = 500
"""Taken in one go: others have work too."""
CLOSE_S = 2.0


class TopicReader:
    """Reads topics of the catalog, one after the other."""

    def __init__(self, broker: BrokerSettings, consumer: AIOKafkaConsumer) -> None:
        """Take a consumer that reads nothing else meanwhile."""
        self._broker, self._consumer = broker, consumer

    async def whole(self, name: str, since_ms: int | None = None) -> AsyncIterator[ConsumerRecord]:
        """Give what is in a topic by now, from a log time on."""
        places = [(name, partition) for partition in range(self._broker.partitions)]
        async for record in self.parts(places, since_ms=since_ms):
            yield record

    async def parts(
        self,
        places: Iterable[tuple[str, int]],
        *,
        since_ms: int | None = None,
        until_ms: int | None = None,
    ) -> AsyncIterator[ConsumerRecord]:
        """Give what is in partitions by now, by topic and number.

        Of each the first record is the first one not logged before ``since_ms``, and the last the one before the
        first that was logged after ``until_ms``.
        """
        consumer = self._consumer
        assigned = [TopicPartition(self._broker.topic(name), number) for name, number in places]
        consumer.assign(assigned)  # so that the client knows them
        ends = await consumer.end_offsets(assigned)
        begins = await self._begins(assigned, since_ms)
        left = {place for place in assigned if begins.get(place, ends[place]) < ends[place]}
        if not left:
            return  # without a partition the client's end would be waited for
        consumer.assign(list(left))
        for place in left:
            consumer.seek(place, begins[place])
        while left:
            fetched = await consumer.getmany(*left, timeout_ms=POLL_MS, max_records=RECORDS_MAX)
            for place, records in fetched.items():
                for record in records:
                    if until_ms is not None and record.timestamp > until_ms:
                        left.discard(place)
                        break
                    if record.offset < ends[place]:
                        yield record
            left = {place for place in left if await consumer.position(place) < ends[place]}
            await asyncio.sleep(0)

    async def _begins(
        self, places: list[TopicPartition], since_ms: int | None
    ) -> dict[TopicPartition, int]:
        """Return where to begin; nothing of a partition in which nothing is so new."""
        # The demo's own broker cannot be asked for offsets by time.
        if since_ms is None or self._broker.embedded:
            return dict(await self._consumer.beginning_offsets(places))
        found = await self._consumer.offsets_for_times(dict.fromkeys(places, since_ms))
        return {place: at.offset for place, at in found.items() if at is not None}


@asynccontextmanager
async def topic_reader(
    broker: BrokerSettings, names: Sequence[str], within_s: float = READ_S
) -> AsyncIterator[TopicReader]:
    """Give a reader of topics that are there; all that is asked of it must be answered in so many seconds.

    Raises:
        TopicsError: No broker answers in time, or there is no such topic.
    """
    consumer = AIOKafkaConsumer(
        **broker.reader_options(),
        group_id=None,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=100,
    )
    try:
        async with asyncio.timeout(within_s):
            await consumer.start()
            there = await consumer.topics()
            if missing := [topic for name in names if (topic := broker.topic(name)) not in there]:
                msg = f"missing on {broker.bootstrap}: {', '.join(missing)}. `tapereader topics apply` creates them"
                raise TopicsError(msg)
            yield TopicReader(broker, consumer)
    except KafkaError as error:
        msg = f"no Kafka broker answers at {broker.bootstrap}: {error}"
        raise TopicsError(msg) from None
    except TimeoutError:
        msg = (
            f"{broker.bootstrap} did not give {', '.join(names)} in {within_s:g} s;"
            " if there is so much of it, ask for less time"
        )
        raise TopicsError(msg) from None
    finally:
        await close_within(consumer, CLOSE_S)
