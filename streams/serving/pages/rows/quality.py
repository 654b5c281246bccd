"""How much of a window was seen, in words and by a mark that needs no colour. PURE."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from streams.serving.words import plain
from topics.aggregate import Completeness

NAMES_MAX = 4
"""Venues or sources named; of more it is said how many."""

State = Literal["complete", "holed", "unverifiable"]


class Quality(Struct, frozen=True, kw_only=True):
    """What the data of a window are worth."""

    mark: str
    word: str
    words: str
    """The whole of it, in a sentence."""
    doubtful: bool
    """Whether a fall or a silence in it may only be missing data."""


def quality(completeness: Completeness) -> Quality:
    """Return a record's completeness in words."""
    return quality_of(
        completeness.state,
        completeness.holed_fraction,
        venues=completeness.holed_venues,
        missing=completeness.missing_sources,
        doubles=completeness.unverified_duplicates,
    )


def quality_of(
    state: State,
    holed_fraction: float,
    *,
    venues: Sequence[str] = (),
    missing: Sequence[str] = (),
    doubles: bool = False,
) -> Quality:
    """Return the words for what is known of a window's completeness."""
    said, mark, word = _state(state, holed_fraction, venues)
    if missing:
        said += f" Not heard from in time: {names(missing)}."
        mark, word = ("◐", "holed") if state == "holed" else ("◑", "source missing")
    if doubles:
        said += " An event may have been counted twice: it came after its id was forgotten."
    return Quality(mark=mark, word=word, words=said, doubtful=state == "holed" or bool(missing))


def percent_of(fraction: float) -> str:
    """Return a share in words that never say none of some, nor all of most."""
    percent = fraction * 100
    if 0 < percent < 1:
        return "under 1 %"
    return "over 99 %" if 99 < percent < 100 else f"{percent:.0f} %"  # noqa: PLR2004 - named in the words


def names(found: Sequence[str], most: int = NAMES_MAX) -> str:
    """Return names from a topic in a row; of more than are worth reading, how many more."""
    shown = ", ".join(plain(name, 64) for name in found[:most])
    return shown if len(found) <= most else f"{shown} and {len(found) - most} more"


def _state(state: State, fraction: float, venues: Sequence[str]) -> tuple[str, str, str]:
    match state:
        case "complete":
            return "Complete: nothing is known to be missing.", "●", "complete"
        case "holed":
            where = f", at {names(venues)}" if venues else ""
            return (
                f"Holed: {percent_of(fraction)} of its time is missing{where}. Sums and counts are too low by what was missed.",
                "◐",
                "holed",
            )
        case _:
            return (
                "Unverifiable: a venue's ids do not prove that nothing is missing. No gap is known.",
                "◌",
                "unverifiable",
            )
