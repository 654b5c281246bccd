"""The end of ccxt's connections."""

from streams.collectors.market.leaving import leave


class Gone:
    """As an exchange of ccxt whose TLS connection is gone: the first close raises, and leaves the rest open."""

    def __init__(self) -> None:
        self.closings = 0

    async def close(self) -> None:
        self.closings += 1
        if self.closings == 1:
            msg = "'NoneType' object has no attribute '_abort'"
            raise AttributeError(msg)


async def test_what_a_first_close_leaves_open_a_second_closes() -> None:
    exchange = Gone()
    await leave(exchange)  # type: ignore[arg-type]  # all of it that is asked for
    assert exchange.closings == 2
