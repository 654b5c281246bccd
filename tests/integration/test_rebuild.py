"""State that must not go on, and the raw topics folded anew in another epoch, on the real Kafka."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka.structs import ConsumerRecord
from confluent_kafka.admin import NewPartitions

from deploy.children import ChildError
from streams.engine.fatal import EXIT_FATAL
from tests.servers import SharedKafka
from topics import TOPICS
from topics.broker import admin_client
from topics.catalog import STATE
from topics.envelope import traceparent
from topics.record import OutRecord

from .records import PATIENCE_S
from .roles import Pipeline, command, pipeline
from .seeded import SeededLog

pytestmark = pytest.mark.integration


@pytest.fixture
def line(kafka: SharedKafka, topic_prefix: str, tmp_path: Path) -> Iterator[Pipeline]:
    with pipeline(kafka.bootstrap, topic_prefix, tmp_path) as made:
        yield made


def in_epoch(epoch: int) -> dict[str, Any]:
    return {"streams": {"session_timeout_s": 2.0, "epoch": epoch}}


async def fold_some(line: Pipeline, log: SeededLog) -> None:
    """Half an hour in epoch 0, and a clean end."""
    await line.write(log.minutes(range(30)))
    worker = line.start("streams")
    await line.ready(worker)
    await line.folded()
    assert await worker.stop() == 0


async def assert_refused(line: Pipeline, *words: str, **settings: Any) -> None:
    """The role ends by itself and says all of this, without a traceback."""
    worker = line.start("streams", instance="refused", **settings)
    status = await worker.ended(PATIENCE_S)
    assert status == EXIT_FATAL
    with pytest.raises(ChildError) as told:
        worker.check()
    assert [word for word in words if word not in str(told.value)] == []
    assert "Traceback" not in str(told.value)


async def test_after_a_rebuild_there_are_the_same_aggregates_in_the_new_epoch(
    line: Pipeline,
) -> None:
    """State of other rules is refused, naming both ways out; the second is taken, once, and goes on as a role."""
    log = recent(line)
    await fold_some(line, log)
    await write_other_rules(line)
    await assert_refused(
        line, "the old version and settings", "`tapereader streams rebuild --epoch 1`"
    )
    rebuilding = line.start("streams", "rebuild", "--epoch", "1")
    await line.ready(rebuilding)
    await line.folded(epoch=1)
    assert_same_but_for_the_epoch(await line.read("aggregates"))
    assert await rebuilding.stop() == 0
    said = (line.folder / "streams-0.log").read_text()
    assert "set streams.epoch = 1" in said

    again = command(line, "streams", "rebuild", "--epoch", "1")
    assert (again.returncode, again.stdout) == (2, "")
    assert "there is state of epoch 1" in again.stderr
    assert "--epoch 2" in again.stderr
    old = command(line, "streams")
    assert (old.returncode, "set streams.epoch = 1" in old.stderr) == (2, True)

    await line.write(log.minutes(range(30, 40)))
    worker = line.start("streams", **in_epoch(1))
    await line.ready(worker)
    await line.folded(epoch=1)
    found = [msgspec.json.decode(r.value) for part in await line.read("aggregates") for r in part]
    assert len({a["aggregate_id"] for a in found}) == len(found)
    assert sum(a["epoch"] for a in found) > sum(a["epoch"] == 0 for a in found)


async def test_state_of_another_partition_count_is_refused(line: Pipeline) -> None:
    """Topics that were given more partitions, and settings to fit: assets are elsewhere now."""
    await fold_some(line, recent(line))
    more = line.broker.partitions + 1
    admin = admin_client(line.broker)
    asked = [NewPartitions(line.broker.topic(topic.name), more) for topic in TOPICS]
    for grown in admin.create_partitions(asked).values():
        grown.result(PATIENCE_S)
    broker = line.broker.model_dump(mode="json") | {"partitions": more}
    await assert_refused(line, "the old version and settings", "rebuild --epoch 1`", broker=broker)


def recent(line: Pipeline) -> SeededLog:
    """A log whose timestamps are of the last hours: older ones the broker would delete."""
    log = SeededLog(line.broker, 5, shift_ms=0)
    ago_ms = time.time_ns() // 1_000_000 - 3 * 3_600_000
    return SeededLog(line.broker, 5, shift_ms=ago_ms - log.logged_ms(0))


async def write_other_rules(line: Pipeline) -> None:
    """Leave the state as a version with another catalogue would have."""
    metas = {
        (part, record.key): record.value
        for part, records in enumerate(await line.read(STATE.name))
        for record in records
        if record.key.endswith(b"|meta")
    }
    await line.write(
        [
            OutRecord(line.broker.topic(STATE.name), part, key, with_other_rules(value))
            for (part, key), value in metas.items()
        ]
    )


def with_other_rules(meta: bytes) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(meta) | {"rules_digest": "0" * 16})


def assert_same_but_for_the_epoch(found: list[list[ConsumerRecord]]) -> None:
    """In each partition, and each kind's order."""
    count = 0
    for records in found:
        before: list[Any] = []
        after: list[Any] = []
        for record in records:
            value, told = msgspec.json.decode(record.value), dict(record.headers)
            epoch, made = value.pop("epoch"), value.pop("aggregate_id")
            assert told.pop("ce_id") == made.encode()
            assert told.pop("traceparent") == traceparent(made).encode()
            if epoch:
                assert made.endswith("/e1")
            plain = (made.removesuffix("/e1"), record.key, value, told)
            (after if epoch else before).append(plain)
        for kind in ("market", "volume", "social", "development"):
            was = [aggregate for aggregate in before if aggregate[0].startswith(kind)]
            assert [aggregate for aggregate in after if aggregate[0].startswith(kind)] == was
            count += len(was)
    assert count > 100
