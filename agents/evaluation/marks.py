"""What an instrument stood at, just after an instant. PURE.

The mark of an instant is the last price of the first minute that begins at or after it. Every trade of that minute is
at or after the instant, and the price stands when the minute is over: later than the instant, always.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from msgspec import Struct

from agents.answer.reading import MINUTE_MS
from topics import Aggregate, MarketValues

LATE_MS_MAX = 5 * MINUTE_MS
"""A minute that begins as much as this after the instant is not its mark: nobody traded, and the price has moved on."""


class Mark(Struct, frozen=True):
    """A price, and the minute it is of."""

    begins_ms: int
    price: float

    @property
    def at_ms(self) -> int:
        """When the price stands: the minute is over."""
        return self.begins_ms + MINUTE_MS


class Marks:
    """Keeps of all minutes those that are asked for: memory grows with the questions, not with the log."""

    def __init__(self, wanted: Iterable[tuple[str, int]]) -> None:
        """Take what will be asked: instruments, each with an instant."""
        instants: dict[str, set[int]] = {}
        for subject, instant_ms in wanted:
            instants.setdefault(subject, set()).add(instant_ms)
        self._instants = {subject: sorted(found) for subject, found in instants.items()}
        self._found: dict[tuple[str, int], tuple[Mark, tuple[int, int]]] = {}

    @property
    def subjects(self) -> frozenset[str]:
        """The instruments that are asked for."""
        return frozenset(self._instants)

    def take(self, aggregate: Aggregate) -> None:
        """Take a window, in any order and any number of times; of one minute the latest edition counts."""
        values, instants = aggregate.values, self._instants.get(aggregate.subject)
        is_minute = aggregate.window_ms == aggregate.step_ms == MINUTE_MS
        if instants is None or not (is_minute and isinstance(values, MarketValues)):
            return
        mark = Mark(aggregate.window_start_ms, values.close)
        first = bisect_right(instants, mark.begins_ms - LATE_MS_MAX)
        for instant_ms in instants[first : bisect_left(instants, mark.begins_ms + 1)]:
            place = (aggregate.subject, instant_ms)
            known = self._found.get(place)
            if known is None or _precedes(mark, aggregate.edition, *known):
                self._found[place] = mark, aggregate.edition

    def find(self, subject: str, instant_ms: int) -> Mark | None:
        """Return the mark of an instant that was asked for; None where there is none."""
        found = self._found.get((subject, instant_ms))
        return None if found is None else found[0]


def _precedes(
    mark: Mark, edition: tuple[int, int], known: Mark, known_edition: tuple[int, int]
) -> bool:
    if mark.begins_ms != known.begins_ms:
        return mark.begins_ms < known.begins_ms
    return edition > known_edition
