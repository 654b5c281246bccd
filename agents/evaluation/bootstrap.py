"""How sure a ratio of sums is, where what happens on one day hangs together. PURE: the seed is an argument.

Assets fall together, and an hour is like the next. So whole days are drawn, with all assets of a day together, with
replacement; what is asked of the drawn days is asked as of the real ones. The interval is the expanded percentile
interval: the plain one is too narrow for few days, by the ratio of Student's to the normal quantile and of n to n - 1
(Hesterberg 2014, What Teachers Should Know about the Bootstrap, section 4).
"""

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from msgspec import Struct

Table = npt.NDArray[np.float64]

RESAMPLES = 4_000
"""Draws of as many days as there are: the ends of an interval move by a twentieth of its width from seed to seed."""
DAYS_MIN = 10
"""Fewer days give no interval: it would be of what a few days happened to be."""
LEVEL = 0.95
"""Of the intervals: as often they hold the true value."""


class Interval(Struct, frozen=True):
    """Where a value lies, at the level of `LEVEL`."""

    low: float
    high: float

    def excludes(self, value: float) -> bool:
        """Return whether a value is not in it."""
        return not self.low <= value <= self.high


def day_sums(days: Sequence[int], columns: Table) -> Table:
    """Return the sums of each day's rows, one row a day in order."""
    names, places = np.unique(np.asarray(days), return_inverse=True)
    sums = np.zeros((len(names), columns.shape[1]))
    np.add.at(sums, places, columns)
    return sums


def drawn(sums: Table, *, seed: int, resamples: int = RESAMPLES) -> Table | None:
    """Return the totals of as many draws of days, one row a draw; None where the days are too few."""
    days = len(sums)
    if days < DAYS_MIN:
        return None
    counts = np.random.default_rng(seed).multinomial(days, np.full(days, 1 / days), size=resamples)
    return np.asarray(counts @ sums, dtype=np.float64)


def interval_of(values: Table, days: int) -> Interval | None:
    """Return the interval of a statistic from its values in the draws; those that are no number are left out."""
    known = values[np.isfinite(values)]
    if not len(known):
        return None
    tail = tail_of(days)
    low, high = np.quantile(known, (tail, 1 - tail))
    return Interval(float(low), float(high))


def tail_of(days: int) -> float:
    """Return which share of the draws lies beyond each end of the interval."""
    degrees = days - 1
    return NormalDist().cdf(-sqrt(days / degrees) * student_quantile((1 + LEVEL) / 2, degrees))


def student_quantile(share: float, degrees: int) -> float:
    """Return a quantile of Student's t, within a thousandth from 9 degrees on (Abramowitz and Stegun 26.7.5)."""
    z, n = NormalDist().inv_cdf(share), float(degrees)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / n + second / n**2 + third / n**3
