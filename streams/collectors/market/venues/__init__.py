"""What each venue's frames say: PURE.

A new venue is one module here, one line in `VENUES`, and its name in `ExchangeSettings`.
"""

from collections.abc import Callable

from .binance import Binance
from .bitstamp import Bitstamp
from .clock import VenueClock
from .gate import Gate
from .gemini import Gemini
from .kucoin import Kucoin
from .reading import (
    Acknowledged,
    Ask,
    Farewell,
    Filled,
    Filling,
    Hole,
    Levels,
    Limits,
    Market,
    Other,
    Reading,
    Reply,
    Trades,
    Unreadable,
    Venue,
    VenueError,
)

VENUES: dict[str, Callable[[str, tuple[str, ...]], Venue]] = {
    "binance": Binance,
    "bitstamp": Bitstamp,
    "gate": Gate,
    "gemini": Gemini,
    "kucoin": Kucoin,
}
"""By its name in the settings: makes the venue for a source's name and its symbols."""

__all__ = [
    "VENUES",
    "Acknowledged",
    "Ask",
    "Farewell",
    "Filled",
    "Filling",
    "Hole",
    "Levels",
    "Limits",
    "Market",
    "Other",
    "Reading",
    "Reply",
    "Trades",
    "Unreadable",
    "Venue",
    "VenueClock",
    "VenueError",
]
