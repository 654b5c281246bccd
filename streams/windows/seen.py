"""Has this event been folded before? Memory that is a function of the log, and bounded.

Where a venue numbers its trades without holes, the numbers seen are a few intervals. Other ids are
remembered as 64-bit digests for a span of event time. Where the memory does not reach, the answer is UNSURE:
the event counts, and its window says so.
"""

from bisect import bisect_right
from enum import Enum
from hashlib import blake2b

from msgspec import Struct

INTERVALS_MAX = 64
"""Intervals of one venue and instrument; beyond it the lowest is forgotten."""
DIGESTS_MAX = 1_000_000
"""Digests of one partition of one topic; beyond it the oldest span is forgotten."""
SPAN_MS = 10_000
"""Digests are forgotten in spans of this much event time."""


class Verdict(Enum):
    """What the memory says of an event."""

    NEW = "new"
    DUPLICATE = "duplicate"
    UNSURE = "unsure"


class Intervals(Struct, array_like=True):
    """The sequence numbers seen of one venue and instrument: disjoint, ascending, never adjacent."""

    firsts: list[int] = []
    lasts: list[int] = []
    floor: int = -1
    """Numbers up to here have been forgotten."""

    def add(self, number: int) -> Verdict:
        """Take a number and say whether it was there."""
        if number <= self.floor:
            return Verdict.UNSURE
        at = bisect_right(self.firsts, number) - 1
        if at >= 0 and number <= self.lasts[at]:
            return Verdict.DUPLICATE
        joins_left = at >= 0 and self.lasts[at] == number - 1
        joins_right = at + 1 < len(self.firsts) and self.firsts[at + 1] == number + 1
        if joins_left and joins_right:
            self.lasts[at] = self.lasts.pop(at + 1)
            del self.firsts[at + 1]
        elif joins_left:
            self.lasts[at] = number
        elif joins_right:
            self.firsts[at + 1] = number
        else:
            self.firsts.insert(at + 1, number)
            self.lasts.insert(at + 1, number)
        if len(self.firsts) > INTERVALS_MAX:
            del self.firsts[0]
            self.floor = self.lasts.pop(0)
        return Verdict.NEW

    def ends_before(self, number: int) -> bool:
        """Return whether a number is the next after the highest seen."""
        return bool(self.lasts) and self.lasts[-1] == number - 1

    def extend(self, count: int) -> None:
        """Take so many numbers after the highest seen."""
        self.lasts[-1] += count


class Digests:
    """The other ids of one partition, by spans of event time.

    The same event has the same id and the same time, so an id is looked for in its own span only. State
    holds them in chunks, one a checkpoint, so that nothing is written twice.
    """

    def __init__(self, floor_ms: int = 0) -> None:
        """Begin empty. ``floor_ms`` is where the memory begins."""
        self.floor_ms = floor_ms
        self.size = 0
        self._spans: dict[int, set[int]] = {}
        self._fresh: list[tuple[int, int]] = []
        self._chunks: dict[int, int] = {}

    def add(self, event_id: str, event_ms: int) -> Verdict:
        """Take an id and say whether it was there."""
        if event_ms < self.floor_ms:
            return Verdict.UNSURE
        span, digest = event_ms // SPAN_MS, digest_of(event_id)
        known = self._spans.setdefault(span, set())
        if digest in known:
            return Verdict.DUPLICATE
        known.add(digest)
        self.size += 1
        self._fresh.append((span, digest))
        if self.size > DIGESTS_MAX:
            self.forget_before((min(self._spans) + 1) * SPAN_MS)
        return Verdict.NEW

    def forget_before(self, time_ms: int) -> None:
        """Forget whole spans that end by ``time_ms``."""
        floor = time_ms // SPAN_MS
        if floor * SPAN_MS <= self.floor_ms:
            return
        self.floor_ms = floor * SPAN_MS
        for span in [span for span in self._spans if span < floor]:
            self.size -= len(self._spans.pop(span))

    def take_chunk(self, number: int) -> list[tuple[int, int]]:
        """Return what was added since the last chunk, as (span, digest). It is chunk ``number`` from now on."""
        fresh = [(span, digest) for span, digest in self._fresh if span * SPAN_MS >= self.floor_ms]
        self._fresh = []
        if fresh:
            self._chunks[number] = max(span for span, _ in fresh)
        return fresh

    def take_dead_chunks(self) -> list[int]:
        """Return the chunks that hold nothing any more, and know them no longer."""
        dead = [n for n, span in self._chunks.items() if (span + 1) * SPAN_MS <= self.floor_ms]
        for number in dead:
            del self._chunks[number]
        return dead

    def restore(self, number: int, chunk: list[tuple[int, int]]) -> None:
        """Take a chunk back; what lies below the floor has been forgotten since."""
        self._chunks[number] = max(span for span, _ in chunk)
        for span, digest in chunk:
            if span * SPAN_MS >= self.floor_ms:
                self._spans.setdefault(span, set()).add(digest)
                self.size += 1


def digest_of(event_id: str) -> int:
    """Return 64 bits of an id: BLAKE2b, 8 bytes, big-endian."""
    return int.from_bytes(blake2b(event_id.encode(), digest_size=8).digest(), "big")
