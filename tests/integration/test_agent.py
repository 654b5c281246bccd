"""The agent role on real servers: every window accounted for once, whatever stops, breaks or goes away."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import KafkaConnectionError

from agents.analyst import Analyst
from agents.ask.model import Reply
from agents.ask.prompt import Prompt
from agents.assignment import Assignment
from agents.decide.partition import PartitionDecider
from agents.settings import AgentSettings, GateSettings, ModelSettings
from agents.worker import Worker
from tests.servers import KafkaServer, SharedKafka, SharedRedis
from tests.strategies.aggregates import FIVE_MS, calm, market, social, volume
from tests.unit.agents.fake_claude.wire import Wire
from tests.unit.agents.serving import fake_claude
from topics import Aggregate, PipelineError, partition_of
from topics.broker import apply_topics
from topics.settings import BrokerSettings

from .agent_runs import (
    PARTITIONS,
    Place,
    books,
    check,
    committed,
    desk_at,
    desk_of,
    now_ms,
    publish,
    until,
    until_committed,
    working,
)

pytestmark = pytest.mark.integration

ASSETS = ("BTC", "ETH", "SOL", "XRP", "ADA", "DOGE")
SETTINGS = AgentSettings(
    gate=GateSettings(cool_down_s=0),
    model=ModelSettings(simulated=True, concurrency=2),
    tally_s=0.5,
)


@asynccontextmanager
async def topics_on(bootstrap: str, prefix: str) -> AsyncIterator[BrokerSettings]:
    """Give a pipeline of its own on a broker."""
    broker = BrokerSettings(bootstrap=bootstrap, prefix=prefix, partitions=PARTITIONS)
    await asyncio.to_thread(apply_topics, broker)
    yield broker


@pytest.fixture
async def broker(kafka: SharedKafka, topic_prefix: str) -> AsyncIterator[BrokerSettings]:
    """A pipeline of the test's own."""
    async with topics_on(kafka.bootstrap, topic_prefix) as made:
        yield made


@pytest.fixture
async def fake() -> AsyncIterator[Wire]:
    """A fake Claude of the test's own."""
    async with fake_claude(latency_ms=20) as wire:
        yield wire


