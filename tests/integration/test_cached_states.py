"""States on real servers: paid for once, said by all workers within milliseconds, and said again by a replay."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.cache.narratives import NarrativeCache
from agents.cache.store import Store
from agents.decide.partition import PartitionDecider
from agents.journal import Journal
from agents.settings import AgentSettings, CacheSettings, ModelSettings
from tests.servers import SharedKafka, SharedRedis
from tests.strategies.aggregates import corrected, market
from tests.unit.agents.fake_claude.wire import Wire
from tests.unit.agents.serving import fake_claude
from topics import BY_NAME, Aggregate, Analysis
from topics.broker import apply_topics
from topics.outbox import Sender
from topics.settings import BrokerSettings

from .agent_runs import (
    PARTITIONS,
    PATIENCE_S,
    Place,
    books,
    check,
    desk_at,
    now_ms,
    publish,
    working,
)
from .test_agent_replay import said_again

pytestmark = pytest.mark.integration

ASSETS = tuple(f"A{number}" for number in range(8))
SETTINGS = AgentSettings(
    model=ModelSettings(simulated=True, products=("deep_dive", "state")), tally_s=0.3
)
SETTLED = 20
"""Minutes after which every state has been said with a word of the volume: that takes some to be known."""
EXPIRED = 15
"""Minutes after which a state is said again, though it is the same."""
SLOW_S = 5.0
"""For a question to the cache, on a busy machine: without an answer each worker asks for itself."""
GUARD_S = 0.5
"""Ten times what a cached answer may take: on a busy machine only what hangs takes longer."""


@asynccontextmanager
async def narrating(
    fake: Wire, redis: SharedRedis, broker: BrokerSettings, instance: str
) -> AsyncIterator[None]:
    """Run a worker that asks about states, and shares what it pays for."""
    async with AsyncExitStack() as ending:
        sender = Sender(broker)
        ending.push_async_callback(sender.close)
        journal = Journal(broker, sender)
        ending.push_async_callback(journal.close)
        store = Store(redis.url, prefix=broker.prefix, call_s=SLOW_S)
        cache = NarrativeCache(CacheSettings(), store, prefix=broker.prefix, now_ms=now_ms)
        ending.push_async_callback(cache.close)
        desk = await ending.enter_async_context(
            desk_at(fake, redis.url, broker.prefix, SETTINGS, journal.write)
        )
        await ending.enter_async_context(
            working(SETTINGS, broker, desk, instance=instance, cache=cache)
        )
        yield


class Listener:
    """Notes when analyses come, as a consumer sees them."""

    def __init__(self, broker: BrokerSettings) -> None:
        self._broker = broker
        self._consumer = AIOKafkaConsumer(
            **broker.reader_options(), fetch_max_wait_ms=20, auto_offset_reset="earliest"
        )
        self.came_s: dict[str, float] = {}
        """By asset and time of the window."""
        self.analyses: list[Analysis] = []

    async def run(self) -> None:
        """Listen until cancelled."""
        topic = self._broker.topic("analyses")
        decode = BY_NAME["analyses"].decoder().decode
        async with self._consumer as consumer:
            consumer.assign([TopicPartition(topic, n) for n in range(self._broker.partitions)])
            while True:
                for batch in (await consumer.getmany(timeout_ms=200)).values():
                    for record in batch:
                        analysis = decode(record.value or b"")
                        self.analyses.append(analysis)
                        name = f"{analysis.asset} {analysis.as_of_ms}"
                        self.came_s.setdefault(name, time.monotonic())

    async def until(self, windows: Sequence[Aggregate]) -> None:
        """Return when there is an analysis of each window."""
        async with asyncio.timeout(PATIENCE_S):
            while not all(name_of(window) in self.came_s for window in windows):
                await asyncio.sleep(0.01)


def name_of(window: Aggregate) -> str:
    """Return the name of its analysis."""
    return f"{window.asset} {window.window_end_ms}"


def minute(number: int) -> list[Aggregate]:
    """Return a minute of every asset: nobody moves, each trades as it always does."""
    return [
        market(f"{asset}/USDT", number, volume=10.0 + place) for place, asset in enumerate(ASSETS)
    ]


class Tape:
    """Minutes that are written one after the other, and which of their windows ask for an analysis."""

    def __init__(self, broker: BrokerSettings, listener: Listener) -> None:
        self._broker, self._listener = broker, listener
        self._gate = PartitionDecider(SETTINGS, 0, read_from=0, decide_from=0)
        self.places: list[Place] = []

    async def write(self, windows: Sequence[Aggregate]) -> list[Aggregate]:
        """Write windows, and return those that ask."""
        asking = [
            window
            for number, window in enumerate(windows, len(self.places))
            if self._gate.take(number, window, 0.0) is not None
        ]
        self.places += await publish(self._broker, windows)
        return asking

    async def revise(self, windows: Sequence[Aggregate]) -> None:
        """Correct two windows: the first's asset traded a little more, the second's price rose."""
        more, risen = windows
        more = corrected(more, 1, volume=1.5 * more.values.volume)  # type: ignore[union-attr]
        risen = market(risen.subject, SETTLED + EXPIRED, volume=11.0, last=103.0, revision=1)
        self.places += await publish(self._broker, [more, risen])
        async with asyncio.timeout(PATIENCE_S):
            while sum(one.supersedes is not None for one in self._listener.analyses) < 2:
                await asyncio.sleep(0.01)

    async def settle(self) -> None:
        """Write minutes until what is usual is known, and the words of the states do not change any more."""
        for number in range(SETTLED):
            await self._listener.until(await self.write(minute(number)))

    async def latencies_s(self, rounds: int) -> list[float]:
        """Return how long after each window was written its analysis came, one window after the other."""
        took = []
        for number in range(SETTLED + EXPIRED, SETTLED + (rounds + 1) * EXPIRED, EXPIRED):
            for window in minute(number):
                written_s = time.monotonic()
                if await self.write([window]):
                    await self._listener.until([window])
                    took.append(self._listener.came_s[name_of(window)] - written_s)
        return sorted(took)


@asynccontextmanager
async def listening(broker: BrokerSettings) -> AsyncIterator[Listener]:
    """Give a listener at work."""
    listener = Listener(broker)
    task = asyncio.create_task(listener.run())
    try:
        yield listener
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def broker(kafka: SharedKafka, topic_prefix: str) -> BrokerSettings:
    """A pipeline of the test's own."""
    made = BrokerSettings(bootstrap=kafka.bootstrap, prefix=topic_prefix, partitions=PARTITIONS)
    await asyncio.to_thread(apply_topics, made)
    return made


