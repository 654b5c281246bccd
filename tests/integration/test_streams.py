"""The streams role as a process on the real Kafka, against the fold run here over the same raw records."""

import asyncio
import random
import signal
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import TopicPartition as AdminPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from deploy.children import ChildError
from tests.servers import SharedKafka
from tests.strategies.logs import START_MS
from topics import (
    KINDS,
    DeadLetter,
    Heartbeat,
    Post,
    RepositoryEvent,
    Trade,
    VolumeFlow,
    encode,
    partition_of,
)
from topics.deadletter import from_record
from topics.outbox import OutRecord

from .folded import assert_as_folded
from .records import PATIENCE_S
from .roles import PARTITIONS, Pipeline, pipeline

pytestmark = pytest.mark.integration
ASSETS = ("BTC", "ETH", "SOL", "XRP", "ADA", "DOGE")
MIN = 60_000


@pytest.fixture
def line(kafka: SharedKafka, topic_prefix: str, tmp_path: Path) -> Iterator[Pipeline]:
    with pipeline(kafka.bootstrap, topic_prefix, tmp_path) as made:
        yield made


def trade(asset: str, number: int, at: int, rnd: random.Random) -> bytes:
    return encode(
        Trade(
            subject=f"{asset}/USDT",
            source="alpha",
            venue="alpha",
            trade_id=str(number),
            event_ms=at,
            received_ms=at,
            price=Decimal(rnd.randrange(1, 10**6)) / 100,
            size=Decimal(rnd.randrange(1, 10**6)) / 1000,
            side=rnd.choice(("buy", "sell")),
            sequence=number,
        )
    )


def other(kind: str, asset: str, number: int, at: int, rnd: random.Random) -> bytes:
    common: dict[str, Any] = {"subject": asset, "source": "beta", "event_ms": at, "received_ms": at}
    if kind == "volume":
        volume = Decimal(rnd.randrange(10**6)) / 10
        place: dict[str, Any] = {"venue": "beta", "instrument": f"{asset}-{number}", "span_ms": MIN}
        return encode(VolumeFlow(**common, **place, volume=volume))
    if kind == "social":
        text: dict[str, Any] = {
            "text": "words",
            "language": "en",
            "tone": rnd.uniform(-1, 1),
            "tone_version": "t1",
        }
        who: dict[str, Any] = {
            "author": "0" * 16,
            "simhash": "0" * 16,
            "platform": "forum",
            "post_id": str(number),
        }
        return encode(Post(**common, **text, **who, engagement=rnd.randrange(100)))
    act: dict[str, Any] = {"author": "0" * 16, "repository": "a/b", "event_id": str(number)}
    return encode(RepositoryEvent(**common, **act, act="commit"))


def batch(line: Pipeline, rnd: random.Random, *, first: int, minutes: range) -> list[OutRecord]:
    """Some minutes of all four kinds: in order, out of order, twice, too late, and broken."""
    made, number = [], first
    for minute in minutes:
        now = START_MS + minute * MIN
        for _ in range(30):
            asset, number = rnd.choice(ASSETS), number + 1
            partition = partition_of(asset, PARTITIONS)
            late = rnd.choice((0, 0, 0, 0, 90_000, 700_000)) if minute > 12 else 0
            value = trade(asset, number, now + rnd.randrange(MIN) - late, rnd)
            made += [line.raw("market", partition, asset.encode(), value)] * rnd.choice((1, 1, 2))
            kind = rnd.choice(("volume", "social", "development"))
            value = other(kind, asset, number, now, rnd)
            made.append(line.raw(kind, partition, asset.encode(), value))
        made.append(line.raw("market", rnd.randrange(PARTITIONS), b"BTC", b"{broken"))
        for kind in KINDS:
            beat = Heartbeat(
                source="alpha" if kind == "market" else "beta", epoch=0, through_ms=now + MIN
            )
            made += [line.raw(kind, p, None, encode(beat)) for p in range(PARTITIONS)]
    return made


