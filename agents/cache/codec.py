"""Values as Redis keeps them. PURE.

A version, when it was made, a check sum over name and value, and the value, deflated. Redis is not trusted: what
cannot be read, is too long, belongs elsewhere or was made in the future is no value, and says why.
"""

import zlib
from struct import Struct as Layout
from typing import Literal

from msgspec import Struct

VALUE_BYTES_MAX = 8_192
"""Of a value; a narrative has about one thousand."""
_HEAD = Layout(">BQI")
PACKED_BYTES_MAX = _HEAD.size + VALUE_BYTES_MAX + 64
"""Deflate adds five bytes for 16 KiB that it cannot make shorter, zlib six."""
CLOCK_MS_MAX = 5_000
"""So far ahead another worker's clock may be."""
_VERSION = 1
_LEVEL = 6
Why = Literal["too_long", "cut_off", "version", "future", "damaged"]


class Entry(Struct, frozen=True):
    """A value, and when it was made."""

    value: bytes
    made_ms: int

    def age_ms(self, now_ms: int) -> int:
        """Return how old it is; by another's clock it may not be made yet."""
        return max(0, now_ms - self.made_ms)


class Unreadable(Struct, frozen=True):
    """What stands there is no value."""

    why: Why


def pack(name: str, entry: Entry) -> bytes | None:
    """Return a value as it is kept under a name; None where it is longer than `VALUE_BYTES_MAX`."""
    if len(entry.value) > VALUE_BYTES_MAX:
        return None
    head = _HEAD.pack(_VERSION, entry.made_ms, _sum(name, entry))
    return head + zlib.compress(entry.value, _LEVEL)


def unpack(name: str, packed: bytes, now_ms: int) -> Entry | Unreadable:
    """Return the value that is kept under a name, or why it is none. Never more than the longest value is unpacked."""
    if len(packed) > PACKED_BYTES_MAX:
        return Unreadable("too_long")
    if len(packed) < _HEAD.size:
        return Unreadable("cut_off")
    version, made_ms, check = _HEAD.unpack_from(packed)
    if version != _VERSION:
        return Unreadable("version")
    if made_ms > now_ms + CLOCK_MS_MAX:
        return Unreadable("future")
    value = _inflated(packed[_HEAD.size :])
    if isinstance(value, Unreadable):
        return value
    entry = Entry(value, made_ms)
    return entry if check == _sum(name, entry) else Unreadable("damaged")


def _inflated(deflated: bytes) -> bytes | Unreadable:
    inflater = zlib.decompressobj()
    try:
        value = inflater.decompress(deflated, VALUE_BYTES_MAX + 1)
    except zlib.error:
        return Unreadable("damaged")
    if len(value) > VALUE_BYTES_MAX:
        return Unreadable("too_long")
    return value if inflater.eof and not inflater.unused_data else Unreadable("damaged")


def _sum(name: str, entry: Entry) -> int:
    """Return a sum that finds accidents, not forgers: a value of another name, an answer to another question."""
    return zlib.crc32(entry.value, zlib.crc32(f"{name} {entry.made_ms} ".encode()))
