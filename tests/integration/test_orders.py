"""Operators' orders on a real broker: given before, meanwhile, too late, or as nonsense; and by the command."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from prometheus_client import REGISTRY

from agents.ask.breaker import State
from agents.ask.breakers import Breakers
from agents.orders import Orders
from agents.settings import BreakerSettings, QualitySettings
from deploy.breakers import order_of, told_breakers
from deploy.reporting import Part, Reporter
from streams.serving.acts import making
from streams.serving.acts.writing import record_of
from tests.servers import KafkaServer, SharedKafka
from topics import Control, encode
from topics.broker import apply_topics
from topics.outbox import OutRecord, send
from topics.settings import BrokerSettings

from .agent_runs import now_ms, until
from .roles import command, pipeline

pytestmark = pytest.mark.integration
NAME = "breaker/anthropic/claude-haiku-5-5"


@pytest.fixture
async def broker(kafka: SharedKafka, topic_prefix: str) -> BrokerSettings:
    """A pipeline of the test's own."""
    made = BrokerSettings(bootstrap=kafka.bootstrap, prefix=topic_prefix, partitions=2)
    await asyncio.to_thread(apply_topics, made)
    return made


def order(
    value: str, subject: str = NAME, *, for_s: float | None = None, ago_s: float = 0
) -> Control:
    """Return an operator's order, given some time ago."""
    at_ms = now_ms() - round(ago_s * 1000)
    return order_of(subject, value, actor="alice", reason="said", at_ms=at_ms, for_s=for_s)


async def write(broker: BrokerSettings, *records: Control | OutRecord) -> None:
    """Write orders, or whatever else."""
    found = [r if isinstance(r, OutRecord) else record_of(broker, r) for r in records]
    async with AIOKafkaProducer(**broker.client_options(), acks="all") as producer:
        await send(producer, found)


def nonsense(broker: BrokerSettings) -> list[OutRecord]:
    """Return what is no order: no JSON, no contract, another version's act, and what people think of an analysis."""
    said = making.feedback("state/BTC/1/0", "wrong", actor="ann", reason="r", at_ms=1)
    values = [b"{", b'{"type":"control"}', b'{"type":"control.next"}', encode(said)]
    topic = broker.topic("control")
    return [OutRecord(topic, n % 2, b"x", value) for n, value in enumerate(values)]


def counted(outcome: str) -> float:
    """Return how many records were read with this outcome."""
    return REGISTRY.get_sample_value("tapereader_agent_orders_total", {"outcome": outcome}) or 0.0


@asynccontextmanager
async def obeying(
    broker: BrokerSettings,
) -> AsyncIterator[tuple[Orders, Callable[[], State]]]:
    """Follow the orders for one breaker, and give its state."""
    breakers = Breakers(BreakerSettings(), QualitySettings())
    breaker = breakers.of_model("anthropic", "claude-haiku-5-5", time.monotonic())
    orders = Orders(broker, {"force_breaker": breakers.heed}, now_ms=now_ms)
    task = asyncio.create_task(orders.run())
    try:
        yield orders, lambda: breaker.state
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_orders_given_before_the_start_are_known_at_the_start(broker: BrokerSettings) -> None:
    """The last of each subject; what has expired or makes no sense is passed over, and counted."""
    before = counted("unreadable")
    await write(
        broker,
        order("closed"),
        *nonsense(broker),
        order("open"),
        order("closed", "breaker/*", for_s=1.0, ago_s=60),
        order("sideways", "*"),
    )
    async with obeying(broker) as (orders, state):
        assert await orders.caught_up(asyncio.Event(), 30.0)
        assert state() is State.FORCED_OPEN
        assert counted("unreadable") == before + 3


