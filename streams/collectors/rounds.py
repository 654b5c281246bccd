"""A round of records in parts, so that none has two batches of one partition: PURE.

The second of two batches could be written where the first was not. Its heartbeat would then promise that nothing
earlier follows, and the sending again would bring it.
"""

from collections.abc import Iterator

from topics.record import OutRecord

PART_BYTES_MAX = 768 * 1024
"""Of keys, values and headers: with what frames them less than a batch takes (`topics.outbox`)."""
FRAME_BYTES = 32
"""Of a record, at most, beside its own bytes; and of each header some."""


def size_of(record: OutRecord) -> int:
    """Return the bytes of a record in a batch, or a few more."""
    size = FRAME_BYTES + len(record.key or b"") + len(record.value or b"")
    for name, value in record.headers:
        size += len(name) + len(value) + FRAME_BYTES
    return size


def parts(records: list[OutRecord]) -> Iterator[list[OutRecord]]:
    """Yield the records in order, as many together as surely fit; one that is too large for that, alone."""
    part: list[OutRecord] = []
    room = PART_BYTES_MAX
    for record in records:
        size = size_of(record)
        if size > room and part:
            yield part
            part, room = [], PART_BYTES_MAX
        part.append(record)
        room -= size
    if part:
        yield part
