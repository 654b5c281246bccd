"""A subject's own last windows of one size, and how unusual a new one is against them."""

from collections import deque
from collections.abc import Iterable, Sequence
from statistics import median

from msgspec import Struct

from topics import Kind, Score
from topics.aggregate import Values
from topics.metrics import SCORED

HISTORY_MAX = 288
"""Windows that a score rests on: a day of five minutes."""
HISTORY_MIN = 30
"""With fewer there is no score."""
KEPT_MAX = 352
"""Windows kept: a correction is scored against what its first publication was scored against."""
NORMAL = 1.4826
"""Median absolute deviation of a normal distribution to its standard deviation (Rousseeuw and Croux 1993)."""

Row = tuple[float | None, ...]
"""The scored values of a window, in the order of `SCORED`."""


class Entry(Struct, array_like=True):
    """One window in a history."""

    number: int
    """How many were published before it."""
    start_ms: int
    row: Row


class History:
    """The windows of one subject and size as they were first published, in that order; never amended."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        """Begin with what state held."""
        self.entries = deque(sorted(entries, key=lambda entry: entry.number), maxlen=KEPT_MAX)

    def add(self, start_ms: int, row: Row) -> Entry:
        """Remember a window's first publication."""
        number = self.entries[-1].number + 1 if self.entries else 0
        entry = Entry(number, start_ms, row)
        self.entries.append(entry)
        return entry

    def before(self, start_ms: int) -> list[Row]:
        """Return what a window's first publication was scored against; nothing if that is forgotten."""
        entries = list(self.entries)
        for at in range(len(entries) - 1, -1, -1):
            if entries[at].start_ms == start_ms:
                first = max(0, at - HISTORY_MAX)
                is_whole = at - first == HISTORY_MAX or entries[0].number == 0
                return [entry.row for entry in entries[first:at]] if is_whole else []
        return []

    def last(self) -> list[Row]:
        """Return what the next window is scored against."""
        return [entry.row for entry in self.entries][-HISTORY_MAX:]


def row_of(kind: Kind, values: Values) -> Row:
    """Return what a history remembers of a window.

    A count as a float: so it comes back from state, and a median of counts must have the same bytes after a restart.
    """
    found = (getattr(values, name) for name in SCORED[kind])
    return tuple(None if value is None else float(value) for value in found)


def scores_of(kind: Kind, row: Row, reference: Sequence[Row]) -> dict[str, Score]:
    """Return the robust scores of a window's values: (value - median) / (1.4826 x median absolute deviation).

    None for a value that fewer than `HISTORY_MIN` earlier windows have, or of which half are the same.
    """
    scores = {}
    for at, name in enumerate(SCORED[kind]):
        value = row[at]
        column = [found for earlier in reference if (found := earlier[at]) is not None]
        if value is None or len(column) < HISTORY_MIN:
            continue
        middle = median(column)
        deviation = median(abs(found - middle) for found in column)
        if deviation:
            scores[name] = Score(z=(value - middle) / (NORMAL * deviation), median=middle)
    return scores
