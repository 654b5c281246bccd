"""The latest of everything, out of the topics: one view behind every picture. PURE and bounded.

The terminal, the API, the dashboard and the notifier's words ask this one view, so that they say the same. Times are
milliseconds; ``now_ms`` is the wall clock's, ``event_now_ms`` the market's (they differ in a demo alone). What is
read for people is text of strangers: show it as plain text.
"""

from .answers import Answers
from .bounds import bounds_of
from .money import money_of
from .path import path_of
from .questions import feed_state
from .records import Bound
from .shown import Money, Path, Standing, Summary
from .standing import standing_of
from .summary import summary_of

__all__ = ["View", "feed_state"]


class View(Answers):
    """What the topics say, and what that comes to."""

    def standing(self, now_ms: int, event_now_ms: int | None = None) -> list[Standing]:
        """Return how each asset stands, the worst first."""
        return standing_of(self, now_ms, now_ms if event_now_ms is None else event_now_ms)

    def summary(self, now_ms: int, event_now_ms: int | None = None) -> Summary:
        """Return the pipeline in one sentence, and the findings behind it."""
        return summary_of(self, now_ms, now_ms if event_now_ms is None else event_now_ms)

    def money(self, now_ms: int) -> Money:
        """Return what was spent on models."""
        return money_of(self, now_ms)

    def path(self, analysis_id: str) -> Path | None:
        """Return how an analysis, or a decision without one, came to be; None if neither is known."""
        return path_of(self, analysis_id)

    @property
    def serial(self) -> int:
        """Rises with each change, in this process: what a page compares before it paints."""
        return self.ring.serial

    def touched(self, serial: int) -> tuple[int, frozenset[tuple[str, str]]]:
        """Return the serial now, and topic and asset of what changed after another."""
        return self.ring.touched(serial)

    def bounds(self) -> list[Bound]:
        """Return how full each part of the view is."""
        return bounds_of(self)
