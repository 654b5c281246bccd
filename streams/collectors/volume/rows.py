"""Candles as ccxt reads them, and what the log says of a market's candles: PURE."""

from collections.abc import Iterable, Sequence
from decimal import Decimal, Inexact, localcontext
from typing import Any

from msgspec import Struct

from topics import GapDetected, GapMark, Heartbeat, RawEvent, VolumeFlow

from .digits import decimal
from .line import Candle


class Fault(Struct, frozen=True):
    """A candle that cannot be read."""

    open_ms: int | None
    """None where not even that can."""
    message: str


class Past(Struct, frozen=True):
    """Where the log leaves a market."""

    from_ms: int
    """Everything that closed up to here has been sent."""
    gap: GapDetected | None
    """The gap that was told and not ended."""


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
            volume = _in_asset(decimal(str(row[5])), factor)
        except Inexact:
            faults.append(Fault(open_ms, f"the volume of {open_ms} has too many digits"))
        except ValueError as error:
            faults.append(Fault(open_ms, f"the volume of {open_ms}: {error}"))
        candles.append(Candle(open_ms, volume))
    return candles, faults


def past_of(
    past: Sequence[RawEvent | GapMark | Heartbeat],
    *,
    venue: str,
    asset: str,
    symbol: str,
    span_ms: int,
) -> Past | None:
    """Return where the log of a source's last minutes leaves a market; None if it does not say."""
    from_ms: int | None = None
    through_ms: int | None = None
    gap: GapDetected | None = None
    for record in past:
        match record:
            case VolumeFlow(venue=at, instrument=instrument, span_ms=span) if (
                at,
                instrument,
                span,
            ) == (venue, symbol, span_ms):
                from_ms = max(from_ms or 0, record.event_ms)
            case Heartbeat():
                through_ms = max(through_ms or 0, record.through_ms)
            case GapDetected() if record.gap_id.startswith(f"{venue}/{asset}/{symbol}/"):
                gap = record
            case _ if gap is not None and getattr(record, "gap_id", None) == gap.gap_id:
                gap = None
    from_ms = through_ms if from_ms is None else from_ms
    if from_ms is None:
        return None
    return Past(from_ms if gap is None else min(from_ms, gap.from_ms), gap)


def _in_asset(volume: Decimal, factor: Decimal) -> Decimal:
    """Return a volume in units of the asset, exactly.

    Raises:
        ValueError: It is out of range.
        Inexact: It has too many digits.
    """
    if factor == 1:
        return volume
    with localcontext() as context:
        context.traps[Inexact] = True
        return decimal(str(volume * factor))
