"""What is read beside the aggregates: what was said of a partition before, and the alerts of it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from topics import BY_NAME, Alert, ContractError
from topics.closing import close_consumer
from topics.settings import BrokerSettings

from .ask.paid import PaidCalls
from .decide.alerts import misplaced
from .decide.answered import Said
from .decide.partition import PartitionDecider
from .decide.standing import Standing
from .metrics import AGENT

POLL_MS = 200
SLACK_MS = 60_000
"""How far two hosts' clocks may be apart."""

AGAIN_S = 1.0

log = structlog.get_logger()


@asynccontextmanager
async def _reader(broker: BrokerSettings) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(**broker.reader_options(), auto_offset_reset="earliest")
    try:
        await consumer.start()
        yield consumer
    finally:
        await close_consumer(consumer)


async def read_said(
    broker: BrokerSettings, partition: int, since_ms: int, *books: Said | Standing
) -> None:
    """Let these take what `analyses` and `decisions` say of a partition since a log time, up to their present ends.

    A record that cannot be read says nothing: what it may have told is answered once more.

    Raises:
        aiokafka.errors.KafkaError: The broker cannot be reached.
    """
    await _read_tails(
        broker, ("analyses", "decisions"), partition, since_ms, *(book.take for book in books)
    )


async def read_paid(broker: BrokerSettings, partition: int, since_ms: int, paid: PaidCalls) -> None:
    """Take the calls of a partition that were paid for since a log time and are not told of, up to the present ends.

    An entry that cannot be read is no call: for what it was, the books alone must know.

    Raises:
        aiokafka.errors.KafkaError: The broker cannot be reached.
    """
    # What has been told goes first: of the journal only what is left of it is held.
    await _read_tails(broker, ("analyses", "decisions"), partition, since_ms, paid.take)
    await _read_tails(broker, ("journal",), partition, since_ms, paid.take)


async def _read_tails(
    broker: BrokerSettings,
    names: Sequence[str],
    partition: int,
    since_ms: int,
    *takes: Callable[[Any], None],
) -> None:
    """Hand over what topics hold of a partition since a log time, up to their present ends."""
    decode = {broker.topic(name): BY_NAME[name].decoder().decode for name in names}
    async with _reader(broker) as consumer:
        places = [TopicPartition(topic, partition) for topic in decode]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        begins = await _at(consumer, places, since_ms - SLACK_MS, ends)
        for place, begin in begins.items():
            consumer.seek(place, begin)
        async for record in _up_to(consumer, ends):
            try:
                told = decode[record.topic](record.value or b"")
            except ContractError as refused:
                place_of = f"{record.topic}/{record.partition}/{record.offset}"
                log.warning("a record cannot be read", place=place_of, why=str(refused))
            else:
                for take in takes:
                    take(told)


async def _up_to(
    consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]
) -> AsyncIterator[ConsumerRecord]:
    for place, end in ends.items():
        while await consumer.position(place) < end:
            for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                for record in records:
                    yield record


class AlertReader:
    """Reads the alerts of the partitions that are ours, each from a fixed time before it became so.

    No offset is committed: what stands in that span is read again by whoever has the partition, and passed where
    it has been decided.
    """

    def __init__(
        self, broker: BrokerSettings, *, reach_s: float, now_ms: Callable[[], int]
    ) -> None:
        """Begin with no partition. ``reach_s`` is how long before now an alert may have been logged."""
        self._broker, self._reach_ms, self._now_ms = broker, int(reach_s * 1000), now_ms
        self._topic = broker.topic("alerts")
        self._decode = BY_NAME["alerts"].decoder().decode
        self._next: dict[tuple[int, int], int] = {}
        """The offset to be read next, by partition and tenure."""
        self._open = AsyncExitStack()
        self._consumer: AIOKafkaConsumer | None = None

    async def stop(self) -> None:
        """Close the connection, if there is one."""
        self._consumer = None
        await self._open.aclose()

    async def run(
        self,
        deciders: Mapping[int, PartitionDecider],
        take: Callable[[PartitionDecider, Alert], None],
    ) -> None:
        """Hand over the alerts of these partitions until cancelled; an outage of the broker is waited out."""
        while True:
            try:
                for decider, alert in await self.read(deciders):
                    take(decider, alert)
            except KafkaError as error:
                log.warning("the alerts cannot be read", error=repr(error))
                await asyncio.sleep(AGAIN_S)

    async def read(
        self, deciders: Mapping[int, PartitionDecider]
    ) -> list[tuple[PartitionDecider, Alert]]:
        """Return the next alerts of partitions that are folded, with who decides on them.

        Raises:
            aiokafka.errors.KafkaError: The broker cannot be reached.
        """
        consumer = await self._connected()
        ours = {(d.partition, d.tenure): d for d in list(deciders.values()) if d.warm}
        if not ours:
            await asyncio.sleep(POLL_MS / 1000)
            return []
        if ours.keys() != self._next.keys():
            await self._assign(consumer, list(ours))
        found: list[tuple[PartitionDecider, Alert]] = []
        for place, records in (await consumer.getmany(timeout_ms=POLL_MS)).items():
            decider = deciders.get(place.partition)
            if decider is None or (place.partition, decider.tenure) not in self._next:
                continue
            self._next[place.partition, decider.tenure] = records[-1].offset + 1
            read = (self._alert(record.value, place) for record in records)
            found += [(decider, alert) for alert in read if alert is not None]
        return found

    async def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            self._consumer = await self._open.enter_async_context(_reader(self._broker))
        return self._consumer

    async def _assign(self, consumer: AIOKafkaConsumer, ours: list[tuple[int, int]]) -> None:
        places = {key: TopicPartition(self._topic, key[0]) for key in ours}
        new = [place for key, place in places.items() if key not in self._next]
        ends = await consumer.end_offsets(new) if new else {}
        begins = await _at(consumer, new, self._now_ms() - self._reach_ms, ends)
        self._next = {
            key: self._next.get(key, begins.get(place, 0)) for key, place in places.items()
        }
        consumer.assign(list(places.values()))
        for key, place in places.items():
            consumer.seek(place, self._next[key])

    def _alert(self, value: bytes | None, place: TopicPartition) -> Alert | None:
        if value is None:
            return None  # a tombstone: compaction's business
        try:
            alert: Alert = self._decode(value)
        except ContractError as refused:
            wrong: str | None = str(refused)
        else:
            wrong = misplaced(alert, place.partition, self._broker.partitions)
            if wrong is None:
                return alert
        AGENT.alerts.labels("refused").inc()
        log.warning("an alert cannot be used", partition=place.partition, why=wrong)
        return None


async def _at(
    consumer: AIOKafkaConsumer,
    places: list[TopicPartition],
    time_ms: int,
    ends: Mapping[TopicPartition, int],
) -> dict[TopicPartition, int]:
    """Return the first offset logged at a time or later, of each partition; its end where there is none."""
    if not places:
        return {}
    found = await consumer.offsets_for_times(dict.fromkeys(places, max(0, time_ms)))
    return {p: int(ends[p] if found[p] is None else found[p].offset) for p in places}
