"""How unusual a window is against the subject's own: section 9a of docs/windows.md."""

from collections import deque
from collections.abc import Sequence
from itertools import islice
from statistics import median
from typing import Any, NamedTuple

REFERENCE_MAX = 288
SCORED_MIN = 30
KEPT_MAX = 352
NORMAL = 1.4826
TOLERANCE = 1e-12
"""Relative, of metrics that go through a logarithm or a root."""


class Close(NamedTuple):
    """A number that another program may find a little differently."""

    number: float
    within: float


Row = tuple[float | None, ...]


class History:
    """The first publications of one subject's windows of one size, the last of them."""

    def __init__(self) -> None:
        """Begin empty."""
        self._kept: deque[tuple[int, Row]] = deque(maxlen=KEPT_MAX)
        self._total = 0

    def __len__(self) -> int:
        """How many windows are kept."""
        return len(self._kept)

    @property
    def last_start_ms(self) -> int:
        """The start of the window that was last added."""
        return self._kept[-1][0]

    def add(self, start_ms: int, row: Row) -> None:
        """Remember a window's first publication."""
        self._kept.append((start_ms, row))
        self._total += 1

    def reference(self, start_ms: int, revision: int) -> list[Row]:
        """Return what a revision of a window is scored against."""
        if revision == 0:
            return self._before(len(self._kept))
        own = [at for at, (start, _) in enumerate(self._kept) if start == start_ms]
        if not own:
            return []
        # Before its own there must be the whole reference, or everything there ever was.
        is_whole = own[-1] >= REFERENCE_MAX or self._total == len(self._kept)
        return self._before(own[-1]) if is_whole else []

    def _before(self, at: int) -> list[Row]:
        return [row for _, row in islice(self._kept, max(0, at - REFERENCE_MAX), at)]


def scores_of(
    names: Sequence[str], row: Row, reference: Sequence[Row], *, exact: Sequence[bool]
) -> dict[str, Any]:
    """Return the scores of a window's row; those of a metric that is not exact as `Close`."""
    found: dict[str, Any] = {}
    for at, (name, value) in enumerate(zip(names, row, strict=True)):
        column = [number for earlier in reference if (number := earlier[at]) is not None]
        if value is None or len(column) < SCORED_MIN:
            continue
        middle = median(column)
        deviation = median([abs(number - middle) for number in column])
        if deviation == 0:
            continue
        z = (value - middle) / (NORMAL * deviation)
        if exact[at]:
            found[name] = {"z": z, "median": middle}
        else:
            within = TOLERANCE * max(abs(value), *map(abs, column))
            z_within = 4 * within * (1 + abs(z)) / deviation
            found[name] = {"z": Close(z, z_within), "median": Close(middle, within)}
    return found
