"""The golden frames of venues, and what must be said of each. `python -m` this writes the expected lines anew."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec

from streams.collectors.market.venues import VENUES, Reading, Trades, Venue
from topics import Trade

FOLDER = Path("tests/data/venues").resolve()
RECEIVED_MS = 1_764_100_900_000
SYMBOLS = {
    "coinbase/documented": ("BTC/USD", "ETH/USD"),
    "kraken/documented": ("BTC/USD", "DOGE/USD"),
    "okx/documented": ("ETH/USDT",),
    "okx/recorded": ("BTC/USDT",),
    "bybit/documented": ("BTC/USDT",),
    "bybit/documented-linear": ("BTC/USDT:USDT", "ETH/USDC:USDC"),
    "bitstamp/documented": ("BTC/USD", "DOGE/USD"),
    "bitstamp/recorded": ("ETH/USD",),
    "gate/documented": ("BTC/USDT", "ETH/USDT"),
    "gate/recorded": ("DIS/USDT", "FAST/USDT", "NANO/USDT", "NEO/BTC", "OMG/USDT", "ZKS/ETH"),
    "gemini/documented": ("BTC/USD", "ETH/USD"),
    "gemini/recorded": ("ALCX/USD", "ANKR/USD", "FIL/USD"),
    "kucoin/documented": ("BTC/USDT", "ETH/USDT"),
    "kucoin/recorded": ("BCHSV/USDT", "DAPPT/BTC", "FET/BTC"),
}
"""By file: what is subscribed."""
FILES = tuple(SYMBOLS)


@cache
def venue(file: str) -> Venue:
    return VENUES[file.partition("/")[0]]("live", SYMBOLS[file])


@cache
def frames(file: str) -> tuple[str, ...]:
    return tuple((FOLDER / f"{file}.jsonl").read_text().splitlines())


@cache
def expected(file: str) -> tuple[str, ...]:
    return tuple((FOLDER / f"{file}.expected.jsonl").read_text().splitlines())


def read(file: str, frame: str | bytes) -> Reading:
    return venue(file).read(frame, received_ms=RECEIVED_MS)  # type: ignore[arg-type]


def said(reading: Reading) -> str:
    """Return a reading as one line, with every digit."""
    fields = {"reading": type(reading).__name__, **msgspec.structs.asdict(reading)}
    return msgspec.json.encode(fields).decode()


def trades(file: str) -> Iterator[tuple[str, Trade]]:
    """Yield each trade, and the frame it is in."""
    for frame in frames(file):
        reading = read(file, frame)
        if isinstance(reading, Trades):
            for trade in reading.trades:
                yield frame, trade


if __name__ == "__main__":
    for name in FILES:
        lines = [said(read(name, frame)) for frame in frames(name)]
        (FOLDER / f"{name}.expected.jsonl").write_text("\n".join(lines) + "\n")
