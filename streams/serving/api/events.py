"""Records as server-sent events. PURE.

An event's name is its topic; its data is one line of JSON: where the record stands, when it was logged, and what it
says. JSON holds no line break, whatever a record's text holds.
"""

from typing import Any

import msgspec
from msgspec import Struct

from topics import ContractError, encode
from topics.identity import asset_of

STREAMED = (
    "aggregates",
    "analyses",
    "alerts",
    "decisions",
    "late",
    "feed.status",
    "status",
    "control",
    "notifications",
    "deadletters",
)
"""Topics a stream may be of, by the catalogue's names."""
USUAL = ("aggregates", "analyses", "alerts")
"""What a stream is of when nobody says."""
GAP, DROPPED, END = "gap", "dropped", "end"
"""Events of ours that are no records."""
RETRY_MS = 2_000
"""What a browser waits before it comes again."""


class Head(Struct, frozen=True):
    """What stands before an event's own fields."""

    topic: str
    partition: int
    offset: int
    logged_ms: int
    """When it was logged, in milliseconds since the epoch."""


def data_of(head: Head, event: Struct) -> bytes | None:
    """Return an event's lines but its id; None: it cannot be told as JSON."""
    try:
        told = encode(event)
    except ContractError:
        return None
    line = msgspec.json.encode(head)[:-1] + b',"event":' + told + b"}"
    return b"event: " + head.topic.encode() + b"\ndata: " + line + b"\n"


def asset_in(event: Any) -> str:  # noqa: ANN401 - any contract
    """Return the asset an event is of; empty where it is of none."""
    asset = getattr(event, "asset", None)
    if isinstance(asset, str):
        return asset
    kind = type(event).__struct_config__.tag
    return asset_of(event.subject) if kind == "feed.status" else ""


def with_id(data: bytes, cursor: str) -> bytes:
    """Return a whole event: resuming at its id gives what comes after it."""
    return b"id: " + cursor.encode() + b"\n" + data + b"\n"


def moved(cursor: str) -> bytes:
    """Return what keeps a connection open and moves the reader's cursor, without an event."""
    return b": well\nid: " + cursor.encode() + b"\n\n"


def told(name: str, **fields: object) -> bytes:
    """Return an event of ours without an id: it moves no cursor."""
    return told_lines(name, **fields) + b"\n"


def told_lines(name: str, **fields: object) -> bytes:
    """Return the lines of an event of ours."""
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(fields) + b"\n"
