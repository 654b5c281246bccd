"""A heap whose members may leave from anywhere: what has left is passed over when it comes up. PURE."""

import heapq
from collections.abc import Callable

SLACK = 64
"""Dead members beyond as many as live ones before they are thrown out: rebuilding then costs each one turn."""

Key = tuple[float, int]


class LazyHeap:
    """Numbers in order of a key that never changes. Whether a number still belongs here its owner says."""

    def __init__(self, belongs: Callable[[int], bool]) -> None:
        """Begin empty."""
        self._belongs = belongs
        self._heap: list[tuple[Key, int]] = []

    def __len__(self) -> int:
        """How many are held, those that left included."""
        return len(self._heap)

    def push(self, key: Key, number: int, living: int) -> None:
        """Add a number; ``living`` bounds how many of the members can still belong here."""
        if len(self._heap) > 2 * living + SLACK:
            self._heap = [member for member in self._heap if self._belongs(member[1])]
            heapq.heapify(self._heap)
        heapq.heappush(self._heap, (key, number))

    def first(self) -> tuple[Key, int] | None:
        """Return the least key that belongs here, with its number; None without any."""
        while self._heap and not self._belongs(self._heap[0][1]):
            heapq.heappop(self._heap)
        return self._heap[0] if self._heap else None