def day(minutes: range, falls: range, assets: tuple[str, ...] = ASSETS) -> list[Aggregate]:
    """Return minutes of several assets: calm, falls, and what is only folded."""
    log: list[Aggregate] = []
    for minute in minutes:
        for asset in assets:
            last = 95.0 - minute % 3 if minute in falls else 100.0
            log.append(market(f"{asset}/USDT", minute, last=last))
            if minute % 5 == 0:
                log += [
                    market(f"{asset}/USDT", minute // 5, window_ms=FIVE_MS),
                    volume(asset, minute // 5),
                    social(asset, minute // 5),
                ]
    return log


@pytest.mark.parametrize("transaction", [None, "streams"])
async def test_every_window_is_accounted_for_once(
    broker: BrokerSettings,
    fake: Wire,
    redis_server: SharedRedis,
    transaction: str | None,
) -> None:
    """By a decision, a tally or a dead letter; the offsets are committed to the end of the log."""
    log = day(range(15), range(11, 15)) + day(range(15), range(0), ("LTC",))
    places = await publish(broker, log, transaction=transaction)
    async with (
        desk_at(fake, redis_server.url, broker.prefix, SETTINGS) as desk,
        working(SETTINGS, broker, desk) as run,
    ):
        await until_committed(broker, places)
        assert run.worker.unfinished == 0
        spent = await desk.ledger.spend(now_ms())
    found = await books(broker)
    check(found, places)
    origins = {(a.product, a.origin, a.origin_reason) for a in found.analyses}
    assert ("deep_dive", "model", "answered") in origins
    assert ("state", "rules", "state_by_rules") in origins
    assert spent.reserved == 0
    assert spent.settled == sum(a.cost_nano_usd for a in found.analyses) > 0
    called = [a for a in found.analyses if a.origin == "model"]
    assert all(a.simulated and a.model == SETTINGS.model.name for a in called)
    assert len((await fake.bill())["entries"]) == len([a for a in found.analyses if a.attempt_ids])


async def test_a_clean_stop_and_restart_says_nothing_twice_and_skips_nothing(
    broker: BrokerSettings, redis_server: SharedRedis
) -> None:
    """Calls in flight are waited for, what waits is answered by rules, and the next start goes on behind."""
    settings = SETTINGS.model_copy(
        update={"model": SETTINGS.model.model_copy(update={"concurrency": 1})}
    )
    places = await publish(broker, day(range(12), range(11, 12)))
    async with (
        fake_claude(latency_ms=700) as slow,
        desk_at(slow, redis_server.url, broker.prefix, settings) as desk,
    ):
        async with working(settings, broker, desk) as run:
            await until(lambda: run.worker.calls_in_flight == 1 and len(run.worker.inbox) > 1)
            more = await publish(broker, day(range(12, 13), range(12, 13), ("BTC", "ETH")))
        reasons = {a.origin_reason for a in (await books(broker)).analyses}
        assert {"answered", "stopping"} <= reasons
        stood = await committed(broker)
        more += await publish(broker, day(range(13, 16), range(13, 15)))
        async with working(settings, broker, desk):
            await until_committed(broker, more)
    assert sum(stood.values()) >= len(places)
    check(await books(broker), places + more)


async def test_nobody_there_means_rules(broker: BrokerSettings) -> None:
    """Without a model every analysis is by rules, and says so."""
    places = await publish(broker, day(range(8), range(6, 8)) + calm(8, "LTC/USDT"))
    async with working(SETTINGS, broker):
        await until_committed(broker, places)
    found = await books(broker)
    check(found, places)
    assert {(a.origin, a.origin_reason) for a in found.analyses} == {("rules", "no_model")}
    assert {a.product for a in found.analyses} == {"deep_dive", "state"}


async def test_what_nobody_can_use_becomes_a_dead_letter_and_the_next_is_taken(
    broker: BrokerSettings,
) -> None:
    """Bytes, a foreign tag, a price of nothing; a restart that folds them again writes none again."""
    log: list[Aggregate | bytes] = [market(), b"\xff", b'{"type":"alert"}', b'{"type":"aggregate"}']
    log += [market(number=1, first=1e99), *calm(3)[1:]]
    places = await publish(broker, log)
    async with working(SETTINGS, broker):
        await until_committed(broker, places)
    more = await publish(broker, [market(number=4, last=90.0)])
    async with working(SETTINGS, broker):
        await until_committed(broker, more)
    found = await books(broker)
    check(found, places + more)
    assert found.letters == places[1:5]
    assert [a.product for a in found.analyses] == ["state", "deep_dive"]


async def test_an_outage_of_the_broker_is_waited_out(
    start_kafka: Callable[..., KafkaServer], topic_prefix: str
) -> None:
    """Frozen for a while, then killed and started again: the worker goes on, and nothing is lost."""
    kafka = start_kafka()
    async with topics_on(kafka.bootstrap, topic_prefix) as broker:
        places = await publish(broker, day(range(3), range(2, 3)))
        async with working(SETTINGS, broker) as run:
            await until_committed(broker, places)
            kafka.pause()
            try:
                await asyncio.sleep(4)  # commits and heartbeats fall due
            finally:
                kafka.resume()
            places += await publish(broker, day(range(3, 5), range(4, 5)))
            await until_committed(broker, places)
            await asyncio.to_thread(kafka.kill)
            await asyncio.sleep(2)
            await asyncio.to_thread(kafka.start)
            places += await publish(broker, day(range(5, 7), range(6, 7)))
            await until_committed(broker, places)
            assert not run.task.done()
        found = await books(broker)
        told = {Place(d.aggregates_partition, d.last_offset) for d in found.decisions}
        fell = {p for p, a in zip(places, whole(), strict=True) if is_fall(a)}
        assert fell <= told <= set(places)
        assert all(count >= there(places)[p] for p, count in found.accounted().items())


def there(places: list[Place]) -> Counter[int]:
    """Return how many records each partition has."""
    return Counter(place.partition for place in places)


def whole() -> list[Aggregate]:
    """Return what the outage test writes, in its order."""
    return [
        *day(range(3), range(2, 3)),
        *day(range(3, 5), range(4, 5)),
        *day(range(5, 7), range(6, 7)),
    ]


def is_fall(aggregate: Aggregate) -> bool:
    """Return whether a window is one of the falls."""
    low = getattr(aggregate.values, "low", 100.0)
    return aggregate.window_ms < FIVE_MS and low < 97


async def test_a_rebalance_moves_partitions_and_loses_nothing(broker: BrokerSettings) -> None:
    """A second worker comes and the first goes; what was finished is not said again."""
    places = await publish(broker, day(range(8), range(6, 8)))
    async with working(SETTINGS, broker, instance="one") as one:
        await until_committed(broker, places)
        async with working(SETTINGS, broker, instance="two") as two:
            await until(lambda: one.worker.ready and len(one.worker.assignment.deciders) == 1)
            await until(lambda: len(two.worker.assignment.deciders) == 1)
            places += await publish(broker, day(range(8, 12), range(9, 12)))
            await until_committed(broker, places)
        check(await books(broker), places)
        places += await publish(broker, day(range(12, 14), range(12, 14)))
        await until_committed(broker, places)
    check(await books(broker), places)


async def test_a_new_group_on_an_old_log_is_ready_though_no_record_is_left_to_read(
    broker: BrokerSettings,
) -> None:
    """The log ends with a transaction's marker, which is no record; what is long past is not decided on."""
    settings = SETTINGS.model_copy(update={"fresh_s": 0.0, "warm_up_s": 3600.0})
    places = await publish(broker, day(range(3), range(2, 3)), transaction="streams")
    await asyncio.sleep(0.01)
    async with working(settings, broker) as run:
        assert run.worker.ready
    found = await books(broker)
    assert (found.analyses, found.decisions, found.tallies) == ([], [], [])
    ends = await committed(broker)
    assert all(ends[place.partition] > place.offset for place in places)


async def test_a_worker_that_was_away_for_long_is_as_warm_as_ever(broker: BrokerSettings) -> None:
    """It folds the horizon before its committed offset, however long ago that was logged."""
    settings = SETTINGS.model_copy(update={"warm_up_s": 1_000.0, "fresh_s": 600.0})
    began_ms = now_ms() - 500_000
    places = await publish(broker, calm(12), at_ms=began_ms)
    async with working(settings, broker):
        await until_committed(broker, places)
    later_ms = now_ms() + 5 * 3_600_000
    spike = market(number=12, volume=100.0, high=101.0)
    more = await publish(broker, [spike], at_ms=began_ms + 60_000)
    async with working(settings, broker, clock=lambda: later_ms):
        await until_committed(broker, more)
    found = await books(broker)
    assert found.decisions[-1].reasons == ["volume_spike"]
    check(found, places + more)


async def test_a_committed_offset_beyond_the_log_is_not_believed(broker: BrokerSettings) -> None:
    """The topic was made anew: its first windows are decided on, not skipped up to the old offset."""
    places = await publish(broker, day(range(3), range(2, 3)))
    async with working(SETTINGS, broker) as run:
        await until_committed(broker, places)
        consumer = run.worker.assignment.consumer
        ahead = dict.fromkeys(consumer.assignment(), 1_000_000)
        for decider in run.worker.assignment.deciders.values():
            decider.offsets.commit(2_000_000)
        await consumer.commit(ahead)
    more = await publish(broker, [market(number=9, last=90.0)])
    async with working(SETTINGS, broker):
        await until_committed(broker, [Place(p, 0) for p in range(PARTITIONS)])
        await until_told(broker, more[0])


async def until_told(broker: BrokerSettings, place: Place) -> None:
    """Return when there is a decision on a record."""
    async with asyncio.timeout(30):
        while True:
            found = await books(broker)
            if place in [(d.aggregates_partition, d.last_offset) for d in found.decisions]:
                return
            await asyncio.sleep(0.1)


async def cut(broker: BrokerSettings, places: list[Place]) -> None:
    """Delete the records before these places, as an expired retention does."""
    admin = AIOKafkaAdminClient(**broker.client_options())
    await admin.start()
    try:
        topic = broker.topic("aggregates")
        ends = {TopicPartition(topic, p): RecordsToDelete(before_offset=o) for p, o in places}
        await admin.delete_records(ends)
    finally:
        await admin.close()


async def test_what_was_deleted_while_nobody_read_is_passed(broker: BrokerSettings) -> None:
    """A start goes on from where the log begins, if that is behind the committed offset."""
    places = await publish(broker, calm(3))
    async with working(SETTINGS, broker):
        await until_committed(broker, places)
    lost = await publish(broker, calm(6)[3:])
    await cut(broker, [Place(lost[-1].partition, lost[-1].offset + 1)])
    more = await publish(broker, [market(number=7, last=90.0)])
    async with working(SETTINGS, broker):
        await until_committed(broker, more)
    check(await books(broker), places + more)


async def test_what_is_deleted_before_it_is_read_ends_the_worker(broker: BrokerSettings) -> None:
    """No window is passed over in silence: neither as the log's beginning shows it, nor as a fetch does."""
    places = await publish(broker, calm(3))
    await cut(broker, [Place(places[0].partition, 1)])
    failures: list[Exception] = []

    async def nothing(_: Sequence[PartitionDecider]) -> None:
        """Let them go."""

    ours = Assignment(
        SETTINGS,
        broker,
        instance_id="one",
        now_ms=now_ms,
        on_revoked=nothing,
        on_failed=failures.append,
    )
    try:
        await ours.start()
        await until(lambda: len(ours.deciders) == PARTITIONS)
        await ours.follow()
        place = TopicPartition(broker.topic("aggregates"), places[0].partition)
        await ours.refuse_cut({place: 0})  # an answer to what was asked before its place was set
        with pytest.raises(PipelineError, match="1, the next to be read, is not there"):
            await ours.refuse_cut({place: 1})
        await cut(broker, [Place(places[0].partition, 3)])
        with pytest.raises(PipelineError, match="cut up to 3; it had been read to 1"):
            await ours.follow()
    finally:
        await ours.stop()
    assert failures == []


async def test_a_stop_before_it_has_begun_is_a_stop(
    start_kafka: Callable[..., KafkaServer], topic_prefix: str
) -> None:
    """Where the broker does not answer, a start ends as soon as it is told to, and leaves nothing open."""
    kafka = start_kafka()
    async with topics_on(kafka.bootstrap, topic_prefix) as broker:
        kafka.pause()
        analyst = Analyst(SETTINGS, None, now_ms=now_ms)
        worker = Worker(SETTINGS, broker, analyst, instance_id="one", now_ms=now_ms)
        stop = asyncio.Event()
        running = asyncio.create_task(worker.run(stop))
        await asyncio.sleep(0.2)
        stop.set()
        async with asyncio.timeout(10):
            await running
        assert not worker.ready


async def test_without_a_broker_it_says_so(broker: BrokerSettings) -> None:
    """Nobody listens: the error is the caller's to hear."""
    nowhere = broker.model_copy(update={"bootstrap": "127.0.0.1:9"})
    analyst = Analyst(SETTINGS, None, now_ms=now_ms)
    worker = Worker(SETTINGS, nowhere, analyst, instance_id="one", now_ms=now_ms)
    with pytest.raises(KafkaConnectionError):
        await worker.run(asyncio.Event())


async def test_a_stop_without_the_broker_ends_all_the_same(
    start_kafka: Callable[..., KafkaServer], topic_prefix: str
) -> None:
    """What cannot be acknowledged is not finished: the next start says it again, and the stop does not hang."""
    kafka = start_kafka()
    async with topics_on(kafka.bootstrap, topic_prefix) as broker:
        places = await publish(broker, calm(3))
        async with working(SETTINGS, broker) as run:
            await until_committed(broker, places)
            await asyncio.to_thread(kafka.kill)
            began_s = time.monotonic()
            await run.end()
            assert time.monotonic() - began_s < 30


class DefectiveModel:
    """A model whose adapter has a defect."""

    provider, name = "anthropic", SETTINGS.model.name

    async def ask(
        self, prompt: Prompt, *, attempt_id: str, output_tokens_max: int, timeout_s: float
    ) -> Reply:
        """Raise what no adapter may."""
        del attempt_id
        message = f"a defect: {prompt.version} {output_tokens_max} {timeout_s}"
        raise RuntimeError(message)

    async def close(self) -> None:
        """Nothing is open."""


async def test_a_defect_in_a_call_ends_the_worker(
    broker: BrokerSettings, redis_server: SharedRedis
) -> None:
    """Nobody awaits a call; its candidate would wait for ever, and its partition's commits with it."""
    async with (
        desk_of(DefectiveModel(), redis_server.url, broker.prefix, SETTINGS) as desk,
        working(SETTINGS, broker, desk) as run,
    ):
        await publish(broker, [market(last=90.0)])
        async with asyncio.timeout(30):
            await asyncio.wait([run.task])
        with pytest.raises(RuntimeError, match="a defect"):
            run.task.result()
    assert (await committed(broker)).get(partition_of("BTC", PARTITIONS), 0) == 0
