"""What an operator may turn of a venue."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from streams.collectors.port import SourceSettings, Symbol

from .venues import VENUES

SYMBOLS_MAX = 1_000
"""Of one source; each costs memory for its last ids, and a place in the list of a subscription."""


TICKERS = frozenset({"bybit", "coinbase", "gate", "kraken", "kucoin", "okx"})
"""Venues whose stream of tickers has the turnover, and is read."""


class ExchangeSettings(SourceSettings):
    """Trades, or rolling turnovers, of one venue, live."""

    type: Literal["exchange"]
    venue: str
    """One of those in `market/venues/`."""
    symbols: tuple[Symbol, ...] = Field(min_length=1, max_length=SYMBOLS_MAX)
    """BASE/QUOTE, or BASE/QUOTE:QUOTE for a linear future. More than the venue allows on one connection become several."""
    feed: Literal["trades", "tickers"] = "trades"
    """tickers: the rolling 24 h turnover of each symbol, as volume levels."""
    lateness_ms: int = Field(default=2_000, ge=0, le=600_000)
    """How far behind the venue's time the source's promises stay."""
    backfill_hold_ms: int = Field(default=10_000, ge=0, le=60_000)
    """How long a hole, or a connection that is down, holds the promises back, before it is told and time goes on."""
    silence_min_s: float = Field(default=10.0, gt=0, le=3_600)
    silence_s: float = Field(default=120.0, gt=0, le=3_600)
    """A connection without data is taken for dead when that is far beyond its usual pace; never before the first of these,
    and after the second at the latest. One that stays without data after that is given ever more time."""
    symbols_per_connection: int | None = Field(default=None, ge=1)
    """Fewer than the venue allows."""
    url: str | None = None
    """Another websocket address than the venue's own: a proxy, a local server. (KuCoin: of where the token is asked for.)"""
    rest_url: str | None = None
    """Another host for the venue's REST, which fills holes."""
    ca_file: str | None = None
    """Certificates of the authorities to trust, instead of the usual ones."""

    @field_validator("venue")
    @classmethod
    def _known(cls, venue: str) -> str:
        if venue not in VENUES:
            msg = f"{venue} is not known; known are {', '.join(sorted(VENUES))}"
            raise ValueError(msg)
        return venue

    @model_validator(mode="after")
    def _together(self) -> "ExchangeSettings":
        if self.feed == "tickers" and self.venue not in TICKERS:
            msg = (
                f"{self.venue} streams no turnovers that are read; {', '.join(sorted(TICKERS))} do"
            )
            raise ValueError(msg)
        if self.silence_min_s > self.silence_s:
            msg = "silence_min_s is more than silence_s"
            raise ValueError(msg)
        return self
