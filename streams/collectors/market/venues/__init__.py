"""What each venue's frames say: PURE.

A new venue is one module here, one line in `VENUES`, and its name in `ExchangeSettings`.
"""

from collections.abc import Callable

from .binance import Binance
from .bybit import Bybit
from .clock import VenueClock
from .coinbase import Coinbase
from .kraken import Kraken
from .okx import Okx
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
    "bybit": Bybit,
    "coinbase": Coinbase,
    "kraken": Kraken,
    "okx": Okx,
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
