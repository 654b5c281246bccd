"""The log for readers that come back: the shell that reads spans of it again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from streams.serving.cursor import Positions
from topics import TopicsError
from topics.settings import BrokerSettings

from .resuming import Span
from .tail import Happening

READERS_MAX = 4
"""Readers that are brought back at once; others wait."""
ASK_S = 10.0
"""For the broker to answer one question, or to give the next records."""
POLL_MS = 200
RECORDS_MAX = 1_000

HappeningOf = Callable[[str, Any], Happening | None]
"""Returns a record of a topic as it is streamed; None: it is not."""


class LogReader:
    """Reads committed records with consumers of its own, which belong to no group."""

    def __init__(self, broker: BrokerSettings, happening_of: HappeningOf) -> None:
        """Prepare; nothing is connected before the first reader comes back."""
        self._broker, self._happening_of = broker, happening_of
        self._free = asyncio.Semaphore(READERS_MAX)

    async def begins(self, logs: list[tuple[str, int]]) -> Positions:
        """Return where logs begin.

        Raises:
            TopicsError: The broker does not answer.
        """
        places = [TopicPartition(self._broker.topic(topic), p) for topic, p in logs]
        async with self._free, self._consumer() as consumer, _answering():
            found = await consumer.beginning_offsets(places)
        return {log: found[place] for log, place in zip(logs, places, strict=True)}

    async def records(self, spans: list[Span]) -> AsyncIterator[Happening]:
        """Give every record of the spans that is streamed, of each log in its order.

        Raises:
            TopicsError: The broker does not answer.
        """
        if not spans:
            return
        ends = {TopicPartition(self._broker.topic(s.topic), s.partition): s for s in spans}
        async with self._free, self._consumer() as consumer:
            consumer.assign(list(ends))
            for place, span in ends.items():
                consumer.seek(place, span.from_offset)
            while ends:
                for topic, record in await self._fetched(consumer, ends):
                    happening = self._happening_of(topic, record)
                    if happening is not None:
                        yield happening

    async def _fetched(
        self, consumer: AIOKafkaConsumer, ends: dict[TopicPartition, Span]
    ) -> list[tuple[str, ConsumerRecord[Any, Any]]]:
        """Return the next records, and strike out the logs that are read."""
        found = []
        async with _answering():
            fetched: dict[TopicPartition, list[ConsumerRecord[Any, Any]]] = {}
            while not fetched and ends:
                fetched = await consumer.getmany(*ends, timeout_ms=POLL_MS, max_records=RECORDS_MAX)
                for place, records in fetched.items():
                    span = ends[place]
                    found += [(span.topic, r) for r in records if r.offset < span.to_offset]
                # The place, not the last record: at the end there may be none but marks of transactions.
                for place in [p for p in ends if await consumer.position(p) >= ends[p].to_offset]:
                    del ends[place]
        return found

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(
            **self._broker.reader_options(),
            group_id=None,
            auto_offset_reset="none",
            fetch_max_wait_ms=50,
        )
        try:
            async with _answering():
                await consumer.start()
            yield consumer
        finally:
            await consumer.stop()


@asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(ASK_S):
            yield
    except (TimeoutError, KafkaError) as error:
        msg = f"the broker did not answer: {str(error) or f'{ASK_S:g} s went by'}"
        raise TopicsError(msg) from None
