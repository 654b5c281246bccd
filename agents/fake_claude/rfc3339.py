"""Points in time as the API writes them."""

from datetime import UTC, datetime


def rfc3339(time_s: float) -> str:
    """Return seconds since the epoch as RFC 3339 in UTC, cut to whole seconds."""
    return datetime.fromtimestamp(int(time_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
