"""Records on their way to Kafka, as batches whose every acknowledgement is awaited.

aiokafka's `send` costs a future a record; a batch costs one. And a failed batch shows only in its own future:
`commit_transaction` succeeds although a record of the transaction was refused.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress

import stamina
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)
from aiokafka.producer.message_accumulator import BatchBuilder

from .catalog import RECORD_BYTES_MAX
from .record import OutRecord
from .settings import BrokerSettings

__all__ = ["BATCH_BYTES_MAX", "OutRecord", "Sender", "send"]

BATCH_BYTES_MAX = 900 * 1024
"""Of one batch: below the broker's limit of a megabyte, which counts batches."""
ALONE_BYTES_MAX = RECORD_BYTES_MAX - 1024
"""Of a record that is a batch alone: what frames it counts too."""
CLOSE_S = 2.0
"""For a producer to flush what is left, and then for each step of giving it up."""


async def send(
    producer: AIOKafkaProducer, records: Iterable[OutRecord]
) -> dict[tuple[str, int], int]:
    """Write records, in order within each partition, and return when the broker has acknowledged every one.

    What is returned is, by topic and partition, the offset of the first record of the last batch.

    Raises:
        aiokafka.errors.KafkaError: A batch was refused or timed out. Others may have been written.
        ValueError: A record that fits into no batch. Those before it may have been written.
    """
    batches: dict[tuple[str, int], BatchBuilder] = {}
    sent = []
    for record in records:
        place = (record.topic, record.partition)
        batch = batches.get(place)
        if batch is None or not _append(batch, record):
            if batch is not None:
                sent.append(
                    await producer.send_batch(batch, record.topic, partition=record.partition)
                )
            _refuse_too_large(record)
            batch = batches[place] = producer.create_batch()
            _append(batch, record)
    for (topic, partition), batch in batches.items():
        sent.append(await producer.send_batch(batch, topic, partition=partition))
    offsets: dict[tuple[str, int], int] = {}
    for acknowledged in await asyncio.gather(*sent, return_exceptions=True):
        if isinstance(acknowledged, BaseException):
            raise acknowledged
        offsets[acknowledged.topic, acknowledged.partition] = acknowledged.offset
    return offsets


def _refuse_too_large(record: OutRecord) -> None:
    """A batch takes its first record whatever its size; the broker then refuses it, however often it is sent."""
    size = len(record.key or b"") + len(record.value or b"")
    size += sum(len(name) + len(value or b"") for name, value in record.headers)
    if size > ALONE_BYTES_MAX:
        msg = f"{record.topic}: a record of {size} bytes; the broker takes {ALONE_BYTES_MAX}"
        raise ValueError(msg)


def _append(batch: BatchBuilder, record: OutRecord) -> bool:
    added = batch.append(
        timestamp=record.timestamp_ms, key=record.key, value=record.value, headers=record.headers
    )
    return added is not None


async def _abandon(producer: AIOKafkaProducer) -> None:
    """End a producer whose stop waits for a broker that is away: aiokafka would flush for as long as that lasts."""
    sending = producer._sender.sender_task  # noqa: SLF001 - aiokafka has no other end than a flush
    if sending is not None:
        sending.cancel()
        await asyncio.wait({sending}, timeout=CLOSE_S)
    with suppress(TimeoutError, KafkaError):
        async with asyncio.timeout(CLOSE_S):
            await producer.client.close()


def _may_pass(error: Exception) -> bool:
    """Return whether another try may succeed."""
    never = (MessageSizeTooLargeError, RecordListTooLargeError, InvalidTopicError)
    return isinstance(error, KafkaError) and not isinstance(error, never)


def _ignore() -> None:
    """Do nothing."""


class Sender:
    """Sends records until every one is acknowledged, over as many producers as that takes."""

    def __init__(self, broker: BrokerSettings, *, on_resend: Callable[[], None] = _ignore) -> None:
        """Connect on the first send."""
        self._broker, self._on_resend = broker, on_resend
        self._producer: AIOKafkaProducer | None = None

    async def deliver(self, records: list[OutRecord]) -> None:
        """Return when all are acknowledged: idempotent producer, all replicas.

        After a failure the whole list is sent again by a new producer: one that has failed may be unable
        to send anything more.

        Raises:
            aiokafka.errors.KafkaError: The broker will never take them: its limit or the topic's is too low.
            ValueError: As `send`.
        """
        async for attempt in stamina.retry_context(
            on=_may_pass, attempts=None, timeout=None, wait_initial=0.1, wait_max=5.0
        ):
            with attempt:
                if attempt.num > 1:
                    self._on_resend()
                    await self.close()
                await send(await self._connected(), records)

    async def close(self) -> None:
        """Disconnect, in a bounded time: what no broker has acknowledged by then is given up."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            async with asyncio.timeout(CLOSE_S):
                await producer.stop()
        except TimeoutError:
            await _abandon(producer)
        except KafkaError:
            pass

    async def _connected(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                **self._broker.client_options(),
                enable_idempotence=True,
                acks="all",
                linger_ms=0,
                max_batch_size=BATCH_BYTES_MAX,
                max_request_size=BATCH_BYTES_MAX + 64 * 1024,
            )
            self._producer = producer
            await producer.start()
        return self._producer
