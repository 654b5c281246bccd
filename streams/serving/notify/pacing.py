"""How many messages one receiver gets in an hour. PURE: time is an argument, in milliseconds of the wall clock.

Of a bound of N messages in any hour, the last is the digest's, and a quarter (one at least) of the others is kept
for what is critical. So the first flood cannot take the place of the one message that matters, and what is held
back is always told.
"""

from collections import deque
from collections.abc import Iterable

HOUR_MS = 3_600_000
DIGEST_MS = 600_000
"""After the first that was held back, where only the digest's own message is left: what comes meanwhile goes with it."""
CRITICAL_SHARE = 4


class Pace:
    """The messages of the last hour to one receiver."""

    def __init__(self, per_hour: int, begun_ms: Iterable[int] = ()) -> None:
        """Begin with those of the last hour, as far as they are known."""
        self._per_hour = per_hour
        self._reserved = max(1, (per_hour - 1) // CRITICAL_SHARE)
        self._begun = deque(sorted(begun_ms), maxlen=per_hour)

    def free(self, now_ms: int) -> int:
        """Return how many messages may begin now."""
        while self._begun and self._begun[0] <= now_ms - HOUR_MS:
            self._begun.popleft()
        return self._per_hour - len(self._begun)

    def has_room(self, *, critical: bool, now_ms: int) -> bool:
        """Return whether a message that is no digest may begin: room is left for the digest, and for critical ones."""
        return self.free(now_ms) > (1 if critical else 1 + self._reserved)

    def digest_ms(self, held_since_ms: int, now_ms: int, *, critical: bool) -> int:
        """Return when what is held back is told: at once where there is room again, else as soon as may be.

        ``critical``: something critical is among it, which does not wait for more to come.
        """
        if self.has_room(critical=False, now_ms=now_ms):
            return now_ms
        due_ms = now_ms if critical else held_since_ms + DIGEST_MS
        if self.free(now_ms) < 1:
            return max(due_ms, self._begun[0] + HOUR_MS)
        return min(due_ms, self._room_ms(now_ms))

    def _room_ms(self, now_ms: int) -> int:
        """Return when there is room for any message, where there is none now."""
        short = 2 + self._reserved - self.free(now_ms)
        return self._begun[short - 1] + HOUR_MS

    def begin(self, now_ms: int) -> None:
        """Note that a message begins. There must be room."""
        if self.free(now_ms) < 1:
            msg = "no message may begin now"
            raise ValueError(msg)
        self._begun.append(now_ms)
