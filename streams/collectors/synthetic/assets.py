"""THE table of invented assets: names people know, numbers that belong to nobody."""

from decimal import Decimal

from msgspec import Struct

QUOTE = "USDT"
VENUES: tuple[tuple[str, float], ...] = (("simex", 0.65), ("simtrade", 0.35))
"""Where they trade, and the share of the trades."""
PLATFORM = "simforum"
FORGE = "simforge"


class Asset(Struct, frozen=True):
    """One asset and its habits."""

    name: str
    weight: float
    """Share of all trades, and of all posts."""
    price: float
    """At the start, in the quote."""
    price_digits: int
    """Behind the point: the tick is one of the last."""
    size: float
    """The median trade, in the asset."""
    size_digits: int
    volatility: float
    """Standard deviation of the log price after a minute of a normal market."""
    acts_per_hour: float
    """In its repositories."""

    @property
    def instrument(self) -> str:
        """Its market's subject."""
        return f"{self.name}/{QUOTE}"

    def price_of(self, number: float) -> Decimal:
        """Return a price on the tick, with all its digits; at least one tick."""
        return _exact(number, self.price_digits)

    def size_of(self, number: float) -> Decimal:
        """Return a size on the grid, with all its digits; at least one unit of it."""
        return _exact(number, self.size_digits)


ASSETS: tuple[Asset, ...] = (
    Asset("BTC", 0.26, 64_250.0, 2, 0.012, 5, 0.0005, 16),
    Asset("ETH", 0.20, 3_180.0, 2, 0.24, 4, 0.0006, 20),
    Asset("SOL", 0.15, 148.5, 2, 5.0, 3, 0.0008, 14),
    Asset("DOGE", 0.10, 0.1234, 5, 6_200.0, 0, 0.0009, 4),
    Asset("ADA", 0.09, 0.4521, 4, 1_700.0, 1, 0.0008, 12),
    Asset("LINK", 0.08, 14.62, 3, 53.0, 2, 0.0008, 10),
    Asset("AVAX", 0.07, 27.45, 2, 28.0, 2, 0.0009, 9),
    Asset("UNI", 0.05, 7.612, 3, 100.0, 2, 0.0009, 12),
)
BY_NAME: dict[str, Asset] = {asset.name: asset for asset in ASSETS}


def _exact(number: float, digits: int) -> Decimal:
    return Decimal(max(1, round(number * 10**digits))).scaleb(-digits)
