"""Records into Kafka: every one acknowledged, or an error; a sender that ends though Kafka is away."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest
from aiokafka.errors import MessageSizeTooLargeError
from confluent_kafka.admin import NewTopic

from tests.integration.log import PATIENCE_S, read_log
from tests.servers import KafkaServer, SharedKafka
from topics.broker import admin_client, apply_topics
from topics.outbox import ALONE_BYTES_MAX, BATCH_BYTES_MAX, CLOSE_S, OutRecord, Sender
from topics.settings import BrokerSettings

pytestmark = pytest.mark.integration


@pytest.fixture
def broker(kafka: SharedKafka, topic_prefix: str) -> BrokerSettings:
    """Two partitions of each topic, of this test's own."""
    settings = BrokerSettings(bootstrap=kafka.bootstrap, prefix=topic_prefix, partitions=2)
    apply_topics(settings)
    return settings


@pytest.fixture
async def sender(broker: BrokerSettings) -> AsyncIterator[Sender]:
    """Closed after the test."""
    made = Sender(broker)
    yield made
    await made.close()


def record(broker: BrokerSettings, value: bytes, partition: int = 0) -> OutRecord:
    return OutRecord(broker.topic("raw.market"), partition, b"BTC", value, [("what", b"it is")])


async def test_records_keep_their_order_over_many_batches(
    broker: BrokerSettings, sender: Sender
) -> None:
    """Within a partition, with key and headers, whatever their sizes."""
    sizes = [BATCH_BYTES_MAX // 3, 10, BATCH_BYTES_MAX - 100, 1, BATCH_BYTES_MAX // 2] * 3
    sent = [
        record(broker, bytes([65 + number]) * size, number % 2) for number, size in enumerate(sizes)
    ]
    await sender.deliver(sent)
    for partition in range(2):
        log = [r for r in await read_log(broker, "raw.market") if r.partition == partition]
        assert [r.value for r in log] == [r.value for r in sent if r.partition == partition]
        assert {(r.key, tuple(r.headers)) for r in log} == {(b"BTC", (("what", b"it is"),))}


async def test_the_greatest_record_goes_and_a_greater_one_is_refused(
    broker: BrokerSettings, sender: Sender
) -> None:
    """At the bound, before it is sent: the broker would refuse it again and again."""
    frame = len(b"BTC") + len("what") + len(b"it is")
    async with asyncio.timeout(PATIENCE_S):
        await sender.deliver([record(broker, b"x" * (ALONE_BYTES_MAX - frame))])
        with pytest.raises(
            ValueError, match=f"raw.market: a record of {ALONE_BYTES_MAX + 1} bytes"
        ):
            await sender.deliver([record(broker, b"x" * (ALONE_BYTES_MAX - frame + 1))])
    (log,) = await read_log(broker, "raw.market")
    assert len(log.value) == ALONE_BYTES_MAX - frame


async def test_a_refused_batch_is_an_error_though_others_were_written(
    broker: BrokerSettings, sender: Sender
) -> None:
    """It shows in its own future only. What no try can mend is not tried again."""
    narrow = f"{broker.prefix}narrow"
    config = {"max.message.bytes": "1000"}
    admin = admin_client(broker)
    admin.create_topics([NewTopic(narrow, 1, 1, config=config)])[narrow].result(PATIENCE_S)
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(MessageSizeTooLargeError):
            await sender.deliver(
                [record(broker, b"good"), OutRecord(narrow, 0, None, b"x" * 2_000)]
            )
    assert [r.value for r in await read_log(broker, "raw.market")] == [b"good"]


async def test_a_sender_closes_though_kafka_is_away(
    start_kafka: Callable[..., KafkaServer], topic_prefix: str
) -> None:
    """aiokafka's own end waits for a flush for as long as Kafka is away."""
    server = start_kafka()
    broker = BrokerSettings(bootstrap=server.bootstrap, prefix=topic_prefix, partitions=2)
    apply_topics(broker)
    sender = Sender(broker)
    await sender.deliver([record(broker, b"first")])
    await asyncio.to_thread(server.stop)
    delivering = asyncio.create_task(sender.deliver([record(broker, b"second")]))
    await asyncio.sleep(0.5)
    delivering.cancel()
    await asyncio.gather(delivering, return_exceptions=True)
    begun_s = time.monotonic()
    await sender.close()
    assert time.monotonic() - begun_s < 3 * CLOSE_S + 2
