"""How often one person may act, whichever way their acts come: the API, or a page's websocket. PURE: time is an argument."""

from collections import Counter

from streams.serving.guard.limits import Buckets, whole_seconds

from .making import ActRefusedError

_MINUTE_S = 60


class TooManyActsError(ActRefusedError):
    """One actor acts too often. Nothing was written."""

    def __init__(self, actor: str, per_min: float, wait_s: float) -> None:
        """Take whose acts they are, how many are allowed, and in how many seconds there will be another."""
        self.retry_after_s = whole_seconds(wait_s)
        super().__init__(
            f"{actor} acts too often: {per_min:g} a minute are allowed; the next in {self.retry_after_s} s"
        )


class Allowance:
    """One counter of acts for each actor: of the API and of the dashboard together."""

    def __init__(self, *, acts_per_min: float, actors_max: int) -> None:
        """Begin with nobody heard of; a minute's acts may come at once."""
        self._acts_per_min = acts_per_min
        self.actors = Buckets(
            rate_per_s=acts_per_min / _MINUTE_S, burst=acts_per_min, clients_max=actors_max
        )
        self.counts: Counter[str] = Counter(allowed=0, refused=0)

    def take(self, actor: str, now_s: float) -> None:
        """Take one act of an actor.

        Raises:
            TooManyActsError: There is none left for now.
        """
        wait_s = self.actors.take(actor, now_s)
        self.counts["refused" if wait_s else "allowed"] += 1
        if wait_s:
            raise TooManyActsError(actor, self._acts_per_min, wait_s)
