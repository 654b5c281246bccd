"""What has been folded before: section 6 of docs/windows.md."""

from hashlib import blake2b
from typing import Literal

from .form import Record

INTERVALS_MAX = 64
DIGESTS_MAX = 1_000_000
SPAN_MS = 10_000

Verdict = Literal["new", "duplicate", "unsure"]


def event_id(event: Record) -> str:
    """Return an event's id."""
    return "|".join([event["type"], event["subject"], *map(str, _named(event))])


def _named(event: Record) -> tuple[object, ...]:
    """Return what tells an event from the others of its type and subject, the venue's own text last."""
    match event["type"]:
        case "trade":
            return event["venue"], event["trade_id"]
        case "post":
            return event["platform"], event["post_id"]
        case "repository.event":
            return event["source"], event["event_id"]
        case _:
            return event["span_ms"], event["event_ms"], event["venue"], event["instrument"]


def place_of(event: Record) -> str:
    """Return the place of an event."""
    match event["type"]:
        case "trade":
            return str(event["venue"])
        case "volume.flow" | "volume.level":
            return f"{event['venue']}|{event['instrument']}"
        case _:
            return ""


class Sequences:
    """The numbers seen at one place, as intervals: their first numbers, each with its last."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self._lasts: dict[int, int] = {}
        self._floor = -1

    def add(self, number: int) -> Verdict:
        """Take a number."""
        if number <= self._floor:
            return "unsure"
        for first, last in self._lasts.items():
            if first <= number <= last:
                return "duplicate"
        first, last = number, self._lasts.pop(number + 1, number)
        for start, end in self._lasts.items():
            if end == number - 1:
                first = start
                break
        self._lasts[first] = last
        if len(self._lasts) > INTERVALS_MAX:
            self._floor = self._lasts.pop(min(self._lasts))
        return "new"


class Digests:
    """The digests of the other ids, by spans of event time."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self._spans: dict[int, set[bytes]] = {}
        self._size = 0
        self._floor_ms = 0

    def add(self, name: str, event_ms: int) -> Verdict:
        """Take an id."""
        if event_ms < self._floor_ms:
            return "unsure"
        digest = blake2b(name.encode(), digest_size=8).digest()
        span = self._spans.setdefault(event_ms // SPAN_MS, set())
        if digest in span:
            return "duplicate"
        span.add(digest)
        self._size += 1
        if self._size > DIGESTS_MAX:
            self.raise_floor((min(self._spans) + 1) * SPAN_MS)
        return "new"

    def raise_floor(self, time_ms: int) -> None:
        """Forget what ends at or before ``time_ms``, rounded down to a span."""
        self._floor_ms = max(self._floor_ms, time_ms // SPAN_MS * SPAN_MS)
        for number in [n for n in self._spans if (n + 1) * SPAN_MS <= self._floor_ms]:
            self._size -= len(self._spans.pop(number))
