"""The servers that tests share do what those tests take for granted."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError
from confluent_kafka.admin import AdminClient
from redis import Redis

from tests.servers import (
    GivenKafka,
    GivenRedis,
    SharedKafka,
    SharedRedis,
    find_kafka,
    find_redis,
)
from topics.broker import BrokerSettings

from .records import PATIENCE_S, create_topic, eventually, read

pytestmark = pytest.mark.integration

SEEN: set[str] = set()


async def test_read_committed_shows_only_what_was_committed(
    kafka: SharedKafka, topic_prefix: str
) -> None:
    """Of an aborted and a committed transaction a careful reader sees the second, others see both."""
    topic = create_topic(kafka.bootstrap, topic_prefix + "numbers")
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, transactional_id=topic_prefix + "writer"
    )
    async with asyncio.timeout(PATIENCE_S), producer:
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"aborted")
        await producer.abort_transaction()
        async with producer.transaction():
            await producer.send_and_wait(topic, b"committed")
    assert await read(kafka.bootstrap, topic, "read_committed", 1) == [b"committed"]
    assert await read(kafka.bootstrap, topic, "read_uncommitted", 2) == [b"aborted", b"committed"]


async def test_a_second_owner_of_a_transactional_id_fences_the_first(
    kafka: SharedKafka, topic_prefix: str
) -> None:
    """A zombie's commit is refused once its successor has begun."""
    topic = create_topic(kafka.bootstrap, topic_prefix + "numbers")
    options = {
        "bootstrap_servers": kafka.bootstrap,
        "transactional_id": topic_prefix + "writer",
    }
    first, second = AIOKafkaProducer(**options), AIOKafkaProducer(**options)
    async with asyncio.timeout(PATIENCE_S):
        await first.start()
        try:
            await first.begin_transaction()
            await first.send_and_wait(topic, b"zombie")
            async with second, second.transaction():
                await second.send_and_wait(topic, b"successor")
            with pytest.raises(KafkaError, match=r"(?i)fenced|epoch"):
                await first.commit_transaction()
        finally:
            await first.stop()
    assert await read(kafka.bootstrap, topic, "read_committed", 1) == [b"successor"]


class Losses(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types.
    """Counts the partitions a consumer had to give back while others came and went."""

    def __init__(self) -> None:
        self.count = 0

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self.count += len(list(revoked))

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        pass


def member(bootstrap: str, prefix: str, name: str) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=prefix + "group",
        group_instance_id=name,
        session_timeout_ms=6000,
        heartbeat_interval_ms=300,
    )


async def test_a_static_member_comes_back_without_a_rebalance(
    kafka: SharedKafka, topic_prefix: str
) -> None:
    """A restarted instance gets its partitions again; its neighbour keeps its own all the while."""
    topic = create_topic(kafka.bootstrap, topic_prefix + "numbers", partitions=2)
    stays, losses = member(kafka.bootstrap, topic_prefix, "stays"), Losses()
    leaves = member(kafka.bootstrap, topic_prefix, "leaves")
    stays.subscribe([topic], listener=losses)
    leaves.subscribe([topic])
    await stays.start()
    try:
        async with leaves:
            await eventually(lambda: len(stays.assignment()) == len(leaves.assignment()) == 1)
            before, lost = leaves.assignment(), losses.count
        again = member(kafka.bootstrap, topic_prefix, "leaves")
        again.subscribe([topic])
        async with again:
            await eventually(lambda: len(again.assignment()) > 0)
            await stays.getmany(timeout_ms=500)
            assert again.assignment() == before
            assert losses.count == lost
    finally:
        await stays.stop()


async def test_a_session_of_one_second_is_accepted(kafka: SharedKafka, topic_prefix: str) -> None:
    """Failover tests need not wait for the broker's usual floor of 6 s."""
    topic = create_topic(kafka.bootstrap, topic_prefix + "numbers")
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=kafka.bootstrap,
        group_id=topic_prefix + "group",
        session_timeout_ms=1000,
        heartbeat_interval_ms=300,
    )
    async with consumer:
        await eventually(lambda: len(consumer.assignment()) == 1)


async def test_a_topic_nobody_created_stays_away(kafka: SharedKafka, topic_prefix: str) -> None:
    """Writing to a misspelt topic is an error, as on a well-kept cluster."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, request_timeout_ms=1000)
    async with producer:
        with pytest.raises(KafkaError):
            await producer.send_and_wait(topic_prefix + "misspelt", b"lost")
    known = AdminClient({"bootstrap.servers": kafka.bootstrap}).list_topics(timeout=PATIENCE_S)
    assert topic_prefix + "misspelt" not in known.topics


def test_a_given_broker_is_used_and_left_alone(kafka: SharedKafka, tmp_path: Path) -> None:
    """The variable's broker goes before all others; closing it ends nothing."""
    given = find_kafka({"TAPEREADER_TEST_KAFKA": kafka.bootstrap}, tmp_path)
    given.start()
    given.close()
    assert isinstance(given, GivenKafka)
    given.start()


@pytest.mark.parametrize("subject", ["short", "long" * 30, "Aus/ge-fallen: $%"])
def test_a_topic_prefix_is_one_the_settings_take(topic_prefix: str, subject: str) -> None:
    """Whatever the test is called, its prefix can stand before topics."""
    assert subject
    assert BrokerSettings(prefix=topic_prefix).topic("late") not in SEEN
    SEEN.add(topic_prefix + "late")


def test_redis_runs_scripts(redis_server: SharedRedis, topic_prefix: str) -> None:
    """Lua is real: a script reads and writes in one step."""
    with Redis.from_url(redis_server.url) as client:
        add = client.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1]) * 10")
        assert add(keys=[topic_prefix + "sum"], args=[4]) == 40
        assert add(keys=[topic_prefix + "sum"], args=[5]) == 90


def test_a_given_redis_is_used_and_left_alone(redis_server: SharedRedis, tmp_path: Path) -> None:
    """The variable's server goes before all others; closing it ends nothing."""
    given = find_redis({"TAPEREADER_TEST_REDIS": redis_server.url}, tmp_path)
    given.start()
    given.close()
    assert isinstance(given, GivenRedis)
    given.start()
