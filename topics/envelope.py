"""The CloudEvents headers of everything but the raw topics, and the trace they belong to."""

from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256

Headers = list[tuple[str, bytes]]

_PREFIX = "tapereader."


def headers(*, event_id: str, event_type: str, source: str, time_ms: int) -> Headers:
    """Return CloudEvents 1.0 binary-mode headers and a `traceparent` that derives from the id.

    ``event_type`` is the contract's tag, ``source`` the role that wrote it, ``time_ms`` the instant the
    content speaks of (a window's end), so that the same content has the same headers in every run.
    """
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id.encode()),
        ("ce_type", (_PREFIX + event_type).encode()),
        ("ce_source", f"/tapereader/{source}".encode()),
        ("ce_time", rfc3339(time_ms).encode()),
        ("content-type", b"application/json"),
        ("traceparent", traceparent(event_id).encode()),
    ]


def traceparent(event_id: str) -> str:
    """Return a W3C trace context whose ids are digests of the event's id: the same event, the same trace."""
    digest = sha256(event_id.encode()).hexdigest()
    return f"00-{digest[:32]}-{digest[32:48]}-01"


def rfc3339(time_ms: int) -> str:
    """Return an instant as RFC 3339 in UTC, with milliseconds."""
    seconds, millis = divmod(time_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{millis:03d}Z"


def header(headers: Iterable[tuple[str, bytes]], name: str) -> bytes | None:
    """Return the first header of that name, or None."""
    return next((value for key, value in headers if key == name), None)
