"""What is shown of a compacted topic is the latest of each key, and nothing of what was taken back."""

import pytest
from aiokafka import AIOKafkaProducer

from deploy.statuses import latest
from tests.servers import SharedKafka
from topics import Status, encode
from topics.settings import BrokerSettings

from .records import create_topic

pytestmark = pytest.mark.integration


def status(part: str, state: str) -> bytes:
    return encode(
        Status(
            role="agent",
            instance="0",
            part=part,
            state=state,
            build="test",
            at_ms=1,
            since_ms=1,
            expires_ms=2,
        )
    )


async def test_the_latest_of_each_key_is_shown_and_no_tombstone(
    kafka: SharedKafka, topic_prefix: str
) -> None:
    """Nor what this version does not understand: of such a key nothing is known."""
    broker = BrokerSettings(bootstrap=kafka.bootstrap, prefix=topic_prefix, partitions=1)
    topic = create_topic(kafka.bootstrap, broker.topic("status"))
    written = [
        (b"kept", status("kept", "starting")),
        (b"gone", status("gone", "running")),
        (b"later", status("later", "running")),
        (b"kept", status("kept", "running")),
        (b"gone", None),
        (b"later", b'{"type":"status.of.tomorrow"}'),
    ]
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all") as producer:
        for key, value in written:
            await producer.send_and_wait(topic, value, key=key)
    found = await latest(broker, "status", Status)
    assert {key: one.state for key, one in found.items()} == {b"kept": "running"}
