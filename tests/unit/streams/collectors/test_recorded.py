"""Recordings as sources: what comes out, when, and what is promised about it."""

import asyncio
import gzip
import time
from contextlib import aclosing
from decimal import Decimal
from importlib.resources import as_file, files
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from msgspec.structs import replace

from streams.collectors.continuity import Continuity
from streams.collectors.pace import Pace
from streams.collectors.playback import SLICE_S
from streams.collectors.port import (
    Context,
    Link,
    Observation,
    Refused,
    Source,
    SourceError,
    Through,
)
from streams.collectors.recorded import RecordedSettings, create_recorded
from tests.servers import SharedKafka
from topics import (
    GapDetected,
    Heartbeat,
    Kind,
    Post,
    PostDeleted,
    RawEvent,
    RepositoryEvent,
    SettingsError,
    Trade,
    VolumeFlow,
    encode,
    partition_of,
    raw_topic,
)
from topics.broker import BrokerSettings, apply_topics

XRPETH = "binance-xrpeth-aggtrades-2019-10.jsonl.gz"
T0 = 1_600_000_000_000
NOW_MS = 1_700_000_000_000
BROKER = BrokerSettings(bootstrap="127.0.0.1:1")


class Wall:
    """A wall clock that a test moves."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


def recorded(
    *,
    broker: BrokerSettings = BROKER,
    pace: Pace | None = None,
    wall: Wall | None = None,
    **settings: object,
) -> Source:
    parsed = RecordedSettings.model_validate({"type": "recorded", **settings})
    context = Context(broker=broker, now_ms=wall or Wall(NOW_MS), pace=pace)
    (source,) = create_recorded("past", parsed, context)
    return source


async def all_of(source: Source) -> list[Observation]:
    return [observation async for observation in source.observations()]


async def events_of(source: Source) -> list[RawEvent]:
    return [seen for seen in await all_of(source) if isinstance(seen, RawEvent)]


def trade(number: int, event_ms: int, **fields: object) -> Trade:
    usual = Trade(
        subject="BTC/USD",
        source="live",
        venue="somewhere",
        trade_id=str(number),
        event_ms=event_ms,
        received_ms=event_ms + 70,
        price=Decimal("10.50"),
        size=Decimal("0.10"),
        side="buy",
        sequence=number,
    )
    return replace(usual, **fields)


def flow(event_ms: int) -> VolumeFlow:
    return VolumeFlow(
        subject="BTC",
        source="live",
        venue="somewhere",
        instrument="BTC/USD",
        event_ms=event_ms,
        received_ms=event_ms + 9,
        span_ms=60_000,
        volume=Decimal("1.0"),
    )


def act(event_ms: int) -> RepositoryEvent:
    return RepositoryEvent(
        subject="BTC",
        source="github",
        repository="bitcoin/bitcoin",
        event_id="77",
        event_ms=event_ms,
        received_ms=event_ms + 9,
        act="commit",
        author="0" * 16,
    )


def written(path: Path, *lines: bytes | msgspec.Struct) -> Path:
    """Write a recording, one line each."""
    data = b"".join((line if isinstance(line, bytes) else encode(line)) + b"\n" for line in lines)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def unpacked(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes())


# The demo's recording


@pytest.fixture(scope="module")
def xrpeth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recording that comes with the package."""
    path = tmp_path_factory.mktemp("data") / XRPETH
    with as_file(files("deploy") / "data" / XRPETH) as packaged:
        path.write_bytes(packaged.read_bytes())
    return path


def demo(path: Path, shift_ms: int = 0) -> Source:
    return recorded(
        files=[path],
        format="binance.aggtrades",
        venue="binance",
        subject="XRP/ETH",
        shift_ms=shift_ms,
    )


