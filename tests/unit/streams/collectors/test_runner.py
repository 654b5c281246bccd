"""A source's failures, its end and the operator's stop, on a real broker."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from decimal import Decimal

import pytest
import stamina
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from streams.collectors.outbound import RAW_BYTES_MAX
from streams.collectors.port import Link, Observation, Refused, SourceError, Through
from streams.collectors.runner import QUEUE_MAX, STOP_S, WORKED_S, Runner, UnsentError
from tests.integration.log import PATIENCE_S, LogRecord, broken_promises, decoded, read_log
from tests.servers import KafkaServer, SharedKafka
from topics import FeedStatus, Heartbeat, Kind, Trade, encode
from topics.broker import BrokerSettings, apply_topics

pytestmark = pytest.mark.integration

NOW_MS = 1_700_000_000_000


class DefectError(Exception):
    """Something is wrong with the source itself."""


class Hold:
    """Yield nothing more, and wait."""


Act = Observation | Exception | Hold


class Played:
    """A source whose every session is a list of observations, ended by an error, by waiting, or by the end."""

    name = "played"
    kind: Kind = "market"

    def __init__(self, *sessions: Iterable[Act]) -> None:
        self._sessions: Iterator[Iterable[Act]] = iter(sessions)
        self.begun = 0
        self.closed = 0
        self.yielded = 0

    async def observations(self) -> AsyncIterator[Observation]:
        self.begun += 1
        try:
            for act in next(self._sessions, ()):
                if isinstance(act, Exception):
                    raise act
                if isinstance(act, Hold):
                    await asyncio.Event().wait()
                else:
                    self.yielded += 1
                    yield act
        finally:
            self.closed += 1


class Elapsed:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead_s


@pytest.fixture
def broker(kafka: SharedKafka, topic_prefix: str) -> BrokerSettings:
    """Four partitions of each topic, of this test's own."""
    settings = BrokerSettings(bootstrap=kafka.bootstrap, prefix=topic_prefix, partitions=4)
    apply_topics(settings)
    return settings


@pytest.fixture
def retries() -> Iterator[list[RetryDetails]]:
    """What stamina was to wait for; in this test it does not wait."""
    seen: list[RetryDetails] = []

    def saw(details: RetryDetails) -> None:
        seen.append(details)

    set_on_retry_hooks([saw])
    with stamina.set_testing(True, attempts=1_000):
        yield seen
    set_on_retry_hooks(None)


def trade(number: int, price: Decimal = Decimal("1.50")) -> Trade:
    return Trade(
        subject="XRP/ETH",
        source="played",
        venue="binance",
        trade_id=str(number),
        event_ms=NOW_MS + number,
        received_ms=NOW_MS + number,
        price=price,
        size=Decimal(1),
        side="buy",
        sequence=number,
    )


def runner(
    source: Played, broker: BrokerSettings, monotonic_s: Callable[[], float] = time.monotonic
) -> Runner:
    return Runner(source, broker, epoch=1, now_ms=lambda: NOW_MS, monotonic_s=monotonic_s)


async def finish(running: Runner) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await running.run(asyncio.Event())


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await asyncio.sleep(0.01)


def numbers_of(records: list[LogRecord]) -> list[int | None]:
    return [trade.sequence for _, trade in decoded(records, Trade)]


async def states(broker: BrokerSettings) -> list[str]:
    return [
        status.state for _, status in decoded(await read_log(broker, "feed.status"), FeedStatus)
    ]


async def test_a_source_that_fails_is_asked_again(broker: BrokerSettings) -> None:
    """What it saw before and after is sent, once; the failure is in the feed's status and its metric."""
    source = Played(
        [Link(state="connected"), trade(1), Through(NOW_MS), SourceError("gone")],
        [Link(state="connected"), trade(2), Through(NOW_MS + 2)],
    )
    running = runner(source, broker)
    failures = running._metrics.failures._value.get()
    await finish(running)
    assert source.begun == source.closed == 2
    assert running._metrics.failures._value.get() == failures + 1
    assert numbers_of(await read_log(broker, "raw.market")) == [1, 2]
    assert running.outbound.tally.sent == 2
    assert running.state == "finished"


