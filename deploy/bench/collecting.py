"""The collector that is measured, and its controls: the same sources without Kafka, and each step alone."""

import asyncio
import resource
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from aiokafka.producer.message_accumulator import BatchBuilder
from msgspec import Struct

from deploy.role import ending, now_ms
from deploy.settings import Settings
from deploy.wiring.collect import Collector, leave_be
from streams.collectors.market.venues import VENUES
from streams.collectors.outbound import Outbound
from streams.collectors.port import Context, Preparing, Source
from streams.collectors.runner import ROUND_MAX
from topics import Trade
from topics.outbox import BATCH_BYTES_MAX, OutRecord, Sender
from topics.settings import BrokerSettings

from .venue import trade_frame

LOOK_S = 0.02
STALLED_S = 60.0
"""Without one more trade, before it is given up; what is missing shows in the report."""
SAMPLE = 20
"""One record of so many is looked at for its latency."""
ALONE = 40_000
"""Trades of a step that is measured alone."""


class Collected(Struct, kw_only=True):
    """What a measured process did between its first trade and its last."""

    trades: int
    seconds: float
    cpu_s: float
    """User and system time of the whole process in that span."""
    rss_mb_max: float
    latencies_ms: list[float] = []
    """From the venue's time in the frame to the broker's acknowledgement, of some."""
    gaps: int = 0
    refused: int = 0
    resends: int = 0


class Steps(Struct, kw_only=True):
    """CPU microseconds of a trade in each step, measured alone in one process."""

    decode_us: float
    outbound_us: float
    batch_us: float


class _Watched(Sender):
    """A sender that looks at the clock when a round is acknowledged."""

    def __init__(self, broker: BrokerSettings, topic: str) -> None:
        super().__init__(broker)
        self.latencies_ms: list[float] = []
        self.resends = 0
        self._topic, self._decode = topic, msgspec.json.Decoder(_Timed).decode

    async def deliver(
        self, records: list[OutRecord], *, on_resend: Callable[[], None] = lambda: None
    ) -> None:
        """Deliver, and note how old some of the trades are then."""

        def resent() -> None:
            self.resends += 1
            on_resend()

        await super().deliver(records, on_resend=resent)
        acknowledged_ms = time.time() * 1_000
        for record in records[::SAMPLE]:
            if record.key is not None and record.topic == self._topic:
                timed = self._decode(record.value or b"")
                self.latencies_ms.append(acknowledged_ms - timed.event_ms)


class _Timed(Struct):
    event_ms: int = 0


class _Span:
    """From the first trade to the last."""

    def __init__(self) -> None:
        self._from: tuple[float, float] | None = None
        self.seconds = self.cpu_s = 0.0

    def note(self) -> None:
        now = (time.monotonic(), time.process_time())
        if self._from is None:
            self._from = now
        self.seconds, self.cpu_s = now[0] - self._from[0], now[1] - self._from[1]


async def run_collector(settings: Settings, trades: int, file: Path, lifeline: int | None) -> None:
    """Collect so many trades into Kafka, as the role does; ``file`` gets what was measured."""
    broker = settings.broker
    senders: list[_Watched] = []

    def sender() -> Sender:
        senders.append(_Watched(broker, broker.topic("raw.market")))
        return senders[-1]

    collector = Collector(settings, list(settings.collect.sources), sender=sender)
    sources = [source for entry in collector.entries for source in entry.sources]
    stop, span = asyncio.Event(), _Span()

    def count() -> int:
        return sum(source.tally.sent for source in sources)

    async with ending(stop, lifeline):
        running = asyncio.create_task(collector.run(stop))
        await _watch(count, trades, span, stop, running)
        await running
    await collector.close()
    _write(
        file,
        Collected(
            trades=count(),
            seconds=span.seconds,
            cpu_s=span.cpu_s,
            rss_mb_max=_rss_mb(),
            latencies_ms=[ms for one in senders for ms in one.latencies_ms],
            gaps=sum(source.tally.gaps_detected for source in sources),
            refused=sum(source.tally.refused for source in sources),
            resends=sum(one.resends for one in senders),
        ),
    )


