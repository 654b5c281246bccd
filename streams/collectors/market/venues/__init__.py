"""What each venue's frames say: PURE.

A new venue is one module here and one line in `VENUES`; the tests want its dialect too (`tests/servers/dialects`).
"""

from collections.abc import Callable

from .binance import Binance
from .bitstamp import Bitstamp
from .bybit import Bybit
from .clock import VenueClock
from .coinbase import Coinbase
from .gate import Gate
from .gemini import Gemini
from .kraken import Kraken
from .kucoin import Kucoin
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
    "bitstamp": Bitstamp,
    "bybit": Bybit,
    "coinbase": Coinbase,
    "gate": Gate,
    "gemini": Gemini,
    "kraken": Kraken,
    "kucoin": Kucoin,
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
