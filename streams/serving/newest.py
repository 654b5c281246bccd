"""The newest records of one sort, in the order of their log times: the same ones in whatever order they come. PURE."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Generic, NamedTuple, TypeVar

from .shown import Place

T = TypeVar("T")


class Kept(NamedTuple, Generic[T]):
    """A record's content, with when it was logged and where it stands."""

    at_ms: int
    place: Place
    item: T


class Newest(Generic[T]):
    """At most ``most`` records, and none logged before a time that rises."""

    def __init__(self, most: int) -> None:
        """Begin with none."""
        self.forgotten = 0
        """Records that had to make room for others before their time."""
        self.most = most
        self._since_ms = 0
        self._kept: list[Kept[T]] = []

    def put(self, kept: Kept[T]) -> list[Kept[T]]:
        """Take a record; return those that are gone for it, perhaps itself."""
        insort(self._kept, kept, key=_age)
        return self._trim()

    def forget_before(self, since_ms: int) -> list[Kept[T]]:
        """Let go what was logged before a time, now and later; return what is gone."""
        self._since_ms = max(self._since_ms, since_ms)
        return self._trim()

    def remove(self, kept: Kept[T]) -> None:
        """Let a record go before its time: its own kind has too many."""
        at = bisect_left(self._kept, _age(kept), key=_age)
        if at < len(self._kept) and self._kept[at] is kept:
            del self._kept[at]
            self.forgotten += 1

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._kept)

    def __iter__(self) -> Iterator[Kept[T]]:
        """Give them, the oldest first."""
        return iter(self._kept)

    def newest_first(self) -> Iterator[Kept[T]]:
        """Give them, the newest first."""
        return reversed(self._kept)

    def _trim(self) -> list[Kept[T]]:
        end = 0
        while end < len(self._kept) and self._kept[end].at_ms < self._since_ms:
            end += 1
        over = len(self._kept) - end - self.most
        if over > 0:
            self.forgotten += over
            end += over
        if not end:
            return []
        gone = self._kept[:end]
        del self._kept[:end]
        return gone


def _age(kept: Kept[T]) -> tuple[int, Place]:
    return kept.at_ms, kept.place
