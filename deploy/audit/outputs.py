"""The records that must have been written: section 10 of docs/windows.md."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from topics.catalog import raw_topic

from .form import Record
from .kinds import Rules, Window
from .routing import asset_of
from .seen import event_id

ORIGINAL_BYTES_MAX = 512 * 1024
KEY_BYTES_MAX = CUT_BYTES = 64 * 1024
ATTEMPT_MAX, ORIGINAL_CHARS_MAX = 1_000, 400
_TRIED = ("tapereader.attempt", "tapereader.original")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FREE_HEADER = "__connect.errors.exception.message"
"""Words for people: it must be there, and may say anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """One record that must stand in a topic."""

    topic: str
    name: str
    """Tells it from every other of its topic: an aggregate's id, or the place of a raw record."""
    offset: int
    """Of the raw record that made it be written."""
    key: bytes | None
    headers: dict[str, bytes]
    body: dict[str, Any] | None = None
    """What its JSON says; None for a dead letter."""
    original: bytes
    """The bytes it must hold: all its value for a dead letter, the event for a late one, nothing else."""


def aggregate_id(kind: str, window: Window, revision: int, epoch: int) -> str:
    """Return an aggregate's id; a rebuild's epoch stands behind it."""
    start_ms, subject, window_ms, step_ms = window
    name = f"{kind}/{subject}/{window_ms}/{step_ms}/{start_ms}/{revision}"
    return f"{name}/e{epoch}" if epoch else name


def aggregate_of(
    name: str, window: Window, revision: int, told: dict[str, Any], offset: int
) -> Expected:
    """Return an aggregate; ``told`` are its reason, completeness, values, scores and history."""
    asset = asset_of(window.subject)
    identity = {
        "type": "aggregate",
        "aggregate_id": name,
        "asset": asset,
        "subject": window.subject,
        "window_start_ms": window.start_ms,
        "window_ms": window.window_ms,
        "step_ms": window.step_ms,
        "revision": revision,
    }
    return Expected(
        topic="aggregates",
        name=name,
        offset=offset,
        key=asset.encode(),
        headers=_envelope(name, "aggregate", window.end_ms) | _JSON,
        body=identity | told,
        original=b"",
    )


def late_of(
    kind: str, rules: Rules, partition: int, event: Record, place: tuple[int, bytes, int]
) -> Expected:
    """Return a late event's record; ``place`` is its offset, its bytes, and how late it is."""
    offset, value, lateness_ms = place
    window_ms, step_ms = min(rules.sizes)
    start_ms = event["event_ms"] // step_ms * step_ms
    asset, name = asset_of(event["subject"]), event_id(event)
    return Expected(
        topic="late",
        name=f"{raw_topic(kind)}/{partition}/{offset}",  # type: ignore[arg-type]
        offset=offset,
        key=asset.encode(),
        headers=_envelope(name, "late", start_ms + window_ms) | _JSON,
        body={
            "type": "late",
            "kind": kind,
            "asset": asset,
            "subject": event["subject"],
            "event_id": name,
            "window_start_ms": start_ms,
            "window_ms": window_ms,
            "lateness_ms": lateness_ms,
            "partition": partition,
            "offset": offset,
        },
        original=value,
    )


def letter_of(
    kind: str,
    partition: int,
    reason: str,
    *,
    offset: int,
    timestamp_ms: int,
    key: bytes | None,
    value: bytes,
    told: Sequence[tuple[str, bytes | None]] = (),
) -> Expected:
    """Return the dead letter of a refused record; ``told`` are the record's own headers."""
    topic = raw_topic(kind)  # type: ignore[arg-type]
    name = f"{topic}/{partition}/{offset}"
    headers = (
        _envelope(name, "deadletter", max(0, timestamp_ms))
        | {
            "__connect.errors.topic": topic.encode(),
            "__connect.errors.partition": str(partition).encode(),
            "__connect.errors.offset": str(offset).encode(),
            "__connect.errors.connector.name": b"streams",
            "__connect.errors.stage": b"FOLD",
            "__connect.errors.exception.class.name": reason.encode(),
            FREE_HEADER: b"",
            "tapereader.reason": reason.encode(),
            "tapereader.stage": b"fold",
            "tapereader.attempt": b"1",
        }
        | _tried_before(dict(told))
    )
    if len(value) > ORIGINAL_BYTES_MAX or len(key or b"") > KEY_BYTES_MAX:
        headers |= {
            "tapereader.truncated": b"true",
            "tapereader.length": str(len(value)).encode(),
            "tapereader.sha256": sha256(value).hexdigest().encode(),
        }
        value, key = value[:CUT_BYTES], key and key[:CUT_BYTES]
    return Expected(
        topic="deadletters", name=name, offset=offset, key=key, headers=headers, original=value
    )


def _tried_before(told: dict[str, bytes | None]) -> dict[str, bytes]:
    """Return what a redriven record says of its earlier attempts; nothing where it does not say both, and well."""
    attempt, original = (told.get(name) or b"" for name in _TRIED)
    is_attempt = attempt.isdigit() and len(attempt) <= len(str(ATTEMPT_MAX))
    text = original.decode(errors="replace")
    if (
        not is_attempt
        or not 1 < int(attempt) <= ATTEMPT_MAX
        or not 1 <= len(text) <= ORIGINAL_CHARS_MAX
    ):
        return {}
    return dict(zip(_TRIED, (str(int(attempt)).encode(), text.encode()), strict=True))


_JSON = {"content-type": b"application/json"}


def _envelope(name: str, tag: str, time_ms: int) -> dict[str, bytes]:
    digest = sha256(name.encode()).hexdigest()
    at = (_EPOCH + timedelta(milliseconds=time_ms)).isoformat(timespec="milliseconds")
    return {
        "ce_specversion": b"1.0",
        "ce_id": name.encode(),
        "ce_type": f"tapereader.{tag}".encode(),
        "ce_source": b"/tapereader/streams",
        "ce_time": at.replace("+00:00", "Z").encode(),
        "traceparent": f"00-{digest[:32]}-{digest[32:48]}-01".encode(),
    }
