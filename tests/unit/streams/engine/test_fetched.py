"""What was fetched comes out as it was parsed: the same records as aiokafka's own, without its object around each."""

from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_UNCOMMITTED, FetchResult, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import ConsumerRecord

from streams.engine.fetched import ParsedRecords, hand_over_parsed

PLACE = TopicPartition("raw", 0)


def fetched(from_offset: int) -> Any:
    """A fetch of three records whose reader stands at an offset."""
    batch = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, 0, 10_000)
    for offset in range(3):
        batch.append(offset, 1_000 + offset, b"key", b"value %d" % offset, [])
    records = PartitionRecords(
        PLACE,
        MemoryRecords(bytes(batch.build())),
        [],
        from_offset,
        None,
        None,
        True,  # noqa: FBT003 - aiokafka's
        READ_UNCOMMITTED,
    )
    return FetchResult(PLACE, partition_records=records, assignment=None, backoff=0)


def seen(records: Any) -> list[tuple[Any, ...]]:
    return [(r.offset, r.timestamp, r.timestamp_type, r.key, r.value) for r in records]


def test_parsed_records_are_what_aiokafka_hands_over() -> None:
    """Those that came before the start and those that come after; also past a position in the middle of a batch."""
    for offset in range(3):
        fetcher = SimpleNamespace(_records={PLACE: fetched(offset)})
        consumer: Any = SimpleNamespace(_fetcher=fetcher)
        hand_over_parsed(consumer)
        early = fetcher._records[PLACE]._partition_records
        fetcher._records[PLACE] = fetched(offset)
        late = fetcher._records[PLACE]._partition_records
        stock = list(fetched(offset)._partition_records)
        assert all(isinstance(record, ConsumerRecord) for record in stock)
        for records in (early, late):
            assert isinstance(records, ParsedRecords)
            found = list(records)
            assert not [record for record in found if isinstance(record, ConsumerRecord)]
            assert seen(found) == seen(stock)
            assert records.next_fetch_offset == 3
