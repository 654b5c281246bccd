"""What a deep dive may not leave unsaid: the most unusual number there is, and what makes its data poor. PURE."""

import re
from collections.abc import Mapping

from topics import DataQuality, Fact

from .anomalies import anomalies_of
from .reading import Told
from .slots import SLOT

MUST_TELL = 6.0
"""How unusual it must be: twice what is worth a sentence, sixteen times the usual where no score is known."""
_HOLE = re.compile(
    r"\b(?:missing|hol(?:e|es|ed)|gaps?|incomplete|not (?:all |wholly )?complete|partial(?:ly)?|patchy|absent"
    r"|lack(?:s|ed|ing)?|(?:no|without) data)\b",
    re.IGNORECASE,
)
_STALE = re.compile(
    r"\b(?:missing|absent|silen(?:t|ce)|stale|(?:no|without) (?:word|data|news|feed)|not (?:up to date|current|fresh)"
    r"|out of date|outdated|nothing (?:new |more )?from|lag(?:s|ged|ging)?|(?:lies|is|are) behind|gone dark)\b",
    re.IGNORECASE,
)
_PAST = r"(?:histor(?:y|ies)|windows?|past|baselines?|compar\w+|track record)"
_LITTLE = (
    r"(?:short\w*|little|no|none|few|limited|thin|brief|scant|scarce|only|hardly|barely|not|insufficient|lacks?"
    r"|lacking|without|missing|young|small|nothing)"
)
_SHORT = re.compile(
    rf"\b{_LITTLE}\b[^.;:]{{0,40}}\b{_PAST}\b|\b{_PAST}\b[^.;:]{{0,40}}\b{_LITTLE}\b", re.IGNORECASE
)
"""Words by which it is taken to be said. They err on the side of the text: one that is thrown away was paid for."""


def unsaid_in(text: str, told: Told, slots: Mapping[str, Fact]) -> str | None:
    """Return the slot of what a text should have named, or None.

    Any window of the same metric will do, and its ratio to what is usual. ``slots`` are those the text could use.
    """
    most = next(iter(anomalies_of(told)), None)
    if most is None or most.unusual < MUST_TELL:
        return None
    name = told.names[most.metric, most.window_ms]
    if name not in slots:
        return None
    used = {slots[found.group(1)].metric for found in SLOT.finditer(text)}
    return None if used & {most.metric, f"{most.metric}_ratio"} else name


def lack_in(text: str, quality: DataQuality) -> str | None:
    """Return what a text should have said of its data, or None: that some are missing, a source silent, the history short.

    These make an analysis weak; that nobody can prove the data whole, and of which kinds nothing is known, may be left out.
    """
    if quality.completeness == "holed" and not _HOLE.search(text):
        return "what is missing"
    names = (rf"\b{re.escape(name)}\b" for name in quality.stale_feeds)
    is_told = _STALE.search(text) or any(re.search(name, text, re.IGNORECASE) for name in names)
    if quality.stale_feeds and not is_told:
        return "what is silent or stale"
    if quality.short_history and not _SHORT.search(text):
        return "that the history is short"
    return None
