"""Records out of the real Kafka's log: by place, by id and by a span of time, and what is said where there is none."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaProducer

from streams.serving import lookup as lookup_module
from streams.serving import raw_range, walking
from streams.serving.found import Found, Missing, RawRange, Whole
from streams.serving.lookup import READERS_MAX, Lookup
from streams.serving.shown import Place
from streams.serving.view import View
from tests.servers import SharedKafka
from tests.strategies import aggregates
from topics import Aggregate, Analysis, Decision, Heartbeat, Trade, encode
from topics.broker import BrokerSettings, apply_topics

from .test_feed import Sent, cut, event, write
from .test_view import analysis, golden

pytestmark = pytest.mark.integration
NOW_MS = 1_700_000_000_000


@pytest.fixture
def broker(kafka: SharedKafka, topic_prefix: str) -> BrokerSettings:
    """One partition of each topic, of this test's own."""
    settings = BrokerSettings(bootstrap=kafka.bootstrap, prefix=topic_prefix, partitions=1)
    apply_topics(settings)
    return settings


@asynccontextmanager
async def looking(broker: BrokerSettings, view: View | None = None) -> AsyncIterator[Lookup]:
    """Give a lookup whose connections end with the test."""
    lookup = Lookup(broker, view or View())
    try:
        yield lookup
    finally:
        await lookup.close()


def why(found: object) -> str:
    """Return why nothing was found."""
    assert isinstance(found, Missing)
    return found.why


async def test_a_record_is_read_at_its_place(broker: BrokerSettings) -> None:
    """With key, time and bytes; where there is none it is said why."""
    await write(broker, [Sent("late", b"%d" % n, at_ms=NOW_MS + n) for n in range(3)])
    async with AIOKafkaProducer(
        **broker.client_options(), transactional_id=f"{broker.prefix}a"
    ) as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(broker.topic("late"), b"never", partition=0)
        await producer.abort_transaction()
    await write(broker, [Sent("late", b"4")])
    cut(broker, "late", 1)
    async with looking(broker) as lookup:
        found = await lookup.record(Place("late", 0, 1))
        assert isinstance(found, Whole)
        assert (found.value, found.key, found.at_ms) == (b"1", b"BTC", NOW_MS + 1)
        assert why(await lookup.record(Place("late", 0, 0))) == "deleted"
        assert why(await lookup.record(Place("late", 0, 3))) == "not_committed"
        assert why(await lookup.record(Place("late", 0, 99))) == "not_written"
        assert why(await lookup.record(Place("late", 9, 0))) == "not_found"
        assert why(await lookup.record(Place("nothing", 0, 0))) == "not_found"
        assert len(lookup._idle) == 1


async def test_an_id_is_found_by_the_view_or_else_in_the_log(broker: BrokerSettings) -> None:
    """The very edition that is asked for; of an analysis that was said twice the first."""
    first, second = (aggregates.market(revision=r, base_ms=NOW_MS) for r in range(2))
    said = analysis(1, headline="first")
    decided = golden(Decision, decision_id="state/BTC/5/0")
    await write(
        broker,
        [
            Sent("aggregates", encode(first), at_ms=first.window_end_ms),
            Sent("aggregates", encode(second), at_ms=first.window_end_ms + 1),
            Sent("analyses", encode(said), at_ms=NOW_MS),
            Sent("analyses", encode(analysis(1, headline="again")), at_ms=NOW_MS),
            Sent("decisions", encode(decided), at_ms=NOW_MS),
        ],
    )
    view = View()
    view.take(first, Place("aggregates", 0, 0), first.window_end_ms)
    view.take(second, Place("aggregates", 0, 1), first.window_end_ms + 1)
    for known in (view, View()):
        async with looking(broker, known) as lookup:
            for offset, window in enumerate((first, second)):
                found = await lookup.aggregate(window.aggregate_id)
                assert isinstance(found, Found)
                assert (found.event, found.whole.place.offset) == (window, offset)
            of_analysis = await lookup.analysis(said.analysis_id)
            assert isinstance(of_analysis, Found)
            assert of_analysis.event.headline == "first"
            of_decision = await lookup.decision("state/BTC/5/0")
            assert isinstance(of_decision, Found)
            assert of_decision.event == decided
            assert (
                why(
                    await lookup.aggregate(aggregates.market(number=7, base_ms=NOW_MS).aggregate_id)
                )
                == "not_found"
            )
            assert why(await lookup.analysis("state/BTC/1/9")) == "not_found"
            assert why(await lookup.decision("no id")) == "not_found"


