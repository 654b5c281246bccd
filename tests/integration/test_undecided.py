"""Transactions whose markers a broker never wrote: the next owner ends them in one way, and loads what follows.

Here a log is left out of what the coordinator is told, so that it marks the others alone; no other means makes a
healthy broker lose a marker. `tests.kills` kills it in the act.
"""

import asyncio
from collections.abc import Callable
from itertools import chain, combinations

import pytest
from aiokafka import TopicPartition

from streams.engine.checkpoint import Writer
from streams.engine.port import Checkpoint
from streams.engine.store import load
from streams.engine.undecided import settle, written_key
from tests.servers import KafkaServer
from topics.broker import BrokerSettings, apply_topics
from topics.record import OutRecord

from .log import PATIENCE_S, read_log
from .test_checkpoint import Program, Watcher, writer

pytestmark = pytest.mark.integration
OUTPUTS = ("aggregates", "late")
LOGS = ("streams-state-changelog", *OUTPUTS)


@pytest.fixture
def broker(start_kafka: Callable[..., KafkaServer]) -> BrokerSettings:
    """A broker that takes the records of a transaction it was not told of."""
    server = start_kafka({"transaction.partition.verification.enable": "false"})
    settings = BrokerSettings(bootstrap=server.bootstrap, partitions=2)
    apply_topics(settings)
    return settings


def checkpoint(broker: BrokerSettings, name: bytes) -> Checkpoint:
    """An output in each log, and state."""
    outputs = [OutRecord(broker.topic(topic), 1, b"k", name) for topic in OUTPUTS]
    return Checkpoint(outputs, [(b"1|meta", name)])


def leave_out(made: Writer, broker: BrokerSettings, logs: tuple[str, ...]) -> None:
    """Tell the coordinator nothing of these logs, in the next transaction; of one log nobody reads it is told."""
    manager = made._producer._txn_manager
    begin = manager.begin_transaction

    def begin_without() -> None:
        begin()
        manager._txn_partitions |= {TopicPartition(broker.topic(log), 1) for log in logs}
        manager.maybe_add_partition_to_txn(TopicPartition(broker.topic("status"), 1))

    manager.begin_transaction = begin_without


async def load_as_owner(broker: BrokerSettings) -> tuple[dict[bytes, bytes], Watcher]:
    """Take the partition over, and return the state as its owner loads it."""
    watcher, changelog = Watcher(), broker.topic(LOGS[0])
    outputs = [broker.topic(topic) for topic in OUTPUTS]
    async with writer(broker, watcher) as owner:

        async def end(partition: int, places: list[TopicPartition], *, commit: bool) -> None:
            assert partition == 1
            await owner.end(places, commit=commit)

        await settle(broker, changelog, outputs, [1], end)  # type: ignore[arg-type]
        state = (await load(broker, changelog, [1]))[1]
        state.pop(written_key(1), None)
        owner.run(Program(checkpoint(broker, b"after")))
        await owner.flush()
    return state, watcher


async def told(broker: BrokerSettings) -> list[list[bytes]]:
    """Return what a reader sees in each output."""
    return [[record.value for record in await read_log(broker, topic)] for topic in OUTPUTS]


async def test_what_lost_its_markers_ends_in_one_way(
    broker: BrokerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever logs are without: of a committed one all is read and loaded, or, where nobody saw it, nothing."""
    monkeypatch.setattr("streams.engine.undecided.MARKERS_S", 0.3)
    lost = chain.from_iterable(combinations(LOGS, count) for count in range(1, len(LOGS) + 1))
    expected: list[bytes] = []
    state_before = b""
    for number, logs in enumerate(lost):
        name = b"%d" % number
        async with writer(broker, Watcher()) as dead:
            leave_out(dead, broker, logs)
            dead.program = Program(checkpoint(broker, name))
            await dead.flush()
        nobody_saw_it = len(logs) == len(LOGS)
        if not nobody_saw_it:
            expected.append(name)
        state, watcher = await load_as_owner(broker)
        assert state == {b"1|meta": state_before if nobody_saw_it else name}, logs
        expected.append(b"after")
        state_before = b"after"
        assert await told(broker) == [expected, expected], logs
        assert (
            f"ended what was open: {'aborted' if nobody_saw_it else 'committed'}" in watcher.steps
        )


async def test_outputs_of_an_aborted_one_are_not_read_later(
    broker: BrokerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It came to its outputs and not to its state: the next commit in these logs must not take them with it."""
    monkeypatch.setattr("streams.engine.undecided.MARKERS_S", 0.3)
    async with writer(broker, Watcher()) as dead:
        dead.program = Program(checkpoint(broker, b"whole"))
        await dead.flush()
        async with asyncio.timeout(PATIENCE_S):
            while (
                await told(broker) != [[b"whole"]] * 2
            ):  # its markers would end what is not told of too
                await asyncio.sleep(0.05)
        leave_out(dead, broker, OUTPUTS)
        await dead._producer.begin_transaction()
        for topic in OUTPUTS:
            await dead._producer.send_and_wait(broker.topic(topic), b"gone", partition=1)
        await dead._producer.abort_transaction()
    state, watcher = await load_as_owner(broker)
    assert state == {b"1|meta": b"whole"}
    assert await told(broker) == [[b"whole", b"after"]] * 2
    assert "ended what was open: aborted" in watcher.steps


async def test_a_transaction_ends_in_the_logs_of_the_one_before(broker: BrokerSettings) -> None:
    """An owner that lives on closes with its next transaction what the broker forgot of its last."""
    async with writer(broker, Watcher()) as made:
        leave_out(made, broker, LOGS[1:])
        made.program = Program(checkpoint(broker, b"one"), Checkpoint([], [(b"1|meta", b"two")]))
        await made.flush()
        del made._producer._txn_manager.begin_transaction
        assert await told(broker) == [[], []]
        await made.flush()
        async with asyncio.timeout(
            10
        ):  # a commit is acknowledged before its markers stand in the logs
            while await told(broker) != [[b"one"], [b"one"]]:
                await asyncio.sleep(0.05)
