"""The last records of the topics that are streamed, and exactly how far each log was read. PURE.

A stream's cursor is, for each of its topics, the offset that comes next in every partition. So it means the same after
a restart and on another replica, and a reader that comes back with it misses nothing and gets nothing twice.
"""

from collections import deque
from collections.abc import Collection, Mapping
from typing import NamedTuple

from streams.serving.cursor import Positions, written

REMEMBERED_MAX = 5_000
REMEMBERED_BYTES_MAX = 16 * 1024 * 1024
"""Of what is remembered for readers that were away for a moment; the log has the rest."""


class Happening(NamedTuple):
    """One record, as every stream that wants it sends it."""

    topic: str
    partition: int
    offset: int
    asset: str
    """Empty where it is of none."""
    data: bytes
    """The event's lines but its id."""
    segment: str
    """Of the cursor after it: that of its own topic."""


class Tail:
    """Takes records in the order they are read."""

    def __init__(self) -> None:
        """Begin with no log known."""
        self.begun = False
        """Whether it is known how far every log was read: before, nothing can be streamed exactly."""
        self.segments: dict[str, str] = {}
        """Of the cursor now, by topic."""
        self._positions: Positions = {}
        self._forgotten: Positions = {}
        """By log, the offset after the last record that is remembered no more, or from which on it was read."""
        self._last: deque[Happening] = deque()
        self._bytes = 0

    def begin(self, positions: Mapping[tuple[str, int], int]) -> None:
        """Take it that every log has been read up to here, and everything before has been taken or is not wanted."""
        self.begun = True
        self._positions = {
            log: max(at, self._positions.get(log, 0)) for log, at in positions.items()
        }
        self._forgotten = dict(self._positions)
        self._last.clear()
        self._bytes = 0
        for topic, _ in positions:
            self._write(topic)

    def pass_over(self, topic: str, partition: int, offset: int) -> None:
        """Take it that a record was read that is not streamed, or before streams can begin."""
        log = topic, partition
        self._positions[log] = max(offset + 1, self._positions.get(log, 0))

    def put(
        self, topic: str, partition: int, offset: int, *, asset: str, data: bytes
    ) -> Happening | None:
        """Take a record; None: it was taken before, or it is not known yet where its log is."""
        log = topic, partition
        if not self.begun or offset < self._positions.get(log, 0):
            return None
        self._positions[log] = offset + 1
        self._write(topic)
        return self._remember(
            Happening(topic, partition, offset, asset, data, self.segments[topic])
        )

    def jump(self, topic: str, partition: int, offset: int, *, data: bytes) -> Happening | None:
        """Take it that a log goes on at an offset: what lay before is deleted, or it is another log.

        ``data`` tells so, as a happening that every stream of the topic gets.
        """
        if not self.begun:
            return None
        log = topic, partition
        if offset < self._positions.get(log, 0):
            self._last = deque(h for h in self._last if (h.topic, h.partition) != log)
            self._bytes = sum(len(h.data) for h in self._last)
            self._forgotten[log] = offset
        self._positions[log] = offset
        self._write(topic)
        return self._remember(
            Happening(topic, partition, offset - 1, "", data, self.segments[topic])
        )

    def _remember(self, happening: Happening) -> Happening:
        self._last.append(happening)
        self._bytes += len(happening.data)
        while len(self._last) > REMEMBERED_MAX or self._bytes > REMEMBERED_BYTES_MAX:
            gone = self._last.popleft()
            self._bytes -= len(gone.data)
            self._forgotten[gone.topic, gone.partition] = gone.offset + 1
        return happening

    def position(self, log: tuple[str, int]) -> int:
        """Return the offset that comes next in a log."""
        return self._positions.get(log, 0)

    def logs(self, topics: Collection[str]) -> list[tuple[str, int]]:
        """Return every log of these topics."""
        return sorted(log for log in self._positions if log[0] in topics)

    def since(self, at: Mapping[tuple[str, int], int]) -> list[Happening] | None:
        """Return what came after these positions, in order; None: not all of it is remembered.

        Logs without a position are not looked at.
        """
        if any(offset < self._forgotten.get(log, 0) for log, offset in at.items()):
            return None
        return [h for h in self._last if h.offset >= at.get((h.topic, h.partition), h.offset + 1)]

    def _write(self, topic: str) -> None:
        logs = {log: offset for log, offset in self._positions.items() if log[0] == topic}
        self.segments[topic] = written(logs)
