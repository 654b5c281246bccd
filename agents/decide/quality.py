"""What is known of the data behind an asset's facts: what is missing, silent, short or corrected. PURE."""

from collections.abc import Iterable

from msgspec.structs import replace

from topics import Aggregate, DataQuality, Kind, MarketValues

from .context import AssetContext, Noted
from .facts import STALE_WINDOWS

SHORT_HISTORY = 10
"""Windows below which a baseline is called short."""
SPARSE_TRADES = 10
"""Trades of a window below which its price moves rest on little."""
WORDS_MAX = 400
"""Characters of what is said of the data: the contract's bound of an analysis' basis."""
NAMES_MAX = 5
"""Venues or sources that are named; of more their number is said."""
CORRECTED = "late data have corrected what was published"
HOLED_BEFORE = "data are missing from an earlier window"
SMALLEST_MS = 60_000
"""The smallest window of a market."""


def quality_of(context: AssetContext, earlier: Iterable[Noted] = ()) -> DataQuality:
    """Return what the reader must know of the data: the worst completeness, silent sources, short history.

    Of windows that are not the latest any more it is said only that data are missing there.
    """
    latest = [series.latest for series in context.series.values()]
    states = {aggregate.completeness.state for aggregate in latest}
    worst = next((s for s in ("holed", "unverifiable") if s in states), "complete")
    silent = sorted({s for a in latest for s in a.completeness.missing_sources})
    longest = max((len(series.before) for series in context.series.values()), default=0)
    of_latest = DataQuality(
        completeness=worst,  # type: ignore[arg-type]  # one of the three above
        stale_feeds=[*silent, *stale_kinds(latest)],
        short_history=longest < SHORT_HISTORY,
        words=_quality_words(latest, silent, longest),
    )
    return quality_with(of_latest, earlier)


def quality_with(quality: DataQuality, earlier: Iterable[Noted]) -> DataQuality:
    """Return what is known of the data once facts of earlier windows are among them."""
    if not any(window.latest.completeness.state == "holed" for window in earlier):
        return quality
    told = quality.words.split("; ") if quality.words else []
    words = "; ".join([*told, *([] if HOLED_BEFORE in told else [HOLED_BEFORE])])
    return replace(
        quality,
        completeness="holed",
        words=words if len(words) <= WORDS_MAX else quality.words,
    )


def _quality_words(latest: list[Aggregate], silent: list[str], longest: int) -> str:
    holed = sorted({v for a in latest for v in a.completeness.holed_venues})
    words = [f"data are missing from {_names(holed)}"] if holed else []
    if silent:
        words.append(f"no word from {_names(silent)}")
    if longest < SHORT_HISTORY:
        known = f"only {longest}" if longest else "no"
        words.append(f"{known} earlier window{'' if longest == 1 else 's'} to compare with")
    words += [f"{PLURALS[kind]} are not up to date" for kind in stale_kinds(latest)]
    if any(_is_sparse(aggregate) for aggregate in latest):
        words.append("few trades in the smallest window")
    if not silent and any(a.completeness.state == "unverifiable" for a in latest):
        words.append("a venue's numbers cannot prove that nothing is missing")
    if any(a.completeness.unverified_duplicates for a in latest):
        words.append("trades may be counted more than once")
    if any(a.revision for a in latest):
        words.append(CORRECTED)
    return "; ".join(words)[:WORDS_MAX]


PLURALS: dict[Kind, str] = {
    "market": "trades",
    "volume": "reported volumes",
    "social": "posts",
    "development": "development events",
}
"""What each kind is of, in words."""


def stale_kinds(latest: list[Aggregate]) -> list[Kind]:
    """Return the kinds of which no window is near the newest of all: `STALE_WINDOWS` of the largest behind it.

    A window ends when its sources say so, some minutes later than another kind's; that is not stale.
    """
    newest_ms = max((a.window_end_ms for a in latest), default=0)
    fresh = {a.kind for a in latest if newest_ms - a.window_end_ms < STALE_WINDOWS * a.window_ms}
    return [kind for kind in PLURALS if kind in {a.kind for a in latest} - fresh]


def _is_sparse(aggregate: Aggregate) -> bool:
    values = aggregate.values
    smallest = aggregate.window_ms == aggregate.step_ms == SMALLEST_MS
    return smallest and isinstance(values, MarketValues) and values.trades < SPARSE_TRADES


def _names(names: list[str]) -> str:
    more = f" and {len(names) - NAMES_MAX} more" if len(names) > NAMES_MAX else ""
    return ", ".join(names[:NAMES_MAX]) + more
