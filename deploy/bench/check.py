"""Whether the windows say what the tape printed: every minute of every asset, to the last digit. PURE."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from topics import Aggregate, MarketValues

from .tape import MINUTE_MS, Expected

GRID = 100_000_000
"""Steps of the grid in a unit: a sum of sizes is published as a whole number of them, divided by this."""
TOLD_MAX = 5
"""Of a kind of error, in words."""

Minute = tuple[str, int]


class Found(NamedTuple):
    """The last revision of one minute's window."""

    revision: int
    trades: int
    volume: float


class Verdict(NamedTuple):
    """What became of the events, and what is wrong with that; nothing is well."""

    windows: int
    counted: int
    """Events in the windows published."""
    still_open: int
    """Events of minutes that have not ended."""
    errors: list[str]


class Minutes:
    """The one-minute windows as a reader sees them, by their highest revision."""

    def __init__(self) -> None:
        """Begin with none."""
        self.found: dict[Minute, Found] = {}

    def add(self, aggregate: Aggregate) -> None:
        """Take a record of `aggregates`; other windows than of a minute are passed over."""
        values = aggregate.values
        if aggregate.window_ms != MINUTE_MS or not isinstance(values, MarketValues):
            return
        minute = (aggregate.subject, aggregate.window_start_ms)
        known = self.found.get(minute)
        if known is None or aggregate.revision > known.revision:
            self.found[minute] = Found(aggregate.revision, values.trades, values.volume)


def judge(expected: Mapping[Minute, Expected], minutes: Minutes, *, watermark_ms: int) -> Verdict:
    """Compare every minute that ended at or before the watermark."""
    ended = {minute for minute in expected if minute[1] + MINUTE_MS <= watermark_ms}
    found = minutes.found
    wrong = [
        minute
        for minute in ended & found.keys()
        if (found[minute].trades, found[minute].volume)
        != (expected[minute].trades, expected[minute].size_grid / GRID)
    ]
    errors = [
        *_told("missing", map(_place, ended - found.keys())),
        *_told("published but not expected", map(_place, found.keys() - ended)),
        *_told("wrong", map(_place, wrong)),
        *_told("wrong in volume over all windows", _wrong_volumes(expected, found, ended)),
    ]
    return Verdict(
        windows=len(found),
        counted=sum(window.trades for window in found.values()),
        still_open=sum(e.trades for minute, e in expected.items() if minute not in ended),
        errors=errors,
    )


def _wrong_volumes(
    expected: Mapping[Minute, Expected], found: Mapping[Minute, Found], ended: set[Minute]
) -> list[str]:
    """Return the subjects whose sum over all windows is not that of the tape, in exact integers."""
    sums: dict[str, int] = {}
    for subject, start_ms in ended:
        sums[subject] = sums.get(subject, 0) + expected[subject, start_ms].size_grid
    for (subject, _), window in found.items():
        sums[subject] = sums.get(subject, 0) - round(window.volume * GRID)
    return [subject for subject, left in sums.items() if left]


def _place(minute: Minute) -> str:
    subject, start_ms = minute
    return f"{subject} at {start_ms}"


def _told(what: str, names: Iterable[str]) -> list[str]:
    some = sorted(names)
    if not some:
        return []
    more = " ..." if len(some) > TOLD_MAX else ""
    return [f"{len(some)} {what}: {', '.join(some[:TOLD_MAX])}{more}"]