async def test_a_state_is_paid_for_once_and_said_by_all_workers_and_by_a_replay(
    broker: BrokerSettings, redis_server: SharedRedis
) -> None:
    """Eight assets, two workers, one call; each analysis names whose words it says, and costs nothing."""
    async with (
        fake_claude(latency_ms=100) as fake,
        narrating(fake, redis_server, broker, "one"),
        narrating(fake, redis_server, broker, "two"),
        listening(broker) as listener,
    ):
        tape = Tape(broker, listener)
        await tape.settle()
        began_s = time.monotonic()
        await listener.until(await tape.write(minute(SETTLED + EXPIRED)))
        took_s = time.monotonic() - began_s
        await tape.revise(minute(SETTLED + EXPIRED)[:2])
        bill = (await fake.bill())["entries"]
    found = await books(broker)
    check(found, tape.places)
    origins = Counter(analysis.origin for analysis in found.analyses)
    assert origins == {"model": len(bill), "rules": 1, "cache": origins["cache"]}
    corrections = [one for one in found.analyses if one.supersedes is not None]
    told = {one.asset: (one.origin, one.origin_reason) for one in corrections}
    assert told == {"A0": ("cache", "revised"), "A1": ("rules", "revised")}
    assert "1.5x" in next(one.text for one in corrections if one.asset == "A0")
    assert len(bill) == len({d.item_key for d in found.decisions if d.outcome == "called"}) == 2
    paid = {d.attempt_ids[-1] for d in found.decisions if d.outcome == "called"}
    again = [a for a in found.analyses if a.origin == "cache"]
    assert {a.narrative_attempt_id for a in again} <= paid
    assert {a.cost_nano_usd for a in again} == {0}
    of = {d.decision_id: d.aggregates_partition for d in found.decisions}
    assert {of[a.analysis_id] for a in again} == set(range(PARTITIONS))
    assert took_s < GUARD_S * len(ASSETS)
    agreement, _ = await said_again(broker, "again", settings=SETTINGS)
    assert agreement.misses == []
    assert agreement.origins == origins


async def test_a_cached_answer_comes_within_milliseconds(
    broker: BrokerSettings, redis_server: SharedRedis
) -> None:
    """From the window's write to its analysis in a consumer's hands; `python -m tests.cached_latency` measures it."""
    async with (
        fake_claude() as fake,
        narrating(fake, redis_server, broker, "one"),
        listening(broker) as listener,
    ):
        tape = Tape(broker, listener)
        await tape.settle()
        took = await tape.latencies_s(2)
    assert {one.origin for one in listener.analyses[-len(took) :]} == {"cache"}
    assert len(took) >= len(ASSETS)
    assert took[len(took) // 2] < GUARD_S
