"""Raw bytes to what the fold needs of them, or the reason to refuse them.

These structs are projections of the contracts: the same tags and names, fewer fields, doubles for
numbers. Reading them costs a fifth of reading the whole contract; a test holds the two together.
"""

from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct

from topics import GapDetected, GapFilled, GapPermanent, Heartbeat, Kind, PostDeleted
from topics.codec import Decoder, tag_of
from topics.record import Labels
from topics.units import EPOCH_MS_MAX, NUMBER_MAX, NUMBER_MIN

_Number = Annotated[float, Meta(ge=NUMBER_MIN, le=NUMBER_MAX)]
_Level = Annotated[float, Meta(ge=0, le=NUMBER_MAX)]
_Time = Annotated[int, Meta(ge=0, le=EPOCH_MS_MAX)]
_Text = Annotated[str, Meta(min_length=1, max_length=128)]
_Name = Annotated[str, Meta(min_length=1, max_length=64)]
_Hash = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}$")]
_Sequence = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Logged(NamedTuple):
    """A record of the log by itself."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Labels = ()


class TradeIn(Struct, tag_field="type", tag="trade", gc=False):
    """What the fold reads of a trade."""

    subject: str
    source: _Name
    venue: _Name
    trade_id: _Text
    event_ms: _Time
    received_ms: _Time
    price: _Number
    size: _Number
    side: Literal["buy", "sell"]
    sequence: _Sequence | None = None


class FlowIn(Struct, tag_field="type", tag="volume.flow", gc=False):
    """What the fold reads of a closed candle."""

    subject: str
    source: _Name
    venue: _Name
    instrument: _Text
    event_ms: _Time
    received_ms: _Time
    span_ms: Annotated[int, Meta(gt=0)]
    volume: _Level


class LevelIn(Struct, tag_field="type", tag="volume.level", gc=False):
    """What the fold reads of a rolling turnover."""

    subject: str
    source: _Name
    venue: _Name
    instrument: _Text
    event_ms: _Time
    received_ms: _Time
    span_ms: Annotated[int, Meta(gt=0)]
    volume: _Level


class PostIn(Struct, tag_field="type", tag="post", gc=False):
    """What the fold reads of a post: never its text."""

    subject: str
    source: _Name
    platform: _Name
    post_id: _Text
    event_ms: _Time
    received_ms: _Time
    tone: Annotated[float, Meta(ge=-1, le=1)]
    engagement: Annotated[int, Meta(ge=0, le=NUMBER_MAX)]
    author: _Hash
    simhash: _Hash
    bot: bool = False


class RepositoryIn(Struct, tag_field="type", tag="repository.event", gc=False):
    """What the fold reads of an act in a repository."""

    subject: str
    source: _Name
    event_id: _Text
    event_ms: _Time
    received_ms: _Time
    act: Literal["commit", "pull_request", "release", "issue", "review", "comment", "fork", "star"]
    author: _Hash
    bot: bool = False


EventIn = TradeIn | FlowIn | LevelIn | PostIn | RepositoryIn
Mark = GapDetected | GapFilled | GapPermanent
RecordIn = EventIn | Heartbeat | Mark | PostDeleted

_EVENTS: dict[Kind, tuple[type, ...]] = {
    "market": (TradeIn,),
    "volume": (FlowIn, LevelIn),
    "social": (PostIn,),
    "development": (RepositoryIn,),
}
_TOLD = (Heartbeat, GapDetected, GapFilled, GapPermanent)
_MARKS: dict[Kind, tuple[type, ...]] = {
    "market": _TOLD,
    "volume": _TOLD,
    "social": (*_TOLD, PostDeleted),
    "development": _TOLD,
}


def reader_of(kind: Kind) -> Decoder[RecordIn]:
    """Return the decoder of one raw topic's records."""
    contracts = _EVENTS[kind] + _MARKS[kind]
    union = contracts[0]
    for contract in contracts[1:]:
        union = union | contract  # type: ignore[assignment]
    return Decoder(union, [tag_of(contract) for contract in contracts])


def id_of(event: EventIn) -> str:
    """Return the event's id, as `topics.event_id` does of the whole event."""
    match event:
        case TradeIn():
            return f"trade|{event.subject}|{event.venue}|{event.trade_id}"
        case FlowIn():
            return f"volume.flow|{_report(event)}"
        case LevelIn():
            return f"volume.level|{_report(event)}"
        case PostIn():
            return f"post|{event.subject}|{event.platform}|{event.post_id}"
        case RepositoryIn():
            return f"repository.event|{event.subject}|{event.source}|{event.event_id}"


def _report(event: FlowIn | LevelIn) -> str:
    return f"{event.subject}|{event.span_ms}|{event.event_ms}|{place_of(event)}"


def place_of(event: EventIn) -> str:
    """Return where an event happened, as far as the number of places is bounded; empty for the rest.

    Two places never read the same: a venue's name can hold no ``|``, and the venue's own text comes last.
    """
    match event:
        case TradeIn():
            return event.venue
        case FlowIn() | LevelIn():
            return f"{event.venue}|{event.instrument}"
        case _:
            return ""
