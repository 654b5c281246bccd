"""What a text frame can be, and what a venue must offer. PURE."""

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct

from topics import Trade


class Market(Struct, frozen=True, kw_only=True):
    """One instrument under our name and the venue's."""

    symbol: str
    """BASE/QUOTE, or BASE/QUOTE:SETTLE for a derivative."""
    venue_id: str
    base: str
    quote: str
    settle: str | None = None


class Trades(Struct, frozen=True):
    """Trades of subscribed instruments."""

    trades: list[Trade]
    venue_ms: int
    """The venue's time when it sent the frame."""


class Acknowledged(Struct, frozen=True):
    """The venue took a request of ours."""

    venue_ms: int | None = None
    """None where the answer says no time."""


class VenueError(Struct, frozen=True):
    """The venue says that something is wrong; there is no event in it."""

    message: str
    request: int | None
    """The number of our request that it refuses; None where it refuses none."""


class Unreadable(Struct, frozen=True):
    """No sense can be made of the frame, which may have held an event."""

    reason: str
    """Of the dead letter: `malformed` or `invalid`."""
    message: str


class Other(Struct, frozen=True):
    """Well formed, and nothing we know or asked for."""

    venue_ms: int | None = None


Reading = Trades | Acknowledged | VenueError | Unreadable | Other


class Venue(Protocol):
    """One venue's frames and names, for one set of symbols."""

    exchange: str
    """Its class in `ccxt.pro`."""
    options: Mapping[str, Any]
    """For that class."""
    address: str
    """Which of that class's websocket addresses serves these symbols."""
    markets: tuple[Market, ...]

    def read(self, frame: str, *, received_ms: int) -> Reading:
        """Return what a text frame says. Whatever the frame, nothing is raised."""
