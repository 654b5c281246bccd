"""A record to be written, before anybody has written it."""

from typing import NamedTuple

from .envelope import Headers


class OutRecord(NamedTuple):
    """One record to be written. ``topic`` is the broker's name of it."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers = []  # noqa: RUF012 - never changed
    timestamp_ms: int | None = None
    """None: when it is put into a batch."""
