"""How far a venue's time has come, as its frames and the answers to our pings tell. PURE, time is an argument."""


class VenueClock:
    """The venue's own time; the wall clock here is not believed, and neither is one absurd frame.

    A frame says what time it is there. When none comes, the answer to a ping says that everything the venue
    had sent before the ping was sent is here; its time was then at least the last frame's, plus what our
    monotonic clock had gone on between that frame and the ping. So a venue's clock may stand hours from
    ours, and ours may be set while we run. How far apart they stand nobody knows before the first frame:
    until then nothing is promised.
    """

    def __init__(self, *, lateness_ms: int, least_ms: int, ahead_ms_max: int) -> None:
        """Know nothing yet.

        A frame before ``least_ms``, or more than ``ahead_ms_max`` after its receipt, has a wrong time: no evidence.
        """
        self._lateness_ms = lateness_ms
        self._least_ms, self._ahead_ms_max = least_ms, ahead_ms_max
        self._last: tuple[int, float] | None = None
        self._reached_ms: int | None = None
        self._told_ms: int | None = None

    @property
    def reached_ms(self) -> int | None:
        """The venue's time so far; None before its first frame."""
        return self._reached_ms

    def frame(self, venue_ms: int, *, received_ms: int, at_s: float) -> None:
        """Take the time of a frame, received at ``at_s`` of the monotonic clock."""
        if self._least_ms <= venue_ms <= received_ms + self._ahead_ms_max:
            self._last = (venue_ms, at_s)
            self._reach(venue_ms)

    def answered(self, sent_s: float) -> None:
        """Take the answer to a ping that was sent at ``sent_s`` of the monotonic clock."""
        if self._last is not None and sent_s > self._last[1]:
            venue_ms, at_s = self._last
            self._reach(venue_ms + int((sent_s - at_s) * 1000))

    def advance(self) -> int | None:
        """Return the promise in milliseconds since the epoch if it rose since the last call, else None."""
        if self._reached_ms is None:
            return None
        through_ms = max(0, self._reached_ms - self._lateness_ms)
        if self._told_ms is not None and through_ms <= self._told_ms:
            return None
        self._told_ms = through_ms
        return through_ms

    def _reach(self, venue_ms: int) -> None:
        if self._reached_ms is None or venue_ms > self._reached_ms:
            self._reached_ms = venue_ms
