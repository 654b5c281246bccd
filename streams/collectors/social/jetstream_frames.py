"""Jetstream's frames, of both its endpoints, into what is said of a post: PURE.

`/subscribe` (v1) has `time_us` on each event and no errors in band; `subscribeEvents` (v2, August 2026) frames each
event as a message with a `seq` and a `time`, or as an error after which it closes. What a person has written into a
record may be anything: only the envelope is the service's word.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Raw, Struct

COLLECTION = "app.bsky.feed.post"
FRAME_BYTES_MAX = 1024 * 1024
"""Of a frame that is read; a record of the network has at most a million bytes, a post some thousands."""
LANGUAGES_MAX = 3
"""As many as the network's own description of a post allows."""
GONE = frozenset({"deleted", "takendown", "suspended", "deactivated"})
"""States of an account in which its posts are to be shown to nobody."""

Version = Literal[1, 2]
What = Literal["made", "edited", "deleted", "account_gone", "other"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_US_MAX = 253_402_300_799_999_999
_NSID = "network.bsky.jetstream.subscribeEvents#"


class Event(NamedTuple):
    """One event of the stream."""

    what: What
    did: str
    rkey: str
    time_us: int
    """When the service saw it."""
    seq: int | None = None
    text: str = ""
    languages: tuple[str, ...] = ()
    created_us: int | None = None
    """When the author's program says that it was made; None if that is no time."""


class Notice(NamedTuple):
    """Something about the stream itself: an advice, or an error after which it ends."""

    name: str
    message: str
    is_error: bool


class Unreadable(NamedTuple):
    """A frame that cannot be read, or a record in it that is no post."""

    reason: str
    message: str
    time_us: int | None = None
    seq: int | None = None


Reading = Event | Notice | Unreadable


class _Record(Struct, gc=False):
    text: str = ""
    langs: list[str] | None = None
    createdAt: str = ""  # noqa: N815 - the network's name


class _Commit(Struct):
    operation: str = ""
    collection: str = ""
    rkey: str = ""
    record: _Record | None = None


class _Account(Struct, gc=False):
    active: bool = True
    status: str = ""


class _V1(Struct):
    did: str
    time_us: int
    kind: str
    commit: _Commit | None = None
    account: _Account | None = None


class _V1Head(Struct):
    time_us: int


class _V2Payload(Struct):
    type: str = msgspec.field(name="$type")
    did: str = ""
    seq: int | None = None
    time: datetime | None = None
    operation: str = ""
    collection: str = ""
    rkey: str = ""
    record: _Record | None = None
    account: _Account | None = None
    name: str = ""
    message: str = ""


class _V2(Struct):
    type: str = msgspec.field(name="$type")
    payload: _V2Payload | None = None
    error: str = ""
    message: str = ""


class _V2PayloadHead(Struct):
    seq: int | None = None
    time: datetime | None = None


class _V2Head(Struct):
    payload: _V2PayloadHead | None = None


_v1 = msgspec.json.Decoder(_V1).decode
_v2 = msgspec.json.Decoder(_V2).decode
_v1_head = msgspec.json.Decoder(_V1Head).decode
_v2_head = msgspec.json.Decoder(_V2Head).decode
_whole = msgspec.json.Decoder(Raw).decode
_WRONG = (msgspec.DecodeError, UnicodeError, RecursionError, ValueError, OverflowError)


def read(frame: bytes | str, version: Version) -> Reading:
    """Return what a frame says."""
    if len(frame) > FRAME_BYTES_MAX:
        return Unreadable("too_large", f"{len(frame)} bytes, at most {FRAME_BYTES_MAX}")
    try:
        return _read_v1(_v1(frame)) if version == 1 else _read_v2(_v2(frame))
    except _WRONG as error:
        return _unreadable(frame, version, error)


def _read_v1(event: _V1) -> Reading:
    if not 0 <= event.time_us <= _US_MAX:
        return Unreadable("invalid", f"time_us {event.time_us} is no time")
    bare = Event("other", event.did, "", event.time_us)
    return _told(event.kind, bare, event.commit, event.account)


def _read_v2(frame: _V2) -> Reading:
    if frame.type == "error":
        return Notice(frame.error, frame.message[:200], is_error=True)
    payload = frame.payload
    if payload is None:
        return Unreadable("invalid", "a frame that is neither a message nor an error")
    kind = payload.type.removeprefix(_NSID).removeprefix("#")
    if kind == "info":
        return Notice(payload.name, payload.message[:200], is_error=False)
    time_us = None if payload.time is None else _of_datetime(payload.time)
    if time_us is None or payload.seq is None:
        return Unreadable("invalid", "an event without seq or time")
    bare = Event("other", payload.did, "", time_us, payload.seq)
    commit = _Commit(payload.operation, payload.collection, payload.rkey, payload.record)
    return _told(kind, bare, commit, payload.account)


def _told(kind: str, bare: Event, commit: _Commit | None, account: _Account | None) -> Reading:
    if kind == "account" and account is not None:
        gone = not account.active and account.status in GONE
        return bare._replace(what="account_gone") if gone else bare
    if kind != "commit" or commit is None or commit.collection != COLLECTION:
        return bare
    if not bare.did or not commit.rkey:
        return Unreadable("invalid", "a post without an id", bare.time_us, bare.seq)
    match commit.operation:
        case "delete":
            return bare._replace(what="deleted", rkey=commit.rkey)
        case "create" | "update" if commit.record is not None:
            record = commit.record
            return Event(
                "made" if commit.operation == "create" else "edited",
                bare.did,
                commit.rkey,
                bare.time_us,
                bare.seq,
                record.text,
                tuple((record.langs or ())[:LANGUAGES_MAX]),
                _us_of(record.createdAt),
            )
        case _:
            message = f"no post in {commit.operation!r:.40}"
            return Unreadable("invalid", message, bare.time_us, bare.seq)


def _of_datetime(told: datetime) -> int | None:
    """Return microseconds since the epoch; None where the zone is not told, or nothing was online yet."""
    return None if told.tzinfo is None or told < _EPOCH else (told - _EPOCH) // _MICROSECOND


def _us_of(told: str) -> int | None:
    try:
        return _of_datetime(datetime.fromisoformat(told))
    except (ValueError, OverflowError):
        return None


def _unreadable(frame: bytes | str, version: Version, error: Exception) -> Unreadable:
    """Say why a frame cannot be read, and how far the stream has come by it, if that can be told."""
    time_us: int | None = None
    seq: int | None = None
    reason = "malformed"
    try:
        _whole(frame)
        reason = "invalid"
        if version == 1:
            time_us = _v1_head(frame).time_us
        elif (head := _v2_head(frame).payload) is not None:
            seq = head.seq
            time_us = None if head.time is None else _of_datetime(head.time)
    except _WRONG:
        pass
    if time_us is not None and not 0 <= time_us <= _US_MAX:
        time_us = None
    return Unreadable(reason, f"{type(error).__name__}: {error}"[:200], time_us, seq)


def error_name(body: Any) -> str:  # noqa: ANN401 - whatever a server answers
    """Return the name in a v2 server's refusal of a connection; empty if it is none."""
    try:
        told = msgspec.json.decode(body, type=dict[str, Any]).get("error", "")
    except _WRONG:
        return ""
    return told if isinstance(told, str) else ""
