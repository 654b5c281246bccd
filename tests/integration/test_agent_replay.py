"""What the agent said on real servers is said again without a call, and what was paid for is not paid for again."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.structs import ConsumerRecord

from agents.journal import Journal
from agents.settings import AgentSettings, GateSettings, ModelSettings
from deploy.replay import strict
from deploy.replay.agreement import Agreement
from deploy.replay.command import target_of
from deploy.replay.request import Request
from deploy.replay.strict import replay_strictly
from deploy.replay.tape import Tape
from deploy.settings import environment_of
from tests.servers import SharedKafka, SharedRedis
from tests.strategies.aggregates import FIVE_MS, market, social, volume
from tests.unit.agents.fake_claude.wire import Wire
from tests.unit.agents.serving import fake_claude
from topics import Aggregate, Decision, Intent, Result
from topics.broker import apply_topics
from topics.outbox import Sender
from topics.settings import BrokerSettings

from .agent_runs import (
    PARTITIONS,
    PATIENCE_S,
    Run,
    books,
    desk_at,
    now_ms,
    publish,
    until,
    until_committed,
    working,
)
from .log import LogRecord, read_log
from .test_agent_restarts import alert, fire, until_answered

pytestmark = pytest.mark.integration

ASSETS = ("BTC", "ETH", "SOL", "XRP")
SETTINGS = AgentSettings(
    gate=GateSettings(cool_down_s=0),
    model=ModelSettings(simulated=True, concurrency=1),
    tally_s=0.3,
)
Change = Callable[[str, LogRecord], bytes | None]


@pytest.fixture
async def broker(kafka: SharedKafka, topic_prefix: str) -> BrokerSettings:
    """A pipeline of the test's own."""
    made = BrokerSettings(bootstrap=kafka.bootstrap, prefix=topic_prefix, partitions=PARTITIONS)
    await asyncio.to_thread(apply_topics, made)
    return made


@pytest.fixture
async def fake() -> AsyncIterator[Wire]:
    """A fake Claude of the test's own."""
    async with fake_claude(latency_ms=300) as wire:
        yield wire


@asynccontextmanager
async def asking(
    fake: Wire,
    redis: SharedRedis,
    broker: BrokerSettings,
    *,
    instance: str = "one",
    hold: asyncio.Event | None = None,
) -> AsyncIterator[Run]:
    """Run a worker that asks the fake and keeps its journal on the broker.

    With ``hold`` it stands still for good once its first result is acknowledged.
    """
    sender = Sender(broker)
    journal = Journal(broker, sender)

    async def write(entry: Intent | Result) -> None:
        await journal.write(entry)
        if hold is not None and isinstance(entry, Result):
            hold.set()
            await asyncio.Event().wait()

    try:
        async with (
            desk_at(fake, redis.url, broker.prefix, SETTINGS, write) as desk,
            working(SETTINGS, broker, desk, instance=instance) as run,
        ):
            yield run
    finally:
        await journal.close()
        await sender.close()


async def kill(run: Run) -> None:
    """End a worker where it stands: nothing that waits is answered, nothing more is written or committed."""
    run.task.cancel()
    await asyncio.gather(run.task, return_exceptions=True)


