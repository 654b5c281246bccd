"""The journal on its topic: an intent before each paid call, its result after, and both read back.

Whoever writes an entry goes on only when every replica has it. So what the ledger in Redis forgets can be counted
again from here, and what was paid for is not paid for twice.
"""

import asyncio
from collections.abc import AsyncIterator

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from topics import BY_NAME, ContractError, Control, PipelineError, encode, partition_of
from topics.closing import close_consumer
from topics.envelope import headers
from topics.journal import Intent, Result
from topics.record import OutRecord
from topics.settings import BrokerSettings

from .publisher import ROLE, Outlet

Entry = Intent | Result

TOPIC = "journal"
ROUND_MAX = 500
"""Entries of one delivery."""
_POLL_MS = 200

log = structlog.get_logger()


class JournalError(PipelineError):
    """An entry of the journal cannot be read: nobody knows what has been spent."""


class Journal:
    """Writes entries. Those that are written at the same time travel together."""

    def __init__(self, broker: BrokerSettings, outlet: Outlet) -> None:
        """Take an outlet that nobody else uses: it takes one delivery at a time."""
        self._broker, self._outlet = broker, outlet
        self._waiting: list[tuple[OutRecord, asyncio.Future[None]]] = []
        self._sending: asyncio.Task[None] | None = None

    async def write(self, entry: Entry) -> None:
        """Return when an entry is acknowledged.

        A caller that is cancelled leaves its entry on its way: an intent without a call is charged, and that is
        the safe side.

        Raises:
            aiokafka.errors.KafkaError: The broker will never take it.
        """
        written = asyncio.get_running_loop().create_future()
        self._waiting.append((entry_record(self._broker, entry), written))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send(), name="journal")
        await written

    async def close(self) -> None:
        """Give up what is not acknowledged yet."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)

    async def _send(self) -> None:
        while self._waiting:
            round_ = self._waiting[:ROUND_MAX]
            del self._waiting[:ROUND_MAX]
            error: BaseException | None = None
            try:
                await self._outlet.deliver([record for record, _ in round_])
            except BaseException as failed:  # noqa: BLE001 - told to those who wait
                error = failed
            for _, written in round_:
                if written.done():
                    continue  # its writer waits no more
                if error is None:
                    written.set_result(None)
                elif isinstance(error, asyncio.CancelledError):
                    written.cancel()
                else:
                    written.set_exception(error)
            if isinstance(error, asyncio.CancelledError):
                raise error


def entry_record(broker: BrokerSettings, entry: Entry) -> OutRecord:
    """Return the record of an entry, in its asset's partition; each attempt's intent and result have keys of their own."""
    what = "intent" if isinstance(entry, Intent) else "result"
    key = f"{entry.item_key}/{entry.attempt_id.rpartition('/')[2]}/{what}"
    told = headers(
        event_id=key,
        event_type=f"journal.{what}",
        source=ROLE,
        time_ms=entry.at_ms if isinstance(entry, Intent) else entry.ended_ms,
    )
    partition = partition_of(entry.asset or "", broker.partitions)
    return OutRecord(broker.topic(TOPIC), partition, key.encode(), encode(entry), told)


async def entries_since(broker: BrokerSettings, since_ms: int) -> AsyncIterator[Entry]:
    """Yield all that was logged from a time on, up to where the logs end when this begins.

    Of one attempt the intent comes before the result.

    Raises:
        JournalError: A record is none. To leave it out would be to forget what was spent.
        aiokafka.errors.KafkaError: The broker cannot be reached.
    """
    decode = BY_NAME[TOPIC].decoder().decode
    async for record in _logged(broker, TOPIC, since_ms):
        try:
            yield decode(record.value or b"")
        except ContractError as refused:
            msg = f"journal/{record.partition} offset {record.offset} cannot be read: {refused}"
            raise JournalError(msg) from None


async def acts(broker: BrokerSettings) -> AsyncIterator[Control]:
    """Yield what operators did, as long as it is kept; what cannot be read is told and passed over.

    Raises:
        aiokafka.errors.KafkaError: The broker cannot be reached.
    """
    decode = BY_NAME["control"].decoder().decode
    async for record in _logged(broker, "control", 0):
        try:
            act = decode(record.value or b"")
        except ContractError as refused:
            place = f"{record.partition}/{record.offset}"
            log.warning("an act cannot be read", place=place, error=str(refused))
            continue
        if isinstance(act, Control):
            yield act


async def _logged(
    broker: BrokerSettings, topic: str, since_ms: int
) -> AsyncIterator[ConsumerRecord]:
    consumer = AIOKafkaConsumer(**broker.reader_options(), group_id=None)
    await consumer.start()
    try:
        places = [TopicPartition(broker.topic(topic), p) for p in range(broker.partitions)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        begins = await consumer.offsets_for_times(dict.fromkeys(places, since_ms))
        left = set()
        for place in places:
            if (begin := begins[place]) is not None and begin.offset < ends[place]:
                consumer.seek(place, begin.offset)
                left.add(place)
        while left:
            for place, records in (await consumer.getmany(*left, timeout_ms=_POLL_MS)).items():
                for record in records:
                    if record.offset < ends[place] and record.value is not None:
                        yield record
            left = {place for place in left if await consumer.position(place) < ends[place]}
    finally:
        await close_consumer(consumer)
