"""Where a record belongs and what cannot be: steps 3 and 4 of section 3 of docs/windows.md."""

import re
from functools import lru_cache

from .form import Record, RefusedError

EVENT_MS_MIN = 1_230_940_800_000
AHEAD_MS_MAX = 60_000
_PRODUCT_MAX = 1e15
_SPAN_MS_MAX = 253_402_300_799_999
_ASSET = r"[A-Z0-9][A-Z0-9._-]{0,23}"
_SUBJECT = {
    "market": re.compile(rf"{_ASSET}/{_ASSET}(:{_ASSET})?"),
    "volume": re.compile(_ASSET),
    "social": re.compile(_ASSET),
    "development": re.compile(_ASSET),
}
_MULTIPLIER, _SEED = 0x5BD1E995, 0x9747B28C


def asset_of(subject: str) -> str:
    """Return what stands before the first slash."""
    return subject.split("/", 1)[0]


def check_route(kind: str, subject: str, key: bytes | None, here: int, partitions: int) -> None:
    """Refuse a subject that is no subject of the kind, or that does not belong under this key and here."""
    if not _SUBJECT[kind].fullmatch(subject):
        raise RefusedError(reason="invalid")
    asset = asset_of(subject)
    if key != asset.encode() or partition_of(asset, partitions) != here:
        raise RefusedError(reason="misrouted")


def check_sense(event: Record) -> None:
    """Refuse a time before there was anything, one of a clock far ahead, and a product or span beyond its bound."""
    if not EVENT_MS_MIN <= event["event_ms"] <= event["received_ms"] + AHEAD_MS_MAX:
        raise RefusedError(reason="absurd_time")
    if event["type"] == "trade" and float(event["price"]) * float(event["size"]) > _PRODUCT_MAX:
        raise RefusedError(reason="out_of_range")
    if event["type"].startswith("volume.") and event["span_ms"] > _SPAN_MS_MAX:
        raise RefusedError(reason="out_of_range")


@lru_cache(maxsize=100_000)
def partition_of(asset: str, partitions: int) -> int:
    """Return the partition of an asset: Kafka's murmur2 of its bytes, without the sign, modulo."""
    return (_murmur2(asset.encode()) % 2**31) % partitions


def _murmur2(data: bytes) -> int:
    h = _SEED ^ len(data)
    words, rest = divmod(len(data), 4)
    for at in range(words):
        k = int.from_bytes(data[4 * at : 4 * at + 4], "little") * _MULTIPLIER % 2**32
        k = (k ^ k >> 24) * _MULTIPLIER % 2**32
        h = h * _MULTIPLIER % 2**32 ^ k
    if rest:
        h = (h ^ int.from_bytes(data[-rest:], "little")) * _MULTIPLIER % 2**32
    h = (h ^ h >> 13) * _MULTIPLIER % 2**32
    return h ^ h >> 15
