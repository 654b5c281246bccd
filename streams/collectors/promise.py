"""How much of what it knows of its future a replay or an invention promises. PURE."""

from .port import Through

PROMISE_STEP_MS = 1_000
"""Promises are at least this much event time apart, but"""
PROMISE_EVENTS_MAX = 1_000
"""after this many events one is made however little it says."""


class Promise:
    """How far a recording's time has come.

    The rule: nothing earlier will follow than the latest event read so far less ``lateness_ms``. It is
    honest for a recording in which no event is further than that behind one that stands before it. One that
    is comes all the same, as a correction.
    """

    def __init__(self, lateness_ms: int) -> None:
        """Begin with nothing read."""
        self.reached_ms: int | None = None
        """The latest event time read."""
        self._lateness_ms = lateness_ms
        self._given_ms: int | None = None
        self._events = 0

    def read(self, event_ms: int) -> None:
        """Take the time of the next event, before it is yielded."""
        self.reached_ms = max(self.reached_ms or 0, event_ms)
        self._events += 1

    def next(self, event_now_ms: int | None) -> Through | None:
        """Return a promise if one is worth while. It never goes past ``event_now_ms``, the pace's present."""
        if self.reached_ms is None:
            return None
        through_ms = self.reached_ms - self._lateness_ms
        if event_now_ms is not None:
            through_ms = min(through_ms, event_now_ms)
        if self._given_ms is not None:
            step_ms = PROMISE_STEP_MS if self._events < PROMISE_EVENTS_MAX else 1
            if through_ms < self._given_ms + step_ms:
                return None
        self._given_ms, self._events = through_ms, 0
        return Through(through_ms)
