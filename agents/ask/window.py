"""Outcomes of the last while, counted in slices of time. PURE: time is an argument and never goes back."""

from collections import Counter, deque

from msgspec import Struct, field

WHYS_MAX = 16
"""Kinds of failure told apart within a slice; the others are told together."""
WHYS_TOLD = 3
"""The most frequent are named in words: it is a sentence."""


class Tally(Struct):
    """What was reported within the window."""

    calls: int = 0
    failures: int = 0
    slow: int = 0
    whys: Counter[str] = field(default_factory=Counter)

    def named(self) -> str:
        """Return the most frequent kinds of failure, in brackets."""
        named = [f"{count} {why}" for why, count in self.whys.most_common() if why][:WHYS_TOLD]
        return f" ({', '.join(named)})" if named else ""


class _Slice(Tally):
    number: int = 0


class SlicedWindow:
    """Forgets an outcome at most ``window_s`` after it, a whole slice at a time."""

    def __init__(self, window_s: float, slices: int) -> None:
        """Begin with nothing counted."""
        self._window_s, self._count = window_s, slices
        self._slices: deque[_Slice] = deque()

    def add(self, now_s: float, *, failed: bool, slow: bool, why: str = "") -> None:
        """Count one outcome."""
        number = self._number(now_s)
        if not self._slices or self._slices[-1].number != number:
            self._forget(now_s)
            self._slices.append(_Slice(number=number))
        current = self._slices[-1]
        current.calls += 1
        current.slow += slow
        if failed:
            current.failures += 1
            known = why in current.whys or len(current.whys) < WHYS_MAX
            current.whys[why if known else "other"] += 1

    def tally(self, now_s: float) -> Tally:
        """Return what is counted now."""
        self._forget(now_s)
        total = Tally()
        for part in self._slices:
            total.calls += part.calls
            total.failures += part.failures
            total.slow += part.slow
            total.whys.update(part.whys)
        return total

    def clear(self) -> None:
        """Forget everything."""
        self._slices.clear()

    def _number(self, now_s: float) -> int:
        return int(now_s * self._count // self._window_s)

    def _forget(self, now_s: float) -> None:
        oldest = self._number(now_s) - self._count + 1
        while self._slices and self._slices[0].number < oldest:
            self._slices.popleft()
