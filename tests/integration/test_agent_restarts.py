"""Alerts on a real broker, and what a worker that ended before its commit has said: all once, none lost."""

import asyncio

import pytest
from aiokafka import AIOKafkaProducer
from msgspec.structs import replace

from agents.analyst import Analyst
from agents.decide.partition import PartitionDecider
from agents.publisher import analysis_record
from agents.settings import AgentSettings, GateSettings
from tests.servers import SharedKafka
from tests.strategies.aggregates import BASE_MS, calm, market, volume
from topics import Alert, encode, partition_of
from topics.broker import apply_topics
from topics.outbox import Sender
from topics.settings import BrokerSettings

from .agent_runs import PARTITIONS, Books, Run, books, check, publish, until_committed, working

pytestmark = pytest.mark.integration

SETTINGS = AgentSettings(gate=GateSettings(cool_down_s=0), tally_s=0.3)


@pytest.fixture
async def broker(kafka: SharedKafka, topic_prefix: str) -> BrokerSettings:
    """A pipeline of the test's own."""
    made = BrokerSettings(bootstrap=kafka.bootstrap, prefix=topic_prefix, partitions=PARTITIONS)
    await asyncio.to_thread(apply_topics, made)
    return made


def alert(number: int, asset: str = "BTC") -> Alert:
    """Return an alert that fires."""
    return Alert(
        alert_id=f"price.drop/{asset}/USDT/{BASE_MS + number}",
        rule="price.drop",
        asset=asset,
        subject=f"{asset}/USDT",
        state="firing",
        severity="critical",
        since_ms=BASE_MS + number,
        as_of_ms=BASE_MS + number,
        headline="it falls",
    )


async def fire(
    broker: BrokerSettings, *alerts: Alert | bytes, partition: int | None = None
) -> None:
    """Write alerts, each to its asset's partition."""
    async with AIOKafkaProducer(**broker.client_options(), linger_ms=50) as producer:
        sent = []
        for one in alerts:
            asset = "BTC" if isinstance(one, bytes) else one.asset
            home = partition_of(asset, PARTITIONS) if partition is None else partition
            value = one if isinstance(one, bytes) else encode(one)
            sent.append(
                await producer.send(
                    broker.topic("alerts"), value, key=b"rule/" + asset.encode(), partition=home
                )
            )
        await asyncio.gather(*sent)


async def until_answered(broker: BrokerSettings, *alerts: Alert) -> Books:
    """Return the books once there is an analysis for each of these."""
    wanted = {one.alert_id for one in alerts}
    async with asyncio.timeout(60):
        while True:
            found = await books(broker)
            if wanted <= {d.alert_id for d in found.decisions}:
                return found
            await asyncio.sleep(0.1)


async def forget_commits(run: Run) -> None:
    """Set the group back to the logs' beginnings, as if the worker had been killed before its first commit."""
    consumer = run.worker.assignment.consumer
    for decider in run.worker.assignment.deciders.values():
        decider.offsets.commit(2_000_000)
    await consumer.commit(dict.fromkeys(consumer.assignment(), 0))


async def test_an_alert_has_one_analysis_whatever_restarts(broker: BrokerSettings) -> None:
    """One that comes while nobody is there too; what cannot be used, or stands elsewhere, is passed."""
    places = await publish(broker, [*calm(6), *calm(6, "ETH/USDT")])
    elsewhere = (partition_of("BTC", PARTITIONS) + 1) % PARTITIONS
    async with working(SETTINGS, broker):
        await until_committed(broker, places)
        await fire(broker, b"\xff", alert(1), alert(1), alert(2, "ETH"))
        await fire(broker, alert(3), partition=elsewhere)
        await until_answered(broker, alert(1), alert(2, "ETH"))
    await fire(broker, alert(4), replace(alert(1), as_of_ms=BASE_MS + 9))
    async with working(SETTINGS, broker):
        found = await until_answered(broker, alert(4))
    async with working(SETTINGS, broker):
        await asyncio.sleep(1.0)  # all alerts are read once more, and nothing comes of it
        found = await books(broker)
    assert found.twice() == []
    named = sorted(a.trigger.alert_id for a in found.analyses if a.trigger.alert_id)
    assert named == sorted(one.alert_id for one in (alert(1), alert(2, "ETH"), alert(4)))
    told = [a for a in found.analyses if a.trigger.alert_id]
    assert all(a.product == "deep_dive" and "alert_price_drop" in a.trigger.reasons for a in told)
    assert all(a.facts for a in told)


async def test_an_alert_that_is_over_before_it_is_answered_has_a_decision(
    broker: BrokerSettings,
) -> None:
    """And no analysis: neither now nor after a restart."""
    await fire(broker, alert(1), replace(alert(1), state="retracted"))
    async with working(SETTINGS, broker):
        await until_answered(broker, alert(1))
    async with working(SETTINGS, broker):
        await asyncio.sleep(1.0)
        found = await books(broker)
    (decision,) = found.decisions
    assert (decision.outcome, decision.reason) == ("shed", "alert_retracted")
    assert found.analyses == []


async def test_what_was_said_before_a_kill_is_not_said_again(broker: BrokerSettings) -> None:
    """Everything is read again from the beginning: each decision, tally and analysis stands there once."""
    log = [w for n in range(8) for w in (market(number=n, low=100.0 - n % 3 * 3), volume(number=n))]
    places = await publish(broker, log)
    async with working(SETTINGS, broker) as run:
        await until_committed(broker, places)
        before = await books(broker)
        await forget_commits(run)
    more = await publish(broker, [market(number=20, low=90.0)])
    async with working(SETTINGS, broker):
        await until_committed(broker, more)
    found = await books(broker)
    check(found, places + more)
    assert len(found.decisions) == len(before.decisions) + 1


async def test_an_analysis_without_its_decision_is_not_made_again(broker: BrokerSettings) -> None:
    """A worker was killed between the two: only the decision is written, and it names what stands there."""
    fall = market(low=90.0)
    ours = PartitionDecider(SETTINGS, partition_of("BTC", PARTITIONS), read_from=0, decide_from=0)
    made = ours.take(0, fall, 0.0)
    assert made is not None
    analysis, _ = Analyst(SETTINGS, None, now_ms=lambda: 77).decline(made, "budget_spent")
    places = await publish(broker, [fall])
    sender = Sender(broker)
    await sender.deliver([analysis_record(broker, analysis, made.partition)])
    await sender.close()
    async with working(SETTINGS, broker):
        await until_committed(broker, places)
    found = await books(broker)
    check(found, places)
    assert found.analyses == [analysis]
    assert found.decisions[0].reason == "budget_spent"
