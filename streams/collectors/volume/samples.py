"""Which samples of a level are new: PURE."""

from decimal import Decimal

SAME_MS = 300_000
"""A level that is worked out when it is asked for is said again after this long, though it has not changed: a
window that lacks it would not know that the venue was there. (The smallest window of volumes has 5 minutes.)"""


class Samples:
    """The last sample of each target."""

    def __init__(self) -> None:
        """Begin with none."""
        self._last: dict[str, tuple[int, Decimal | None]] = {}

    def seen(self, target: str, event_ms: int) -> None:
        """Take what had been sent before a restart."""
        self._last[target] = (event_ms, None)

    def newer(self, target: str, event_ms: int, volume: Decimal) -> bool:
        """Return whether a sample whose time the service says is new; one that is older than the last is none."""
        last = self._last.get(target)
        if last is not None and event_ms <= last[0]:
            return False
        self._last[target] = (event_ms, volume)
        return True

    def changed(self, target: str, event_ms: int, volume: Decimal, *, again_ms: int | None) -> bool:
        """Return whether a sample without a time of its own is new: by what it says, or after ``again_ms``."""
        last = self._last.get(target)
        if last is not None and last[1] == volume:
            old = again_ms is not None and event_ms - last[0] >= again_ms
            if not old:
                return False
        return self.newer(target, event_ms, volume)