async def test_the_demos_recording_is_whole_to_the_last_digit(xrpeth: Path) -> None:
    """Its 12,477 trades come in order with the venue's own digits, and no number is missing."""
    lines = [msgspec.json.decode(line) for line in unpacked(xrpeth).split()]
    source = demo(xrpeth)
    assert (source.name, source.kind) == ("past", "market")
    seen = await all_of(source)
    trades = [event for event in seen if isinstance(event, Trade)]
    assert len(trades) == len(lines) == 12_477
    assert not any(isinstance(observation, Refused) for observation in seen)
    continuity = Continuity()
    for line, one in zip(lines, trades, strict=True):
        assert continuity.observe(one) == []
        assert (one.trade_id, one.sequence, one.event_ms) == (str(line["a"]), line["a"], line["T"])
        assert (str(one.price), str(one.size)) == (line["p"], line["q"])
        assert one.side == ("sell" if line["m"] else "buy")
        assert (one.source, one.venue, one.subject) == ("past", "binance", "XRP/ETH")
        assert one.received_ms == one.event_ms


async def test_a_shift_moves_event_and_receipt_and_nothing_else(xrpeth: Path) -> None:
    """All trades by the same constant."""
    plain, shifted = await events_of(demo(xrpeth)), await events_of(demo(xrpeth, shift_ms=12_345))
    assert shifted == [
        replace(event, event_ms=event.event_ms + 12_345, received_ms=event.received_ms + 12_345)
        for event in plain
    ]


async def test_gzip_and_plain_are_the_same(xrpeth: Path, tmp_path: Path) -> None:
    """The name's end says which it is."""
    plain = written(tmp_path / "plain.jsonl", unpacked(xrpeth))
    assert await all_of(demo(plain)) == await all_of(demo(xrpeth))


# Files


async def test_a_broken_line_is_refused_with_its_place_and_the_next_is_read(
    tmp_path: Path,
) -> None:
    """Not JSON, not the contract, a number that cannot be: each is a letter, none stops the reading."""
    lines = (
        trade(1, T0),
        b"{oops",
        b'{"type":"trade"}',
        encode(trade(2, T0)).replace(b"10.50", b"0"),
        trade(3, T0),
    )
    seen = await all_of(recorded(files=[written(tmp_path / "bad.jsonl", *lines)]))
    refused = [one for one in seen if isinstance(one, Refused)]
    assert [(one.reason, one.origin) for one in refused] == [
        ("malformed", "past/bad.jsonl/2"),
        ("invalid", "past/bad.jsonl/3"),
        ("invalid", "past/bad.jsonl/4"),
    ]
    assert refused[0].original == b"{oops"
    assert refused[0].received_ms == NOW_MS
    assert [one.trade_id for one in seen if isinstance(one, Trade)] == ["1", "3"]


async def test_a_broken_binance_line_is_refused(tmp_path: Path) -> None:
    """The venue's format has letters of its own."""
    good = b'{"a":5,"p":"0.5","q":"2.0","f":1,"l":1,"T":1570752011620,"m":true,"M":true}'
    path = written(tmp_path / "venue.jsonl", b'{"a":4}', good, good[:-9])
    seen = await all_of(demo(path))
    assert [one.origin for one in seen if isinstance(one, Refused)] == [
        "past/venue.jsonl/1",
        "past/venue.jsonl/3",
    ]
    assert [one.trade_id for one in seen if isinstance(one, Trade)] == ["5"]


async def test_raw_events_keep_their_receipt_and_take_the_sources_name(tmp_path: Path) -> None:
    """Who speaks of them is this source; ids, venues, digits and delays are as they were."""
    path = written(tmp_path / "raw.jsonl.gz", trade(1, T0), trade(2, T0 + 5))
    (first, second) = await events_of(recorded(files=[path], shift_ms=1_000))
    assert first == trade(1, T0 + 1_000, source="past")
    assert second == trade(2, T0 + 1_005, source="past")
    assert isinstance(first, Trade)
    assert str(first.price) == "10.50"


async def test_an_act_keeps_its_forge_in_its_id(tmp_path: Path) -> None:
    """Two forges may number alike, and the source is part of an act's id."""
    path = written(tmp_path / "acts.jsonl", act(T0), replace(act(T0), source="gitlab"))
    first, second = await events_of(recorded(files=[path]))
    assert isinstance(first, RepositoryEvent)
    assert isinstance(second, RepositoryEvent)
    assert (first.source, first.event_id) == ("past", "github|77")
    assert (second.source, second.event_id) == ("past", "gitlab|77")