async def run_control(settings: Settings, trades: int, file: Path, lifeline: int | None) -> None:
    """Take so many trades from the same sources, and do nothing with them."""
    context = Context(broker=settings.broker, now_ms=now_ms)
    collect = settings.collect
    sources = [one for name in collect.sources for one in collect.create(name, context)]
    for one in sources:
        if isinstance(one, Preparing):
            one.prepare()
    leave_be()
    counts = [0] * len(sources)
    stop, span = asyncio.Event(), _Span()
    async with ending(stop, lifeline):
        running = asyncio.gather(*(_drain(source, counts, n) for n, source in enumerate(sources)))
        await _watch(lambda: sum(counts), trades, span, stop, running)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    _write(
        file,
        Collected(trades=sum(counts), seconds=span.seconds, cpu_s=span.cpu_s, rss_mb_max=_rss_mb()),
    )


def measured_steps(symbols: Sequence[str], broker: BrokerSettings) -> Steps:
    """Measure decoding, the outbound and the building of batches, each alone, the best of three."""
    venue = VENUES["binance"]("bench", tuple(symbols))
    names = [symbol.replace("/", "") for symbol in symbols]
    begin_ms = now_ms()
    frames = [
        trade_frame(names[n % len(names)], 1 + n // len(names), begin_ms).decode()
        for n in range(ALONE)
    ]

    def decode() -> None:
        for frame in frames:
            venue.read(frame, received_ms=begin_ms)

    trades = [
        Trade(
            subject=symbols[n % len(symbols)],
            source="bench",
            venue="binance",
            trade_id=str(n),
            event_ms=begin_ms,
            received_ms=begin_ms,
            price=Decimal(f"{100 + n % 7}.{n % 10_000:04}0000"),
            size=Decimal(f"0.{1 + n:08}"),
            side="buy",
            sequence=1 + n // len(symbols),
        )
        for n in range(ALONE)
    ]
    records: list[OutRecord] = []

    def outbound() -> None:
        records.clear()
        out = Outbound("bench", "market", broker, epoch=1)
        for at in range(0, ALONE, ROUND_MAX):
            records.extend(out.take_all(trades[at : at + ROUND_MAX], begin_ms))

    def batch() -> None:
        for at in range(0, ALONE, ROUND_MAX):
            _batches(records[at : at + ROUND_MAX])

    decode_us, outbound_us = _best_us(decode), _best_us(outbound)
    return Steps(decode_us=decode_us, outbound_us=outbound_us, batch_us=_best_us(batch))


def _batches(records: Sequence[OutRecord]) -> None:
    builders: dict[int, BatchBuilder] = {}
    for record in records:
        builder = builders.get(record.partition)
        if builder is None:
            builder = builders[record.partition] = BatchBuilder(BATCH_BYTES_MAX, 0)
        builder.append(timestamp=None, key=record.key, value=record.value, headers=record.headers)
    for builder in builders.values():
        builder._build()  # noqa: SLF001 - what the producer does when it sends


def _best_us(step: Callable[[], None]) -> float:
    took = []
    for _ in range(3):
        begun_s = time.process_time()
        step()
        took.append(time.process_time() - begun_s)
    return min(took) / ALONE * 1e6


async def _drain(source: Source, counts: list[int], number: int) -> None:
    async with aclosing(source.observations()) as observations:  # type: ignore[type-var]
        async for observation in observations:
            counts[number] += type(observation) is Trade


async def _watch(
    count: Callable[[], int],
    trades: int,
    span: _Span,
    stop: asyncio.Event,
    running: "asyncio.Future[Any]",
) -> None:
    """Wait until so many are through, or it stalls; ``stop`` is set then."""
    seen, changed_s = 0, time.monotonic()
    while seen < trades and not stop.is_set() and not running.done():
        await asyncio.sleep(LOOK_S)
        if (now := count()) != seen:
            seen, changed_s = now, time.monotonic()
            span.note()
        if time.monotonic() - changed_s > STALLED_S:
            break
    stop.set()


def _rss_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_000


def _write(file: Path, found: Collected) -> None:
    file.write_bytes(msgspec.json.encode(found))
