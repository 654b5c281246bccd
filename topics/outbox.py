"""Records on their way to Kafka, as batches whose every acknowledgement is awaited.

aiokafka's `send` costs a future a record; a batch costs one. And a failed batch shows only in its own future:
`commit_transaction` succeeds although a record of the transaction was refused.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, NamedTuple

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


async def _stop(producer: AIOKafkaProducer) -> None:
    try:
        async with asyncio.timeout(CLOSE_S):
            await producer.stop()
    except TimeoutError:
        await _abandon(producer)
    except KafkaError:
        pass


def _may_pass(error: Exception) -> bool:
    """Return whether another try may succeed."""
    never = (MessageSizeTooLargeError, RecordListTooLargeError, InvalidTopicError)
    return isinstance(error, KafkaError) and not isinstance(error, never)


def _ignore() -> None:
    """Do nothing."""


class _Connection(NamedTuple):
    producer: AIOKafkaProducer
    gone: "asyncio.Future[None]"
    """Done when it was given up: what waits for it would wait for ever."""


class Sender:
    """Sends records until every one is acknowledged, over as many producers as that takes.

    Several may use one sender. Each list keeps its order; a list and another that is sent meanwhile have none.
    """

    def __init__(self, broker: BrokerSettings) -> None:
        """Connect on the first send."""
        self._broker = broker
        self._connection: _Connection | None = None
        self._connecting = asyncio.Lock()

    async def deliver(
        self, records: list[OutRecord], *, on_resend: Callable[[], None] = _ignore
    ) -> None:
        """Return when all are acknowledged: idempotent producer, all replicas.

        After a failure the whole list is sent again by a new producer: one that has failed may be unable
        to send anything more.

        Raises:
            aiokafka.errors.KafkaError: The broker will never take them: its limit or the topic's is too low.
            ValueError: As `send`.
        """
        connection: _Connection | None = None
        async for attempt in stamina.retry_context(
            on=_may_pass, attempts=None, timeout=None, wait_initial=0.1, wait_max=5.0
        ):
            with attempt:
                if attempt.num > 1:
                    on_resend()
                    await self._give_up(connection)
                connection = await self._connected()
                await _sent(connection, records)

    async def close(self) -> None:
        """Disconnect, in a bounded time: what no broker has acknowledged by then is given up."""
        await self._give_up(self._connection)

    async def abort(self) -> None:
        """Disconnect at once: what has not left is not sent. Whoever waits for it sends it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await _abandon(connection.producer)
            _let_go(connection)

    async def _give_up(self, connection: _Connection | None) -> None:
        """Let go of a producer, unless another has taken its place."""
        if connection is None or connection is not self._connection:
            return
        self._connection = None
        await _stop(connection.producer)
        _let_go(connection)

    async def _connected(self) -> _Connection:
        async with self._connecting:
            if self._connection is None:
                producer = AIOKafkaProducer(
                    **self._broker.client_options(),
                    enable_idempotence=True,
                    acks="all",
                    linger_ms=0,
                    max_batch_size=BATCH_BYTES_MAX,
                    max_request_size=BATCH_BYTES_MAX + 64 * 1024,
                )
                try:
                    await producer.start()
                except BaseException:
                    await _stop(producer)
                    raise
                gone = asyncio.get_running_loop().create_future()
                self._connection = _Connection(producer, gone)
            return self._connection


async def _sent(connection: _Connection, records: list[OutRecord]) -> None:
    sending = asyncio.ensure_future(send(connection.producer, records))
    waited: list[asyncio.Future[Any]] = [sending, connection.gone]
    try:
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            sending.result()
        else:
            msg = "the producer was given up"
            raise KafkaError(msg)
    finally:
        if not sending.done():
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)


def _let_go(connection: _Connection) -> None:
    if not connection.gone.done():
        connection.gone.set_result(None)