async def test_a_source_that_is_finished_closes_its_clock(broker: BrokerSettings) -> None:
    """In every partition, behind its events and its last promise; and its feeds are told to be closed.

    A closed source moves no watermark: without the promise, what it sent last would stay open for ever.
    """
    acts: list[Act] = [trade(1), Through(NOW_MS), trade(2), Through(NOW_MS + 2)]
    running = runner(Played(acts), broker)
    running._next_beat_s = float("inf")  # it ends before another is due than the first
    await finish(running)
    records = await read_log(broker, "raw.market")
    closed = Heartbeat(source="played", epoch=1, through_ms=NOW_MS + 2, state="closed")
    last = {record.partition: beat for record, beat in decoded(records, Heartbeat)}
    assert last == dict.fromkeys(range(4), closed)
    beats = [(r.partition, beat) for r, beat in decoded(records, Heartbeat)]
    promised = {place: beat.through_ms for place, beat in beats if beat.state == "open"}
    assert promised == dict.fromkeys(range(4), NOW_MS + 2)
    assert (await states(broker))[-1] == "closed"


async def test_a_defect_surfaces_and_closes_no_clock(broker: BrokerSettings) -> None:
    """It is no failure of the venue: the process ends, and another one will take the source over."""
    running = runner(Played([trade(1), Through(NOW_MS), DefectError("wrong")]), broker)
    with pytest.raises(DefectError, match="wrong"):
        await finish(running)
    records = await read_log(broker, "raw.market")
    assert numbers_of(records) == [1]
    assert {beat.state for _, beat in decoded(records, Heartbeat)} == {"open"}
    assert "closed" not in await states(broker)
    assert (running.state, running.words) == ("failed", "defect: DefectError('wrong')")


async def test_stopping_sends_what_was_taken_and_closes_no_clock(broker: BrokerSettings) -> None:
    """A source that restarts will be back: its clock stays in the reckoning."""
    count, stop = 5_000, asyncio.Event()
    source = Played([*(trade(number) for number in range(count)), Through(NOW_MS), Hold()])
    running = runner(source, broker)
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        group.create_task(running.run(stop))
        await until(lambda: source.yielded == count + 1)
        stop.set()
    assert source.closed == 1
    records = await read_log(broker, "raw.market")
    assert numbers_of(records) == list(range(count))
    assert {beat.state for _, beat in decoded(records, Heartbeat)} == {"open"}
    assert "closed" not in await states(broker)
    assert running.state == "stopped"


async def test_stopping_ends_a_wait_between_two_tries(broker: BrokerSettings) -> None:
    """At once: nobody waits 30 s for a venue that is away."""
    stop = asyncio.Event()
    source = Played(*([SourceError("away")] for _ in range(100)))
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        group.create_task(runner(source, broker).run(stop))
        await until(lambda: source.begun == 3)
        stop.set()
    assert source.closed == source.begun < 100


async def test_who_fails_at_once_is_waited_for_ever_longer(
    broker: BrokerSettings, retries: list[RetryDetails]
) -> None:
    """Also where each session yields something: a venue bans who dials too often."""
    letter = Refused(
        reason="venue_error", message="", original=b"", origin="o", received_ms=NOW_MS, events=0
    )
    session: list[Act] = [
        Link(state="connected"),
        letter,
        trade(1),
        Through(NOW_MS),
        SourceError("gone"),
    ]
    await finish(runner(Played(*[session] * 5), broker))
    assert [retry.retry_num for retry in retries] == [1, 2, 3, 4, 5]


async def test_who_has_worked_begins_the_waits_anew(
    broker: BrokerSettings, retries: list[RetryDetails]
) -> None:
    """After `WORKED_S` the next failure is the first one again."""
    elapsed = Elapsed()

    class Clocked(Played):
        async def observations(self) -> AsyncIterator[Observation]:
            async for seen in super().observations():
                if self.begun == 3:
                    elapsed.ahead_s += WORKED_S
                yield seen

    gone: list[Act] = [trade(1), SourceError("gone")]
    await finish(runner(Clocked(gone, gone, gone, gone, gone), broker, elapsed))
    assert [retry.retry_num for retry in retries] == [1, 2, 1, 2]