async def test_the_topics_hold_what_the_fold_says(line: Pipeline) -> None:
    """Raw in; aggregates, late events and dead letters out, byte by byte, over a clean restart in the middle."""
    rnd = random.Random(7)
    worker = line.start("streams")
    await line.ready(worker)
    await line.write(batch(line, rnd, first=0, minutes=range(20)))
    await line.folded()
    first = await assert_as_folded(line)
    assert first > 300
    assert await worker.stop() == 0
    await line.write(batch(line, rnd, first=10_000, minutes=range(20, 26)))
    again = line.start("streams")
    await line.ready(again)
    await line.write(batch(line, rnd, first=20_000, minutes=range(26, 95)))
    await line.folded()
    assert await assert_as_folded(line) > first
    assert await again.stop() == 0


async def test_after_a_kill_nothing_is_missing_and_nothing_is_doubled(line: Pipeline) -> None:
    """SIGKILL in the middle of the work, the same instance again."""
    rnd = random.Random(8)
    worker = line.start("streams")
    await line.ready(worker)
    await line.write(batch(line, rnd, first=0, minutes=range(15)))
    await line.read_until("aggregates", 50)
    worker.process.send_signal(signal.SIGKILL)
    worker.process.wait()
    await line.write(batch(line, rnd, first=10_000, minutes=range(15, 30)))
    again = line.start("streams")
    await line.ready(again)
    await line.folded()
    assert await assert_as_folded(line) > 300


async def test_a_bad_record_is_a_dead_letter_and_the_next_is_folded(line: Pipeline) -> None:
    """Each way to be wrong once, on every partition, with a good event behind it."""
    good = trade("BTC", 1, START_MS, random.Random(1))
    home = partition_of("BTC", PARTITIONS)
    wrong = {
        "malformed": (home, b"BTC", b'{"type":"trade",'),
        "invalid": (home, b"BTC", good.replace(b'"buy"', b'"?"').replace(b'"sell"', b'"?"')),
        "unknown_type": (home, b"BTC", b'{"type":"trade.v9"}'),
        "misrouted": ((home + 1) % PARTITIONS, b"BTC", good),
        "absurd_time": (home, b"BTC", good.replace(str(START_MS).encode(), b"8836000000000", 1)),
        "out_of_range": (home, b"BTC", _with_price(good, b"9e14")),
    }
    worker = line.start("streams")
    await line.ready(worker)
    records = []
    for number, (partition, key, value) in enumerate(wrong.values(), 2):
        after = trade("BTC", number, START_MS + number, random.Random(number))
        records.append(line.raw("market", partition, key, value))
        records.append(line.raw("market", home, b"BTC", after))
    records.append(line.raw("market", home, b"BTC", good.replace(b'"price":', b'"price":-')))
    records.append(line.raw("market", home, b"BTC", _with_price(good, b"NaN")))
    beat = encode(Heartbeat(source="alpha", epoch=0, through_ms=START_MS + MIN))
    records += [line.raw("market", p, None, beat) for p in range(PARTITIONS)]
    await line.write(records)
    await line.folded()
    letters = [_letter(r) for records in await line.read("deadletters") for r in records]
    assert sorted(letter.reason for letter in letters) == sorted([*wrong, "invalid", "malformed"])
    for letter in letters:
        if letter.reason in ("invalid", "malformed"):
            continue
        partition, key, value = wrong[letter.reason]
        assert (letter.partition, letter.key, letter.value) == (partition, key, value)
        assert (letter.topic, letter.stage, letter.role) == ("raw.market", "fold", "streams")
    (minute,) = [
        a
        for records in await line.read("aggregates")
        for r in records
        if (a := msgspec.json.decode(r.value))["window_ms"] == MIN
    ]
    assert minute["values"]["trades"] == len(wrong)
    assert await worker.stop() == 0


