"""`bench latency`: how soon a window is readable when events come at a steady pace and nothing waits."""

import asyncio
import time
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer
from msgspec import Struct

from deploy.settings import Settings
from topics import BY_NAME, Aggregate, Heartbeat
from topics.outbox import OutRecord, send
from topics.settings import BrokerSettings

from .bed import Bar, Bed, bed
from .figures import Ours, percentiles
from .scratch import RAW, BenchError, committed, fresh, scratch_topics, writing
from .tape import BEAT_MS, LATENESS_MS, MINUTE_MS, Tape, TapeRecord, Work
from .windows import judged

ROUND_MS = 50
"""Between two sends."""
SETTLE_S = 3
"""At the begin nothing counts: topics made a moment ago have no leader yet."""
TAIL_S = 5
"""Longer than asked for, so that a minute that ends at the end is closed."""
TICK_MS = 10_000
"""The last promise is a multiple of this: it publishes every correction that is due."""
READER_WAIT_MS = 20


class Pace(Struct, frozen=True, kw_only=True):
    """How fast events come, and for how long."""

    rate: int = 5_000
    """Events a second."""
    seconds: int = 60


class Arrival(NamedTuple):
    """A window that a reader of committed records has got."""

    partition: int
    window_end_ms: int
    """By the market's clock."""
    readable_ms: int
    """By the wall's, as the log's times are."""


class Latency(NamedTuple):
    """How long one window took to its reader."""

    window_end_ms: int
    processing_ms: int
    """From the log's time of the promise that closed it."""
    freshness_ms: int
    """From its end."""


class Beat(NamedTuple):
    """A promise in the log of one partition."""

    through_ms: int
    logged_ms: int


async def run_latency(settings: Settings, pace: Pace, work: Work, *, keep: bool) -> dict[str, Any]:
    """Measure, and return the report.

    Raises:
        BenchError: No window ended meanwhile, or the measurement could not be made.
        TopicsError: The broker cannot be reached.
    """
    broker = fresh(settings.broker, "latency", partitions=work.partitions)
    with bed(settings) as place, scratch_topics(broker, keep=keep):
        return await _measured(place, broker, pace, Tape(work))


async def _measured(place: Bed, broker: BrokerSettings, pace: Pace, tape: Tape) -> dict[str, Any]:
    worker = place.start("streams", broker, ["worker"])
    await worker.assigned()
    reading = asyncio.create_task(_arrivals(broker))
    bar = Bar(place.progress, "sending", (pace.seconds + TAIL_S) * pace.rate)
    fed = await _feed(broker, pace, tape, bar)
    bar.end()
    bar = Bar(place.progress, "streams", sum(fed.counts))
    notes, state = await worker.committed(broker, fed.counts, bar)
    bar.end()
    reading.cancel()
    (arrivals,) = await asyncio.gather(reading)
    await worker.child.stop()
    ours = await judged(broker, tape, notes, state, events=fed.events)
    took = latencies(
        arrivals,
        await _beats(broker),
        behind_ms=fed.behind_ms,
        from_ms=fed.began_ms + SETTLE_S * 1_000,
        to_ms=fed.last_ms - LATENESS_MS,
    )
    return _report(pace, fed.events / (fed.last_ms - fed.began_ms) * 1_000, took, ours)


class Fed(Struct, kw_only=True):
    """What has been sent. Times are the market's."""

    counts: list[int]
    """Records of each partition."""
    events: int = 0
    began_ms: int
    last_ms: int
    behind_ms: int
    """How far the market's clock is behind the wall's: so far that a minute ends when the time asked for does."""


