"""Who an event belongs to: its asset, its partition, its id. All functions of the content."""

from functools import lru_cache

from .development import RepositoryEvent
from .market import Trade
from .social import Post
from .units import Kind
from .volume import VolumeFlow, VolumeLevel

RawEvent = Trade | VolumeFlow | VolumeLevel | Post | RepositoryEvent

_SEED = 0x9747B28C
_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """Return Kafka's own 32-bit MurmurHash2 of a key (Appleby 2008; seed and reading of Kafka's Java client)."""
    length = len(data)
    h = (_SEED ^ length) & _MASK
    whole = length & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * _M & _MASK
        k = (k ^ k >> 24) * _M & _MASK
        h = h * _M & _MASK ^ k
    if rest := data[whole:]:
        h = (h ^ int.from_bytes(rest, "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


@lru_cache(maxsize=100_000)
def partition_of(asset: str, partitions: int) -> int:
    """Return the partition of an asset, as Kafka's Java client would choose it.

    Writers send it explicitly, because other clients' defaults differ (librdkafka hashes by CRC32).
    """
    return (murmur2(asset.encode()) & 0x7FFFFFFF) % partitions


def asset_of(subject: str) -> str:
    """Return the base asset of a subject: ``XRP`` of ``XRP/ETH``, and of ``XRP``."""
    return subject.partition("/")[0]


def event_id(event: RawEvent) -> str:
    """Return the id of a raw event: the same event has it in whatever topic and however often it comes.

    No two events have one id: no type, subject or name can hold a ``|``, and the venue's own text comes last.
    """
    match event:
        case Trade():
            return f"trade|{event.subject}|{event.venue}|{event.trade_id}"
        case VolumeFlow():
            return f"volume.flow|{_report(event)}"
        case VolumeLevel():
            return f"volume.level|{_report(event)}"
        case Post():
            return f"post|{event.subject}|{event.platform}|{event.post_id}"
        case RepositoryEvent():
            return f"repository.event|{event.subject}|{event.source}|{event.event_id}"


def _report(event: VolumeFlow | VolumeLevel) -> str:
    return f"{event.subject}|{event.span_ms}|{event.event_ms}|{event.venue}|{event.instrument}"


def kind_of(event: RawEvent) -> Kind:
    """Return which raw topic an event belongs to."""
    match event:
        case Trade():
            return "market"
        case VolumeFlow() | VolumeLevel():
            return "volume"
        case Post():
            return "social"
        case RepositoryEvent():
            return "development"
