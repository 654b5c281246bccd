"""Exact sums: each addend is rounded once to a grid of 1e-8 and added as an integer.

Integers add in any order to the same sum, which no sum of doubles does; so a window's numbers do not
depend on the order its events came in.
"""

GRID = 10**8

SCALE = float(GRID)


def to_grid(number: float) -> int:
    """Return ``number`` on the grid: the double ``number * 1e8``, rounded half to even."""
    return round(number * SCALE)


def from_grid(total: int) -> float:
    """Return a sum on the grid as the nearest double."""
    return total / GRID
