"""A record of the log, and one that nobody has written yet."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from .envelope import Headers

Labels = Sequence[tuple[str, bytes | None]]
"""Headers as a record of the log has them."""


class LogRecord(Protocol):
    """A record of the log, as whatever client gives it."""

    @property
    def offset(self) -> int:
        """Its place in the log."""

    @property
    def timestamp(self) -> int:
        """When it was logged, in milliseconds since the epoch."""

    @property
    def key(self) -> bytes | None:
        """Its key."""

    @property
    def value(self) -> bytes | None:
        """Its bytes."""

    @property
    def headers(self) -> Labels:
        """Its headers; a raw record has some only if it was redriven."""


class OutRecord(NamedTuple):
    """One record to be written. ``topic`` is the broker's name of it."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers = []  # noqa: RUF012 - never changed
    timestamp_ms: int | None = None
    """None: when it is put into a batch."""
