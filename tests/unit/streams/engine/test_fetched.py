"""Fetched batches give the records that aiokafka would hand over, and each batch's place in the log."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import (
    READ_COMMITTED,
    READ_UNCOMMITTED,
    FetchError,
    FetchResult,
    PartitionRecords,
)
from aiokafka.errors import CorruptRecordException
from aiokafka.record.control_record import ABORT_MARKER, COMMIT_MARKER
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import ConsumerRecord

from streams.engine.fetched import Batch, Batches, Slice, hand_over_batches, slices

PLACE = TopicPartition("raw", 0)
GZIP = 1
ABORTED, COMMITTED = 7, 8
"""Producers."""


def batch(
    base: int,
    values: list[bytes],
    *,
    codec: int = 0,
    producer: int = -1,
    marker: Any = None,
) -> bytes:
    """A batch of the log as the broker sends it."""
    builder = DefaultRecordBatchBuilder(
        2, codec, int(producer >= 0), producer, 0 if producer >= 0 else -1, 0, 100_000
    )
    for at, value in enumerate(values):
        key = b"key" if marker is None else marker
        builder.append(at, 1_000 + base + at, key, value, [])
    made = bytearray(builder.build())
    made[:8] = base.to_bytes(8, "big")
    if marker is not None:
        made[22] |= 0x20  # a control batch; its checksum is then wrong, and not looked at
    return bytes(made)


def log() -> bytes:
    """Batches of every sort: plain, packed, of a transaction that was aborted, of one that was not, markers."""
    return b"".join(
        [
            batch(0, [b"a", b"b", b"c"]),
            batch(3, [b"d", b"e"], codec=GZIP),
            batch(5, [b"f", b"g"], producer=ABORTED),
            batch(7, [b"h"], producer=COMMITTED),
            batch(8, [b""], producer=ABORTED, marker=marker(ABORT_MARKER)),
            batch(9, [b""], producer=COMMITTED, marker=marker(COMMIT_MARKER)),
            batch(10, [b"i"]),
        ]
    )


def marker(control: Any) -> bytes:
    """The key of a marker: version 0, and its type."""
    return b"\0\0" + int(control.type_).to_bytes(2, "big")


def fetched(data: bytes, from_offset: int, *, isolation: int, crcs: bool = False) -> Any:
    """A fetch whose reader stands at an offset."""
    records = PartitionRecords(
        PLACE,
        MemoryRecords(data),
        [(ABORTED, 5)],
        from_offset,
        None,
        None,
        crcs,
        isolation,
    )
    return FetchResult(PLACE, partition_records=records, assignment=None, backoff=0)


def handed_over(result: Any, *, early: bool = False) -> Any:
    """What a consumer hands over of a fetch that came before or after `hand_over_batches`."""
    fetcher = SimpleNamespace(_records={PLACE: result} if early else {})
    consumer: Any = SimpleNamespace(_fetcher=fetcher)
    hand_over_batches(consumer)
    if not early:
        fetcher._records[PLACE] = result
    found = fetcher._records[PLACE]._partition_records
    assert isinstance(found, Batches)
    return found


def seen(records: Any) -> list[tuple[Any, ...]]:
    return [(r.offset, r.timestamp, r.timestamp_type, r.key, r.value) for r in records]


@pytest.mark.parametrize("isolation", [READ_COMMITTED, READ_UNCOMMITTED])
@pytest.mark.parametrize("from_offset", range(12))
@pytest.mark.parametrize("early", [True, False])
def test_the_records_are_those_aiokafka_hands_over(
    isolation: int, from_offset: int, early: bool
) -> None:
    """Also past a position in the middle of a batch; aborted ones and markers are left out or not as there."""
    stock = fetched(log(), from_offset, isolation=isolation)._partition_records
    expected = list(stock)
    assert all(isinstance(record, ConsumerRecord) for record in expected)
    ours = handed_over(fetched(log(), from_offset, isolation=isolation), early=early)
    batches = list(ours)
    found = [record for one in batches for record in one.records]
    assert not [record for record in found if isinstance(record, ConsumerRecord)]
    assert seen(found) == seen(expected)
    assert ours.next_fetch_offset == stock.next_fetch_offset
    assert [one.next_offset for one in batches] == sorted(one.next_offset for one in batches)
    assert all(one.offsets > 0 for one in batches)
    if found:
        assert batches[-1].next_offset == found[-1].offset + 1
        assert batches[-1].timestamp_ms == found[-1].timestamp


def test_a_batch_that_compaction_has_emptied_moves_the_position() -> None:
    """It holds nothing, and its offsets are past."""
    data = bytearray(batch(0, [b"a", b"b"]))
    empty = data[:61]
    empty[8:12] = (61 - 12).to_bytes(4, "big")
    empty[57:61] = (0).to_bytes(4, "big")
    ours = handed_over(fetched(bytes(empty), 0, isolation=READ_COMMITTED))
    (one,) = list(ours)
    assert (list(one.records), one.next_offset, ours.next_fetch_offset) == ([], 2, 2)


def test_records_of_the_oldest_format_are_read_too() -> None:
    """It says neither where a batch begins nor when it was made."""
    builder = LegacyRecordBatchBuilder(1, 0, 10_000)
    builder.append(4, 1_004, b"key", b"old")
    data = bytes(builder.build())
    stock = list(fetched(data, 4, isolation=READ_COMMITTED)._partition_records)
    (one,) = list(handed_over(fetched(data, 4, isolation=READ_COMMITTED)))
    assert [(r.offset, r.key, r.value) for r in one.records] == [
        (r.offset, r.key, r.value) for r in stock
    ]
    assert one.next_offset == 5


def test_a_wrong_checksum_is_found_before_anything_is_handed_over() -> None:
    """By aiokafka, as ever."""
    data = bytearray(batch(0, [b"a"]))
    data[-2] ^= 1
    ours = handed_over(fetched(bytes(data), 0, isolation=READ_COMMITTED, crcs=True))
    with pytest.raises(CorruptRecordException):
        list(ours)


def test_an_error_of_a_fetch_stays_one() -> None:
    """Only results are batches."""
    fetcher = SimpleNamespace(_records={})
    consumer: Any = SimpleNamespace(_fetcher=fetcher)
    hand_over_batches(consumer)
    fetcher._records[PLACE] = error = FetchError(error=ValueError(), backoff=0)
    assert fetcher._records[PLACE] is error


def whole(begin: int, count: int) -> Batch:
    """A batch of so many records."""
    records = [SimpleNamespace(offset=begin + at) for at in range(count)]
    return Batch(records, begin + count, count, 1_000, 0)


def test_slices_are_batches_up_to_a_bound() -> None:
    """None is cut, none is left out, and a slice ends where its last batch does."""
    made = [whole(0, 3), whole(3, 3), whole(6, 9), whole(15, 1), whole(16, 1)]
    found = list(slices(made, 5))
    assert [[record.offset for record in one] for one in found] == [
        list(range(6)),
        list(range(6, 15)),
        [15, 16],
    ]
    assert [one.last.next_offset for one in found] == [6, 15, 17]
    assert list(slices([], 5)) == []


def test_batches_of_single_records_are_sliced_in_no_time() -> None:
    """As collectors write them who wait for nothing: their number must not cost its square."""
    made = [whole(at, 1) for at in range(20_000)]
    began_s = time.process_time()
    (found,) = slices(made, 100_000)
    assert time.process_time() - began_s < 1.0  # measured: 2 ms; 10 s where each sum began anew
    assert found.last.next_offset == 20_000


def test_records_are_parsed_when_they_are_asked_for() -> None:
    """Not before: or they are cold by the time they are folded."""
    parsed: list[int] = []

    def records() -> Any:
        for at in range(4):
            parsed.append(at)
            yield SimpleNamespace(offset=at)

    waiting = iter(Slice([Batch(records(), 4, 4, 1_000, 0)]))
    assert parsed == []
    assert [next(waiting).offset, next(waiting).offset] == [0, 1]
    assert parsed == [0, 1]
