"""The copy: topics made, records sent in order, every acknowledgement awaited, counts compared with offsets."""

import asyncio
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from msgspec import Struct
from msgspec.structs import replace

from topics import TopicsError, raw_topic
from topics.broker import apply_topics, check_topics, filled_topics, partition_counts
from topics.catalog import RAW, state_topic, topics_of
from topics.outbox import BATCH_BYTES_MAX, send
from topics.settings import BrokerSettings

from .request import ReplayError, Request
from .source import Source, Span

FOR_EVER_MS = -1
Told = Callable[[int, int], None]
"""Told how many records are copied and acknowledged, and the log time of the last one."""


class Copied(Struct, frozen=True, kw_only=True):
    """A copy that is whole."""

    spans: list[Span]
    target: BrokerSettings

    @property
    def records(self) -> int:
        """How many were copied."""
        return sum(span.records for span in self.spans)


async def copy(
    broker: BrokerSettings,
    target: BrokerSettings,
    request: Request,
    *,
    epoch: int,
    stop: asyncio.Event,
    begun: Callable[[int], None],
    told: Told,
) -> Copied:
    """Copy what is asked for, and return once all of it is acknowledged and counted.

    ``begun`` is told how many records it will be. ``epoch`` is that of the streams role that will fold them.

    Raises:
        TopicsError: The broker cannot be reached, or its topics are not what the catalog says.
        ReplayError: The range or the target is refused, and nothing was written; or the copy was broken off.
    """
    if broker.embedded:
        msg = "the demo's own broker cannot be asked for offsets by time: replay from a Kafka"
        raise ReplayError(msg)
    source = Source(broker, target)
    try:
        await _started(source, broker, request)
        spans = await source.spans(request)
        total = sum(span.records for span in spans)
        if not total:
            msg = f"the range is empty: no record in {', '.join(map(raw_topic, request.kinds))}"
            raise ReplayError(msg)
        await asyncio.to_thread(make_target, target, epoch)
        begun(total)
        try:
            await _send_all(source, target, spans, speed=request.speed, stop=stop, told=told)
            await _check(target, spans)
        except (KafkaError, ReplayError, ValueError) as error:
            msg = (
                f"the copy under {target.prefix} is not whole: {error}."
                " Take another --into, or delete the topics of that one"
            )
            raise ReplayError(msg) from error
    finally:
        await source.stop()
    return Copied(spans=spans, target=target)


def make_target(target: BrokerSettings, epoch: int) -> None:
    """Create the topics of the copy; its raw topics are kept until they are deleted, since they may be old.

    Raises:
        TopicsError: They cannot be created.
        ReplayError: Something was written there before.
    """
    counts = partition_counts(target)
    wanted = topics_of(epoch)
    names = [*(t.name for t in RAW), state_topic(epoch).name, "aggregates"]
    if filled := filled_topics(target, {name: counts[name] for name in names if name in counts}):
        listed = ", ".join(target.topic(name) for name in filled)
        msg = f"--into {target.prefix}: not empty: {listed}. Choose another prefix, or delete its topics"
        raise ReplayError(msg)
    kept = [replace(t, retention_ms=FOR_EVER_MS) if t in RAW else t for t in wanted]
    apply_topics(target, kept)


async def _started(source: Source, broker: BrokerSettings, request: Request) -> None:
    asked = [topic for topic in RAW if topic.name in map(raw_topic, request.kinds)]
    await asyncio.to_thread(check_topics, broker, asked)
    try:
        await source.start()
    except KafkaError as error:
        msg = f"no Kafka broker answers at {broker.bootstrap}: {error}"
        raise TopicsError(msg) from None


async def _send_all(
    source: Source,
    target: BrokerSettings,
    spans: list[Span],
    *,
    speed: float | None,
    stop: asyncio.Event,
    told: Told,
) -> None:
    producer = AIOKafkaProducer(
        **target.client_options(),
        enable_idempotence=True,
        acks="all",
        linger_ms=0,
        max_batch_size=BATCH_BYTES_MAX,
        max_request_size=BATCH_BYTES_MAX + 64 * 1024,
    )
    copied = 0
    async with producer:
        async for due in source.rounds(spans, speed, stop):
            await send(producer, due)
            copied += len(due)
            told(copied, due[-1].timestamp_ms or 0)


async def _check(target: BrokerSettings, spans: list[Span]) -> None:
    """Compare what each partition was to be given with what the broker says it holds.

    Raises:
        ReplayError: They differ: another has written there, or the broker has lost what it acknowledged.
    """
    wanted = {
        TopicPartition(target.topic(raw_topic(span.kind)), span.partition): span.records
        for span in spans
    }
    async with AIOKafkaConsumer(**target.reader_options(), group_id=None) as consumer:
        begins = await consumer.beginning_offsets(list(wanted))
        ends = await consumer.end_offsets(list(wanted))
    wrong = [
        f"{place.topic}/{place.partition} has offsets {begins[place]} to {ends[place]}"
        f" and was given {records} records"
        for place, records in wanted.items()
        if (begins[place], ends[place]) != (0, records)
    ]
    if wrong:
        raise ReplayError("; ".join(wrong[:3]))
