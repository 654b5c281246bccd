"""Faust's transport for aiokafka, with one stream item for each fetched slice of a partition.

Stock Faust makes four asyncio tasks a record. Here a stream item is a list of records; the group's
committed offsets are for lag tools only, and every position comes from the folds.
"""

from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from faust.transport.consumer import ensure_TP
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from .fetched import Slice, hand_over_batches, slices

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer

    from .app import EngineApp

FETCH_WAIT_MS = 100
"""Of one long poll. Faust's own 1500 ms delays every other request on the connection as long."""


class Thread(driver.AIOKafkaConsumerThread):
    """The thread that owns the consumer, which reads committed records only."""

    def _create_worker_consumer(self, transport: Any) -> "AIOKafkaConsumer":  # noqa: ANN401 - Faust's
        consumer = super()._create_worker_consumer(transport)
        # Before start(), which hands it to the fetcher; Faust hard-codes the opposite.
        consumer._isolation_level = "read_committed"  # noqa: SLF001
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001
        return consumer

    async def on_start(self) -> None:
        """Start the consumer, which then hands over batches."""
        await super().on_start()
        hand_over_batches(self._consumer)


class Consumer(driver.Consumer):
    """Yields slices of the source topics, from the positions the folds say."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Faust's
        super().__init__(*args, **kwargs)
        app = cast("EngineApp", self.app)
        self._ownership = app.ownership
        self._slice_records_max = app.slice_records_max
        self._inflight: dict[TP, deque[int]] = {}
        """Last offsets of the slices handed over and not yet acknowledged, in order."""

    def _new_consumer_thread(self) -> Thread:
        return Thread(self, loop=self.loop, beacon=self.beacon)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let the running transactions end, and begin none until the next assignment is loaded."""
        await self._ownership.hold()
        await super().on_partitions_revoked(revoked)
        for tp in revoked:
            self._inflight.pop(tp, None)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Go to the positions of the folds; the group's committed offsets are not asked."""
        assigned = {ensure_TP(tp) for tp in self.assignment()}
        positions = {
            TP(topic, partition): offset
            for (topic, partition), offset in self._ownership.positions().items()
            if TP(topic, partition) in assigned
        }
        if positions:
            await self._thread.seek_wait(positions)
        return positions

    async def perform_seek(self) -> None:
        """Go to the positions of the folds, and forget what was handed over before."""
        await super().perform_seek()
        self._inflight.clear()

    def _new_offset(self, tp: TP) -> int | None:
        """Return the offset after the acknowledged prefix of what was handed over.

        The stock method skips an unacknowledged head.
        """
        if tp.topic not in self._ownership.source_topics:
            return super()._new_offset(tp)
        handed, acked, offset = self._inflight.get(tp), self._acked_index[tp], None
        while handed and handed[0] in acked:
            offset = handed.popleft()
            acked.discard(offset)
        self._acked[tp][:] = [o for o in self._acked[tp] if o in acked]
        return None if offset is None else offset + 1

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:  # noqa: ASYNC109 - Faust's
        """Yield each fetched partition as slices; changelogs are loaded by the store and never come here."""
        records, _ = await self._wait_next_records(timeout)
        generation = self.app.consumer_generation_id
        if not records or self.should_stop:
            return
        if not self.flow_active:
            await self.perform_seek()
            return
        for tp, fetched in records.items():
            place = ensure_TP(tp)
            if place.topic not in self._ownership.source_topics:
                continue
            for piece in slices(fetched, self._slice_records_max):
                if not self.flow_active or self.app.consumer_generation_id != generation:
                    return
                yield place, self._slice(place, piece, generation)

    def _slice(self, tp: TP, piece: Slice, generation: int) -> ConsumerMessage:
        offset = piece.last.next_offset - 1
        self._inflight.setdefault(tp, deque()).append(offset)
        self._read_offset[tp] = offset  # else the stock bookkeeping takes the slice for a gap
        return ConsumerMessage(
            topic=tp.topic,
            partition=tp.partition,
            offset=offset,
            timestamp=piece.last.timestamp_ms / 1000,
            timestamp_type=piece.last.timestamp_type,
            headers=None,
            key=None,
            value=cast("bytes", piece),  # handed through to the agent as it is
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=0,
            tp=tp,
            generation_id=generation,
        )


class Producer(driver.Producer):
    """Faust's own producer, idempotent. Outputs and state never go through it."""

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": True}


class Transport(driver.Transport):
    """The driver with our consumer and producer."""

    Consumer = Consumer
    Producer = Producer
