"""Event time against wall time, for sources that replay or invent: PURE, time is an argument."""

from math import floor

from msgspec import Struct


class Pace(Struct, frozen=True, kw_only=True):
    """One straight line from wall time to event time. All sources of one demo share one."""

    event_ms: int
    """The event time at `wall_ms`."""
    wall_ms: int
    speed: float
    """Event milliseconds for each millisecond of wall time, above 0."""

    def event_at(self, wall_ms: int) -> int:
        """Return the event time at a wall time."""
        return self.event_ms + floor((wall_ms - self.wall_ms) * self.speed)

    def wall_at(self, event_ms: int) -> int:
        """Return the wall time at which an event time has come: the first millisecond that is not too early."""
        return self.wall_ms - int((self.event_ms - event_ms) // self.speed)
