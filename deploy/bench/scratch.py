"""Topics of a run's own: made under a fresh prefix as `topics apply` makes them, filled, read, and removed."""

import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import ConsumerRecord
from confluent_kafka import KafkaException
from msgspec import Struct
from pydantic import ValidationError

from streams.windows.state import Meta
from topics import BY_NAME, PipelineError
from topics.broker import admin_client, apply_topics
from topics.outbox import BATCH_BYTES_MAX, OutRecord, send
from topics.settings import BrokerSettings

from .check import Minutes
from .tape import TapeRecord

CHUNK = 10_000
"""Records made and sent at a time, so that a long work needs little memory."""
REMOVED_S = 15.0
RAW, STATE = "raw.market", "streams-state-changelog"


class BenchError(PipelineError):
    """A measurement that could not be made; the message says why."""


class Written(Struct):
    """What a run's worker has written of its state: all records of the changelog, and the last meta of each partition."""

    records: int = 0
    bytes_total: int = 0
    """Keys and values."""
    metas: dict[int, Meta] = {}

    @property
    def watermark_ms(self) -> int:
        """The least of all partitions; 0 without any."""
        return min((meta.clock.watermark_ms or 0 for meta in self.metas.values()), default=0)


def fresh(broker: BrokerSettings, name: str, *, partitions: int) -> BrokerSettings:
    """Return the same broker with a prefix that nobody has used.

    Raises:
        BenchError: It is the demo's embedded broker, on which nothing can be measured; or its own prefix is too long.
    """
    if broker.embedded:
        msg = (
            "bench needs a real Kafka (broker.bootstrap); the embedded broker keeps 100,000 records"
        )
        raise BenchError(msg)
    prefix = f"{broker.prefix}bench-{time.time_ns() // 1_000_000}-{name}."
    changed = broker.model_copy(update={"prefix": prefix, "partitions": partitions})
    try:
        BrokerSettings.model_validate(changed.model_dump())
    except ValidationError:
        msg = f"broker.prefix = {broker.prefix!r} leaves no room for that of a bench, {prefix!r}"
        raise BenchError(msg) from None
    return changed


@contextmanager
def scratch_topics(broker: BrokerSettings, *, keep: bool = False) -> Iterator[None]:
    """Make the catalog's topics, and remove everything of the prefix at the end unless told to keep it.

    Raises:
        TopicsError: The broker cannot be reached.
    """
    apply_topics(broker)
    try:
        yield
    finally:
        if not keep:
            _remove(broker)


def _remove(broker: BrokerSettings) -> None:
    """Remove topics and groups. What a broker that went away keeps is left to its operator."""
    admin = admin_client(broker)
    with suppress(KafkaException):
        names = [n for n in admin.list_topics(timeout=REMOVED_S).topics if _ours(broker, n)]
        listed = admin.list_consumer_groups().result(REMOVED_S).valid
        groups = [group.group_id for group in listed if _ours(broker, group.group_id)]
        removals = admin.delete_topics(names) if names else {}
        removals |= admin.delete_consumer_groups(groups) if groups else {}
        for removed in removals.values():
            with suppress(KafkaException):  # a group whose last member has not left yet
                removed.result(REMOVED_S)


def _ours(broker: BrokerSettings, name: str) -> bool:
    return name.startswith(broker.prefix)


async def load(
    broker: BrokerSettings, records: Iterable[TapeRecord], *, told: Callable[[int], None]
) -> list[int]:
    """Write records to `raw.market` and return how many each partition has. ``told`` gets how many were written."""
    counts, topic, left = [0] * broker.partitions, broker.topic(RAW), iter(records)
    async with writing(broker) as producer:
        while chunk := list(islice(left, CHUNK)):
            await send(producer, [OutRecord(topic, *record) for record in chunk])
            for record in chunk:
                counts[record.partition] += 1
            told(sum(counts))
    return counts


def writing(broker: BrokerSettings) -> AIOKafkaProducer:
    """Return a producer that writes as a collector's does."""
    return AIOKafkaProducer(
        **broker.client_options(),
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        max_batch_size=BATCH_BYTES_MAX,
        max_request_size=BATCH_BYTES_MAX + 64 * 1024,
    )


async def committed(broker: BrokerSettings, name: str) -> AsyncIterator[ConsumerRecord]:
    """Yield a topic's committed records up to its end, each partition's in order."""
    places = [TopicPartition(broker.topic(name), p) for p in range(broker.partitions)]
    consumer = AIOKafkaConsumer(
        **broker.reader_options(), group_id=None, auto_offset_reset="earliest", fetch_max_wait_ms=50
    )
    async with consumer:
        ends = await consumer.end_offsets(places)
        consumer.assign(places)
        left = {place for place in places if ends[place]}
        while left:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    yield record
            left = {place for place in left if await consumer.position(place) < ends[place]}


async def written(broker: BrokerSettings) -> Written:
    """Read the whole changelog."""
    found = Written()
    async for record in committed(broker, STATE):
        found.records += 1
        found.bytes_total += len(record.key) + len(record.value or b"")
        if record.key.endswith(b"|market|meta") and record.value:
            found.metas[record.partition] = msgspec.json.decode(record.value, type=Meta)
    return found


async def minutes_published(broker: BrokerSettings) -> Minutes:
    """Read all aggregates."""
    minutes, decode = Minutes(), BY_NAME["aggregates"].decoder().decode
    async for record in committed(broker, "aggregates"):
        minutes.add(decode(record.value))
    return minutes
