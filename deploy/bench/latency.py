"""`bench latency`: how soon a window is readable when events come at a steady pace and nothing waits."""

import asyncio
import time
from bisect import bisect_left
from collections.abc import Iterable
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
from .tape import BEAT_MS, LATENESS_MS, Tape, TapeRecord, Work
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
    """A window that a reader of committed records has got. Times are the wall's, in milliseconds."""

    partition: int
    window_end_ms: int
    readable_ms: int


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
    counts, began_ms, last_ms = await _feed(broker, pace, tape, bar)
    bar.end()
    bar = Bar(place.progress, "streams", sum(counts))
    notes, state = await worker.committed(broker, counts, bar)
    bar.end()
    reading.cancel()
    (arrivals,) = await asyncio.gather(reading)
    await worker.child.stop()
    beats = await _beats(broker)
    events = sum(counts) - sum(map(len, beats.values()))
    ours = await judged(broker, tape, notes, state, events=events)
    took = _latencies(
        arrivals, beats, from_ms=began_ms + SETTLE_S * 1_000, to_ms=last_ms - LATENESS_MS
    )
    return _report(pace, events / (last_ms - began_ms) * 1_000, took, ours)


async def _feed(
    broker: BrokerSettings, pace: Pace, tape: Tape, bar: Bar
) -> tuple[list[int], int, int]:
    """Send at the pace; return the records of each partition, and when the first and the last was made."""
    counts, topic, sent = [0] * broker.partitions, broker.topic(RAW), 0
    began_ms = last_ms = beat_ms = _now_ms()
    async with writing(broker) as producer:

        async def write(records: Iterable[TapeRecord]) -> None:
            batch = [OutRecord(topic, *record) for record in records]
            for record in batch:
                counts[record.partition] += 1
            await send(producer, batch)

        while last_ms - began_ms < (pace.seconds + TAIL_S) * 1_000:
            await asyncio.sleep(max(0.0, last_ms + ROUND_MS - _now_ms()) / 1_000)
            last_ms = _now_ms()
            due = (last_ms - began_ms) * pace.rate // 1_000
            await write([tape.trade(last_ms) for _ in range(due - sent)])
            sent = due
            if last_ms >= beat_ms:
                await write(tape.beat(last_ms - LATENESS_MS))
                beat_ms += BEAT_MS
            bar.done(sent)
        await write(tape.beat(-(-last_ms // TICK_MS) * TICK_MS))
    return counts, began_ms, last_ms


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


def _latencies(
    arrivals: Iterable[Arrival], beats: dict[int, list[Beat]], *, from_ms: int, to_ms: int
) -> list[tuple[int, int, int]]:
    """Return (window end, processing, freshness) of each window that ended between two times."""
    found = []
    for arrival in arrivals:
        if not from_ms <= arrival.window_end_ms <= to_ms:
            continue
        mine = beats[arrival.partition]
        closing = mine[bisect_left(mine, arrival.window_end_ms, key=lambda b: b.through_ms)]
        found.append(
            (
                arrival.window_end_ms,
                arrival.readable_ms - closing.logged_ms,
                arrival.readable_ms - arrival.window_end_ms,
            )
        )
    return found


def _report(
    pace: Pace, reached: float, took: list[tuple[int, int, int]], ours: Ours
) -> dict[str, Any]:
    if not took:
        msg = "no window ended while it was measured: give at least --seconds 60"
        raise BenchError(msg)
    report: dict[str, Any] = msgspec.to_builtins(
        {
            "pace": pace,
            "rate_reached": reached,
            "right": not ours.errors,
            "windows": len(took),
            "instants": len({end_ms for end_ms, _, _ in took}),
            "processing_ms": percentiles([processing for _, processing, _ in took]),
            "freshness_ms": percentiles([freshness for _, _, freshness in took]),
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
