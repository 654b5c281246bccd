"""How often something may be done: PURE, time is an argument."""


class Spacing:
    """So many a minute, and so many at once after a pause (the generic cell rate algorithm: ATM Forum, 1996)."""

    def __init__(self, *, per_minute: float, burst: int = 1) -> None:
        """Begin with a whole burst to spend.

        Raises:
            ValueError: A rate or a burst that allows nothing.
        """
        if per_minute <= 0 or burst < 1:
            msg = f"{per_minute} a minute, {burst} at once: that allows nothing"
            raise ValueError(msg)
        self._step_s = 60 / per_minute
        self._slack_s = self._step_s * (burst - 1)
        self._next_s: float | None = None

    def wait_s(self, now_s: float) -> float:
        """Take a place, and return how long to wait for it."""
        due_s = now_s if self._next_s is None else max(now_s, self._next_s)
        self._next_s = due_s + self._step_s
        return max(0.0, due_s - self._slack_s - now_s)
