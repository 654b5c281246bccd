"""What is going on at an instant, and until when that stays so: PURE."""

from bisect import bisect_right
from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

FOREVER_MS = 2**53


class Span(NamedTuple, Generic[T]):
    """A thing that goes on in [from_ms, to_ms)."""

    from_ms: int
    to_ms: int
    thing: T


class Spans(Generic[T]):
    """Spans that may overlap, asked by instant."""

    def __init__(self, spans: Iterable[Span[T]]) -> None:
        """Take all of them."""
        known = list(spans)
        self._edges = sorted({edge for span in known for edge in (span.from_ms, span.to_ms)})
        starts = [0, *self._edges]
        self._things = [
            tuple(span.thing for span in known if span.from_ms <= start < span.to_ms)
            for start in starts
        ]

    def at(self, time_ms: int) -> tuple[tuple[T, ...], int]:
        """Return what goes on at an instant, and the first instant at which that changes."""
        place = bisect_right(self._edges, time_ms)
        until_ms = self._edges[place] if place < len(self._edges) else FOREVER_MS
        return self._things[place], until_ms
