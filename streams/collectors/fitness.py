"""Whether a trade is surely what its contract says, for less than reading it back costs. PURE.

A struct made in code was checked by nobody, so every event is read back as its readers will read it. Of a trade whose
names were read back before, a look at its types and bounds says the same: price and size were judged when it was made.
What is not sure is read back; only that may refuse.
"""

from decimal import Decimal

from topics import Trade
from topics.units import EPOCH_MS_MAX

KNOWN_MAX = 100_000
"""Names that are remembered; trades of further ones are read back each time."""
VALUE_BYTES_MAX = 4_096
"""Of a trade's record; a longer one, of thousands of digits, is read back."""
_SEQUENCE_MAX = 2**63 - 1
_ID_CHARS_MAX = 128


class Fitness:
    """The names of one source's trades that were found fit."""

    def __init__(self) -> None:
        """Begin with none."""
        self._known: set[tuple[str, str, str]] = set()

    def sure(self, trade: Trade) -> bool:
        """Return whether a trade need not be read back, if its record is short."""
        number, trade_id = trade.sequence, trade.trade_id
        event_ms, received_ms = trade.event_ms, trade.received_ms
        return (
            (trade.subject, trade.source, trade.venue) in self._known
            and type(trade_id) is str
            and 0 < len(trade_id) <= _ID_CHARS_MAX
            and type(event_ms) is int
            and type(received_ms) is int
            and 0 <= event_ms <= EPOCH_MS_MAX
            and 0 <= received_ms <= EPOCH_MS_MAX
            and type(trade.price) is Decimal
            and type(trade.size) is Decimal
            and trade.side in ("buy", "sell")
            and (number is None or (type(number) is int and 0 <= number <= _SEQUENCE_MAX))
        )

    def learn(self, trade: Trade) -> None:
        """Note the names of a trade that was read back."""
        names = (trade.subject, trade.source, trade.venue)
        if all(type(name) is str for name in names) and len(self._known) < KNOWN_MAX:
            self._known.add(names)
