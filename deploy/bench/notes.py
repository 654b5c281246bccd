"""What a measured process notes of itself as it goes: a line of JSON a checkpoint, in a file that the bench reads."""

import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import faust
import msgspec
from faust.types import TP, Message
from msgspec import Struct

from streams.engine.port import Observer

_encode = msgspec.json.encode


class Note(Struct, kw_only=True, omit_defaults=True):
    """One instant of a process. ``at_s`` is the machine's monotonic clock, which all its processes share."""

    what: Literal["assigned", "fetched", "committed"]
    at_s: float
    cpu_s: float
    """User and system time of the process until now."""
    rss_bytes: int
    """Resident now."""
    rss_bytes_max: int
    read: int = 0
    """Records handed to the fold until now, over all partitions."""
    entries: int = 0
    outputs: int = 0
    took_s: float = 0.0
    """Of the transaction."""


class Notes:
    """Writes notes, each at once, so that nothing is lost however the process ends."""

    def __init__(self, file: Path) -> None:
        """Open the file."""
        self._file = file.open("ab", buffering=0)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._file.close()

    def write(self, what: Literal["assigned", "fetched", "committed"], **more: Any) -> None:  # noqa: ANN401 - any field
        """Write a note of this instant."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        now, peak = _resident(usage)
        note = Note(
            what=what,
            at_s=time.monotonic(),
            cpu_s=usage.ru_utime + usage.ru_stime,
            rss_bytes=now,
            rss_bytes_max=peak,
            **more,
        )
        self._file.write(_encode(note) + b"\n")


class Stopwatch(faust.Sensor):
    """Notes the first fetch and every commit: an observer of the engine, and a sensor of Faust."""

    def __init__(self, notes: Notes, observer: Observer) -> None:
        """Tell ``observer`` everything too."""
        super().__init__()
        self._notes, self._observer = notes, observer
        self._next_offsets: dict[TP, int] = {}

    def on_message_in(self, tp: TP, offset: int, message: Message) -> None:
        """A slice has been fetched and goes to its fold. ``offset`` is its last record's."""
        del message
        if not self._next_offsets:
            self._notes.write("fetched")
        self._next_offsets[tp] = offset + 1

    def checkpointed(self, partition: int, *, took_s: float, entries: int, outputs: int) -> None:
        """A transaction has been committed."""
        self._observer.checkpointed(partition, took_s=took_s, entries=entries, outputs=outputs)
        read = sum(self._next_offsets.values())
        self._notes.write("committed", read=read, entries=entries, outputs=outputs, took_s=took_s)

    def assigned(self, partitions: Sequence[int], *, loaded_s: float, entries: int) -> None:
        """The partitions of this worker are loaded and will be read."""
        self._observer.assigned(partitions, loaded_s=loaded_s, entries=entries)
        self._notes.write("assigned")


def read_notes(file: Path) -> list[Note]:
    """Return what has been noted so far; a line that is half written is left for the next time."""
    if not file.exists():
        return []
    whole, _, _ = file.read_bytes().rpartition(b"\n")
    return [msgspec.json.decode(line, type=Note) for line in whole.splitlines()]


def _resident(usage: resource.struct_rusage) -> tuple[int, int]:
    """Return the resident bytes of this process now and at most.

    Linux counts what the parent had at the fork into `ru_maxrss`; /proc does not.
    """
    try:
        told = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        return peak, peak
    kb = {line.partition(":")[0]: line.split()[1] for line in told.splitlines() if " kB" in line}
    return int(kb["VmRSS"]) * 1024, int(kb["VmHWM"]) * 1024
