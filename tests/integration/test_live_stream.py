"""A live stream over a real broker: a reader that comes back to another process misses nothing and gets nothing twice."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from streams.serving.api.hub import Hub
from streams.serving.api.intake import Intake
from streams.serving.api.log_reader import LogReader
from streams.serving.api.stream import EventStream, Wanted
from streams.serving.cursor import read
from streams.serving.feed import Feed
from streams.serving.view import View
from tests.browser.scene import alert
from tests.servers import SharedKafka
from topics import encode
from topics.broker import BrokerSettings, apply_topics

from .log import PATIENCE_S

pytestmark = pytest.mark.integration
WRITTEN = 6


@pytest.fixture
def broker(kafka: SharedKafka, topic_prefix: str) -> BrokerSettings:
    settings = BrokerSettings(bootstrap=kafka.bootstrap, prefix=topic_prefix, partitions=2)
    apply_topics(settings)
    return settings


class Reader:
    """What came through one stream."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []
        self.last_id = ""
        self._text = ""

    async def send(self, message: Any) -> None:
        self._text += message.get("body", b"").decode()
        *whole, self._text = self._text.split("\n\n")
        for block in whole:
            lines = [line.split(": ", 1) for line in block.split("\n") if line[0] != ":"]
            fields = dict(lines)
            self.last_id = fields.get("id", self.last_id)
            if "data" in fields:
                self.events.append((fields["event"], json.loads(fields["data"])))

    @property
    def places(self) -> list[tuple[int, int]]:
        return [
            (data["partition"], data["offset"]) for name, data in self.events if name == "alerts"
        ]


class Process:
    """What of the serve role streams."""

    def __init__(self, broker: BrokerSettings) -> None:
        self.hub = Hub()
        intake = Intake(self.hub, prefix=broker.prefix)
        self.log = LogReader(broker, intake.happening)
        self.feed = Feed(broker, View(), since_ms=0, seen=intake.seen, cut=self.hub.jump)

    async def begin(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not await self.feed.caught_up():
                await asyncio.sleep(0.02)
        self.hub.tail.begin(await self.feed.positions())

    @asynccontextmanager
    async def reader(self, last_id: str | None = None, until: int = 0) -> AsyncIterator[Reader]:
        """Give a reader, who stays until so many events have come."""
        reader, never = Reader(), asyncio.Event()

        async def receive() -> Any:
            await never.wait()

        at = None if last_id is None else read(last_id)
        stream = EventStream(self.hub, self.log, Wanted(frozenset({"alerts"}), frozenset(), at, ""))
        task = asyncio.create_task(stream({"type": "http"}, receive, reader.send))
        async with asyncio.timeout(PATIENCE_S):
            while not reader.last_id:
                await asyncio.sleep(0.01)
            yield reader
            while len(reader.events) < until and not task.done():
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def process(broker: BrokerSettings) -> AsyncIterator[Process]:
    made = Process(broker)
    reading = asyncio.create_task(made.feed.run())
    try:
        await made.begin()
        yield made
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def write(broker: BrokerSettings, first: int) -> list[tuple[int, int]]:
    """Write alerts in a transaction, whose end takes an offset too, and return where they stand."""
    options = broker.client_options()
    producer = AIOKafkaProducer(**options, transactional_id=f"{broker.prefix}test")
    async with producer, producer.transaction():
        sent = [
            await producer.send_and_wait(
                broker.topic("alerts"), encode(alert(i)), key=str(i).encode(), partition=i % 2
            )
            for i in range(first, first + WRITTEN)
        ]
    return [(record.partition, record.offset) for record in sent]


async def test_a_reader_comes_back_to_another_process_exactly_where_it_was(
    broker: BrokerSettings,
) -> None:
    await write(broker, 0)  # before anybody looked
    async with process(broker) as first, first.reader(until=WRITTEN) as reader:
        expected = await write(broker, 100)
    away = await write(broker, 200)
    async with process(broker) as second:
        assert second.hub.tail.since(read(reader.last_id)) is None  # it remembers nothing of it
        async with second.reader(reader.last_id, until=2 * WRITTEN) as again:
            last = await write(broker, 300)
        assert sorted(reader.places) == sorted(expected)
        assert sorted(again.places) == sorted(away + last)
        assert second.hub.counts["resumed_from_log"] == 1
        await _delete_before(broker, {0: again.places[0][1] + 1})
        async with second.reader(reader.last_id, until=2 * WRITTEN) as late:
            pass
    names = [name for name, _ in late.events]
    gap = late.events[names.index("gap")][1]
    assert names.count("gap") == 1
    lost = [p for p in again.places if p[0] == gap["partition"] and p[1] < gap["to_offset"]]
    assert lost
    assert sorted(late.places + lost) == sorted(again.places)


async def _delete_before(broker: BrokerSettings, offsets: dict[int, int]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    try:
        topic = broker.topic("alerts")
        await admin.delete_records(
            {TopicPartition(topic, p): RecordsToDelete(before_offset=o) for p, o in offsets.items()}
        )
    finally:
        await admin.close()
