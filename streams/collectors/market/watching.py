"""How a venue is dialled and subscribed to, by ccxt's own methods, and how that ends."""

import asyncio
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from streams.collectors.port import SourceError

from .tap import KEEP_ALIVE_MS, Client, Exchange, errors
from .venues import Venue

Feed = Literal["trades", "tickers"]


class Dialling(Struct, frozen=True, kw_only=True):
    """Where a venue is, and what is wanted of it."""

    feed: Feed = "trades"
    url: str | None = None
    rest_url: str | None = None
    ca_file: str | None = None
    keep_alive_ms: int = KEEP_ALIVE_MS


async def watch(exchange: Exchange, venue: Venue, feed: Feed, clients: Sequence[Client]) -> None:
    """Dial, subscribe, and last as long as the connection.

    Raises:
        SourceError: Always, when it ends; with what the venue, refusing to be dialled, asked us to wait.
    """
    try:
        await _watch(exchange, venue, feed)
    except errors() as error:
        msg = f"{type(error).__name__}: {error}"
        wait_s = max((client.last_retry_after or 0 for client in clients), default=0)
        raise SourceError(msg, wait_s=wait_s or None) from error
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        msg = "ccxt gave the subscription up"
        raise SourceError(msg) from None
    msg = "a frame went past the tap: the venue sends what we do not read"
    raise SourceError(msg)


async def _watch(exchange: Exchange, venue: Venue, feed: Feed) -> None:
    symbols = [market.symbol for market in venue.markets]
    if feed == "tickers":
        while True:  # ccxt returns when it has seen one that says no turnover
            await exchange.watch_tickers(symbols)
    elif venue.one_by_one:
        await asyncio.gather(*(exchange.watch_trades(symbol) for symbol in symbols))
    else:
        await exchange.watch_trades_for_symbols(symbols)
