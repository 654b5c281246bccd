"""A clock that runs like the wall's, some hours behind it, and can be moved forward."""

import time

BACK_MS = 24 * 3_600_000
"""How far behind it begins: more than any scene moves it."""


def wall_ms() -> int:
    """Return now, in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class Behind:
    """Hours pass in it when a scene says so; what it said can be told in the wall's time."""

    def __init__(self) -> None:
        """Begin a second after a whole minute."""
        now_ms = wall_ms()
        start_ms = (now_ms - BACK_MS) // 60_000 * 60_000 + 1_000
        self._jumps = [(start_ms, now_ms - start_ms)]

    def __call__(self) -> int:
        """Return its time."""
        return wall_ms() - self._jumps[-1][1]

    def forward(self, ms: int) -> int:
        """Let so much time pass at once, and return what it is then."""
        behind_ms = self._jumps[-1][1] - ms
        assert behind_ms >= 0, "it may not pass the wall's"
        self._jumps.append((self() + ms, behind_ms))
        return self()

    def wall_of(self, at_ms: int) -> int:
        """Return when, by the wall, it was that time."""
        return next((at_ms + b for from_ms, b in reversed(self._jumps) if from_ms <= at_ms), at_ms)
