"""Candles as ccxt reads them: PURE."""

from collections.abc import Iterable
from decimal import Decimal, Inexact, localcontext
from typing import Any

from msgspec import Struct

from .digits import decimal
from .line import Candle


class Fault(Struct, frozen=True):
    """A candle that cannot be read."""

    open_ms: int | None
    """None where not even that can."""
    message: str


def read_rows(
    rows: Iterable[Any], *, span_ms: int, factor: Decimal
) -> tuple[list[Candle], list[Fault]]:
    """Return the candles of an answer, and why some cannot be read; of those with a time, both.

    A row is [opening, open, high, low, close, volume]; ``factor`` makes units of the asset of a volume.
    """
    candles: list[Candle] = []
    faults: list[Fault] = []
    for row in rows:
        open_ms = row[0] if isinstance(row[0], int) and row[0] >= 0 else None
        if open_ms is None or open_ms % span_ms:
            faults.append(Fault(None, f"no candle of {span_ms} ms opens at {row[0]!r}"))
            continue
        volume = None
        try:
            volume = in_units(decimal(str(row[5])), factor)
        except ValueError as error:
            faults.append(Fault(open_ms, f"the volume of {open_ms}: {error}"))
        candles.append(Candle(open_ms, volume))
    return candles, faults


def in_units(volume: Decimal, factor: Decimal) -> Decimal:
    """Return a volume in units of the asset, exactly.

    Raises:
        ValueError: It is out of range, or has too many digits.
    """
    if factor == 1:
        return volume
    with localcontext() as context:
        context.traps[Inexact] = True
        try:
            return decimal(str(volume * factor))
        except Inexact:
            msg = f"{volume} times {factor} has too many digits"
            raise ValueError(msg) from None
