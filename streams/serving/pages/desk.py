"""What every page needs: the view, the log, the acts, the clocks, and each picture made once for all who look."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from msgspec import Struct

from streams.serving.settings import ServeSettings
from streams.serving.view import View

from .pieces import Now

PICTURES_MAX = 500
"""Pictures kept: one of each part of each page that somebody looks at. The one longest not asked for makes room."""
FRESH_MS = 1_000
"""A picture is made anew after this even if nothing came: things go stale by time alone."""

READ_S = 12.0
"""For a page that reads the log before it is drawn: a look at it, and the wait for one, are over by then."""

P = TypeVar("P")


class Market(Struct, frozen=True):
    """The market's time: the wall clock's, or that of a demo or a replay, which runs faster."""

    time_ms: Callable[[int], int] = lambda now_ms: now_ms
    """Gives it for a wall time."""
    speed: float = 1.0


def wall_ms() -> int:
    """Return the wall clock."""
    return time.time_ns() // 1_000_000


class Desk:
    """One for all pages of a process."""

    def __init__(
        self,
        view: View,
        lookup: Any,  # noqa: ANN401 - the shell's, see `register`
        acts: Any,  # noqa: ANN401
        settings: ServeSettings,
        *,
        redriver: Any = None,  # noqa: ANN401
        market: Market | None = None,
        now_ms: Callable[[], int] = wall_ms,
    ) -> None:
        """Prepare; nothing is read."""
        self.view, self.lookup, self.acts, self.settings = view, lookup, acts, settings
        self.redriver = redriver
        self.market = market or Market()
        self.now_ms = now_ms
        self._pictures: dict[tuple[object, ...], tuple[int, int, object]] = {}

    def now(self, now_ms: int | None = None) -> Now:
        """Return a time by both clocks: the present one if none is given."""
        ms = self.now_ms() if now_ms is None else now_ms
        return Now(ms, self.market.time_ms(ms), self.market.speed)

    def once(self, key: tuple[object, ...], of: Callable[[View, Now], P]) -> P:
        """Return what a pure half makes of the view: made once for all viewers until something came or time went by.

        What is equal to what was there before is the same object, so that who painted it need not compare.
        """
        now_ms, mark = self.now_ms(), self.view.serial
        kept = self._pictures.pop(key, None)
        if kept is not None and kept[0] == mark and now_ms - kept[1] < FRESH_MS:
            self._pictures[key] = kept
            return kept[2]  # type: ignore[return-value]
        made = of(self.view, self.now(now_ms))
        if kept is not None and kept[2] == made:
            made = kept[2]
        elif len(self._pictures) >= PICTURES_MAX:
            del self._pictures[next(iter(self._pictures))]
        self._pictures[key] = (mark, now_ms, made)
        return made
