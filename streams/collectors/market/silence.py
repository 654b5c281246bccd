"""How long a connection may bring no data before it is taken for dead: PURE, time is an argument.

A venue that answers pings may still have stopped sending. What is too long depends on the connection: a busy one
is dead after seconds, a quiet one after minutes. So the usual silence is learnt, as TCP learns a round trip
(Jacobson and Karels, 1988): a smoothed mean of the gaps between data, and a smoothed deviation from it.
"""

FAR = 8.0
"""Times the mean and four deviations: of gaps that come by chance (Poisson), one in e^32 is longer."""
GAIN_MEAN, GAIN_DEVIATION = 1 / 8, 1 / 4
"""Of the newest gap; Jacobson's."""
DOUBLINGS_MAX = 6
"""A market that is quiet after every reconnect is reconnected ever more rarely, to 64 times the greatest silence."""


class Silence:
    """The usual silence of one set of instruments at one venue, kept across its connections."""

    def __init__(self, *, least_s: float, most_s: float) -> None:
        """Know nothing yet: the limit is the greatest.

        Raises:
            ValueError: The bounds are the wrong way round.
        """
        if not 0 < least_s <= most_s:
            msg = f"a silence of at least {least_s} s and at most {most_s} s cannot be"
            raise ValueError(msg)
        self._least_s, self._most_s = least_s, most_s
        self._mean_s: float | None = None
        self._deviation_s = 0.0
        self._last_s: float | None = None
        self._doublings = 0

    def began(self, now_s: float) -> None:
        """Take the beginning of a connection, or of its being read again: what came before is no gap of the venue's."""
        self._last_s = now_s

    def data(self, now_s: float) -> None:
        """Take a frame with data."""
        self._doublings = 0
        last_s, self._last_s = self._last_s, now_s
        if last_s is None:
            return
        gap_s = now_s - last_s
        if self._mean_s is None:
            self._mean_s, self._deviation_s = gap_s, gap_s / 2
            return
        error_s = gap_s - self._mean_s
        self._mean_s += GAIN_MEAN * error_s
        self._deviation_s += GAIN_DEVIATION * (abs(error_s) - self._deviation_s)

    def hung_up(self) -> None:
        """Take that a connection was ended for its silence: the next is given twice as long, until it brings data."""
        self._doublings = min(self._doublings + 1, DOUBLINGS_MAX)

    def limit_s(self) -> float:
        """Return how long there may be no data."""
        usual_s = self._most_s
        if self._mean_s is not None:
            far_s = FAR * (self._mean_s + 4 * self._deviation_s)
            usual_s = min(max(far_s, self._least_s), self._most_s)
        return float(usual_s * 2**self._doublings)

    def quiet_s(self, now_s: float) -> float:
        """Return how long there has been no data."""
        return 0.0 if self._last_s is None else now_s - self._last_s
