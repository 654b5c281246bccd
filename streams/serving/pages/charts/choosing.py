"""Which windows an asset's page shows: what may be chosen, and what was chosen in the address. PURE."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from msgspec import Struct

from streams.serving.pages import links
from topics import KINDS, Kind

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
WINDOWS_MS = (MINUTE_MS, 5 * MINUTE_MS, HOUR_MS)
"""Of the market's windows that tumble; the other kinds follow with the least of theirs that is as long."""
SPANS_MS = (HOUR_MS, 6 * HOUR_MS, 24 * HOUR_MS)
SIZES: Mapping[Kind, tuple[int, ...]] = {
    "market": WINDOWS_MS,
    "volume": (5 * MINUTE_MS, HOUR_MS),
    "social": (5 * MINUTE_MS, HOUR_MS),
    "development": (HOUR_MS,),
}
"""The windows that the kinds have, the shortest first (docs/windows.md, section 5)."""
SUBJECTS_MAX = 12
"""Instruments offered; of more the others have addresses all the same."""


class Choice(Struct, frozen=True, kw_only=True):
    """What an asset's page shows."""

    asset: str
    subject: str
    """The instrument; empty where the asset has none."""
    window_ms: int
    span_ms: int

    @property
    def href(self) -> str:
        """Its address, which shows the same to whoever is sent it."""
        query = {"subject": self.subject, "window": self.window_ms, "span": self.span_ms}
        return f"{links.asset(self.asset)}?{urlencode(query)}"

    def sizes(self) -> dict[Kind, int]:
        """Return the windows' length of each kind: the least that is as long as the chosen one, else the longest."""
        return {
            kind: next((size for size in SIZES[kind] if size >= self.window_ms), SIZES[kind][-1])
            for kind in KINDS
        }


def chosen(asset: str, query: Mapping[str, str], subjects: Sequence[str]) -> Choice:
    """Return what an address asks for; what it asks for and is not offered becomes what is usual.

    A subject that the view does not know of is let be: it may have been forgotten, and the page says that there is nothing.
    """
    asked = query.get("subject", "")
    subject = asked if asked.partition("/")[0] == asset and "/" in asked else ""
    span_ms = _one_of(query.get("span"), SPANS_MS, SPANS_MS[0])
    return Choice(
        asset=asset,
        subject=subject[:74] or (subjects[0] if subjects else ""),
        window_ms=_one_of(query.get("window"), WINDOWS_MS, WINDOWS_MS[0]),
        span_ms=span_ms,
    )


def ranked(turnovers: Mapping[str, float]) -> list[str]:
    """Return instruments in the order they are offered: the one that most is traded of first, then by name."""
    return sorted(turnovers, key=lambda subject: (-turnovers[subject], subject))[:SUBJECTS_MAX]


def _one_of(asked: str | None, offered: Sequence[int], usual: int) -> int:
    return next((value for value in offered if str(value) == asked), usual)
