"""Changelogs whose end carries no record, and state that is not this fold's: loaded, or refused; nothing hangs."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from confluent_kafka.admin import NewTopic

from deploy.children import ChildError
from streams.engine.store import load
from streams.windows.clock import Clock
from streams.windows.counters import Counters
from streams.windows.state import FOLD_VERSION, Meta, rules_digest
from tests.servers import KafkaServer, SharedKafka
from topics.broker import BrokerSettings, admin_client

from .records import PATIENCE_S
from .roles import PARTITIONS, Pipeline, pipeline

pytestmark = pytest.mark.integration


@pytest.fixture
def line(kafka: SharedKafka, topic_prefix: str, tmp_path: Path) -> Iterator[Pipeline]:
    with pipeline(kafka.bootstrap, topic_prefix, tmp_path) as made:
        yield made


async def _transaction(broker: BrokerSettings, topic: str, value: bytes, *, commit: bool) -> None:
    producer = AIOKafkaProducer(**broker.client_options(), transactional_id=f"{topic}.x")
    async with producer:
        await producer.begin_transaction()
        await producer.send_and_wait(topic, value, key=b"0|k", partition=0)
        await (producer.commit_transaction() if commit else producer.abort_transaction())
    # As an owner does before it loads: it begins only when the markers of the one before are written.
    async with AIOKafkaProducer(**broker.client_options(), transactional_id=f"{topic}.x"):
        pass


async def test_an_end_that_carries_no_record_is_reached(line: Pipeline) -> None:
    """A marker of a commit, then an aborted transaction: what was committed is loaded, in time."""
    changelog = line.broker.topic("streams-state-changelog")
    await _transaction(line.broker, changelog, b"kept", commit=True)
    async with asyncio.timeout(PATIENCE_S):
        assert (await load(line.broker, changelog, [0]))[0] == {b"0|k": b"kept"}
    await _transaction(line.broker, changelog, b"gone", commit=False)
    async with asyncio.timeout(PATIENCE_S):
        assert (await load(line.broker, changelog, [0]))[0] == {b"0|k": b"kept"}


async def test_what_was_deleted_is_not_loaded(line: Pipeline) -> None:
    """A tombstone takes its entry away, and the entry may come again."""
    changelog = line.broker.topic("streams-state-changelog")
    async with AIOKafkaProducer(**line.broker.client_options(), acks="all") as producer:
        for key, value in ((b"0|a", b"1"), (b"0|b", b"2"), (b"0|a", None), (b"0|c", None)):
            await producer.send_and_wait(changelog, value, key=key, partition=0)
        assert (await load(line.broker, changelog, [0]))[0] == {b"0|b": b"2"}
        await producer.send_and_wait(changelog, b"3", key=b"0|a", partition=0)
    assert (await load(line.broker, changelog, [0]))[0] == {b"0|b": b"2", b"0|a": b"3"}


async def test_a_log_that_was_only_ever_aborted_is_empty(line: Pipeline) -> None:
    """Offsets, and not one record."""
    changelog = line.broker.topic("streams-state-changelog")
    await _transaction(line.broker, changelog, b"gone", commit=False)
    async with asyncio.timeout(PATIENCE_S):
        assert await load(line.broker, changelog, [0, 1]) == {0: {}, 1: {}}


async def test_a_compacted_changelog_is_loaded_and_not_taken_for_lost(
    start_kafka: Callable[..., KafkaServer], topic_prefix: str
) -> None:
    """Its first records are gone, its log still begins at 0, and aborted records are all that stands at its end."""
    server = start_kafka({"log.cleaner.backoff.ms": "200"})
    broker = BrokerSettings(bootstrap=server.bootstrap, prefix=topic_prefix, partitions=1)
    topic = broker.topic("compacted")
    kept = {
        "cleanup.policy": "compact",
        "segment.ms": "300",
        "min.cleanable.dirty.ratio": "0.01",
        "delete.retention.ms": "0",
    }
    admin = admin_client(broker)
    admin.create_topics([NewTopic(topic, 1, 1, config=kept)])[topic].result(PATIENCE_S)
    async with AIOKafkaProducer(**broker.client_options(), acks="all") as producer:
        for n in range(20):
            await producer.send_and_wait(topic, b"%d" % n, key=b"0|a", partition=0)
        await producer.send_and_wait(topic, b"b", key=b"0|b", partition=0)
        await producer.send_and_wait(topic, None, key=b"0|b", partition=0)
    async with asyncio.timeout(2 * PATIENCE_S):
        while await _first_offset(broker, topic) == 0:
            await asyncio.sleep(0.5)  # a segment is closed by the next record after its time
            await _transaction(broker, topic, b"gone", commit=False)
        assert (await load(broker, topic, [0]))[0] == {b"0|a": b"19"}


async def _first_offset(broker: BrokerSettings, topic: str) -> int:
    place = TopicPartition(topic, 0)
    options = broker.reader_options()
    async with AIOKafkaConsumer(**options, auto_offset_reset="earliest") as consumer:
        consumer.assign([place])
        assert (await consumer.beginning_offsets([place]))[place] == 0
        return int((await consumer.getone()).offset)


@pytest.mark.parametrize("change", ["version", "rules", "partitions"])
async def test_state_of_another_fold_is_refused_by_the_worker(line: Pipeline, change: str) -> None:
    """Written by another version of the fold, by other rules, or for another number of partitions."""
    meta = Meta(
        fold_version=FOLD_VERSION + (change == "version"),
        rules_digest="0" * 16
        if change == "rules"
        else rules_digest("market", PARTITIONS + (change == "partitions")),
        first_offset=0,
        next_offset=1,
        clock=Clock(source_idle_ms=30_000),
        counters=Counters(),
        digests_floor_ms=0,
    )
    changelog = line.broker.topic("streams-state-changelog")
    async with AIOKafkaProducer(**line.broker.client_options(), acks="all") as producer:
        value = msgspec.json.encode(meta)
        await producer.send_and_wait(changelog, value, key=b"0|market|meta", partition=0)
    worker = line.start("streams")
    assert await worker.ended(PATIENCE_S) == 70
    with pytest.raises(ChildError, match="tapereader streams rebuild --epoch 1"):
        worker.check()
