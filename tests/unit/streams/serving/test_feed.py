"""The feed on the real Kafka: what it reads, what it passes over, and what it says when it cannot."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from streams.serving import feed as module
from streams.serving.feed import Feed
from streams.serving.shown import Place
from streams.serving.view import View
from tests.servers import KafkaServer, SharedKafka
from topics import (
    Aggregate,
    Alert,
    Analysis,
    Control,
    DeadLetter,
    Decision,
    FeedStatus,
    GapDetected,
    GapFilled,
    GapPermanent,
    Heartbeat,
    Late,
    Notification,
    Status,
    Tally,
    TopicsError,
    Trade,
    encode,
)
from topics.broker import BrokerSettings, apply_topics
from topics.deadletter import to_record

from .test_view import counted, golden

pytestmark = pytest.mark.integration
PARTITIONS = 2
PATIENCE_S = 30.0
"""Longer than anything here takes on a busy machine."""


@pytest.fixture
def broker(kafka: SharedKafka, topic_prefix: str) -> BrokerSettings:
    """Two partitions of each topic, of this test's own."""
    settings = BrokerSettings(bootstrap=kafka.bootstrap, prefix=topic_prefix, partitions=PARTITIONS)
    apply_topics(settings)
    return settings


class Sent(NamedTuple):
    """One record to write."""

    name: str
    value: bytes | None
    partition: int = 0
    at_ms: int | None = None
    key: bytes | None = b"BTC"


def event(name: str, contract: type, **more: Any) -> Sent:
    """Return the record of a contract's recorded event."""
    return Sent(name, encode(golden(contract)), **more)


async def write(broker: BrokerSettings, records: Sequence[Sent], **options: Any) -> None:
    """Return when all are acknowledged, in their order."""
    async with AIOKafkaProducer(**broker.client_options(), **options) as producer:
        if "transactional_id" in options:
            async with producer.transaction():
                await send(producer, broker, records)
        else:
            await send(producer, broker, records)


async def send(producer: AIOKafkaProducer, broker: BrokerSettings, records: Sequence[Sent]) -> None:
    """Write records with a producer that is there."""
    for r in records:
        await producer.send_and_wait(
            broker.topic(r.name), r.value, key=r.key, partition=r.partition, timestamp_ms=r.at_ms
        )