async def test_a_recorded_deletion_follows_its_post(tmp_path: Path) -> None:
    """Moved as it is: whoever keeps the post's text under the new name forgets it under it."""
    post = msgspec.json.decode(
        (Path(__file__).parents[3] / "data/contracts/v1/post.json").read_bytes(), type=Post
    )
    gone = PostDeleted(
        subject=post.subject,
        source=post.source,
        platform=post.platform,
        post_id=post.post_id,
        event_ms=post.event_ms + 1_000,
        received_ms=post.received_ms + 1_000,
    )
    path = written(tmp_path / "a.jsonl", post, gone)
    seen = await all_of(recorded(files=[path], shift_ms=5))
    told = [one for one in seen if isinstance(one, Post | PostDeleted)]
    assert told == [
        replace(one, source="past", event_ms=one.event_ms + 5, received_ms=one.received_ms + 5)
        for one in (post, gone)
    ]


async def test_the_first_event_says_of_what_kind_a_recording_is(tmp_path: Path) -> None:
    """What is of another kind is refused; heartbeats and marks are passed over."""
    beat = Heartbeat(source="live", epoch=1, through_ms=T0)
    gap = GapDetected(gap_id="x", subject="BTC/USD", source="live", venue="v", from_ms=T0, to_ms=T0)
    path = written(tmp_path / "mix.jsonl", b"?", beat, flow(T0), trade(1, T0), gap, flow(T0 + 1))
    source = recorded(files=[path])
    assert source.kind == "volume"
    seen = await all_of(source)
    refused = [one for one in seen if isinstance(one, Refused)]
    assert [(one.reason, one.origin) for one in refused] == [
        ("malformed", "past/mix.jsonl/1"),
        ("invalid", "past/mix.jsonl/4"),
    ]
    assert "a market event in a recording of kind volume" in refused[1].message
    assert [one.event_ms for one in seen if isinstance(one, VolumeFlow)] == [T0, T0 + 1]


def test_a_missing_file_is_named_before_anything_is_read(tmp_path: Path) -> None:
    """All that are missing, with the setting's key."""
    here = written(tmp_path / "here.jsonl", trade(1, T0))
    gone = [tmp_path / "gone.jsonl", tmp_path / "gone.jsonl.gz"]
    with pytest.raises(SettingsError) as refused:
        recorded(files=[here, *gone])
    assert str(refused.value) == f"sources.past.files: no file at {gone[0]}, {gone[1]}"


def test_files_without_an_event_are_refused(tmp_path: Path) -> None:
    """Nothing says of what kind they are."""
    empty = written(tmp_path / "empty.jsonl", b"{}", b"")
    with pytest.raises(SettingsError, match=r"no raw event in .*empty\.jsonl"):
        recorded(files=[empty])


async def test_only_the_times_asked_for_are_kept(tmp_path: Path) -> None:
    """From the first instant on, before the last, both as the recording has them."""
    path = written(tmp_path / "all.jsonl", *(trade(n, T0 + n * 1_000) for n in range(6)))
    source = recorded(files=[path], from_ms=T0 + 1_000, to_ms=T0 + 4_000, shift_ms=500_000)
    assert [event.event_ms - T0 for event in await events_of(source)] == [501_000, 502_000, 503_000]


# Time


async def test_a_recording_promises_what_it_keeps_and_ends_past_its_last_event(
    tmp_path: Path,
) -> None:
    """Disorder within the lateness breaks no promise; the last promise is past everything."""
    times_ms = [0, 900, 2_900, 950, 3_000, 9_000, 7_000, 8_000, 60_000, 58_001]
    path = written(tmp_path / "some.jsonl", *(trade(n, T0 + ms) for n, ms in enumerate(times_ms)))
    seen = await all_of(recorded(files=[path]))
    assert isinstance(seen[0], Link)
    assert seen[-1] == Through(T0 + 60_001)
    through_ms = 0
    for one in seen:
        if isinstance(one, Through):
            assert one.through_ms > through_ms
            through_ms = one.through_ms
        elif isinstance(one, Trade):
            assert one.event_ms >= through_ms
    assert len([one for one in seen if isinstance(one, Trade)]) == len(times_ms)


