"""One source's defect is no other's: it is told, counted, and started again, and the others go on."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest

from streams.collectors.entry import Entry
from streams.collectors.past import Pasts
from streams.collectors.port import Observation, Through
from streams.collectors.supervisor import Supervised, Surroundings
from tests.integration.log import PATIENCE_S, decoded, read_log
from tests.servers import SharedKafka
from topics import GapDetected, Heartbeat, Kind, Trade
from topics.broker import BrokerSettings, apply_topics
from topics.outbox import Sender

from .test_runner import NOW_MS, DefectError, trade, until

pytestmark = pytest.mark.integration


@pytest.fixture
def broker(kafka: SharedKafka, topic_prefix: str) -> BrokerSettings:
    """Four partitions of each topic, of this test's own."""
    settings = BrokerSettings(bootstrap=kafka.bootstrap, prefix=topic_prefix, partitions=4)
    apply_topics(settings)
    return settings


class Listed:
    """A source that yields its observations, and then raises, ends or waits."""

    kind: Kind = "market"

    def __init__(self, name: str, *acts: Observation | Exception | None) -> None:
        self.name = name
        self._acts = acts

    async def observations(self) -> AsyncIterator[Observation]:
        for act in self._acts:
            if isinstance(act, Exception):
                raise act
            if act is None:
                await asyncio.Event().wait()
            else:
                yield act


def around(broker: BrokerSettings, wait_s: float = 0.01) -> Surroundings:
    return Surroundings(
        broker=broker,
        now_ms=lambda: NOW_MS,
        monotonic_s=time.monotonic,
        senders=[Sender(broker)],
        wait_s=wait_s,
        wait_s_max=4 * wait_s,
    )


def entry(shared: Surroundings, *makes: Callable[[], Listed]) -> Entry:
    sources = [Supervised(make(), make, shared, number) for number, make in enumerate(makes)]
    pasts = Pasts(shared.broker, shared.now_ms)
    return Entry("all", sources, shared, pasts, epoch=1, leadership=None)


async def test_a_defect_ends_no_other_source(broker: BrokerSettings) -> None:
    """The others never notice; it goes on where the log says that it had come: no gap is told twice."""
    begun = 0

    def broken() -> Listed:
        nonlocal begun
        begun += 1
        later = [trade(number) for number in range(9, 9 + begun)]
        last: DefectError | None = DefectError("wrong") if begun < 4 else None
        return Listed("played", trade(1), trade(8), *later, Through(NOW_MS), last)

    shared = around(broker)
    running = entry(shared, broken, lambda: Listed("other", trade(1), Through(NOW_MS), None))
    bad, good = running.sources
    stop = asyncio.Event()
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        group.create_task(running.run(stop))
        await until(lambda: begun == 4 and bad.tally.sent == 4 * 2 + 10)
        stop.set()
    await shared.senders[0].close()
    assert (bad.defects, good.defects) == (3, 0)
    assert (bad.state, good.state) == ("stopped", "stopped")
    records = await read_log(broker, "raw.market")
    assert len(decoded(records, Trade)) == 18 + 1
    assert [mark.gap_id for _, mark in decoded(records, GapDetected)] == ["binance/XRP/ETH/2"]
    assert {beat.source for _, beat in decoded(records, Heartbeat)} == {"played", "other"}


async def test_a_stop_ends_a_wait_after_a_defect(broker: BrokerSettings) -> None:
    """At once; meanwhile its state says what is wrong with it, and that it will be started again."""
    shared = around(broker, wait_s=1_000.0)
    running = entry(shared, lambda: Listed("played", DefectError("wrong")))
    (bad,) = running.sources
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(shared.senders[0].close)
        await stack.enter_async_context(asyncio.timeout(PATIENCE_S))
        group = await stack.enter_async_context(asyncio.TaskGroup())
        group.create_task(running.run(stop))
        # The runner tells its end before the supervisor counts it: from its first moment with a reason.
        await until(lambda: bad.state == "failed")
        assert "DefectError('wrong')" in bad.words
        await until(lambda: "defect 1, will be started again" in bad.words)
        assert (bad.state, bad.defects) == ("failed", 1)
        stop.set()


async def test_a_source_that_cannot_be_made_again_is_tried_again(broker: BrokerSettings) -> None:
    """Its making may fail as its running may."""
    made = 0

    def make() -> Listed:
        nonlocal made
        made += 1
        if made == 2:
            raise DefectError
        return Listed("played", trade(made), *([DefectError("wrong")] if made == 1 else []))

    shared = around(broker)
    running = entry(shared, make)
    async with asyncio.timeout(PATIENCE_S):
        await running.run(asyncio.Event())
    await shared.senders[0].close()
    assert running.sources[0].defects == 2
    assert running.sources[0].state == "finished"
