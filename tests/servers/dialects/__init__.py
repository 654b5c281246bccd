"""What each venue's server says, after its documents: answers to requests, frames, pages of REST."""

from .dialect import Dialect, Page
from .first import Binance, Bybit, Coinbase, Kraken, Okx
from .market import Market, Row
from .second import Bitstamp, Gate, Gemini, Kucoin

DIALECTS: dict[str, type[Dialect]] = {
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

__all__ = ["DIALECTS", "Dialect", "Market", "Page", "Row"]
