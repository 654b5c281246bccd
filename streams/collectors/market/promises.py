"""What a source with several connections may promise: PURE, time is an argument.

It is the least of what its connections may. One that is down, and a hole that is being filled, hold the promise where
it was, but not for longer than the hold: after that the hole is told by its mark, and time goes on without it.
"""

from collections.abc import Hashable, Sequence

from msgspec import Struct

from streams.collectors.outbound import AHEAD_MS_MAX, EVENT_MS_MIN

from .venues import VenueClock


def clock_of(lateness_ms: int) -> VenueClock:
    """Return a clock that believes what an event's time may be."""
    return VenueClock(lateness_ms=lateness_ms, least_ms=EVENT_MS_MIN, ahead_ms_max=AHEAD_MS_MAX)


class _Part(Struct):
    clock: VenueClock
    down_s: float | None


class _Held(Struct):
    at_ms: int
    until_s: float


class Promises:
    """The parts of one source, each with its venue's clock."""

    def __init__(self, clocks: Sequence[VenueClock], *, lateness_ms: int, hold_s: float) -> None:
        """Begin with every part as if it had been down for ever."""
        self._parts = [_Part(clock, float("-inf")) for clock in clocks]
        self._lateness_ms, self._hold_s = lateness_ms, hold_s
        self._held: dict[Hashable, _Held] = {}
        self._told_ms: int | None = None

    def begin(self, now_s: float) -> None:
        """Take that the parts that have never been heard are dialled now."""
        for part in self._parts:
            if part.clock.reached_ms is None:
                part.down_s = now_s

    def up(self, part: int) -> None:
        """Take that a part is heard again."""
        self._parts[part].down_s = None

    def down(self, part: int, now_s: float) -> None:
        """Take that a part is not heard any more."""
        if self._parts[part].down_s is None:
            self._parts[part].down_s = now_s

    def hold(self, hole: Hashable, at_ms: int, now_s: float) -> None:
        """Promise no more than ``at_ms`` until the hole is settled, or the hold is over. The first word counts."""
        self._held.setdefault(hole, _Held(at_ms, now_s + self._hold_s))

    def settle(self, hole: Hashable) -> None:
        """Take that a hole is filled, or told."""
        self._held.pop(hole, None)

    def reached_ms(self) -> int | None:
        """Return how far the venue's time has come for the part that is farthest."""
        return max(
            (ms for part in self._parts if (ms := part.clock.reached_ms) is not None), default=None
        )

    def advance(self, now_s: float) -> int | None:
        """Return the promise if it rose since the last call, else None."""
        least_ms: int | None = None
        for part in self._parts:
            reached_ms = part.clock.reached_ms
            if part.down_s is not None and now_s - part.down_s > self._hold_s:
                continue
            if reached_ms is None:
                if part.down_s is None:
                    continue  # it has brought nothing yet that could be missing
                return None
            least_ms = reached_ms if least_ms is None else min(least_ms, reached_ms)
        if least_ms is None:
            return None
        through_ms = max(0, self._held_back(least_ms - self._lateness_ms, now_s))
        if self._told_ms is not None and through_ms <= self._told_ms:
            return None
        self._told_ms = through_ms
        return through_ms

    def _held_back(self, through_ms: int, now_s: float) -> int:
        for hole in [hole for hole, held in self._held.items() if held.until_s <= now_s]:
            del self._held[hole]
        return min([through_ms, *(held.at_ms for held in self._held.values())])