async def test_an_event_far_out_of_order_comes_all_the_same(tmp_path: Path) -> None:
    """It is a correction: behind a promise that it breaks."""
    path = written(tmp_path / "back.jsonl", trade(1, T0 + 60_000), trade(2, T0))
    seen = await all_of(recorded(files=[path]))
    assert [type(one) for one in seen] == [Link, Through, Trade, Trade, Through]
    assert seen[1] == Through(T0 + 58_000)


@pytest.mark.parametrize(("kind", "lateness_ms"), [("market", 2_000), ("volume", 90_000)])
async def test_the_lateness_is_the_kinds(tmp_path: Path, kind: Kind, lateness_ms: int) -> None:
    """A candle may come later than a trade."""
    event = trade(1, T0) if kind == "market" else flow(T0)
    seen = await all_of(recorded(files=[written(tmp_path / "one.jsonl", event)]))
    assert [one.through_ms - T0 for one in seen if isinstance(one, Through)] == [-lateness_ms, 1]


class Collected:
    """Takes a source's observations as they come."""

    def __init__(self, source: Source) -> None:
        self.seen: list[Observation] = []
        self._source = source
        self.task = asyncio.create_task(self._collect())

    async def _collect(self) -> None:
        async with aclosing(self._source.observations()) as observations:  # type: ignore[type-var]
            async for observation in observations:
                self.seen.append(observation)

    @property
    def numbers(self) -> list[str]:
        return [one.trade_id for one in self.seen if isinstance(one, Trade)]

    @property
    def through_ms(self) -> int:
        return max((one.through_ms for one in self.seen if isinstance(one, Through)), default=0)


async def test_a_pace_holds_events_and_promises_to_its_present(tmp_path: Path) -> None:
    """At speed 60 an event a minute away comes after a second; promises go up to the present meanwhile."""
    wall = Wall(NOW_MS)
    pace = Pace(event_ms=T0, wall_ms=NOW_MS, speed=60.0)
    path = written(tmp_path / "slow.jsonl", *(trade(n, T0 + n * 60_000) for n in range(4)))
    collected = Collected(recorded(files=[path], pace=pace, wall=wall))
    for after_ms, expected in [
        (0, ["0"]),
        (999, ["0"]),
        (1_000, ["0", "1"]),
        (1_500, ["0", "1"]),
        (2_999, ["0", "1", "2"]),
    ]:
        wall.now_ms = NOW_MS + after_ms
        through_ms = min(pace.event_at(wall.now_ms), T0 + len(expected) * 60_000 - 2_000)
        async with asyncio.timeout(5):
            while collected.through_ms < through_ms:
                await asyncio.sleep(0.01)
        await asyncio.sleep(SLICE_S)  # what is too early would come now
        assert collected.numbers == expected
        assert collected.through_ms == through_ms
    wall.now_ms = NOW_MS + 10_000
    await asyncio.wait_for(collected.task, 5)
    assert collected.numbers == ["0", "1", "2", "3"]
    assert collected.through_ms == T0 + 180_001


async def test_a_source_that_waits_is_cancelled_at_once(tmp_path: Path) -> None:
    """The next event is a day away; nobody waits for it."""
    pace = Pace(event_ms=T0, wall_ms=NOW_MS, speed=1.0)
    path = written(tmp_path / "far.jsonl", trade(1, T0 + 86_400_000))
    collected = Collected(recorded(files=[path], pace=pace))
    await asyncio.sleep(0.02)
    began_s = time.monotonic()
    collected.task.cancel()
    await asyncio.wait([collected.task], timeout=5)
    assert collected.task.cancelled()
    assert time.monotonic() - began_s < 2.0


async def test_a_recording_can_be_read_again(tmp_path: Path) -> None:
    """Asked again it begins again."""
    source = recorded(files=[written(tmp_path / "two.jsonl", trade(1, T0), trade(2, T0))])
    assert await all_of(source) == await all_of(source)


# A topic


