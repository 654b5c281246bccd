"""Trades of a venue, live: ccxt's connection, our own reading of its frames.

The frames' path: socket -> ccxt -> tap -> venue's decoder -> backlog -> runner. When the runner is slow the
backlog fills, the socket is not read any more, and the venue waits or hangs up. A session ends with a
`SourceError` when the connection closes, breaks, is silent, does not answer pings, or was refused; the runner
waits and asks for the next one, and what was missed shows by the trades' numbers.

Promises are in the venue's time (`VenueClock`), so a venue whose clock is far from ours is neither
late nor early. What the venue sends is believed within `AHEAD_MS_MAX` of its receipt, as for events;
a promise that is too far ahead of the log's time waits for it (`Outbound`).
"""

from collections.abc import AsyncIterator
from typing import Literal

from pydantic import Field

from streams.collectors.outbound import AHEAD_MS_MAX
from streams.collectors.port import (
    Clock,
    Context,
    Observation,
    Source,
    SourceSettings,
    SourceType,
    Symbol,
)
from topics import Kind

from .backlog import BACKLOG_MAX, HELD_AT, Backlog
from .session import Session
from .tap import KEEP_ALIVE_MS, create_ccxt
from .venues import VENUES, VenueClock


class ExchangeSettings(SourceSettings):
    """Trades of one venue, live."""

    type: Literal["exchange"]
    venue: Literal["binance"]
    symbols: tuple[Symbol, ...] = Field(min_length=1, max_length=200)
    lateness_ms: int = Field(default=2_000, ge=0, le=600_000)
    """How far behind the venue's time the source's promises stay."""
    silence_s: float = Field(default=30.0, gt=0, le=3_600)
    """Without any frame for this long the connection is taken for dead."""
    url: str | None = None
    """Another websocket address than the venue's own: a proxy, a local server."""


def create_exchange(name: str, settings: ExchangeSettings, context: Context) -> list[Source]:
    """Return the source of that name. It takes seconds, for ccxt's import.

    Raises:
        SettingsError: The symbols cannot be had together.
    """
    return [ExchangeSource(name, settings, now_ms=context.now_ms)]


class ExchangeSource:
    """One connection after the other to one venue, for one set of symbols."""

    kind: Kind = "market"

    def __init__(
        self,
        name: str,
        settings: ExchangeSettings,
        *,
        now_ms: Clock,
        held_at: int = HELD_AT,
        backlog_max: int = BACKLOG_MAX,
        keep_alive_ms: int = KEEP_ALIVE_MS,
    ) -> None:
        """Prepare; nothing is dialled before the first observation is asked for."""
        self.name = name
        self.backlog: Backlog | None = None
        """Of the running session, or the last one."""
        self._venue = VENUES[settings.venue](name, settings.symbols)
        self._exchange = create_ccxt(
            self._venue, settings.url, lambda: self._session, keep_alive_ms=keep_alive_ms
        )
        self._settings, self._now_ms = settings, now_ms
        self._bounds = (held_at, backlog_max)
        self._clock = VenueClock(lateness_ms=settings.lateness_ms, ahead_ms_max=AHEAD_MS_MAX)
        self._begun_ms = 0

    async def observations(self) -> AsyncIterator[Observation]:
        """Connect, and yield what comes until the connection fails.

        Raises:
            SourceError: It failed; everything that had come before has been yielded.
        """
        # Its beginning names a connection, so that the letters of two processes never have one origin.
        self._begun_ms = max(self._now_ms(), self._begun_ms + 1)
        held_at, backlog_max = self._bounds
        self.backlog = Backlog(held_at=held_at, most=backlog_max)
        self._session = session = Session(
            f"{self.name}/{self._begun_ms}",
            self._venue,
            self._clock,
            self.backlog,
            silence_s=self._settings.silence_s,
            now_ms=self._now_ms,
        )
        try:
            session.start(self._exchange)
            while True:
                yield await self.backlog.take()
        finally:
            await session.close()
            await self._exchange.close()


TYPE = SourceType(
    name="exchange",
    about="trades of a venue, live, in the venue's own digits",
    kinds=("market",),
    settings=ExchangeSettings,
    create=create_exchange,
    limits="binance: 1,024 streams a connection, 300 connections in 5 minutes",
)
