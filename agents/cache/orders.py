"""What is not to be said any more: everything of before, or single values. PURE.

All of it is one hash in Redis. Where Redis loses that, it loses it whole, and whoever looks next begins an epoch that
nobody had before: what stood against a value is lost together with the way to the value.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

TOMBSTONES_MAX = 1_000
"""People's and a breaker's; who needs more begins a new epoch."""
EPOCH: Final = b"epoch"
_TOMBSTONE = b"tombstone "
_DIGITS_MAX = 18


class Orders(Struct, frozen=True):
    """What stood when somebody looked."""

    epoch: int
    """In every name; a higher one is the kill switch. The first is the time it began at, in ms."""
    tombstones: Mapping[str, int] = {}
    """By a key's word: until when, in ms, nothing is said under it, and nobody asked."""

    def bars(self, word: str, now_ms: int) -> bool:
        """Return whether nothing is to be said under a key."""
        return now_ms < self.tombstones.get(word, 0)

    def expired(self, now_ms: int) -> list[str]:
        """Return the keys whose tombstones are over."""
        return [word for word, until_ms in self.tombstones.items() if until_ms <= now_ms]


def read_orders(told: Mapping[bytes, bytes]) -> Orders | None:
    """Return what the hash says, at most `TOMBSTONES_MAX` keys of it; None where there is no epoch in it."""
    epoch = _whole(told.get(EPOCH, b""))
    if epoch is None:
        return None
    tombstones: dict[str, int] = {}
    for field, value in told.items():
        until_ms = _whole(value)
        if field.startswith(_TOMBSTONE) and field.isascii() and until_ms is not None:
            tombstones[field.removeprefix(_TOMBSTONE).decode()] = until_ms
        if len(tombstones) >= TOMBSTONES_MAX:
            break
    return Orders(epoch, tombstones)


def tombstone(word: str) -> bytes:
    """Return the field of a key's tombstone."""
    return _TOMBSTONE + word.encode()


def _whole(told: bytes) -> int | None:
    return int(told) if told.isdigit() and len(told) <= _DIGITS_MAX else None
