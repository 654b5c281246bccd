"""All scenes, by name."""

from .bluesky import bluesky
from .board import board
from .fediverse import fediverse
from .github import hooked, polled
from .news import news
from .rows import Opened
from .subreddits import subreddits
from .trades import VENUES, unified, venue
from .volumes import candles, coingecko, defillama, turnover

SCENES: dict[str, Opened] = {
    "bluesky": bluesky,
    "fedi": fediverse,
    "reddit": subreddits,
    "news": news,
    "hn": board,
    "github": polled,
    "hooks": hooked,
    "candles": candles,
    "turnover": turnover,
    "gecko": coingecko,
    "llama": defillama,
    "unified": unified,
} | {name: venue(name) for name in VENUES}
"""By the name of the source."""
SHORT = [
    scene for name, scene in SCENES.items() if name not in VENUES or name in ("binance", "okx")
]
"""What is played in CI: of the venues one of numbers that rise by one, and another."""
