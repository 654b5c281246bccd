"""How often a venue may be dialled: PURE, time is an argument."""

from collections import deque

SPAN_S = 300.0
"""Venues count connections of five minutes."""


class DialBudget:
    """So many dials in any five minutes, of all sources of one venue in this process."""

    def __init__(self, dials_max: int) -> None:
        """Begin with nothing dialled.

        Raises:
            ValueError: A budget that allows nothing.
        """
        if dials_max < 1:
            msg = f"{dials_max} dials in {SPAN_S:g} s: that allows nothing"
            raise ValueError(msg)
        self._dials: deque[float] = deque(maxlen=dials_max)

    def wait_s(self, now_s: float) -> float:
        """Take the next dial, and return how long to wait for it."""
        due_s = now_s
        if self._dials:
            # Dials are taken in order: one that waits is not overtaken.
            due_s = max(now_s, self._dials[-1])
            if len(self._dials) == self._dials.maxlen:
                due_s = max(due_s, self._dials[0] + SPAN_S)
        self._dials.append(due_s)
        return due_s - now_s
