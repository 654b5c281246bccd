"""Rows of windows: of each subject and size the last day in a few numbers. PURE and bounded.

A row is kept in flat arrays, not as objects: a window of a market is 14 doubles, its scores and where it stands, some
170 bytes. Whole records are read from the log by their places.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from math import isnan, nan
from sys import intern

from topics import Aggregate, Kind
from topics.metrics import SCORED

from .records import Place, Point, SeriesKey

MISSING_NAMED_MAX = 4
"""Silent sources of a window that are named; more are in its record."""
EDITION_MAX = 2**63 - 1
"""A greater epoch or revision is told as this: the contracts bound neither, the row's cells do."""
SCORE_MAX = 1e9
"""A greater score is told as this: it fits where the row keeps it."""
VALUES: dict[Kind, tuple[str, ...]] = {
    "market": (
        "trades",
        "open",
        "high",
        "low",
        "close",
        "vwap",
        "volume",
        "quote_volume",
        "taker_buy_ratio",
        "signed_volume",
        "log_return",
        "realised_volatility",
        "largest_trade",
        "venue_spread",
    ),
    "volume": ("flow", "flow_samples", "level", "concentration", "flow_change", "level_change"),
    "social": (
        "posts",
        "bot_posts",
        "engagement",
        "tone_mean",
        "tone_stdev",
        "distinct_posts",
        "unique_authors",
    ),
    "development": (
        "events",
        "commits",
        "pull_requests",
        "releases",
        "issues",
        "bot_events",
        "unique_authors",
    ),
}
"""What a row keeps of a window's values, by kind."""
_STATES = ("complete", "holed", "unverifiable")


class Series:
    """One row of windows, by their starts; of each the greatest edition."""

    def __init__(self, key: SeriesKey, asset: str) -> None:
        """Begin with no window."""
        self.key, self.asset = key, asset
        self._names, self._scored = VALUES[key.kind], SCORED[key.kind]
        self._starts, self._offsets = array("q"), array("q")
        self._partitions, self._epochs = array("H"), array("q")
        self._revisions, self._states = array("q"), array("B")
        self._holed = array("f")
        self._values, self._scores = array("d"), array("f")
        self._missing: dict[int, tuple[str, ...]] = {}

    def __len__(self) -> int:
        """Return how many windows there are."""
        return len(self._starts)

    @property
    def newest_ms(self) -> int:
        """Start of the newest window; -1 if there is none."""
        return self._starts[-1] if self._starts else -1

    @property
    def oldest_ms(self) -> int:
        """Start of the oldest window; -1 if there is none."""
        return self._starts[0] if self._starts else -1

    @property
    def bytes(self) -> int:
        """What its arrays take."""
        return sum(len(column) * column.itemsize for column in self._columns())

    def put(self, window: Aggregate, place: Place) -> bool:
        """Take a window unless a greater edition of it is there; of equal ones the first stays. Return if it was new."""
        start_ms = window.window_start_ms
        edition = min(window.epoch, EDITION_MAX), min(window.revision, EDITION_MAX)
        at = bisect_left(self._starts, start_ms)
        there = at < len(self) and self._starts[at] == start_ms
        if there:
            if edition <= (self._epochs[at], self._revisions[at]):
                return False
            self._cut(at, at + 1)
        told = window.completeness
        rows: tuple[tuple[array[int] | array[float], tuple[float, ...]], ...] = (
            (self._starts, (start_ms,)),
            (self._offsets, (place.offset,)),
            (self._partitions, (place.partition,)),
            (self._epochs, edition[:1]),
            (self._revisions, edition[1:]),
            (self._states, (_STATES.index(told.state),)),
            (self._holed, (told.holed_fraction,)),
            (self._values, self._values_of(window)),
            (self._scores, self._scores_of(window)),
        )
        for column, cells in rows:
            wide = len(cells)
            column[at * wide : at * wide] = array(column.typecode, cells)  # type: ignore[arg-type]
        if told.missing_sources:
            named = sorted(told.missing_sources)[:MISSING_NAMED_MAX]
            self._missing[start_ms] = tuple(intern(source) for source in named)
        return not there

    def cut_before(self, start_ms: int) -> int:
        """Forget windows that began before a time; return how many."""
        end = bisect_left(self._starts, start_ms)
        self._cut(0, end)
        return end

    def cut_half(self) -> int:
        """Forget the older half; return how many that is."""
        half = (len(self) + 1) // 2
        self._cut(0, half)
        return half

    def points(self, since_ms: int, until_ms: int) -> Iterator[Point]:
        """Give the windows that begin in a span of time, the oldest first."""
        for at in range(bisect_left(self._starts, since_ms), bisect_left(self._starts, until_ms)):
            yield self._point(at)

    def column(self, name: str, since_ms: int, until_ms: int) -> list[float | None]:
        """Return one value of the windows that begin in a span of time: what a chart wants.

        Raises:
            KeyError: A row of this kind has no such value.
        """
        first, end = bisect_left(self._starts, since_ms), bisect_left(self._starts, until_ms)
        if name not in self._names:
            raise KeyError(name)
        wide = len(self._names)
        cells = self._values[first * wide + self._names.index(name) : end * wide : wide]
        return [None if isnan(cell) else cell for cell in cells]

    def starts(self, since_ms: int, until_ms: int) -> list[int]:
        """Return when the windows that begin in a span of time do."""
        first, end = bisect_left(self._starts, since_ms), bisect_left(self._starts, until_ms)
        return self._starts[first:end].tolist()

    def at(self, start_ms: int) -> Point | None:
        """Return the window that begins at a time, if it is there."""
        at = bisect_left(self._starts, start_ms)
        return self._point(at) if at < len(self) and self._starts[at] == start_ms else None

    def _columns(self) -> tuple["array[int] | array[float]", ...]:
        return (
            self._starts,
            self._offsets,
            self._partitions,
            self._epochs,
            self._revisions,
            self._states,
            self._holed,
            self._values,
            self._scores,
        )

    def _cut(self, first: int, end: int) -> None:
        for start_ms in self._starts[first:end]:
            self._missing.pop(start_ms, None)
        rows = len(self)
        for column in self._columns() if rows else ():
            wide = len(column) // rows
            del column[first * wide : end * wide]

    def _values_of(self, window: Aggregate) -> tuple[float, ...]:
        found = (getattr(window.values, name) for name in self._names)
        return tuple(nan if value is None else float(value) for value in found)

    def _scores_of(self, window: Aggregate) -> tuple[float, ...]:
        found = (window.scores.get(name) for name in self._scored)
        return tuple(
            nan if score is None else max(-SCORE_MAX, min(SCORE_MAX, score.z)) for score in found
        )

    def _point(self, at: int) -> Point:
        wide, scored = len(self._names), len(self._scored)
        values = self._values[at * wide : (at + 1) * wide]
        scores = self._scores[at * scored : (at + 1) * scored]
        start_ms = self._starts[at]
        return Point(
            start_ms=start_ms,
            window_ms=self.key.window_ms,
            step_ms=self.key.step_ms,
            edition=(self._epochs[at], self._revisions[at]),
            values={n: None if isnan(v) else v for n, v in zip(self._names, values, strict=True)},
            scores={n: z for n, z in zip(self._scored, scores, strict=True) if not isnan(z)},
            state=_STATES[self._states[at]],  # type: ignore[arg-type]
            holed_fraction=self._holed[at],
            missing_sources=self._missing.get(start_ms, ()),
            place=Place("aggregates", self._partitions[at], self._offsets[at]),
        )
