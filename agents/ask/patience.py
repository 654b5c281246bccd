"""How long answers take, so that none is asked for which would come too late. PURE.

A call with less time than answers take is paid for, and answers nobody. When more candidates come than the model can
answer, those whose turn it is have the least time left of all: each call would be such a one, for as long as they come.
"""

from collections import deque
from math import ceil

KEPT = 32
"""Calls, the latest: enough for one in ten of them, and forgotten within minutes of load."""
QUANTILE = 0.9
HEADROOM = 1.25
"""Above what nine of ten took: a time-out lessens the number of calls at once, and what it says of the rest is only
that they take longer."""
SHARE_MAX = 0.6
"""Of the longest time any call is given. A fresh candidate has more, so that a model which was slow is asked again;
and what is more than half of it makes a time-out the model's own."""


class AnswerTime:
    """What the latest calls took that the model answered, or kept waiting to their end."""

    def __init__(self, longest_s: float) -> None:
        """Begin without an idea. No call is given more than ``longest_s``."""
        self._most_s = SHARE_MAX * longest_s
        self._lasted_s: deque[float] = deque(maxlen=KEPT)

    def take(self, lasted_s: float) -> None:
        """Note how long a call lasted; one without an answer would have lasted longer."""
        self._lasted_s.append(lasted_s)

    @property
    def needed_s(self) -> float:
        """A quarter more than nine of ten calls took, at most a share of what any call is given; 0 at the start."""
        if not self._lasted_s:
            return 0.0
        lasted_s = sorted(self._lasted_s)
        return min(HEADROOM * lasted_s[ceil(QUANTILE * len(lasted_s)) - 1], self._most_s)
