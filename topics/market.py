"""What a venue prints: trades."""

from decimal import Decimal

from msgspec import Struct

from .units import (
    NUMBER_MAX,
    NUMBER_MIN,
    EpochMs,
    Instrument,
    Name,
    Positive,
    Sequence,
    Side,
    VenueId,
)

_USUAL_MIN, _USUAL_MAX = Decimal("1e-12"), Decimal("1e12")
"""Well within the bounds: between these two no double is needed, which costs more than all else in a trade."""


class Trade(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="trade"):
    """One trade, or one aggregate of a taker's fills at one price, as its venue printed it.

    Its id is ``trade|subject|venue|trade_id``.
    """

    subject: Instrument
    source: Name
    venue: Name
    trade_id: VenueId
    event_ms: EpochMs
    """When the venue says it traded."""
    received_ms: EpochMs
    """When our collector had it; a replay keeps it."""
    price: Positive
    size: Positive
    """In units of the base asset."""
    side: Side
    """Of the taker."""
    sequence: Sequence | None = None
    """Given where the venue numbers an instrument's trades without holes, so that a hole proves a loss."""

    def __post_init__(self) -> None:
        """Refuse what is not a number above 0; decoding checks it too."""
        for number in (self.price, self.size):
            if number.is_finite() and _USUAL_MIN <= number <= _USUAL_MAX:
                continue
            # The bound is a double, a little above 1e-18: as a decimal, 1e-18 itself would lie outside.
            if not (number.is_finite() and float(number) >= NUMBER_MIN and number <= NUMBER_MAX):
                msg = (
                    f"price and size must lie in [{NUMBER_MIN:.0e}, {NUMBER_MAX:.0e}], not {number}"
                )
                raise ValueError(msg)
