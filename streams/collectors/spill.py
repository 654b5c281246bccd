"""Records on disk while Kafka is away: first in, first out, bounded, and there after a kill.

A folder holds segments, files of records one behind the other: length, checksum, content. Each write is handed to
the system at once, so that a killed process loses nothing of it; it is forced to the disk once a second, so that a
machine that loses its power may lose the last second. A segment is deleted when all of it was acknowledged; a small
file says how far that is in the first one. What was torn by a power cut, or is damaged, ends its segment there, and is
counted.
"""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from struct import Struct as Layout
from typing import BinaryIO
from zlib import crc32

import msgspec
import structlog
from msgspec import Struct

from topics.record import OutRecord

SEGMENT_BYTES = 8 * 1024 * 1024
TAKEN_BYTES = 512 * 1024
"""Read at once, of keys and values: one round."""
POSITION = "position"
_HEAD = Layout(">II")
_POSITION = Layout(">QQI")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(
    tuple[str, int, bytes | None, bytes | None, list[tuple[str, bytes]]]
).decode

log = structlog.get_logger()


class Room:
    """The bytes that all spills of a process may have."""

    def __init__(self, bytes_max: int) -> None:
        """Begin with none used."""
        self.bytes_max = bytes_max
        self.used = 0

    def has(self, size: int) -> bool:
        """Return whether so many more fit."""
        return self.used + size <= self.bytes_max


class _Segment(Struct):
    number: int
    path: Path
    size: int
    read: int = 0
    """How far it was taken."""
    whole: int | None = None
    """Where it ends, if that is before its size: what follows is damaged."""

    @property
    def end(self) -> int:
        return self.size if self.whole is None else self.whole