async def test_every_edition_of_a_window_is_found_in_its_order(broker: BrokerSettings) -> None:
    """Whichever of them is asked for, with the view and without; those of other windows are not among them."""
    editions = [aggregates.market(revision=r, base_ms=NOW_MS) for r in range(3)]
    other = aggregates.market(number=1, base_ms=NOW_MS)
    at_ms = editions[0].window_end_ms
    written = [editions[0], other, editions[1], editions[2]]
    await write(broker, [Sent("aggregates", encode(one), at_ms=at_ms) for one in written])
    view = View()
    for offset, one in enumerate(written):
        view.take(one, Place("aggregates", 0, offset), at_ms)
    for known in (view, View()):
        async with looking(broker, known) as lookup:
            for asked in editions:
                found = await lookup.editions(asked.aggregate_id)
                assert isinstance(found, list)
                assert [one.event for one in found] == editions
                assert [one.whole.place.offset for one in found] == [0, 2, 3]
            lost = aggregates.market(number=9, base_ms=NOW_MS)
            assert why(await lookup.editions(lost.aggregate_id)) == "not_found"
            assert why(await lookup.editions("no id")) == "not_found"


async def test_of_heartbeats_between_two_events_the_last_is_told_if_asked_for(
    broker: BrokerSettings,
) -> None:
    """They are of no subject, and of the span by what they promise."""
    records = [trade(1), beat(0), beat(1), trade(2), beat(2), trade(3), beat(900)]
    await write(broker, records)
    async with looking(broker) as lookup:
        span = ("market", "BTC/USDT", NOW_MS, NOW_MS + 60_000)
        told = await lookup.raw(*span, beats=True)  # type: ignore[arg-type]
        plain = await lookup.raw(*span)  # type: ignore[arg-type]
        assert isinstance(told, RawRange)
        assert isinstance(plain, RawRange)
        assert [record.place.offset for record in told.records] == [0, 2, 3, 4, 5]
        assert [record.place.offset for record in plain.records] == [0, 3, 5]


def trade(n: int, subject: str = "BTC/USDT", lag_ms: int = 5) -> Sent:
    """Return the n-th second's trade, logged a while after."""
    made = golden(Trade, subject=subject, event_ms=NOW_MS + 1000 * n, received_ms=NOW_MS + 1000 * n)
    return Sent("raw.market", encode(made), at_ms=NOW_MS + 1000 * n + lag_ms)


def beat(n: int, lag_ms: int = 5) -> Sent:
    """Return the n-th second's heartbeat."""
    made = golden(Heartbeat, through_ms=NOW_MS + 1000 * n)
    return Sent("raw.market", encode(made), at_ms=NOW_MS + 1000 * n + lag_ms, key=None)


@pytest.mark.parametrize("lag_ms", [5, 3_600_000_000])
async def test_raw_events_are_found_by_their_time(
    broker: BrokerSettings, monkeypatch: pytest.MonkeyPatch, lag_ms: int
) -> None:
    """Also where they were logged long after, as in a demo's market; it stops soon behind the span."""
    monkeypatch.setattr(walking, "NEAR_RECORDS", 50)
    records = []
    for n in range(1500):
        records += [trade(n, lag_ms=lag_ms), trade(n, "ETH/USDT", lag_ms), beat(n, lag_ms)]
    async with AIOKafkaProducer(**broker.client_options()) as producer:
        for r in records:
            topic = broker.topic(r.name)
            await producer.send(topic, r.value, key=r.key, partition=0, timestamp_ms=r.at_ms)
    async with looking(broker) as lookup:
        found = await lookup.raw("market", "BTC/USDT", NOW_MS + 700_000, NOW_MS + 703_000)
        assert isinstance(found, RawRange)
        assert [record.time_ms - NOW_MS for record in found.records] == [700_000, 701_000, 702_000]
        assert (found.cut, found.begins_late, found.words) == ("", False, "")
        assert found.read < 1_200
        nothing = await lookup.raw("market", "BTC/USDT", NOW_MS - 10_000, NOW_MS)
        assert isinstance(nothing, RawRange)
        assert nothing.records == ()


