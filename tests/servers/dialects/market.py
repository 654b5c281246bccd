"""A market that is invented as it goes: every trade has a number, an id, a time, digits and a side."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b


@dataclass(frozen=True)
class Row:
    """One trade, as the market knows it; venues print some of it."""

    symbol: str
    number: int
    """One more each time, in this instrument."""
    ms: int
    price: str
    size: str
    side: str
    """buy or sell, of the taker."""

    @property
    def serial(self) -> int:
        """An id that rises, but not by one."""
        return 9_000_000_000 + self.number * 7 + int(self.digest[:2], 16) % 7

    @property
    def digest(self) -> str:
        """Forty hexadecimal digits of its own."""
        return blake2b(f"{self.symbol}/{self.number}".encode(), digest_size=20).hexdigest()


def wall_ms() -> int:
    """Return what time it is."""
    return time.time_ns() // 1_000_000


class Market:
    """The instruments of one venue. Its clock may stand elsewhere than ours."""

    def __init__(self, symbols: tuple[str, ...], *, now_ms: Callable[[], int] = wall_ms) -> None:
        """Begin with a past: a few trades that nobody has asked for."""
        self.rows: dict[str, list[Row]] = {symbol: [] for symbol in symbols}
        self.now_ms = now_ms
        for symbol in symbols:
            for _ in range(5):
                self.trade(symbol)

    def trade(self, symbol: str) -> Row:
        """Let one trade happen."""
        rows = self.rows[symbol]
        number = rows[-1].number + 1 if rows else 1_000_001
        fill = int(blake2b(f"{symbol}{number}".encode(), digest_size=8).hexdigest(), 16)
        ms = max(self.now_ms(), rows[-1].ms + 1 if rows else 0)
        row = Row(
            symbol=symbol,
            number=number,
            ms=ms,
            # Never the same price twice in a row, so that no venue puts two together; zeros at the end count.
            price=f"{60_000 + number % 97}.{fill % 100:02d}",
            size=f"{1 + fill % 3}.{fill // 1000 % 10**8:08d}",
            side="buy" if fill % 5 < 3 else "sell",
        )
        rows.append(row)
        return row