@asynccontextmanager
async def running(feed: Feed) -> AsyncIterator[asyncio.Task[None]]:
    """Run a feed for as long as a test needs it."""
    task = asyncio.create_task(feed.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def caught_up(feed: Feed, task: asyncio.Task[None]) -> None:
    """Return when all that is there has been read; a feed that ended says why."""
    async with asyncio.timeout(PATIENCE_S):
        while not await feed.caught_up():
            if task.done():
                task.result()
            await asyncio.sleep(0.02)


async def read_all(broker: BrokerSettings, since_ms: int = 0, **options: Any) -> View:
    """Return the view of all that is there now."""
    view = View()
    feed = Feed(broker, view, since_ms=since_ms, **options)
    async with running(feed) as task:
        await caught_up(feed, task)
    return view


def cut(broker: BrokerSettings, name: str, before: int, partition: int = 0) -> None:
    """Delete a log's records before an offset, as retention does."""
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    place = TopicPartition(broker.topic(name), partition, before)
    for deleted in admin.delete_records([place]).values():
        deleted.result(PATIENCE_S)


async def test_every_topic_reaches_the_view(broker: BrokerSettings) -> None:
    """Each contract once, on any partition; the marks out of the raw topics."""
    marks = (Heartbeat, GapDetected, GapFilled, GapPermanent)
    await write(
        broker,
        [
            event("raw.market", Trade),
            *(event("raw.social", mark, partition=1, key=None) for mark in marks),
            event("aggregates", Aggregate, partition=1),
            event("late", Late),
            event("analyses", Analysis),
            event("decisions", Decision),
            Sent("decisions", encode(golden(Tally, folded=2, uninteresting=3))),
            event("status", Status),
            event("feed.status", FeedStatus),
            Sent("deadletters", b"anything \xff"),
        ],
    )
    view = await read_all(broker)
    assert counted(view) == {
        "raw_events": 1,
        "heartbeats": 1,
        "gaps_detected": 1,
        "gaps_filled": 1,
        "gaps_permanent": 1,
        "aggregates": 1,
        "revisions": 1,
        "late": 1,
        "analyses": 1,
        "by_model": 1,
        "decided": 1,
        "decisions": 1,
        "tallied": 5,
        "dead_letters": 1,
    }
    assert view.newest_event_ms == {"market": golden(Trade).event_ms}
    assert (len(view.statuses), len(view.feeds)) == (1, 1)


DEEP = b"[" * 200_000
WRONG = {
    "not JSON": b"{broken",
    "empty": b"",
    "no object": b"[]",
    "not UTF-8": b'{"type":"trade\xff","event_ms":1}',
    "not UTF-8 within": b'{"type":"heartbeat","source":"\xff"}',
    "nested too deep": b'{"a":' + DEEP,
    "nested too deep in an event": b'{"type":"trade","event_ms":1,"x":' + DEEP,
    "unknown tag": b'{"type":"trade.v9","event_ms":1}',
    "another kind's tag": b'{"type":"post","event_ms":1}',
    "no time": b'{"type":"trade"}',
    "a broken mark": b'{"type":"heartbeat","source":"a"}',
}


async def test_what_cannot_be_read_is_counted_and_does_not_stop_it(broker: BrokerSettings) -> None:
    """Each way to be wrong, in a raw topic and in others, with a good event behind each."""
    records = []
    for value in (*WRONG.values(), None):
        records += [Sent("raw.market", value), event("raw.market", Trade)]
    for name in module.SHOWN:
        records += [Sent(name, value) for value in WRONG.values()]
        records.append(
            event(
                name,
                {
                    "aggregates": Aggregate,
                    "alerts": Alert,
                    "control": Control,
                    "late": Late,
                    "analyses": Analysis,
                    "decisions": Decision,
                    "notifications": Notification,
                    "status": Status,
                    "feed.status": FeedStatus,
                }[name],
            )
        )
    await write(broker, records)
    view = await read_all(broker)
    counts = view.counts
    assert counts.raw_events == len(WRONG) + 1
    assert counts.unreadable == len(WRONG) + 1 + len(module.SHOWN) * len(WRONG)
    assert (counts.aggregates, counts.late, counts.analyses, counts.decisions) == (1, 1, 1, 1)
    assert (len(view.statuses), len(view.feeds), len(view.alert_book)) == (1, 1, 1)
    assert len(view.acts(0)) == len(view.kept_notifications) == 1


async def test_a_deletion_is_in_order_only_where_a_topic_is_compacted(
    broker: BrokerSettings,
) -> None:
    """Elsewhere a record without a value is one that cannot be read."""
    names = (
        "status",
        "feed.status",
        "alerts",
        "control",
        "aggregates",
        "analyses",
        "late",
        "decisions",
    )
    await write(broker, [Sent(name, None) for name in names])
    assert counted(await read_all(broker)) == {"unreadable": 4}


async def test_it_reads_from_a_time_on(broker: BrokerSettings) -> None:
    """Of each partition: the first record of that time, all there is, or only what comes."""
    view = View()
    early, late = 1_000_000, 2_000_000
    await write(
        broker,
        [
            event("aggregates", Aggregate, at_ms=early),
            event("aggregates", Aggregate, at_ms=late),
            event("aggregates", Aggregate, at_ms=late + 1),
            event("late", Late, at_ms=early, partition=1),
        ],
    )
    feed = Feed(broker, view, since_ms=late)
    async with running(feed) as task:
        await caught_up(feed, task)
        assert counted(view)["aggregates"] == 2
        assert "late" not in counted(view)
        await write(broker, [event("late", Late, partition=1)])
        await caught_up(feed, task)
        assert counted(view)["late"] == 1


async def test_what_is_compacted_is_read_whole(broker: BrokerSettings) -> None:
    """Whatever the time: what it says holds until it is said anew. Raw topics have a time of their own."""
    early, late = 1_000_000, 2_000_000
    await write(
        broker,
        [
            event("alerts", Alert, at_ms=early),
            event("control", Control, at_ms=early),
            event("status", Status, at_ms=early),
            event("feed.status", FeedStatus, at_ms=early),
            event("raw.market", Trade, at_ms=early),
            event("raw.market", Trade, at_ms=late),
            event("analyses", Analysis, at_ms=early),
        ],
    )
    view = await read_all(broker, since_ms=late, raw_since_ms=early)
    assert counted(view) == {"raw_events": 2}
    assert (len(view.alert_book), len(view.acts(0))) == (1, 1)
    assert (len(view.statuses), len(view.feeds)) == (1, 1)


async def test_a_deleted_act_holds_no_more(broker: BrokerSettings) -> None:
    """Its key is its subject."""
    act = golden(Control)
    key = act.subject.encode()
    await write(broker, [Sent("control", encode(act), key=key), Sent("control", None, key=key)])
    assert (await read_all(broker)).acts(0) == []


async def test_what_the_headers_of_a_dead_letter_say_is_kept_with_its_place(
    broker: BrokerSettings,
) -> None:
    """By the catalogue's names; the bytes stay in the log."""
    letter = DeadLetter(
        reason="malformed",
        message="not JSON",
        stage="fold",
        role="streams",
        key=b"BTC",
        value=b"{broken",
        time_ms=1_000,
        topic=broker.topic("raw.market"),
        partition=1,
        offset=7,
        attempt=2,
    )
    _, value, headers = to_record(letter)
    async with AIOKafkaProducer(**broker.client_options()) as producer:
        await producer.send_and_wait(
            broker.topic("deadletters"), value, key=b"BTC", headers=headers, partition=1
        )
    view = await read_all(broker)
    (kept,) = view.letters()
    assert (kept.place, kept.origin) == (Place("deadletters", 1, 0), Place("raw.market", 1, 7))
    assert (kept.reason, kept.attempt, kept.bytes, kept.key) == ("malformed", 2, 7, "BTC")
    assert view.letter(letter.letter_id) == kept
    assert view.letters(reason="absurd_time") == []


async def test_what_is_deleted_before_the_time_does_not_matter(broker: BrokerSettings) -> None:
    """It begins where the log begins."""
    await write(broker, [event("aggregates", Aggregate) for _ in range(3)])
    cut(broker, "aggregates", 2)
    assert counted(await read_all(broker))["aggregates"] == 1
    assert counted(await read_all(broker, since_ms=1))["aggregates"] == 1


async def test_what_is_deleted_ahead_of_it_is_told_and_counted(broker: BrokerSettings) -> None:
    """And what follows is read."""
    view = View()
    await write(broker, [event("aggregates", Aggregate) for _ in range(4)])

    class Slow(Feed):
        async def _offsets(self, consumer: Any) -> Any:
            offsets = await super()._offsets(consumer)
            await asyncio.to_thread(cut, broker, "aggregates", 3)  # retention is faster than we
            return offsets

    feed = Slow(broker, view, since_ms=0)
    async with running(feed) as task:
        async with asyncio.timeout(PATIENCE_S):
            while not feed.evicted and not task.done():
                await asyncio.sleep(0.02)
        await caught_up(feed, task)
    topic = broker.topic("aggregates")
    assert list(feed.evicted) == [f"{topic}/0: offsets 0 to 2 were deleted before they were read"]
    assert counted(view) == {"aggregates": 1, "revisions": 1, "evicted": 3}


class Cut:
    """A consumer whose logs begin somewhere; it notes where it is sent."""

    def __init__(self, begin: int) -> None:
        self.begin, self.at = begin, -1

    async def beginning_offsets(self, places: list[Any]) -> dict[Any, int]:
        return dict.fromkeys(places, self.begin)

    def seek(self, _place: Any, offset: int) -> None:
        self.at = offset


def test_no_raw_event_is_newer_than_its_receipt() -> None:
    """One that says so would hide for ever that no others come; the log's reader is not needed to see it."""
    view = View()
    feed = Feed(BrokerSettings(), view, since_ms=0)
    for n, (event_ms, received_ms) in enumerate(((5, 7), (10**13, 8))):
        value = encode(golden(Trade, event_ms=event_ms, received_ms=received_ms))
        record: Any = Record("raw.market", 0, n, 9, None, value, ())
        feed._take("raw.market", record)
    assert view.newest_event_ms == {"market": 8}
    assert view.counts.raw_events == 2


class Record(NamedTuple):
    """A fetched record."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


async def test_cuts_are_remembered_up_to_a_bound() -> None:
    """In words; the view counts all of them. A log that ends before our position is another one."""
    view = View()
    feed = Feed(BrokerSettings(), view, since_ms=0)
    place = TopicPartition("t", 0)
    consumer: Any = Cut(10)
    for _ in range(module.EVICTED_MAX + 5):
        await feed._evicted(consumer, {place: 5})
    assert len(feed.evicted) == module.EVICTED_MAX
    assert view.counts.evicted == 5 * (module.EVICTED_MAX + 5)
    consumer = Cut(0)
    await feed._evicted(consumer, {place: 5})
    assert "another log" in feed.evicted[-1]
    assert (consumer.at, view.counts.evicted) == (0, 5 * (module.EVICTED_MAX + 5))


async def test_only_what_was_committed_is_read(broker: BrokerSettings) -> None:
    """And the end of a transaction does not keep it from being caught up."""
    topic = broker.topic("aggregates")
    await write(broker, [event("aggregates", Aggregate)], transactional_id=f"{broker.prefix}a")
    async with AIOKafkaProducer(
        **broker.client_options(), transactional_id=f"{broker.prefix}b"
    ) as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(topic, encode(golden(Aggregate)), partition=0)
        await producer.abort_transaction()
    await write(broker, [event("aggregates", Aggregate)], transactional_id=f"{broker.prefix}a")
    assert counted(await read_all(broker))["aggregates"] == 2


async def test_each_record_is_given_on_with_what_was_read_from_it(broker: BrokerSettings) -> None:
    """With the catalog's name; None is what nobody could read, and what is not the view's to read."""
    seen: list[tuple[str, int, object]] = []

    def note(name: str, record: Any, read: object) -> None:
        seen.append((name, record.offset, read))

    await write(
        broker,
        [
            event("aggregates", Aggregate),
            Sent("aggregates", b"?"),
            event("raw.market", Heartbeat),
            event("raw.market", Trade),
            Sent("raw.market", b"?"),
            Sent("deadletters", b"?"),
            Sent("journal", b"?"),
        ],
    )
    view = await read_all(broker, seen=note, also=("journal",))
    by_name = {name: [(o, e) for n, o, e in seen if n == name] for name, _, _ in seen}
    assert by_name["aggregates"] == [(0, golden(Aggregate)), (1, None)]
    (_, beat), (_, head), (_, unread) = by_name["raw.market"]
    assert (beat, unread) == (golden(Heartbeat), None)
    assert isinstance(head, msgspec.Struct)
    trade = golden(Trade)
    clocks = {"event_ms": trade.event_ms, "received_ms": trade.received_ms}
    assert msgspec.structs.asdict(head) == {"type": "trade", **clocks}
    assert by_name["deadletters"] == by_name["journal"] == [(0, None)]
    assert len(seen) == 7
    assert view.counts.unreadable == 2


async def test_it_knows_where_logs_begin_and_end(broker: BrokerSettings) -> None:
    """While it runs; before and after, nothing."""
    feed = Feed(broker, View(), since_ms=0)
    await write(broker, [event("aggregates", Aggregate, partition=1) for _ in range(3)])
    cut(broker, "aggregates", 1, partition=1)
    assert (await feed.bounds("aggregates"), await feed.caught_up()) == ({}, False)
    async with running(feed) as task:
        await caught_up(feed, task)
        assert await feed.bounds("aggregates") == {0: (0, 0), 1: (1, 3)}
    assert (await feed.bounds("aggregates"), await feed.caught_up()) == ({}, False)


async def test_it_has_not_caught_up_while_anything_is_left(
    broker: BrokerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks then looks at the view."""
    monkeypatch.setattr(module, "RECORDS_MAX", 1)
    await write(broker, [event("aggregates", Aggregate) for _ in range(50)])
    view = View()
    feed = Feed(broker, view, since_ms=0)
    async with running(feed) as task:
        async with asyncio.timeout(PATIENCE_S):
            while not await feed.caught_up():
                assert not task.done()
                await asyncio.sleep(0)
        assert view.counts.aggregates == 50


async def test_a_long_log_does_not_keep_others_from_their_turn(
    broker: BrokerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two gulps the screen is painted."""
    monkeypatch.setattr(module, "RECORDS_MAX", 10)
    async with AIOKafkaProducer(**broker.client_options()) as producer:
        value = encode(golden(Trade))
        for _ in range(200):
            await producer.send(broker.topic("raw.market"), value, partition=0)
    view, turns = View(), []
    feed = Feed(broker, view, since_ms=0)
    async with running(feed) as task:
        async with asyncio.timeout(PATIENCE_S):
            while view.counts.raw_events < 200:
                assert not task.done()
                turns.append(view.counts.raw_events)
                await asyncio.sleep(0)
    turns.append(view.counts.raw_events)
    assert max(b - a for a, b in pairwise(turns)) <= 10


async def test_missing_topics_are_named_with_what_creates_them(
    kafka: SharedKafka, topic_prefix: str
) -> None:
    """At once: the client itself would wait for them."""
    feed = Feed(BrokerSettings(bootstrap=kafka.bootstrap, prefix=topic_prefix), View(), since_ms=0)
    with pytest.raises(TopicsError, match=r"missing on .*raw\.market.*`tapereader topics apply`"):
        async with asyncio.timeout(5):
            await feed.run()


@pytest.mark.parametrize("partitions", [1, 3])
async def test_another_partition_count_is_refused(broker: BrokerSettings, partitions: int) -> None:
    """Of fewer the rest would not be read; for more the client would wait."""
    wrong = broker.model_copy(update={"partitions": partitions})
    with pytest.raises(TopicsError, match=r"has 2 partitions.*broker\.partitions is"):
        async with asyncio.timeout(5):
            await Feed(wrong, View(), since_ms=0).run()


async def test_a_broker_that_is_not_there_is_said(unused_tcp_port: int) -> None:
    """By its address, and nothing is left open."""
    bootstrap = f"127.0.0.1:{unused_tcp_port}"
    with pytest.raises(TopicsError, match=f"no Kafka broker answers at {bootstrap}"):
        await Feed(BrokerSettings(bootstrap=bootstrap), View(), since_ms=0).run()


async def test_it_waits_for_a_broker_that_goes_away(
    start_kafka: Callable[..., KafkaServer], topic_prefix: str
) -> None:
    """Killed and started again: every record once."""
    server = start_kafka()
    broker = BrokerSettings(bootstrap=server.bootstrap, prefix=topic_prefix, partitions=PARTITIONS)
    apply_topics(broker)
    await write(broker, [event("aggregates", Aggregate) for _ in range(3)])
    view = View()
    feed = Feed(broker, view, since_ms=0)
    async with running(feed) as task:
        await caught_up(feed, task)
        await asyncio.to_thread(server.stop)
        await asyncio.sleep(0.5)
        assert not task.done()
        await asyncio.to_thread(server.start)
        await write(broker, [event("aggregates", Aggregate, partition=1) for _ in range(2)])
        async with asyncio.timeout(PATIENCE_S):
            while view.counts.aggregates < 5:
                assert not task.done()
                await asyncio.sleep(0.02)
        await caught_up(feed, task)
    assert counted(view) == {"aggregates": 5, "revisions": 5}
    assert not feed.evicted