def minutes(numbers: range) -> list[Aggregate]:
    """Return minutes of some assets: a fall in every third, and what is only folded."""
    log: list[Aggregate] = []
    for number in numbers:
        for asset in ASSETS:
            last = 94.0 if number % 3 == 2 else 100.0
            log.append(market(f"{asset}/USDT", number, last=last))
            if number % 5 == 0:
                log += [
                    market(f"{asset}/USDT", number // 5, window_ms=FIVE_MS),
                    volume(asset, number // 5),
                    social(asset, number // 5),
                ]
    return log


async def said_again(
    broker: BrokerSettings,
    name: str,
    from_ms: int | None = None,
    to_ms: int | None = None,
    settings: AgentSettings = SETTINGS,
) -> tuple[Agreement, BrokerSettings]:
    """Replay into a prefix of this name."""
    target = target_of(broker, f"{broker.prefix}{name}.")
    request = Request(into=target.prefix, from_ms=from_ms, to_ms=to_ms, speed=None, kinds=())
    agreement = await replay_strictly(
        broker,
        target,
        settings,
        request,
        stop=asyncio.Event(),
        begun=lambda _: None,
        told=lambda _, __: None,
    )
    return agreement, target


async def first_of(broker: BrokerSettings, name: str, field: str) -> dict[Any, tuple[Any, ...]]:
    """Return the records of a topic that count: key, value and headers of the first of each id."""
    first: dict[Any, tuple[Any, ...]] = {}
    for record in await read_log(broker, name):
        found = msgspec.json.decode(record.value)
        if field in found:
            row = (record.partition, record.key, record.value, record.headers)
            first.setdefault(found[field], row)
    return first


async def copied(broker: BrokerSettings, name: str, change: Change) -> BrokerSettings:
    """Copy what a replay reads under another prefix, each value as ``change`` returns it; None leaves it out."""
    copy = target_of(broker, f"{broker.prefix}{name}.")
    await asyncio.to_thread(apply_topics, copy)
    async with AIOKafkaProducer(**copy.client_options(), linger_ms=20) as producer:
        for topic in ("aggregates", "decisions", "analyses", "journal"):
            sent = []
            for record in await read_log(broker, topic):
                value = change(topic, record)
                if value is not None:
                    sent.append(
                        await producer.send(
                            copy.topic(topic), value, key=record.key, partition=record.partition
                        )
                    )
            await asyncio.gather(*sent)
    return copy


def replace_in(record: LogRecord, **fields: object) -> bytes:
    """Return a record's value with other fields."""
    return msgspec.json.encode(msgspec.json.decode(record.value) | fields)


async def mixed_run(broker: BrokerSettings, fake: Wire, redis: SharedRedis) -> int:
    """Let a worker answer windows and alerts, kill it at work, and let the next go on; return when that was."""
    places = await publish(broker, minutes(range(9)))
    async with asking(fake, redis, broker) as run:
        await fire(broker, alert(1), alert(2, "ETH"))
        await until_answered(broker, alert(1), alert(2, "ETH"))
        await publish(broker, minutes(range(9, 12)))
        await until(lambda: run.worker.calls_in_flight == 1)
        await kill(run)
    await fire(broker, alert(3))
    later_ms = now_ms()
    places = await publish(broker, minutes(range(12, 15)))
    async with asking(fake, redis, broker) as run:
        await until_answered(broker, alert(3))
        await until_committed(broker, places)
    return later_ms


async def test_a_mixed_run_is_said_again_to_the_byte_and_what_is_missing_is_named(
    broker: BrokerSettings, fake: Wire, redis_server: SharedRedis
) -> None:
    """By the model, by rules, coalesced, alerted, and killed in the middle; without a single call."""
    later_ms = await mixed_run(broker, fake, redis_server)
    found = await books(broker)
    assert {d.outcome for d in found.decisions} == {"called", "rules", "coalesced"}
    assert {a.origin for a in found.analyses} == {"model", "rules"}
    bill = await fake.bill()

    agreement, target = await said_again(broker, "again")
    assert agreement.misses == []
    assert await fake.bill() == bill
    recorded = await first_of(broker, "analyses", "analysis_id")
    assert await first_of(target, "analyses", "analysis_id") == recorded
    assert agreement.origins.total() == len(recorded)
    ids = {d.decision_id for d in found.decisions}
    assert set(await first_of(target, "decisions", "decision_id")) == ids

    agreement, _ = await said_again(broker, "part", later_ms)
    assert agreement.misses == []
    assert 0 < agreement.origins.total() < len(recorded)

    called = next(d for d in found.decisions if d.outcome == "called")
    altered = next(a for a in found.analyses if a.origin == "rules")
    forgotten = next(
        d
        for d in found.decisions
        if d.outcome == "rules" and d.alert_id is None and d.decision_id != altered.analysis_id
    )
    copy = await copied(
        broker,
        "harmed",
        lambda topic, record: harmed(topic, record, called, altered.analysis_id, forgotten),
    )
    report = await asyncio.to_thread(command, copy, f"{copy.prefix}again.")
    assert report.returncode == 1, report.stderr
    assert f"journal {called.decision_id}: " in report.stdout
    assert called.attempt_ids[-1] in report.stdout
    assert f'analysis {altered.analysis_id}: headline was "Altered" and is' in report.stdout
    assert f"the gate makes it {forgotten.decision_id}" in report.stdout
    assert f"decision {forgotten.decision_id}: " in report.stdout
    assert report.stdout.endswith("0 calls to a model, 4 misses\n")


def harmed(
    topic: str, record: LogRecord, called: Decision, altered: str, forgotten: Decision
) -> bytes | None:
    """Return a record as it is, but for a lost result, a lost decision and an altered analysis."""
    told = msgspec.json.decode(record.value)
    if topic == "journal" and told["type"] == "journal.result":
        return None if told["attempt_id"] in called.attempt_ids else record.value
    if topic == "decisions" and told.get("decision_id") == forgotten.decision_id:
        return None
    if topic == "analyses" and told["analysis_id"] == altered:
        return replace_in(record, headline="Altered")
    return record.value


def command(broker: BrokerSettings, into: str) -> "subprocess.CompletedProcess[str]":
    """Replay as an operator does."""
    tree = {
        "broker": broker.model_dump(mode="json"),
        "agent": {
            "gate": {"cool_down_s": 0.0},
            "model": {"simulated": True},
        },
    }
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-P", "-m", "deploy", "replay", "--analyses", "strict", "--into", into],
        env=environment_of(tree, os.environ),
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE_S,
        check=False,
    )


async def test_what_an_agent_says_while_a_replay_reads_is_not_missed(
    broker: BrokerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It decides on analyses after the decisions have been read: they are of another range, and no strays."""
    begun: list[int] = []

    class LateTape(Tape):
        """Lets the agent answer between the decisions and the analyses of each partition."""

        async def since(
            self, name: str, partition: int, from_ms: int | None
        ) -> AsyncIterator[list[ConsumerRecord]]:
            if name == "analyses":
                begun.append(partition)
                first = 3 * len(begun)
                places = await publish(broker, minutes(range(first, first + 3)))
                await until_committed(broker, places)
            async for batch in super().since(name, partition, from_ms):
                yield batch

    monkeypatch.setattr(strict, "Tape", LateTape)
    async with working(SETTINGS, broker):
        await until_committed(broker, await publish(broker, minutes(range(3))))
        agreement, _ = await said_again(broker, "again", to_ms=now_ms() + 1)
    assert begun
    assert agreement.origins.total() > 0
    assert agreement.misses == []


async def test_an_answer_that_was_paid_for_before_a_kill_is_not_asked_for_again(
    broker: BrokerSettings, fake: Wire, redis_server: SharedRedis
) -> None:
    """Its result is in the journal, its analysis nowhere: the next start says it, at the cost that was paid."""
    held = asyncio.Event()
    places = await publish(broker, [market(low=90.0)])
    async with asking(fake, redis_server, broker, hold=held) as run:
        async with asyncio.timeout(PATIENCE_S):
            await held.wait()
        await kill(run)
    assert (await books(broker)).analyses == []
    async with asking(fake, redis_server, broker) as run:
        await until_committed(broker, places)
        desk = run.worker.analyst.desk
        assert desk is not None
        spent = await desk.ledger.spend(now_ms())
    (analysis,), (decision,), *_ = await books(broker)
    bill = (await fake.bill())["entries"]
    assert len(bill) == 1
    assert (analysis.origin, analysis.origin_reason) == ("model", "answered")
    assert (spent.settled, spent.reserved) == (analysis.cost_nano_usd, 0)
    assert (decision.outcome, decision.attempt_ids) == ("called", analysis.attempt_ids)
    async with asking(fake, redis_server, broker):
        pass
    agreement, _ = await said_again(broker, "again")
    assert agreement.misses == []
    assert agreement.origins == {"model": 1}
    assert (await fake.bill())["entries"] == bill
