"""Candidates that wait for their turn: at most one an asset, the most pressing first. PURE.

Waiting makes a candidate more pressing at one rate for all, so the order is by a key that never changes:
the time it came, less a head start for its severity.
"""

from collections.abc import Callable

from msgspec import Struct

from topics import Severity

from .candidate import Candidate, coalesced

HEAD_START_S: dict[Severity, float] = {
    "info": 0.0,
    "notice": 10.0,
    "warning": 60.0,
    "critical": 600.0,
}
"""How much longer a candidate of less severity must have waited to go first."""


class Put(Struct, frozen=True):
    """What putting a candidate in did to others."""

    waiting: Candidate
    absorbed: Candidate | None = None
    """The older candidate of the same asset, which lives on in `waiting`."""
    shed: Candidate | None = None
    """The least pressing one, which had to go because the inbox was full; it may be the new one itself."""


class Inbox:
    """The waiting candidates of one worker."""

    def __init__(self, capacity: int) -> None:
        """Hold at most ``capacity`` assets."""
        self._capacity = capacity
        self._waiting: dict[str, Candidate] = {}

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def put(self, candidate: Candidate) -> Put:
        """Take a candidate; one of the same asset that waits already is absorbed."""
        older = self._waiting.get(candidate.asset)
        if older is not None:
            candidate = coalesced(older, candidate)
        self._waiting[candidate.asset] = candidate
        shed = None
        if len(self._waiting) > self._capacity:
            shed = self._waiting.pop(max(self._waiting.values(), key=_press).asset)
        return Put(candidate, older, shed)

    def take(self, can_answer: Callable[[Candidate], bool]) -> Candidate | None:
        """Return the most pressing candidate that can be answered now, or None.

        While the model is busy those that need it go on waiting, until their deadline.
        """
        ready = [candidate for candidate in self._waiting.values() if can_answer(candidate)]
        return self._waiting.pop(min(ready, key=_press).asset) if ready else None

    def remove_partition(self, partition: int) -> list[Candidate]:
        """Return the candidates of a partition that is no longer ours, and hold them no more."""
        gone = [asset for asset, c in self._waiting.items() if c.partition == partition]
        return [self._waiting.pop(asset) for asset in gone]


def _press(candidate: Candidate) -> tuple[float, str]:
    return candidate.enqueued_s - HEAD_START_S[candidate.severity], candidate.asset
