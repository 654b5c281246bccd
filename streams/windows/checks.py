"""What a record must be beyond its form. Each check raises a ContractError, whose reason is a dead letter's."""

import re

from topics import ContractError, Heartbeat, Kind
from topics.identity import asset_of, partition_of
from topics.units import (
    ASSET_PATTERN,
    EPOCH_MS_MAX,
    INSTRUMENT_PATTERN,
    NAME_PATTERN,
    NUMBER_MAX,
)

from .intake import EventIn, FlowIn, LevelIn, Mark, PostIn, TradeIn

EVENT_MS_MIN = 1_230_940_800_000
"""2009-01-03, the first block of the first chain: nothing of ours can be older."""
AHEAD_MS_MAX = 60_000
"""An event further ahead of its own receipt than this comes from a wrong clock."""
PROMISE_AHEAD_MS_MAX = 10_000
"""A promise further ahead of the log's time than this, likewise. It is less than any kind's source idle, and well
so: a source that is believed can leave none out whose clock is right."""

_ASSET = re.compile(ASSET_PATTERN)
_INSTRUMENT = re.compile(INSTRUMENT_PATTERN)
_NAME = re.compile(NAME_PATTERN)


def check_route(kind: Kind, subject: str, key: bytes | None, here: int, partitions: int) -> None:
    """Refuse a subject of the wrong form, or one under another asset's key or in another's partition."""
    if not (_INSTRUMENT if kind == "market" else _ASSET).match(subject):
        msg = f"{subject!r} has not the form of a {kind} subject"
        raise ContractError(msg, reason="invalid")
    asset = asset_of(subject)
    belongs = partition_of(asset, partitions)
    if key != asset.encode() or belongs != here:
        msg = f"{subject} belongs under key {asset} in partition {belongs}, not under {key!r} in {here}"
        raise ContractError(msg, reason="misrouted")


def check_names(event: EventIn) -> None:
    """Refuse a source, venue or platform that is not written as one: what is read of it would be refused too."""
    place = event.platform if isinstance(event, PostIn) else getattr(event, "venue", event.source)
    for name in (event.source, place):
        if not _NAME.match(name):
            msg = f"{name!r} has not the form of a source, venue or platform"
            raise ContractError(msg, reason="invalid")


def check_event(event: EventIn) -> None:
    """Refuse a time that cannot be, and a product or span beyond what exact sums and ids hold."""
    if not EVENT_MS_MIN <= event.event_ms <= event.received_ms + AHEAD_MS_MAX:
        msg = (
            f"event_ms {event.event_ms} is before 2009-01-03 or more than {AHEAD_MS_MAX} ms"
            f" after its receipt at {event.received_ms}"
        )
        raise ContractError(msg, reason="absurd_time")
    if isinstance(event, TradeIn):
        if event.price * event.size > NUMBER_MAX:
            msg = f"price x size is {event.price * event.size:.3g}, beyond {NUMBER_MAX:.0e}"
            raise ContractError(msg, reason="out_of_range")
    elif isinstance(event, FlowIn | LevelIn) and event.span_ms > EPOCH_MS_MAX:
        msg = f"a span of more than {EPOCH_MS_MAX} ms: no time is that long ago"
        raise ContractError(msg, reason="out_of_range")


def check_heartbeat(heartbeat: Heartbeat, timestamp_ms: int) -> None:
    """Refuse a promise about the future: the log's own time says what is future."""
    if heartbeat.through_ms > timestamp_ms + PROMISE_AHEAD_MS_MAX:
        msg = (
            f"{heartbeat.source} promises {heartbeat.through_ms}, more than {PROMISE_AHEAD_MS_MAX} ms"
            f" after it was logged at {timestamp_ms}"
        )
        raise ContractError(msg, reason="absurd_time")


def check_mark(mark: Mark) -> None:
    """Refuse a gap that ends before it begins."""
    if mark.to_ms < mark.from_ms:
        msg = f"gap {mark.gap_id} ends at {mark.to_ms}, before it begins at {mark.from_ms}"
        raise ContractError(msg, reason="invalid")