async def test_a_range_that_is_cut_is_gone_on_with(
    broker: BrokerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what the log no longer has is told."""
    monkeypatch.setattr(raw_range, "SHOWN_MAX", 3)
    await write(broker, [trade(n) for n in range(8)])
    async with looking(broker) as lookup:
        found = await lookup.raw("market", "BTC/USDT", NOW_MS, NOW_MS + 60_000)
        assert isinstance(found, RawRange)
        assert (len(found.records), found.cut, found.next_offset) == (3, "count", 3)
        rest = await lookup.raw("market", "BTC/USDT", NOW_MS, NOW_MS + 60_000, after=6)
        assert isinstance(rest, RawRange)
        assert [r.place.offset for r in rest.records] == [6, 7]
        assert rest.next_offset is None
        cut(broker, "raw.market", 5)
        late = await lookup.raw("market", "BTC/USDT", NOW_MS, NOW_MS + 60_000)
        assert isinstance(late, RawRange)
        assert late.begins_late
        assert "no longer has the begin" in late.words
        assert [r.place.offset for r in late.records] == [5, 6, 7]


async def test_a_broker_that_is_away_is_told_within_the_time() -> None:
    """And the next look begins anew."""
    lookup = Lookup(BrokerSettings(bootstrap="127.0.0.1:1"), View(), look_s=0.5)
    assert why(await lookup.record(Place("late", 0, 0))) == "unreachable"
    assert why(await lookup.raw("market", "BTC/USDT", 0, 1)) == "unreachable"
    await lookup.close()


async def test_looks_beyond_the_readers_wait_their_turn(broker: BrokerSettings) -> None:
    """Not more connections than there may be."""
    await write(broker, [event("aggregates", Aggregate), event("analyses", Analysis)])
    async with looking(broker) as lookup:
        places = [Place("aggregates", 0, 0)] * (3 * READERS_MAX)
        found = await asyncio.gather(*(lookup.record(place) for place in places))
        assert all(isinstance(whole, Whole) for whole in found)
        assert len(lookup._idle) <= READERS_MAX


class Hanging:
    """A consumer that neither answers nor ends."""

    async def start(self) -> None:
        """Connect at once."""

    def assign(self, _places: object) -> None:
        """Take any partition."""

    async def beginning_offsets(self, _places: object) -> object:
        await asyncio.Event().wait()
        return {}

    async def stop(self) -> None:
        await asyncio.Event().wait()


async def test_a_look_ends_in_its_time_also_where_its_consumer_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is not used again, and as many looks as before may follow; who is cancelled is."""
    made: list[Hanging] = []
    monkeypatch.setattr(lookup_module, "CLOSE_S", 0.02)

    def opened(**_options: object) -> Hanging:
        made.append(Hanging())
        return made[-1]

    monkeypatch.setattr(lookup_module, "consumer_class", lambda _: opened)
    looks = Lookup(BrokerSettings(), View(), look_s=0.02)
    async with asyncio.timeout(5):
        for _ in range(READERS_MAX + 1):
            assert why(await looks.record(Place("late", 0, 0))) == "unreachable"
        looks = Lookup(BrokerSettings(), View(), look_s=9)
        asking = asyncio.create_task(looks.record(Place("late", 0, 0)))
        await asyncio.sleep(0.01)
        asking.cancel()
        assert isinstance((await asyncio.gather(asking, return_exceptions=True))[0], BaseException)
    assert len(made) == READERS_MAX + 2
    assert looks._idle == []
