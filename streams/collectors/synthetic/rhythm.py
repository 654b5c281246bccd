"""The rhythm of the day: PURE."""

from math import cos, pi

_HOUR_MS = 3_600_000
_HOURS = 24
BUSIEST_HOUR = 16
"""UTC: both sides of the Atlantic are awake."""


def hour_of(time_ms: int, *, swing: float) -> tuple[float, int]:
    """Return how busy the hour of an instant is, and when the hour ends.

    1 is the average hour; the busiest is 1 + ``swing`` and the quietest 1 - ``swing``.
    """
    hours = time_ms // _HOUR_MS
    turn = 2 * pi * (hours % _HOURS - BUSIEST_HOUR) / _HOURS
    return 1 + swing * cos(turn), (hours + 1) * _HOUR_MS