async def test_a_slow_broker_holds_the_source_back(broker: BrokerSettings) -> None:
    """At the queue's bound the source is not asked for more, and everything is sent in the end."""
    count = QUEUE_MAX + 5_000
    source = Played([trade(number) for number in range(count)])
    running = runner(source, broker)
    reader = asyncio.create_task(running._read())
    await until(running.queue.full)
    await asyncio.sleep(0.05)
    assert source.yielded == QUEUE_MAX + 1
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)


async def test_the_greatest_record_fits(broker: BrokerSettings) -> None:
    """What the outbound lets through, the broker takes."""
    short = len(encode(trade(1, Decimal("1.0"))))
    price = Decimal("1." + "0" * (RAW_BYTES_MAX - short + 1))
    running = runner(Played([trade(1, price), trade(2)]), broker)
    await finish(running)
    records = await read_log(broker, "raw.market")
    assert numbers_of(records) == [1, 2]
    assert max(len(record.value) for record in records) == RAW_BYTES_MAX
    assert running.outbound.tally.refused == 0


async def test_a_broker_that_restarts_gets_everything(
    start_kafka: Callable[..., KafkaServer], topic_prefix: str
) -> None:
    """Rounds that failed are sent again: every trade is there at least once, in order, and the promises hold."""
    server = start_kafka()
    broker = BrokerSettings(bootstrap=server.bootstrap, prefix=topic_prefix, partitions=4)
    apply_topics(broker)
    count = 400

    class Paced(Played):
        async def observations(self) -> AsyncIterator[Observation]:
            for number in range(count):
                await asyncio.sleep(0.01)
                yield trade(number)
                yield Through(NOW_MS + number)

    running = runner(Paced(), broker)
    async with asyncio.TaskGroup() as group:
        group.create_task(running.run(asyncio.Event()))
        await until(lambda: running.outbound.tally.sent > 50)
        await asyncio.to_thread(server.restart)
    records = await read_log(broker, "raw.market")
    seen = numbers_of(records)
    assert list(dict.fromkeys(seen)) == list(range(count))
    assert broken_promises(records) == []


async def test_a_stop_while_kafka_is_away_ends_all_the_same(
    start_kafka: Callable[..., KafkaServer], topic_prefix: str
) -> None:
    """In a bounded time, and it says that something was not sent."""
    server = start_kafka()
    broker = BrokerSettings(bootstrap=server.bootstrap, prefix=topic_prefix, partitions=4)
    apply_topics(broker)
    running = runner(Played([*(trade(number) for number in range(10)), Hold()]), broker)
    stop = asyncio.Event()
    task = asyncio.create_task(running.run(stop))
    await until(lambda: running.outbound.tally.sent == 10)
    await asyncio.to_thread(server.stop)
    await asyncio.sleep(0.5)
    running.queue.put_nowait(trade(11))
    stop.set()
    begun_s = time.monotonic()
    with pytest.raises(UnsentError, match="were not sent"):
        await task
    assert time.monotonic() - begun_s < STOP_S + 5


async def test_a_process_that_leads_no_more_writes_nothing_more(broker: BrokerSettings) -> None:
    """Not what it had in hand, and not the end of its source: it waits to be cancelled."""
    asked: list[bool] = []

    def may_send() -> bool:
        asked.append(False)
        return False

    source = Played([Link(state="connected"), trade(1), trade(2), Through(NOW_MS), Hold()])
    running = Runner(
        source,
        broker,
        epoch=1,
        now_ms=lambda: NOW_MS,
        monotonic_s=time.monotonic,
        may_send=may_send,
    )
    task = asyncio.create_task(running.run(asyncio.Event()))
    await until(lambda: bool(asked))
    await asyncio.sleep(0.3)  # in which a record would be there
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await read_log(broker, "raw.market") == []
    assert await read_log(broker, "feed.status") == []