class Spill:
    """One source's records on disk."""

    def __init__(self, folder: Path, room: Room, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        """Take what an earlier process left there.

        Raises:
            OSError: The folder cannot be made or read.
        """
        self._folder, self._room, self._segment_bytes = folder, room, segment_bytes
        self.torn = 0
        """Segments that ended before their time."""
        self._segments: deque[_Segment] = deque()
        self._writing: int | None = None
        """The descriptor of the last segment, if it is this process's."""
        self._taken: deque[tuple[int, int]] = deque()
        """Segment and offset behind each taking that is not acknowledged."""
        folder.mkdir(parents=True, exist_ok=True)
        self._open()

    @property
    def empty(self) -> bool:
        """Whether all of it was acknowledged."""
        return not self._segments

    @property
    def bytes(self) -> int:
        """Of its files."""
        return sum(segment.size for segment in self._segments)

    def append(self, records: Sequence[OutRecord]) -> bool:
        """Write records behind the others; return whether there was room for all of them, else none is written.

        Raises:
            OSError: The disk is full or broken; what was written in part is not read.
        """
        data = b"".join(_framed(record) for record in records)
        if not self._room.has(len(data)):
            return False
        last = self._last()
        size = last.size
        try:
            _write(self._descriptor(last), data)
        except OSError:
            self._close()
            last.whole = size
            self._grow(last, os.path.getsize(last.path))  # noqa: PTH202 - as short as a method
            raise
        self._grow(last, size + len(data))
        return True

    def take(self) -> list[OutRecord]:
        """Return the next records, some at a time; none if all were taken."""
        taken: list[OutRecord] = []
        size = 0
        for segment in self._segments:
            for record, end in self._read(segment):
                taken.append(record)
                segment.read = end
                size += len(record.value or b"")
                if size >= TAKEN_BYTES:
                    break
            if taken:
                self._taken.append((segment.number, segment.read))
                break
        return taken

    def skip(self, count: int) -> None:
        """Take so many records at the beginning, which are under way already."""
        left = count
        for segment in self._segments:
            for _, end in self._read(segment):
                segment.read = end
                left -= 1
                if left == 0:
                    self._taken.append((segment.number, end))
                    return

    def acknowledged(self) -> None:
        """Note that the oldest taking has reached Kafka; what is whole behind it is deleted."""
        if self._taken:
            number, offset = self._taken.popleft()
            self._drop(number, offset)

    def settle(self) -> None:
        """Delete what is damaged to its end, once nothing before it is left."""
        if not self._taken and all(s.read >= s.end for s in self._segments):
            while self._segments:
                self._delete()

    def records(self) -> Iterator[OutRecord]:
        """Yield everything that was not taken, without taking it."""
        for segment in list(self._segments):
            for record, _ in self._read(segment):
                yield record

    def sync(self) -> None:
        """Force what was written to the disk."""
        if self._writing is not None:
            os.fdatasync(self._writing)

    def close(self) -> None:
        """Let go of the files; they stay."""
        self._close()
        self._room.used -= self.bytes
        self._segments.clear()
        self._taken.clear()

    def _open(self) -> None:
        for path in sorted(self._folder.glob("*.spill")):
            segment = _Segment(int(path.stem), path, 0)
            self._segments.append(segment)
            self._grow(segment, path.stat().st_size)
        number, offset = self._position()
        for segment in self._segments:
            if segment.number == number:
                segment.read = min(offset, segment.size)

    def _last(self) -> _Segment:
        last = self._segments[-1] if self._segments else None
        if last is None or self._writing is None or last.size >= self._segment_bytes:
            self._close()
            number = 1 if last is None else last.number + 1
            last = _Segment(number, self._folder / f"{number:012}.spill", 0)
            self._segments.append(last)
        return last

    def _descriptor(self, segment: _Segment) -> int:
        if self._writing is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            self._writing = os.open(segment.path, flags, 0o600)
        return self._writing

    def _grow(self, segment: _Segment, size: int) -> None:
        self._room.used += size - segment.size
        segment.size = size

    def _read(self, segment: _Segment) -> Iterator[tuple[OutRecord, int]]:
        """Yield the records of a segment from where it was read, each with where it ends."""
        if segment.read >= segment.end:
            return
        with segment.path.open("rb") as file:
            file.seek(segment.read)
            at = segment.read
            while at < segment.end:
                record = _record(file, segment.end - at)
                if record is None:
                    segment.whole = at
                    self.torn += 1
                    log.error("spill is torn", file=str(segment.path), at=at, size=segment.size)
                    return
                at = file.tell()
                yield record, at

    def _drop(self, number: int, offset: int) -> None:
        while self._segments and self._segments[0].number < number:
            self._delete()
        if not self._segments:
            return
        first = self._segments[0]
        if offset >= first.end:
            self._delete()
        else:
            self._note(first.number, offset)

    def _delete(self) -> None:
        (self._folder / POSITION).unlink(missing_ok=True)  # of this one, and none of a later one
        segment = self._segments.popleft()
        if not self._segments:
            self._close()
        segment.path.unlink(missing_ok=True)
        self._grow(segment, 0)

    def _note(self, number: int, offset: int) -> None:
        packed = _POSITION.pack(number, offset, crc32(b"%d/%d" % (number, offset)))
        (self._folder / POSITION).write_bytes(packed)

    def _position(self) -> tuple[int, int]:
        path = self._folder / POSITION
        packed = path.read_bytes() if path.exists() else b""
        if len(packed) != _POSITION.size:
            return 0, 0
        number, offset, checksum = _POSITION.unpack(packed)
        return (number, offset) if checksum == crc32(b"%d/%d" % (number, offset)) else (0, 0)

    def _close(self) -> None:
        if self._writing is not None:
            os.close(self._writing)
            self._writing = None


def _framed(record: OutRecord) -> bytes:
    content = _encode(
        (record.topic, record.partition, record.key, record.value, list(record.headers))
    )
    return _HEAD.pack(len(content), crc32(content)) + content


def _record(file: BinaryIO, left: int) -> OutRecord | None:
    """Return the next record of a file of which so many bytes are left, or None if it is damaged."""
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    length, checksum = _HEAD.unpack(head)
    if length > left - _HEAD.size:
        return None
    content = file.read(length)
    if crc32(content) != checksum:
        return None
    return OutRecord(*_decode(content))


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
