"""What a text frame can be, what a venue must offer, and how a hole is filled. PURE."""

from collections.abc import Generator, Mapping
from typing import Any, Protocol

from msgspec import Struct

from topics import Trade, VolumeLevel


class Market(Struct, frozen=True, kw_only=True):
    """One instrument under our name and the venue's."""

    symbol: str
    """BASE/QUOTE, or BASE/QUOTE:SETTLE for a derivative."""
    venue_id: str
    base: str
    quote: str
    settle: str | None = None


class Unreadable(Struct, frozen=True):
    """No sense can be made of a frame, which may have held an event, or of one entry of it."""

    reason: str
    """Of the dead letter: `malformed` or `invalid`."""
    message: str
    entry: bytes | None = None
    """The entry, where the rest of its frame could be read; None where it is the whole frame."""


class Trades(Struct, frozen=True):
    """Trades of subscribed instruments."""

    trades: list[Trade]
    venue_ms: int | None
    """The venue's time when it sent the frame, or that of its latest trade; None if nothing says."""
    unreadable: tuple[Unreadable, ...] = ()
    """Entries between the trades that are none: each is one event that is refused."""
    snapshot: bool = False
    """Whether it was sent because we subscribed: the latest trades, some of them seen before."""


class Levels(Struct, frozen=True):
    """Rolling turnovers of subscribed instruments, out of a ticker."""

    levels: list[VolumeLevel]
    venue_ms: int | None
    unreadable: tuple[Unreadable, ...] = ()
    """Entries between them that are none, as of `Trades`."""


class Farewell(Struct, frozen=True):
    """The venue says that it will end this connection: another is to be opened before it does."""

    message: str
    venue_ms: int | None = None


class Acknowledged(Struct, frozen=True):
    """The venue took a request of ours."""

    venue_ms: int | None = None
    """None where the answer says no time."""


class VenueError(Struct, frozen=True):
    """The venue says that something is wrong; there is no event in it."""

    message: str
    request: int | None
    """The number of our request that it refuses; None where it refuses none, or names none."""
    refuses: bool = False
    """Whether it refuses a subscription although it names no request of ours: no data will come."""


class Other(Struct, frozen=True):
    """Well formed, and nothing we know or asked for."""

    venue_ms: int | None = None


Reading = Trades | Levels | Farewell | Acknowledged | VenueError | Unreadable | Other


class Hole(Struct, frozen=True, kw_only=True):
    """What is missing of one market between two trades that are there."""

    market: Market
    after: Trade
    """The last one before the hole."""
    before: Trade
    """The first one after it."""


class Ask(Struct, frozen=True, kw_only=True):
    """One question to the venue's REST: one of ccxt's implicit endpoints, which knows the address and the cost."""

    endpoint: str
    """The name of its method, such as `publicGetAggTrades`."""
    params: dict[str, str | int]


class Reply(Struct, frozen=True, kw_only=True):
    """What came back: the body as it was sent, or why there is none."""

    body: bytes
    received_ms: int


class Filled(Struct, frozen=True, kw_only=True):
    """What could be had of a hole."""

    trades: list[Trade]
    """Strictly between `Hole.after` and `Hole.before`, oldest first."""
    whole: bool
    """Whether it is certain that nothing more is missing."""
    reason: str = ""
    """Why it is not whole, for people and for the mark."""


Filling = Generator[Ask, Reply, Filled]
"""Asks page after page; is given each reply; ends with what was found. A reply that cannot be read ends it too."""

FILL_TRADES_MAX = 100_000
"""Of one hole; a larger one is filled from the end its pages begin at as far as that goes, and is not whole."""


class Limits(Struct, frozen=True, kw_only=True):
    """What the venue allows, from its documents."""

    symbols_max: int
    """Of one connection."""
    connections_per_5_min: int
    life_s: float | None = None
    """After which the venue ends every connection."""
    frame_chars_max: int = 64 * 1024
    """Of the longest frame with trades; one that is longer need not be read."""


class Venue(Protocol):
    """One venue's frames and names, for one set of symbols."""

    exchange: str
    """Its class in `ccxt.pro`."""
    options: Mapping[str, Any]
    """For that class."""
    address: str
    """Which of that class's websocket addresses serves these symbols: its place in `urls.api.ws`, the steps
    joined by `/`; empty where there is one for all."""
    markets: tuple[Market, ...]
    limits: Limits
    numbered: bool
    """Whether every instrument's trades are numbered without holes, so that `Trade.sequence` is given."""
    one_by_one: bool
    """Whether ccxt must be asked to watch each symbol for itself."""
    greetings: tuple[Mapping[str, Any], ...]
    """What to send once a connection is open, beside what ccxt sends."""

    def read(self, frame: str, *, received_ms: int) -> Reading:
        """Return what a text frame says. Whatever the frame, nothing is raised."""

    def fill(self, hole: Hole) -> Filling | None:
        """Return how to fill a hole; None if the venue's REST has nothing that could."""
