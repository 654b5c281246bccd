"""All rows of windows: bounded in rows and windows, and no older than a day. PURE."""

import re
from collections.abc import Iterator

from topics import Aggregate, Kind

from .records import Place, Point, SeriesKey
from .series import VALUES, Series

SUBJECT_SERIES_MAX = 5_000
"""Rows of windows: 100 assets of two instruments have 1,600."""
POINTS_MAX = 500_000
"""Windows in all rows together: 100 assets of one instrument have 390,000 in a day."""
TRIM_ROWS = 64
"""Cut off at once where they are too old: to cut off each by itself would move the others each time."""
DAY_MS = 86_400_000
_ID = re.compile(
    r"(?P<kind>[a-z]+)/(?P<subject>.{1,74})/(?P<window>\d{1,13})/(?P<step>\d{1,13})/(?P<start>\d{1,15})/\d{1,9}(/e\d{1,9})?",
    re.ASCII,
)


class SeriesBook:
    """All rows of windows. What is a day older than the newest window of its kind is forgotten."""

    def __init__(self, keep_ms: int = DAY_MS) -> None:
        """Begin with none. ``keep_ms`` is of market time."""
        self.rows: dict[SeriesKey, Series] = {}
        self.points = 0
        """In all rows together."""
        self.forgotten = 0
        """Windows that had to make room for others before their time,"""
        self.rows_forgotten = 0
        """and rows."""
        self._keep_ms = keep_ms
        self._newest_ms: dict[Kind, int] = {}

    def put(self, window: Aggregate, place: Place) -> None:
        """Take a window."""
        key = SeriesKey(window.kind, window.subject, window.window_ms, window.step_ms)
        newest_ms = max(self._newest_ms.get(key.kind, 0), window.window_start_ms)
        if newest_ms // DAY_MS != self._newest_ms.get(key.kind, 0) // DAY_MS:
            self._sweep(key.kind, newest_ms - self._keep_ms)
        self._newest_ms[key.kind] = newest_ms
        since_ms = self.since_ms(key.kind)
        if window.window_start_ms < since_ms:
            return
        row = self.rows.get(key)
        if row is None:
            row = self._open(key, window.asset)
        self.points += row.put(window, place)
        if row.oldest_ms + TRIM_ROWS * key.step_ms < since_ms:
            self.points -= row.cut_before(since_ms)
        if self.points > POINTS_MAX:
            self._halve()

    def row(self, key: SeriesKey) -> Series | None:
        """Return a row."""
        return self.rows.get(key)

    def span(self, key: SeriesKey, since_ms: int) -> tuple[int, int]:
        """Return the span of starts that a question about a row may have."""
        newest_ms = self._newest_ms.get(key.kind, 0)
        return max(since_ms, self.since_ms(key.kind)), newest_ms + 1

    def since_ms(self, kind: Kind) -> int:
        """Return the start before which windows of a kind are forgotten."""
        return self._newest_ms.get(kind, 0) - self._keep_ms

    def live(self) -> Iterator[tuple[SeriesKey, Series]]:
        """Give the rows that have a window that is not too old: others are swept away later."""
        for key, row in self.rows.items():
            if row.newest_ms >= self.since_ms(key.kind):
                yield key, row

    def find(self, aggregate_id: str) -> tuple[SeriesKey, Point] | None:
        """Return the window an id is of, by its greatest edition."""
        read = _ID.fullmatch(aggregate_id)
        if read is None or read["kind"] not in VALUES:
            return None
        sizes = int(read["window"]), int(read["step"])
        key = SeriesKey(read["kind"], read["subject"], *sizes)
        row = self.rows.get(key)
        point = None if row is None else row.at(int(read["start"]))
        return None if point is None else (key, point)

    def _open(self, key: SeriesKey, asset: str) -> Series:
        if len(self.rows) >= SUBJECT_SERIES_MAX:
            gone = self.rows.pop(min(self.rows, key=lambda k: (self.rows[k].newest_ms, k)))
            self.rows_forgotten += 1
            self.points -= len(gone)
            self.forgotten += len(gone)
        row = self.rows[key] = Series(key, asset)
        return row

    def _halve(self) -> None:
        """Let the longest row forget its older half."""
        longest = max(self.rows.values(), key=lambda row: (len(row), row.key))
        gone = longest.cut_half()
        self.points -= gone
        self.forgotten += gone

    def _sweep(self, kind: Kind, since_ms: int) -> None:
        for key in [k for k, row in self.rows.items() if k.kind == kind]:
            self.points -= self.rows[key].cut_before(since_ms)
            if not self.rows[key]:
                del self.rows[key]
