"""What a source of raw events must offer. To add one: one module with a `Source`, one line in `table.py`."""

from collections.abc import AsyncIterator
from typing import Literal, Protocol

from msgspec import Struct

from topics import Kind, RawEvent


class Through(Struct, frozen=True):
    """How far the source's time has come: nothing earlier will follow, but corrections.

    Already less the source's usual lateness. The runner turns it into heartbeats, behind the events
    that came before it.
    """

    through_ms: int


class Refused(Struct, frozen=True, kw_only=True):
    """A frame or response the source could not read: it becomes a dead letter."""

    reason: str
    message: str
    original: bytes
    origin: str
    """source/connection/frame number, so that the same frame is the same letter."""
    received_ms: int
    events: int = 1
    """How many events were in it, as far as can be told."""


class Link(Struct, frozen=True, kw_only=True):
    """The state of the connection behind the source changed."""

    state: Literal["connecting", "connected", "stale", "disconnected"]
    reason: str = ""


Observation = RawEvent | Through | Refused | Link


class SourceError(Exception):
    """The source cannot go on now; the runner waits and asks it again. The message is for people."""


class Source(Protocol):
    """One stream of events of one kind, with its own clock."""

    name: str
    """Its name in heartbeats: one source, one clock."""
    kind: Kind

    def observations(self) -> AsyncIterator[Observation]:
        """Yield what is seen, until there is nothing more.

        Being slow to take the next one is how the runner holds the source back. The runner calls this
        again after a `SourceError`; ending without one means that the source is finished for good.

        Raises:
            SourceError: The connection or the server failed.
        """


class Clock(Protocol):
    """The wall clock in milliseconds; tests and replays give their own."""

    def __call__(self) -> int:
        """Return now, in milliseconds since the epoch."""
