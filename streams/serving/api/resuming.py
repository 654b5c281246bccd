"""What a reader that comes back missed: out of memory, else out of the log, and what is no more is named.

The log is a port; which records are asked of it is decided by pure functions.
"""

from collections.abc import AsyncIterator, Mapping
from typing import NamedTuple, Protocol

from streams.serving.cursor import Positions, written

from .events import GAP, told_lines, with_id
from .hub import Subscription
from .tail import Happening, Tail

RESUMED_MAX = 50_000
"""Offsets read again for one reader, of all its logs together."""


class Hole(NamedTuple):
    """Offsets of a log that a reader does not get."""

    topic: str
    partition: int
    from_offset: int
    to_offset: int
    """The first that it may get again."""
    why: str


class Span(NamedTuple):
    """Offsets of a log that are read again: from the first to before the last."""

    topic: str
    partition: int
    from_offset: int
    to_offset: int


class Log(Protocol):
    """What is asked of the broker."""

    async def begins(self, logs: list[tuple[str, int]]) -> Positions:
        """Return where logs begin."""

    def records(self, spans: list[Span]) -> AsyncIterator[Happening]:
        """Give every record of the spans that is streamed, of each log in its order."""


def spans_of(at: Mapping[tuple[str, int], int], live: Positions) -> list[Span]:
    """Return what lies between where a reader was and where the logs were when it came back."""
    return [
        Span(topic, partition, offset, live[topic, partition])
        for (topic, partition), offset in sorted(at.items())
        if offset < live.get((topic, partition), 0)
    ]


def cut(
    spans: list[Span], begins: Positions, most: int = RESUMED_MAX
) -> tuple[list[Span], list[Hole]]:
    """Return what can be read again, and what cannot: it was deleted, or it is too much."""
    kept, holes = [], []
    share = max(1, most // max(1, len(spans)))
    for topic, partition, first, last in spans:
        begin = min(max(first, begins.get((topic, partition), 0)), last)
        if begin > first:
            holes.append(Hole(topic, partition, first, begin, "the log no longer has them"))
        late = max(begin, last - share)
        if late > begin:
            holes.append(Hole(topic, partition, begin, late, f"more than {share} came meanwhile"))
        if late < last:
            kept.append(Span(topic, partition, late, last))
    return kept, holes


class Return:
    """A reader's way from where it was to where its subscription began."""

    def __init__(self, tail: Tail, subscription: Subscription, at: Positions) -> None:
        """``at``: where the reader was. It must be made at once when the subscription is."""
        self._subscription = subscription
        self._arrival = dict(subscription.segments)
        live = {log: tail.position(log) for log in tail.logs(subscription.topics)}
        self._at = {log: min(at.get(log, offset), offset) for log, offset in live.items()}
        self.spans = spans_of(self._at, live)
        """What it missed."""
        self.remembered = tail.since(self._at) if self.spans else []
        """That, if all of it is remembered; else None."""
        for topic in {span.topic for span in self.spans}:
            self._write(topic)

    def hole(self, hole: Hole) -> bytes:
        """Return the event that names what is missing, and go on behind it."""
        log = hole.topic, hole.partition
        self._move(log, max(self._at[log], min(hole.to_offset, self._end(log))))
        return with_id(told_lines(GAP, **hole._asdict()), self._subscription.cursor)

    def record(self, happening: Happening) -> bytes:
        """Return a record's event; empty if it was not asked for."""
        self._move((happening.topic, happening.partition), happening.offset + 1)
        if not self._subscription.wants(happening):
            return b""
        return with_id(happening.data, self._subscription.cursor)

    def arrive(self) -> None:
        """Take it that everything up to the subscription's begin was given: offsets without records too."""
        self._subscription.segments = self._arrival

    def _end(self, log: tuple[str, int]) -> int:
        return next(
            (s.to_offset for s in self.spans if (s.topic, s.partition) == log), self._at[log]
        )

    def _move(self, log: tuple[str, int], offset: int) -> None:
        self._at[log] = offset
        self._write(log[0])

    def _write(self, topic: str) -> None:
        logs = {log: offset for log, offset in self._at.items() if log[0] == topic}
        self._subscription.segments[topic] = written(logs)
