"""The end of ccxt's connections."""

from contextlib import suppress

from .tap import Exchange


async def leave(exchange: Exchange) -> None:
    """Close every connection, for good.

    Some releases of Python 3.11 cannot abort a TLS connection that is gone already: that raises, and leaves the
    rest open, which a second time closes.
    """
    for _ in range(2):
        with suppress(AttributeError):
            await exchange.close()
            break
