"""How many questions GitHub still allows, spread over its hour: PURE, time is an argument.

One of these serves every repository and every source that asks with one token. Questions that are answered with 304
cost a token nothing, which the headers show; without a token they cost like all others.
"""

from streams.collectors.spacing import Spacing

HOUR_S = 3_600.0
SPREAD = 0.8
"""So much of the rest must last for the rest of the hour; the difference may be spent at once, as after a start."""
PER_MINUTE = 600.0
"""Of the secondary limit's 900 points a minute."""
PAUSE_S, PAUSE_S_MAX = 60.0, 900.0
"""After a secondary limit that says no time: GitHub asks for a minute, and more each time."""
_TOLD_MAX = 10**9


class Allowance:
    """What one token, or one address without a token, may still ask."""

    def __init__(self, limit: int) -> None:
        """Take what GitHub's documents say it is in an hour; its headers then tell."""
        self.limit = limit
        self.remaining = limit
        self.blocked_until_s = 0.0
        self.pauses = 0
        """How often in a row a limit was hit."""
        self._reset_s: float | None = None
        self._asking = 0
        self._spacing = Spacing(per_minute=PER_MINUTE, burst=10)

    def wait_s(self, now_s: float) -> float:
        """Return how long to wait before the next question may be thought of again; 0: ask now."""
        if now_s < self.blocked_until_s:
            return self.blocked_until_s - now_s
        if self._reset_s is None or now_s >= self._reset_s:
            self._reset_s, self.remaining = now_s + HOUR_S, self.limit
        left = self.remaining - self._asking - 1
        if left < 0:
            return self._reset_s - now_s
        # The line that the rest must not fall below: SPREAD of an even spending.
        due_s = self._reset_s - left * HOUR_S / (SPREAD * self.limit)
        return max(0.0, due_s - now_s)

    def asked(self, now_s: float) -> float:
        """Count a question that is about to go out; return how long it must still wait for its place."""
        self._asking += 1
        return self._spacing.wait_s(now_s)

    def answered(self) -> None:
        """Count the end of a question, however it ended."""
        self._asking = max(0, self._asking - 1)

    def told(self, limit: str, remaining: str, reset_in_s: float | None, now_s: float) -> None:
        """Take what an answer's headers say; what is no number says nothing."""
        if not (limit.isdecimal() and remaining.isdecimal()) or reset_in_s is None:
            return
        self.limit = min(max(1, int(limit[:10])), _TOLD_MAX)
        left = min(int(remaining[:10]), self.limit)
        reset_s = now_s + min(max(0.0, reset_in_s), HOUR_S)
        same = self._reset_s is not None and abs(reset_s - self._reset_s) < HOUR_S / 60
        self.remaining = min(self.remaining, left) if same else left
        self._reset_s = reset_s

    def limited(self, retry_after_s: float | None, now_s: float) -> float:
        """Stop everybody: a limit was hit. Return for how long."""
        self.pauses += 1
        grown_s = min(PAUSE_S * 2 ** min(self.pauses - 1, 10), PAUSE_S_MAX)
        pause_s = min(grown_s if retry_after_s is None else max(1.0, retry_after_s), HOUR_S)
        self.blocked_until_s = max(self.blocked_until_s, now_s + pause_s)
        return pause_s

    def allowed(self) -> None:
        """Note an answer that was none of a limit."""
        self.pauses = 0