async def test_orders_given_meanwhile_are_obeyed_and_expire(broker: BrokerSettings) -> None:
    """Also behind nonsense; an order that expires is taken back by itself, one that was deleted too."""
    async with obeying(broker) as (orders, state):
        assert await orders.caught_up(asyncio.Event(), 30.0)
        assert state() is State.CLOSED
        await write(broker, *nonsense(broker), order("open", "breaker/*", for_s=1.5))
        await until(lambda: state() is State.FORCED_OPEN)
        await until(lambda: state() is State.HALF_OPEN)
        await write(broker, order("closed"))
        await until(lambda: state() is State.CLOSED)
        await write(broker, order("open"))
        await until(lambda: state() is State.FORCED_OPEN)
        await write(broker, OutRecord(*record_of(broker, order("open"))[:3], None))
        await until(lambda: state() is State.HALF_OPEN)


async def test_without_the_topic_or_the_broker_a_start_waits_so_long_and_no_longer(
    kafka: SharedKafka, topic_prefix: str
) -> None:
    """And the topic is not made by asking for it; once it is there, its orders are obeyed."""
    broker = BrokerSettings(bootstrap=kafka.bootstrap, prefix=topic_prefix, partitions=2)
    nobody = broker.model_copy(update={"bootstrap": "127.0.0.1:9"})
    for place in (broker, nobody):
        async with obeying(place) as (orders, state):
            began_s = time.monotonic()
            assert not await orders.caught_up(asyncio.Event(), 0.5)
            assert time.monotonic() - began_s < 5.0
            assert state() is State.CLOSED
    async with obeying(broker) as (orders, state):
        assert not await orders.caught_up(asyncio.Event(), 0.5)
        assert any("control: created" in done for done in apply_topics(broker))
        await write(broker, order("open"))
        await until(lambda: state() is State.FORCED_OPEN)


async def test_orders_survive_a_broker_that_goes_away(
    start_kafka: Callable[..., KafkaServer], topic_prefix: str
) -> None:
    """What was ordered stands meanwhile, and what is ordered afterwards is obeyed."""
    server = start_kafka()
    broker = BrokerSettings(bootstrap=server.bootstrap, prefix=topic_prefix, partitions=2)
    await asyncio.to_thread(apply_topics, broker)
    await write(broker, order("open"))
    async with obeying(broker) as (orders, state):
        assert await orders.caught_up(asyncio.Event(), 30.0)
        server.kill()
        await asyncio.sleep(1.0)
        assert state() is State.FORCED_OPEN
        await asyncio.to_thread(server.start)
        await write(broker, order("closed"))
        await until(lambda: state() is State.CLOSED)


def test_an_operator_shows_and_forces_breakers_by_the_command(
    kafka: SharedKafka, tmp_path: Path
) -> None:
    """The order is in the log under its subject, with who and why; the command says whom it reaches."""
    with pipeline(kafka.bootstrap, f"forced.{os.getpid()}-{int(time.time())}.", tmp_path) as line:

        async def told() -> None:
            parts = [Part(NAME, "open", "open for 23 s more: why"), Part("role", "running")]
            reporter = Reporter(line.broker, role="agent", instance="0", parts=lambda: parts)
            telling = asyncio.create_task(reporter.run())
            while not await told_breakers(line.broker, "*", now_ms()):
                await asyncio.sleep(0.1)
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)

        none = command(line, "breaker", "show")
        assert (none.returncode, none.stdout) == (
            1,
            "no agent that runs tells of a breaker named *\n",
        )
        asyncio.run(told())
        shown = command(line, "breaker", "show", "breaker/*")
        assert (shown.returncode, shown.stdout) == (
            0,
            f"{NAME} in agent/0  open for 23 s more: why\n",
        )
        said = ("--reason", "an incident", "--actor", "alice")
        done = command(line, "breaker", "open", "breaker/*", *said, "--minutes", "30")
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[0].startswith("ordered: open for breaker/*, by alice, ")
        assert done.stdout.splitlines()[1] == f"it is for {NAME} in agent/0"

        async def obeyed() -> State:
            async with obeying(line.broker) as (orders, state):
                assert await orders.caught_up(asyncio.Event(), 30.0)
                return state()

        assert asyncio.run(obeyed()) is State.FORCED_OPEN
        done = command(line, "breaker", "close", "breaker/*", *said)
        assert done.returncode == 0, done.stderr
        assert asyncio.run(obeyed()) is State.CLOSED
