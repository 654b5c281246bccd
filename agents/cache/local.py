"""Values in this process: what was not asked for the longest goes first, and each has its own time. PURE."""

from cachetools import TLRUCache
from msgspec import Struct

from .codec import Entry

ENTRY_BYTES = 600
"""What keeping a value takes besides the value and its name: 507 measured, and room for the ends of tables."""


class _Kept(Struct, frozen=True):
    entry: Entry
    until_ms: int
    size: int


class LocalCache:
    """At most so many bytes of values. Time is an argument, and does not go back."""

    def __init__(self, bytes_max: int) -> None:
        """Begin empty."""
        self.evictions = 0
        """Values that had to go before their time."""
        self._now_ms = 0
        self._kept: TLRUCache[str, _Kept] = TLRUCache(
            bytes_max,
            ttu=lambda _name, kept, _now_ms: kept.until_ms,
            timer=lambda: self._now_ms,
            getsizeof=lambda kept: kept.size,
        )

    def __len__(self) -> int:
        """Return how many values are kept."""
        return len(self._kept)

    @property
    def size(self) -> int:
        """How many bytes they take."""
        return int(self._kept.currsize)

    def get(self, name: str, now_ms: int) -> Entry | None:
        """Return a value that is kept."""
        self._forward(now_ms)
        kept = self._kept.get(name)
        return None if kept is None else kept.entry

    def put(self, name: str, entry: Entry, *, until_ms: int, now_ms: int) -> None:
        """Keep a value until a time, in the place of an earlier one; one that is larger than all there is is not."""
        self._forward(now_ms)
        self._kept.pop(name, None)
        size = ENTRY_BYTES + len(name) + len(entry.value)
        if size > self._kept.maxsize or until_ms <= self._now_ms:
            return
        before = len(self._kept)
        self._kept[name] = _Kept(entry, until_ms, size)
        self.evictions += before + 1 - len(self._kept)

    def drop(self, name: str) -> None:
        """Forget a value, if it is kept."""
        self._kept.pop(name, None)

    def _forward(self, now_ms: int) -> None:
        self._now_ms = max(self._now_ms, now_ms)
        self._kept.expire()
