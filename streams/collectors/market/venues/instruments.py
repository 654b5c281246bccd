"""The instruments of a source under our names and the venue's. PURE."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from topics import SettingsError, VolumeLevel
from topics.units import NotNegative

from .reading import Market

DAY_MS = 86_400_000


class Instruments:
    """One set of symbols at one venue: all spot, or all linear futures whose sizes are in the base asset."""

    def __init__(
        self,
        source: str,
        venue: str,
        symbols: tuple[str, ...],
        name: Callable[[str, str, str | None], str],
        *,
        futures: str | None = None,
    ) -> None:
        """Take the symbols of the source of that name; ``name`` makes the venue's of base, quote and settlement.

        ``futures`` says why there are none here, for people; None if there are.

        Raises:
            SettingsError: They cannot be had together, or not at all.
        """
        self.source, self.venue = source, venue
        unique = dict.fromkeys(symbols)
        self.markets = tuple(self._market(symbol, name, futures) for symbol in unique)
        if len({market.settle is None for market in self.markets}) > 1:
            self._refuse("spot and futures come by two connections; take two sources")
        self._by_venue_id = {market.venue_id: market for market in self.markets}
        if len(self._by_venue_id) < len(self.markets):
            self._refuse(f"two of them have one name at {venue}; take two sources")

    @property
    def spot(self) -> bool:
        """Whether they are spot."""
        return self.markets[0].settle is None

    def of(self, venue_id: str) -> Market:
        """Return the market of the venue's name.

        Raises:
            ValueError: It was not subscribed.
        """
        market = self._by_venue_id.get(venue_id)
        if market is None:
            msg = f"{venue_id[:32]!r} is not a symbol that was subscribed"
            raise ValueError(msg)
        return market

    def level(
        self, venue_id: str, volume: NotNegative, *, event_ms: int, received_ms: int
    ) -> VolumeLevel:
        """Return the turnover of the last 24 hours, in the base asset.

        Raises:
            ValueError: It was not subscribed, or is no turnover.
        """
        market = self.of(venue_id)
        return VolumeLevel(
            subject=market.base,
            source=self.source,
            venue=self.venue,
            instrument=market.symbol,
            event_ms=event_ms,
            received_ms=received_ms,
            span_ms=DAY_MS,
            volume=volume,
        )

    def _market(
        self, symbol: str, name: Callable[[str, str, str | None], str], futures: str | None
    ) -> Market:
        pair, _, settle = symbol.partition(":")
        base, _, quote = pair.partition("/")
        if settle not in ("", quote):
            self._refuse(
                f"{symbol} is not settled in its quote; its sizes would be contracts, not the base asset"
            )
        if settle and futures is not None:
            self._refuse(f"{symbol}: {futures}")
        venue_id = name(base, quote, settle or None)
        return Market(
            symbol=symbol, venue_id=venue_id, base=base, quote=quote, settle=settle or None
        )

    def _refuse(self, why: str) -> None:
        msg = f"sources.{self.source}.symbols: {why}"
        raise SettingsError(msg)


class SpotVenue(ABC):
    """What the venues have in common of which only spot is read; each says what is its own."""

    exchange: str
    """Its name, here and in ccxt."""
    address = ""
    options: Mapping[str, Any] = {}
    numbered = False
    one_by_one = False
    greetings: tuple[Mapping[str, Any], ...] = ()
    futures: str
    """Why there are none here, for people."""

    def __init__(self, source: str, symbols: tuple[str, ...]) -> None:
        """Take the symbols of the source of that name.

        Raises:
            SettingsError: They are not all spot, or two have one name at the venue.
        """
        self._instruments = Instruments(
            source,
            self.exchange,
            symbols,
            lambda base, quote, _settle: self.name(base, quote),
            futures=self.futures,
        )
        self.markets = self._instruments.markets

    @staticmethod
    @abstractmethod
    def name(base: str, quote: str) -> str:
        """Return the venue's name of a pair."""