async def fill(
    broker: BrokerSettings, kind: Kind, records: list[tuple[int, bytes | None, bytes, int]]
) -> None:
    """Write (partition, key, value, log timestamp) to a raw topic."""
    topic = broker.topic(raw_topic(kind))
    async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap, acks="all") as producer:
        for partition, key, value, logged_ms in records:
            await producer.send_and_wait(
                topic, value, key=key, partition=partition, timestamp_ms=logged_ms
            )


@pytest.fixture
def broker(kafka: SharedKafka, topic_prefix: str) -> BrokerSettings:
    """A pipeline's topics on the shared broker."""
    settings = BrokerSettings(bootstrap=kafka.bootstrap, prefix=topic_prefix, partitions=3)
    apply_topics(settings)
    return settings


def placed(event: Trade, broker: BrokerSettings) -> tuple[int, bytes, bytes, int]:
    asset = event.subject.partition("/")[0]
    return partition_of(asset, broker.partitions), asset.encode(), encode(event), event.received_ms


@pytest.mark.integration
async def test_a_topic_is_read_in_the_order_of_event_time(broker: BrokerSettings) -> None:
    """Partitions are merged; heartbeats and marks stay behind; what is unreadable is refused with its place."""
    subjects = ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "UNI/USD")
    trades = [
        trade(n, T0 + n * 100, subject=subjects[n * 7 // 3 % len(subjects)]) for n in range(3_000)
    ]
    beats = [
        (p, None, encode(Heartbeat(source="live", epoch=1, through_ms=T0)), T0) for p in range(3)
    ]
    spread = [placed(one, broker) for one in trades]
    assert {partition for partition, *_ in spread} == {0, 1, 2}
    spread.sort(key=lambda record: record[0])  # one partition after the other: the merge is ours
    await fill(broker, "market", [*beats, *spread, (1, None, b"oops", T0), *beats])
    seen = await all_of(recorded(topic="market", broker=broker, shift_ms=50))
    assert [one for one in seen if isinstance(one, Trade)] == [
        replace(one, source="past", event_ms=one.event_ms + 50, received_ms=one.received_ms + 50)
        for one in trades
    ]
    (refused,) = [one for one in seen if isinstance(one, Refused)]
    assert refused.reason == "malformed"
    assert refused.origin.startswith(f"past/{broker.topic('raw.market')}/1/")
    assert seen[-1] == Through(trades[-1].event_ms + 51)


@pytest.mark.integration
async def test_a_topic_range_is_cut_by_event_time(broker: BrokerSettings) -> None:
    """What is logged long before is not even fetched; what lies outside is left out."""
    trades = [trade(n, T0 + n * 60_000) for n in range(10)]
    long_before = [(0, None, b"would be refused", T0), (1, None, b"too", T0)]
    await fill(broker, "market", [*long_before, *(placed(one, broker) for one in trades)])
    ranged = recorded(topic="market", broker=broker, from_ms=T0 + 3 * 60_000, to_ms=T0 + 6 * 60_000)
    seen = await all_of(ranged)
    assert not any(isinstance(one, Refused) for one in seen)
    found = [one.event_ms - T0 for one in seen if isinstance(one, Trade)]
    assert found == [180_000, 240_000, 300_000]
    beyond = recorded(topic="market", broker=broker, from_ms=T0 + 86_400_000)
    assert await all_of(beyond) == [Link(state="connected", reason="recorded")]


@pytest.mark.integration
async def test_an_empty_topic_ends_at_once(broker: BrokerSettings) -> None:
    """There is nothing to promise."""
    source = recorded(topic="social", broker=broker)
    assert source.kind == "social"
    assert await all_of(source) == [Link(state="connected", reason="recorded")]


@pytest.mark.integration
async def test_a_topic_that_is_not_there_is_named(kafka: SharedKafka, topic_prefix: str) -> None:
    """The runner asks again; until then people see why."""
    broker = BrokerSettings(bootstrap=kafka.bootstrap, prefix=topic_prefix)
    with pytest.raises(SourceError, match=r"raw\.social is not on"):
        await all_of(recorded(topic="social", broker=broker))


async def test_a_broker_that_cannot_be_reached_is_the_sources_error() -> None:
    """It can be asked again."""
    with pytest.raises(SourceError, match=r"raw\.social at 127\.0\.0\.1:1"):
        await all_of(recorded(topic="social"))