async def _feed(broker: BrokerSettings, pace: Pace, tape: Tape, bar: Bar) -> Fed:
    """Send trades and promises at the pace."""
    topic, wall_ms = broker.topic(RAW), _now_ms()
    behind_ms = (wall_ms + pace.seconds * 1_000) % MINUTE_MS
    began_ms = beat_ms = wall_ms - behind_ms
    fed = Fed(
        counts=[0] * broker.partitions, began_ms=began_ms, last_ms=began_ms, behind_ms=behind_ms
    )
    async with writing(broker) as producer:

        async def write(records: Iterable[TapeRecord]) -> None:
            batch = [OutRecord(topic, *record) for record in records]
            for record in batch:
                fed.counts[record.partition] += 1
            await send(producer, batch)

        while fed.last_ms - began_ms < (pace.seconds + TAIL_S) * 1_000:
            left_ms = fed.last_ms + behind_ms + ROUND_MS - _now_ms()
            await asyncio.sleep(max(0, left_ms) / 1_000)
            fed.last_ms = now_ms = _now_ms() - behind_ms
            due = (now_ms - began_ms) * pace.rate // 1_000
            await write([tape.trade(now_ms) for _ in range(due - fed.events)])
            fed.events = due
            if now_ms >= beat_ms:
                await write(tape.beat(now_ms - LATENESS_MS))
                beat_ms += BEAT_MS
            bar.done(fed.events)
        await write(tape.beat(-(-fed.last_ms // TICK_MS) * TICK_MS))
    return fed


async def _arrivals(broker: BrokerSettings) -> list[Arrival]:
    """Read windows as they come until cancelled, and return them."""
    decode, fetches = BY_NAME["aggregates"].decoder().decode, []
    consumer = AIOKafkaConsumer(
        broker.topic("aggregates"),
        **broker.reader_options(),
        group_id=None,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=READER_WAIT_MS,
    )
    async with consumer:
        try:
            while True:
                fetched = await consumer.getmany(timeout_ms=500)
                now_ms = _now_ms()
                fetches += [(now_ms, record) for one in fetched.values() for record in one]
        except asyncio.CancelledError:
            pass
    found = []
    for readable_ms, record in fetches:
        window: Aggregate = decode(record.value)
        if window.revision == 0:
            found.append(Arrival(record.partition, window.window_end_ms, readable_ms))
    return found


async def _beats(broker: BrokerSettings) -> dict[int, list[Beat]]:
    """Return the promises of each partition, in order."""
    found: dict[int, list[Beat]] = {p: [] for p in range(broker.partitions)}
    decode = msgspec.json.Decoder(Heartbeat).decode
    async for record in committed(broker, RAW):
        if record.key is None:
            beat = Beat(decode(record.value).through_ms, record.timestamp)
            found[record.partition].append(beat)
    return found


def latencies(
    arrivals: Iterable[Arrival],
    beats: Mapping[int, Sequence[Beat]],
    *,
    behind_ms: int,
    from_ms: int,
    to_ms: int,
) -> list[Latency]:
    """Return those of each window that ended between two times of the market."""
    found = []
    for arrival in arrivals:
        end_ms = arrival.window_end_ms
        if not from_ms <= end_ms <= to_ms:
            continue
        mine = beats[arrival.partition]
        closing = mine[bisect_left(mine, end_ms, key=lambda beat: beat.through_ms)]
        found.append(
            Latency(
                end_ms,
                processing_ms=arrival.readable_ms - closing.logged_ms,
                freshness_ms=arrival.readable_ms - (end_ms + behind_ms),
            )
        )
    return found


def _report(pace: Pace, reached: float, took: list[Latency], ours: Ours) -> dict[str, Any]:
    if not took:
        msg = "no window ended while it was measured"
        raise BenchError(msg)
    report: dict[str, Any] = msgspec.to_builtins(
        {
            "pace": pace,
            "rate_reached": reached,
            "right": not ours.errors,
            "windows": len(took),
            "instants": len({one.window_end_ms for one in took}),
            "processing_ms": percentiles([one.processing_ms for one in took]),
            "freshness_ms": percentiles([one.freshness_ms for one in took]),
            "ours": ours,
        }
    )
    return report


def latency_summary(found: dict[str, Any]) -> list[str]:
    """Return the report in lines for people."""
    reached = f"{found['rate_reached']:,.0f} events/s"
    spans = [
        f"{name}: " + ", ".join(f"{at} {ms:.0f} ms" for at, ms in found[f"{name}_ms"].items())
        for name in ("processing", "freshness")
    ]
    return [
        f"{reached}; {found['windows']} windows that ended at {found['instants']} instants",
        *spans,
        *(found["ours"]["errors"] or ["result: right"]),
    ]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
