"""Fetched record batches, not yet parsed: who wants the records parses them, just before they are read.

aiokafka parses a fetch as a whole, in the thread that fetches, and makes an object of its own around each
record. That object alone costs more than reading the event in it; and what another thread parsed a while ago
has left the processor's caches by the time it is read. Which batches are aborted or markers, and whether their
checksums hold, stays aiokafka's to say.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import FetchResult, PartitionRecords

from topics.record import LogRecord


class Batch(NamedTuple):
    """A record batch of the log; its records can be taken once."""

    records: Iterable[LogRecord]
    """Those from the reader's position on."""
    next_offset: int
    """Of the record behind it, whether it holds records or compaction has taken them."""
    offsets: int
    """How many offsets it spans: records, at most."""
    timestamp_ms: int
    """The greatest of its records, by the log."""
    timestamp_type: int


class Slice:
    """Batches of a partition that follow each other; their records can be taken once."""

    def __init__(self, batches: list[Batch]) -> None:
        """Take at least one."""
        self._batches = batches
        self.last = batches[-1]

    def __iter__(self) -> Iterator[LogRecord]:
        """Parse the records, one by one as they are asked for."""
        return chain.from_iterable(batch.records for batch in self._batches)


def slices(batches: Iterable[Batch], offsets_max: int) -> Iterator[Slice]:
    """Yield slices of about so many offsets; no batch is cut."""
    taken: list[Batch] = []
    offsets = 0
    for batch in batches:
        taken.append(batch)
        offsets += batch.offsets
        if offsets >= offsets_max:
            yield Slice(taken)
            taken, offsets = [], 0
    if taken:
        yield Slice(taken)


class Whole:
    """A batch that says it holds one record: itself, at its last offset."""

    def __init__(self, batch: Any) -> None:  # noqa: ANN401 - aiokafka's
        """Hide the batch's records."""
        self.batch = batch
        self.offset = batch.next_offset - 1

    def __iter__(self) -> Iterator["Whole"]:
        """Yield itself."""
        return iter((self,))

    def __next__(self) -> Any:  # noqa: ANN401 - aiokafka's
        """Return the next record, as the reader of markers asks for it."""
        return next(self.batch)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - aiokafka's
        """Return what the batch says."""
        return getattr(self.batch, name)


class Wholes:
    """The batches of a fetch, each hidden in a `Whole`."""

    def __init__(self, records: Any) -> None:  # noqa: ANN401 - aiokafka's
        """Take a fetch of which nothing has been read."""
        self._records = records

    def has_next(self) -> bool:
        """Return whether there is another batch."""
        return bool(self._records.has_next())

    def next_batch(self) -> Whole:
        """Return the next batch."""
        return Whole(self._records.next_batch())


class Batches(PartitionRecords):  # type: ignore[misc]  # aiokafka is untyped
    """The batches of one fetch, as aiokafka would hand over their records."""

    def _consumer_record(self, tp: TopicPartition, record: Whole) -> Batch:  # noqa: ARG002 - aiokafka's
        begin, batch = self.next_fetch_offset, record.batch
        end = batch.next_offset
        records: Iterable[LogRecord] = batch
        if getattr(batch, "base_offset", -1) < begin:
            # The position is in its middle; or the format is so old that it does not say.
            records = (one for one in batch if one.offset >= begin)
        return Batch(
            records,
            next_offset=end,
            offsets=end - begin,
            timestamp_ms=getattr(batch, "max_timestamp", 0),
            timestamp_type=getattr(batch, "timestamp_type", 0),
        )


class Results(OrderedDict[TopicPartition, Any]):
    """What was fetched and not yet handed over, by partition."""

    def __setitem__(self, place: TopicPartition, result: Any) -> None:  # noqa: ANN401 - a result or an error
        if isinstance(result, FetchResult):
            # Nothing of it has been read yet; aiokafka has no other place to say which class is to read it.
            fetch = result._partition_records  # noqa: SLF001
            fetch.__class__ = Batches
            fetch._records = Wholes(fetch._records)  # noqa: SLF001
        super().__setitem__(place, result)


def hand_over_batches(consumer: AIOKafkaConsumer) -> None:
    """Let a started consumer hand over batches instead of records. Nothing of it may have been consumed."""
    fetcher = consumer._fetcher  # noqa: SLF001
    waiting = Results()
    for place, result in fetcher._records.items():  # noqa: SLF001
        waiting[place] = result
    fetcher._records = waiting  # noqa: SLF001
