"""One transaction per checkpoint, on the real Kafka: all or nothing, and never by a former owner."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import NoReturn

import msgspec
import pytest
from confluent_kafka.admin import NewTopic

from streams.engine.checkpoint import Writer
from streams.engine.port import Checkpoint
from streams.engine.store import load
from tests.servers import SharedKafka
from topics.broker import BrokerSettings, admin_client, apply_topics
from topics.record import LogRecord, OutRecord

from .log import read_log
from .records import PATIENCE_S

pytestmark = pytest.mark.integration
Entries = list[tuple[bytes, bytes | None]]


class Ended(BaseException):
    """The process would have ended here."""


class Program:
    """Hands out checkpoints one by one."""

    def __init__(self, *checkpoints: Checkpoint) -> None:
        self.left = list(checkpoints)

    def feed(self, topic: str, records: Iterable[LogRecord]) -> bool:
        raise NotImplementedError

    def next_offsets(self) -> Mapping[str, int]:
        return {}

    def take(self) -> Checkpoint | None:
        return self.left.pop(0) if self.left else None


class Watcher:
    """Hears what the engine says, and ends no process."""

    def __init__(self) -> None:
        self.ends: list[str] = []
        self.steps: list[str] = []
        self.committed: list[tuple[int, int]] = []

    def fatal(self, reason: str, error: BaseException | None = None) -> NoReturn:
        self.ends.append(f"{reason}: {error!r}")
        raise Ended(reason)

    def step(self, name: str) -> None:
        self.steps.append(name)

    def checkpointed(self, partition: int, *, took_s: float, entries: int, outputs: int) -> None:
        assert took_s > 0
        assert partition == 1
        self.committed.append((entries, outputs))

    def assigned(self, partitions: Sequence[int], *, loaded_s: float, entries: int) -> None:
        raise NotImplementedError


@pytest.fixture
def broker(kafka: SharedKafka, topic_prefix: str) -> BrokerSettings:
    settings = BrokerSettings(bootstrap=kafka.bootstrap, prefix=topic_prefix, partitions=2)
    apply_topics(settings)
    return settings


@asynccontextmanager
async def writer(broker: BrokerSettings, watcher: Watcher) -> AsyncIterator[Writer]:
    made = Writer(
        broker,
        1,
        broker.topic("streams-state-changelog"),
        fatal=watcher.fatal,
        observer=watcher,
        step=watcher.step,
    )
    await made.start()
    try:
        yield made
    finally:
        await made.close()


def checkpoint(broker: BrokerSettings, name: str, *, size: int = 1) -> Checkpoint:
    """An output and two entries, one of them a tombstone of an entry before."""
    output = OutRecord(broker.topic("aggregates"), 1, b"k", name.encode() * size, [("h", b"v")])
    return Checkpoint([output], [(b"1|gone", None), (b"1|meta", name.encode())])


async def seen(broker: BrokerSettings) -> list[bytes]:
    return [record.value for record in await read_log(broker, "aggregates")]


async def test_outputs_and_state_appear_together(broker: BrokerSettings) -> None:
    """And what was folded is acknowledged after, not before."""
    watcher, acknowledged = Watcher(), list[str]()
    async with writer(broker, watcher) as made:
        made.acknowledge.append(lambda: acknowledged.append("a"))
        made.run(Program(checkpoint(broker, "one"), checkpoint(broker, "two")))
        async with asyncio.timeout(PATIENCE_S):
            while len(watcher.committed) < 2:
                await asyncio.sleep(0.02)
    assert await seen(broker) == [b"one", b"two"]
    loaded = await load(broker, broker.topic("streams-state-changelog"), [0, 1])
    stands = msgspec.json.encode({broker.topic("aggregates"): 2})
    assert loaded == {0: {}, 1: {b"1|meta": b"two", b"1|written": stands}}
    assert watcher.committed == [(2, 1), (2, 1)]
    assert acknowledged == ["a"]
    assert watcher.steps[:4] == [
        "begun",
        "outputs written, state not",
        "all written, not committed",
        "committed, not acknowledged",
    ]


async def test_a_new_owner_fences_the_former_one(broker: BrokerSettings) -> None:
    """What the zombie writes is nowhere to be read, and its process ends."""
    old, new = Watcher(), Watcher()
    async with writer(broker, old) as zombie:
        zombie.run(Program())
        async with writer(broker, new) as owner:
            owner.run(Program(checkpoint(broker, "new")))
            await owner.flush()
            zombie.program = Program(checkpoint(broker, "zombie"))
            with pytest.raises(Exception, match=r"(?i)fenced"):
                await zombie.flush()
    assert await seen(broker) == [b"new"]


async def test_an_open_transaction_of_a_dead_owner_holds_nobody_up(broker: BrokerSettings) -> None:
    """It is aborted when the next one starts, and its records are never read."""
    watcher = Watcher()

    def die(name: str) -> None:
        if name == "all written, not committed":
            raise Ended(name)

    async with writer(broker, watcher) as dead:
        dead._step = die
        dead.program = Program(checkpoint(broker, "aborted"))
        with pytest.raises(Ended):
            await dead.flush()
        async with writer(broker, watcher) as owner:
            owner.run(Program(checkpoint(broker, "after")))
            await owner.flush()
            assert await seen(broker) == [b"after"]
            loaded = await load(broker, broker.topic("streams-state-changelog"), [1])
            assert loaded[1][b"1|meta"] == b"after"


async def test_a_refused_record_is_not_committed_over(broker: BrokerSettings) -> None:
    """The broker takes the state and refuses an output: a bare commit would succeed. Nothing may be seen."""
    narrow, admin = f"{broker.prefix}narrow", admin_client(broker)
    topic = NewTopic(narrow, 1, 1, config={"max.message.bytes": "1000"})
    admin.create_topics([topic])[narrow].result(PATIENCE_S)
    made_of = checkpoint(broker, "x")
    refused = OutRecord(narrow, 0, None, b"x" * 2_000)
    watcher = Watcher()
    async with writer(broker, watcher) as made:
        made.run(Program(Checkpoint([*made_of.outputs, refused], made_of.entries)))
        async with asyncio.timeout(PATIENCE_S):
            while not watcher.ends:
                await asyncio.sleep(0.02)
    assert "checkpoint of partition 1 failed" in watcher.ends[0]
    assert "TooLarge" in watcher.ends[0]
    assert watcher.committed == []
    assert await seen(broker) == []


async def test_a_large_state_loads_in_bulk(broker: BrokerSettings) -> None:
    """Twenty thousand entries, half of them overwritten and a tenth deleted."""
    entries: Entries = [(b"1|%d" % n, b"x" * 100) for n in range(20_000)]
    again: Entries = [(b"1|%d" % n, b"y" * 100) for n in range(10_000)]
    gone: Entries = [(b"1|%d" % n, None) for n in range(2_000)]
    watcher = Watcher()
    async with writer(broker, watcher) as made:
        made.program = Program(Checkpoint([], entries), Checkpoint([], again), Checkpoint([], gone))
        for _ in range(3):
            await made.flush()
    loaded = (await load(broker, broker.topic("streams-state-changelog"), [1]))[1]
    assert loaded.pop(b"1|written") == b"{}"
    assert len(loaded) == 18_000
    assert loaded[b"1|5000"] == b"y" * 100
    assert loaded[b"1|15000"] == b"x" * 100
