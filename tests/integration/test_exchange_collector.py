"""From a venue's socket to the acknowledged record: the whole collector, as production runs it."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence

import pytest

from streams.collectors.market.settings import ExchangeSettings
from streams.collectors.port import Context
from streams.collectors.runner import Runner
from streams.collectors.settings import CollectSettings
from tests.recordings import xrpeth_frames
from tests.servers import KafkaServer, SharedKafka
from tests.servers.venue import Abort, Close, Send, Step, VenueServer, Wait, sends
from tests.unit.streams.collectors.market.listening import expected, flood, now_ms, told
from topics import FeedStatus, GapDetected, Heartbeat, Trade
from topics.broker import BrokerSettings, apply_topics
from topics.deadletter import from_record

from .log import PATIENCE_S, broken_promises, decoded, read_log

pytestmark = pytest.mark.integration

SUBJECTS = {"XRPETH": "XRP/ETH"}


@pytest.fixture
def broker(kafka: SharedKafka, topic_prefix: str) -> BrokerSettings:
    """Four partitions of each topic, of this test's own."""
    settings = BrokerSettings(bootstrap=kafka.bootstrap, prefix=topic_prefix, partitions=4)
    apply_topics(settings)
    return settings


class Collecting:
    """The collector of one venue, as the table makes it, until a test stops it."""

    def __init__(self, url: str, broker: BrokerSettings) -> None:
        settings = ExchangeSettings(
            type="exchange",
            venue="binance",
            symbols=("XRP/ETH",),
            url=url,
            rest_url=url.replace("ws://", "http://").partition("/stream")[0],
            silence_s=10,
        )
        collect = CollectSettings(sources={"live": settings})
        (source,) = collect.create("live", Context(broker=broker, now_ms=now_ms))
        self.runner = Runner(source, broker, epoch=1, now_ms=now_ms, monotonic_s=time.monotonic)
        self.stop = asyncio.Event()

    @property
    def events(self) -> int:
        tally = self.runner.outbound.tally
        return tally.sent + tally.refused

    async def run(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self.runner.run(self.stop)

    async def has(self, events: int) -> None:
        """Return when so many events were sent or refused."""
        async with asyncio.timeout(PATIENCE_S):
            while self.events < events:
                await asyncio.sleep(0.02)


async def play(
    script: Sequence[Step],
    events: int,
    broker: BrokerSettings,
    during: Callable[[Collecting], object] | None = None,
) -> Collecting:
    """Play a script to a collector until it has dealt with so many events; ``during`` runs in a thread meanwhile."""
    async with VenueServer(script) as server:
        collecting = Collecting(server.url, broker)
        async with asyncio.TaskGroup() as group:
            group.create_task(collecting.run())
            if during is not None:
                await asyncio.to_thread(during, collecting)
            await collecting.has(events)
            await asyncio.sleep(0.3)  # Time for what should not come, and for a heartbeat.
            collecting.stop.set()
    return collecting


async def test_every_trade_is_a_record_once_and_exactly(broker: BrokerSettings) -> None:
    """Through two lost connections, holes, doubles and garbage: sent + refused is what the venue sent, once."""
    frames = list(xrpeth_frames()[:3_000])
    bad = [
        '{"e":"aggTrade","E":',
        '{"code":-1,"msg":"busy"}',
        frames[0].replace("XRPETH", "XRPUSDT"),
    ]
    script = [
        *sends(frames[:1_000]),
        Wait(0.5),  # What is on its way when a connection breaks off is lost.
        Abort(),
        *sends([*frames[1_010:1_500], *bad, *frames[1_495:2_000]]),
        Wait(1.0),
        Close(),
        *sends(frames[2_003:2_500] + frames[2_501:]),
    ]
    # What comes twice is heard once.
    sent = list(dict.fromkeys(step.text for step in script if isinstance(step, Send)))
    collecting = await play(script, len(sent) - 1, broker)  # All but the venue's error are events.

    records = await read_log(broker, "raw.market")
    trades = [trade for _, trade in decoded(records, Trade)]
    assert [told(trade) for trade in trades] == [
        expected(text, SUBJECTS) for text in sent if text not in bad
    ]
    assert {record.key for record, _ in decoded(records, Trade)} == {b"XRP"}
    tally = collecting.runner.outbound.tally
    assert (tally.sent, tally.refused) == (len(sent) - 3, 2)
    letters = await read_log(broker, "deadletters")
    assert sorted(from_record(r.key, r.value, r.headers, 0).reason for r in letters) == [
        "invalid",
        "malformed",
        "venue_error",
    ]
    gaps = [gap for _, gap in decoded(records, GapDetected)]
    first = json.loads(frames[0])["a"]
    assert [(gap.first_missing, gap.ids_missing) for gap in gaps] == [
        (first + 1_000, 10),
        (first + 2_000, 3),
        (first + 2_500, 1),
    ]
    status = decoded(await read_log(broker, "feed.status"), FeedStatus)[-1][1]
    assert (status.events, status.state) == (len(sent) - 3, "connected")
    assert (status.gaps_open, status.gaps_permanent) == (0, 3)  # The recording goes on for hours.


async def test_promises_hold_in_every_partition(broker: BrokerSettings) -> None:
    """No heartbeat passes a trade that stands behind it; all partitions get the same; none says closed."""
    frames = xrpeth_frames()[:600]
    script: list[Step] = []
    for at in range(0, len(frames), 100):
        script += [*sends(frames[at : at + 100]), Wait(0.35)]
        script += [Close()] if at == 300 else []
    await play(script, len(frames), broker)
    records = await read_log(broker, "raw.market")
    assert len(decoded(records, Trade)) == len(frames)
    assert broken_promises(records) == []
    beats: dict[int, list[Heartbeat]] = {number: [] for number in range(4)}
    for record, beat in decoded(records, Heartbeat):
        beats[record.partition].append(beat)
    assert beats[0] == beats[1] == beats[2] == beats[3]
    assert len(beats[0]) >= 5
    throughs = [beat.through_ms for beat in beats[0]]
    assert throughs == sorted(set(throughs))
    assert throughs[-1] >= json.loads(frames[-1])["E"] - 2_000
    assert {(beat.source, beat.epoch, beat.state) for beat in beats[0]} == {("live", 1, "open")}


async def test_a_broker_that_restarts_loses_nothing(
    start_kafka: Callable[..., KafkaServer], topic_prefix: str
) -> None:
    """The venue never notices; every trade is in the log, in order, and doubles are whole rounds."""
    server = start_kafka()
    broker = BrokerSettings(bootstrap=server.bootstrap, prefix=topic_prefix, partitions=4)
    apply_topics(broker)
    frames = xrpeth_frames()[:2_000]
    script = [step for frame in frames for step in (Send(frame), Wait(0.002))]

    def restart(collecting: Collecting) -> None:
        while collecting.events < 200:
            time.sleep(0.01)
        server.restart()

    collecting = await play(script, len(frames), broker, restart)
    records = await read_log(broker, "raw.market")
    firsts = {trade.trade_id: told(trade) for _, trade in reversed(decoded(records, Trade))}
    assert [firsts[key] for key in sorted(firsts)] == [expected(f, SUBJECTS) for f in frames]
    order = dict.fromkeys(trade.trade_id for _, trade in decoded(records, Trade))
    assert list(order) == sorted(order)
    assert broken_promises(records) == []
    assert collecting.runner.outbound.tally.sent == len(frames)
    assert collecting.runner.outbound.tally.gaps_detected == 0


async def test_a_broker_that_stalls_holds_the_venue_back(
    start_kafka: Callable[..., KafkaServer], topic_prefix: str
) -> None:
    """A flood into a frozen broker: the queue fills, the socket is held, and nothing is lost."""
    server = start_kafka()
    broker = BrokerSettings(bootstrap=server.bootstrap, prefix=topic_prefix, partitions=4)
    apply_topics(broker)
    frames = flood(30_000)

    def stall(collecting: Collecting) -> None:
        while collecting.events < 100:
            time.sleep(0.001)
        server.pause()
        try:
            deadline_s = time.monotonic() + PATIENCE_S
            while not collecting.runner.queue.full() and time.monotonic() < deadline_s:
                time.sleep(0.01)
            time.sleep(0.5)
            assert collecting.runner.queue.full()
        finally:
            server.resume()

    script = [*sends(frames[:200]), Wait(1.0), *sends(frames[200:])]
    collecting = await play(script, len(frames), broker, stall)
    numbers = [trade.sequence for _, trade in decoded(await read_log(broker, "raw.market"), Trade)]
    first = json.loads(frames[0])["a"]
    assert list(dict.fromkeys(numbers)) == list(range(first, first + len(frames)))
    assert collecting.runner.outbound.tally.gaps_detected == 0