async def test_positions_come_from_state_and_not_from_the_group(line: Pipeline) -> None:
    """Committed offsets behind, beyond, or deleted with the group: every record is folded once all the same."""
    rnd = random.Random(9)
    worker = line.start("streams")
    await line.ready(worker)
    await line.write(batch(line, rnd, first=0, minutes=range(5)))
    await line.folded()
    assert await worker.stop() == 0
    group, topic = line.broker.topic("streams"), line.broker.topic("raw.market")
    from aiokafka import AIOKafkaConsumer, TopicPartition  # noqa: PLC0415

    lying = AIOKafkaConsumer(**line.broker.reader_options(), group_id=group)
    async with lying:
        lying.assign([TopicPartition(topic, p) for p in range(3)])
        await _when_empty(
            lambda: lying.commit({TopicPartition(topic, 0): 0, TopicPartition(topic, 1): 10**6})
        )
    await line.write(batch(line, rnd, first=10_000, minutes=range(5, 10)))
    again = line.start("streams")
    await line.ready(again)
    await line.folded()
    assert await again.stop() == 0
    admin = AdminClient({"bootstrap.servers": line.broker.bootstrap})
    async with asyncio.timeout(PATIENCE_S):
        while True:
            (deleted,) = admin.delete_consumer_groups([group]).values()
            try:
                deleted.result(10)
                break
            except Exception:  # noqa: BLE001 - until the static member's session has run out
                await asyncio.sleep(0.5)
    await line.write(batch(line, rnd, first=20_000, minutes=range(10, 15)))
    third = line.start("streams")
    await line.ready(third)
    await line.folded()
    assert await assert_as_folded(line) > 100


@pytest.mark.parametrize("lost", ["streams-state-changelog", "raw.market"])
async def test_lost_state_is_refused_and_not_guessed(line: Pipeline, lost: str) -> None:
    """A changelog, or a raw topic, that begins past where state goes on: the worker ends and says so."""
    rnd = random.Random(10)
    worker = line.start("streams")
    await line.ready(worker)
    await line.write(batch(line, rnd, first=0, minutes=range(3)))
    await line.folded()
    assert await worker.stop() == 0
    if lost == "raw.market":
        await line.write(batch(line, rnd, first=10_000, minutes=range(3, 6)))
    admin = AdminClient({"bootstrap.servers": line.broker.bootstrap})
    # A broker refuses to cut a topic that is compacted only.
    entry = ConfigEntry("cleanup.policy", "delete", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(
        ResourceType.TOPIC, line.broker.topic(lost), incremental_configs=[entry]
    )
    for altered in admin.incremental_alter_configs([resource]).values():
        altered.result(PATIENCE_S)
    await _cut(admin, AdminPartition(line.broker.topic(lost), 0, -1))
    again = line.start("streams")
    await again.ended(PATIENCE_S)
    with pytest.raises(ChildError, match="state lost"):
        again.check()


async def _cut(admin: AdminClient, place: AdminPartition) -> None:
    """Delete a log's records, once the broker that holds it has heard that this may be done."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            (cut,) = admin.delete_records([place]).values()
            try:
                cut.result(PATIENCE_S)
            except KafkaException as refused:
                if refused.args[0].code() != KafkaError.POLICY_VIOLATION:
                    raise
                await asyncio.sleep(0.1)
            else:
                return


def _with_price(value: bytes, price: bytes) -> bytes:
    head, _, rest = value.partition(b'"price":')
    return head + b'"price":' + price + b"," + rest.partition(b",")[2]


def _letter(record: Any) -> DeadLetter:
    return from_record(record.key, record.value, record.headers, record.timestamp)


async def _when_empty(commit: Any) -> None:
    """Commit once the group's static member is gone."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await commit()
            except Exception:  # noqa: BLE001 - the group still has its member
                await asyncio.sleep(0.5)
            else:
                return
