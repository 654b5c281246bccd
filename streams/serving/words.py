"""Text, numbers and times as people read them. PURE: nothing that came through a topic steers a terminal or a page."""

import re
import unicodedata
from datetime import UTC, datetime
from math import isfinite

from topics.units import EPOCH_MS_MAX

READABLE_MIN, READABLE_MAX = 1e-7, 1e12
"""Numbers between are written with all their digits."""
MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
MARKS_MAX = 2
"""Combining marks on one letter; more of them would paint over the lines around."""
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
"""What shows nothing without being a control or a format character: fillers, variation selectors, a blank."""


def plain(text: str, length: int = 400) -> str:
    """Return topic text as plain text on one line: nothing in it is an instruction to the terminal, or unseen.

    Markup stays what it is, letters in brackets: the result is to be shown through `Text`, never as a string.
    """
    kept, marks = [], 0
    for c in _INVISIBLE.sub("", unicodedata.normalize("NFKC", text[:length])):
        category = unicodedata.category(c)
        marks = marks + 1 if category.startswith("M") else 0
        if category == "Cf" or marks > MARKS_MAX:
            continue
        kept.append(" " if category[0] == "C" else c)
    return " ".join("".join(kept).split())


def number(value: float, digits: int = 8) -> str:
    """Return a number with its thousands parted; as a power of ten only where digits could not be read."""
    if not isfinite(value):
        return "n/a"
    size = abs(value)
    if size >= READABLE_MAX or 0 < size < READABLE_MIN:
        return f"{value:.3e}"
    power = int(f"{value:e}".partition("e")[2])
    # Below 1 the zeros behind the point take room too.
    decimals = max(0, (digits if size >= 1 else min(digits, 6)) - 1 - power)
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def span(span_ms: float) -> str:
    """Return a length of time in its own unit; one that is negative, of clocks that differ, as none.

    One that is longer than all of time, or none at all, is not told in digits.
    """
    if not span_ms <= EPOCH_MS_MAX:
        return "longer than can be"
    seconds = max(0.0, span_ms / 1000)
    if seconds < 2 * MINUTE_S:
        return f"{seconds:.1f} s"
    if seconds < 2 * HOUR_S:
        return f"{seconds / MINUTE_S:.0f} min"
    return f"{seconds / HOUR_S:.0f} h" if seconds < 2 * DAY_S else f"{seconds / DAY_S:,.0f} d"


def clock(time_ms: int) -> str:
    """Return an instant in UTC, to the second; beyond what can be written, the nearest that can."""
    at = datetime.fromtimestamp(min(max(time_ms, 0), EPOCH_MS_MAX) // 1000, UTC)
    return f"{at:%Y-%m-%d %H:%M:%S}Z"


def minute(time_ms: int, now_ms: int) -> str:
    """Return hours and minutes, or month and day where that would name another day's."""
    return clock(time_ms)[11:16] if abs(now_ms - time_ms) < DAY_S * 1000 else clock(time_ms)[5:10]
