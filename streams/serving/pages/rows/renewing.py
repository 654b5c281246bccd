"""A picture that costs something is made anew only when something of its asset came. PURE."""

from collections.abc import Callable
from typing import Generic, TypeVar

from streams.serving.pages.pieces import Now
from streams.serving.view import View

RENEW_MS = 30_000
"""After this it is made anew whatever came: a mute may have ended, and times of old data be far."""
CAME_MAX = 1_000
"""If more came meanwhile it is not asked what: the view remembers the last ones alone."""

_OF = frozenset({"aggregates", "alerts", "analyses", "decisions", "control"})
"""Topics whose records may change a picture of an asset."""

P = TypeVar("P")


class Renewing(Generic[P]):
    """Gives the same picture again as long as nothing of an asset came."""

    def __init__(self, asset: str, of: Callable[[View, Now], P]) -> None:
        """Begin without a picture. What is of no asset, as an act of an operator, counts for every asset."""
        self._asset, self._of = asset, of
        self._made: P | None = None
        self._serial, self._at_ms = -1, 0
        self.renewed = 0
        """How often it was made."""

    def __call__(self, view: View, now: Now) -> P:
        """Return the picture."""
        made = self._made
        if made is None or self._is_old(view, now):
            made = self._made = self._of(view, now)
            self._at_ms = now.ms
            self.renewed += 1
        self._serial = view.serial
        return made

    def _is_old(self, view: View, now: Now) -> bool:
        came = view.serial - self._serial
        if came == 0:
            return now.ms - self._at_ms >= RENEW_MS
        if not 0 < came <= CAME_MAX or now.ms - self._at_ms >= RENEW_MS:
            return True
        _, touched = view.touched(self._serial)
        return any(asset in {self._asset, ""} and what in _OF for what, asset in touched)
