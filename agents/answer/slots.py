"""Slots: how a text names a fact, and how code writes the number there. PURE.

``{return_1m_usdt}`` shows a fact's value; ``.usual``, ``.z`` and ``.n`` behind the name show its baseline, its robust
score and the number of windows these rest on. With the value of a window that is not the latest stands which it is.
Model and rules write the same slots, and this is the only place where a number gets into a text.
"""

import re
from collections.abc import Mapping

from msgspec.structs import replace

from agents.decide.printing import clock, printed, span
from topics import Fact

from .vocabulary import DOWN, UP

SLOT = re.compile(r"\{([a-z0-9_]+)(?:\.(usual|z|n))?\}")
_SYMBOLS = {"$": "USD", "€": "EUR", "£": "GBP"}
_UNITS = {
    "%": "%",
    "percent": "%",
    "per cent": "%",
    "pct": "%",
    "x": "x",
    "times": "x",
    "fold": "x",
    "bps": "bps",
    "basis points": "bps",
    "dollars": "USD",
    "euros": "EUR",
    "pounds": "GBP",
}
_SCALES = (
    *("k", "m", "b", "bn", "mn", "tn", "trn", "mln", "bln", "lakh", "crore", "hundred", "dozen"),
    *("thousand", "million", "billion", "trillion"),
)
_NOUNS = ("posts", "events", "commits", "trades")
_WRITTEN = re.compile(
    r"[ \t-]?(?P<unit>%|(?:"
    + "|".join(sorted((*_UNITS, *_SCALES, *_NOUNS), key=len, reverse=True)).replace("%|", "")
    + r")(?![\w'\u2019/-])|[A-Z][A-Z0-9]{1,23}(?![\w'\u2019/:-]))"
)
"""What stands right behind a slot and reads as its unit."""
_SYMBOL_BEFORE = re.compile(r"[$€£] ?$")
_VERB_BEFORE = re.compile(
    r"([A-Za-z]+)(?:\s+(?:by|of|about|around|some|roughly|nearly|almost|another|a|further))*\s*$"
)
_OVER = re.compile(
    r"(?: \w+)? (?:over|in|within|during) (?:just |only )?(?:the |an? |this )?"
    r"(last |past |latest |current |most recent )?(one|five|1|5)?[ -]?(m|h|minutes?|mins?|hours?)(?![\w'\u2019-])",
    re.IGNORECASE,
)
"""Which window is said right behind a slot to be its own."""
_MERGED = re.compile(r"\}[ .,]?\{|(?<![\w)\}])[+\u2013-]\{")
"""Two slots that would be read as one number, 12 and 38 as 12.38; and a sign that no code wrote."""
_Z_PLAIN_MAX = 1_000.0


def shown(fact: Fact, part: str | None) -> str | None:
    """Return what a slot shows of a fact; None where the fact lacks that."""
    if part == "usual":
        return None if fact.baseline is None else printed(replace(fact, value=fact.baseline))
    if part == "n":
        return f"{fact.sample_size:,}" if fact.sample_size else None
    if part == "z":
        return None if fact.z is None else _score(fact.z) + _window_of(fact)
    return printed(fact) + _window_of(fact)


def unknown_in(text: str, slots: Mapping[str, Fact]) -> str | None:
    """Return the first slot that shows nothing, as it is written."""
    for match in SLOT.finditer(text):
        fact = slots.get(match.group(1))
        if fact is None or shown(fact, match.group(2)) is None:
            return match.group()
    return None


def merged_in(text: str) -> str | None:
    """Return what stands between or before slots and makes another number of what they show."""
    found = _MERGED.search(text)
    return found.group() if found else None


def wrong_unit_in(text: str, slots: Mapping[str, Fact]) -> str | None:
    """Return the first unit, scale or currency beside a slot that is not the slot's own."""
    for match in SLOT.finditer(text):
        fact, unit = slots[match.group(1)], _unit_behind(text, match.end())
        if unit and not _fits(unit, fact, match.group(2), slots):
            return f"{match.group()} {unit}"
        symbol = _SYMBOL_BEFORE.search(text, 0, match.start())
        if symbol and _SYMBOLS[symbol.group()[0]] != fact.unit:
            return f"{symbol.group()}{match.group()}"
    return None


def wrong_window_in(text: str, slots: Mapping[str, Fact]) -> str | None:
    """Return the first slot that is said to be of a window it is not of; a turnover is of a day, whatever its window.

    What is of an earlier window is not of the last minute either.
    """
    for match in SLOT.finditer(text):
        fact, said = slots[match.group(1)], _OVER.match(text, match.end())
        if said is None or match.group(2) or fact.metric == "level":
            continue
        minutes = (5 if said.group(2) in ("5", "five", "Five") else 1) * (
            60 if said.group(3)[0].lower() == "h" else 1
        )
        is_of_now = fact.window_end_ms is not None and said.group(1) is not None
        if fact.window_ms != minutes * 60_000 or is_of_now:
            return f"{match.group()}{said.group()}"
    return None


def rendered(text: str, slots: Mapping[str, Fact]) -> str:
    """Return a text with its numbers written in.

    A unit that the text repeats is written once, and a return behind "fell" or "rose" has no sign of its own.
    """
    parts, at = [], 0
    for match in SLOT.finditer(text):
        fact, part = slots[match.group(1)], match.group(2)
        before = _SYMBOL_BEFORE.sub("", text[at : match.start()])
        value = shown(fact, part) or ""
        if part is None and fact.metric == "return" and _is_said_by_verb(before, fact.value):
            value = value.lstrip("+-")
        parts += [before, value]
        at = match.end()
        written = _WRITTEN.match(text, at)
        if written and part in (None, "usual") and _repeats(written.group("unit"), fact):
            at = written.end()
    return "".join([*parts, text[at:]])


def _window_of(fact: Fact) -> str:
    """Return which window a fact is of, where that is not the latest: whatever is written around it, it is not of now."""
    if fact.window_end_ms is None:
        return ""
    return f" ({span(fact.window_ms)} to {clock(fact.window_end_ms)})"


def _score(z: float) -> str:
    return f"{z:+z.1f}" if abs(z) < _Z_PLAIN_MAX else f"{z:+.1e}"


def _unit_behind(text: str, at: int) -> str | None:
    if at < len(text) and text[at].isalnum():
        glued = re.match(r"\w+", text[at:])
        return glued.group() if glued else text[at]
    found = _WRITTEN.match(text, at)
    return found.group("unit") if found else None


def _fits(unit: str, fact: Fact, part: str | None, slots: Mapping[str, Fact]) -> bool:
    if part in ("z", "n"):
        return unit not in _UNITS and unit not in _SCALES
    if unit in _NOUNS:
        return fact.metric == unit if fact.unit not in ("%", "x", "bps") else fact.unit == "x"
    if _repeats(unit, fact):
        return True
    if unit in _UNITS or unit in _SCALES or not unit.isupper():
        return False
    money = {told.unit for told in slots.values()} | {told.quote for told in slots.values()}
    return unit not in money and fact.unit in ("%", "x", "count", "tone", "bps")


def _repeats(unit: str, fact: Fact) -> bool:
    return fact.unit in (unit, _UNITS.get(unit))


def _is_said_by_verb(before: str, value: float) -> bool:
    found = _VERB_BEFORE.search(before)
    verb = found.group(1).lower() if found else ""
    return (verb in UP and value > 0) or (verb in DOWN and value < 0)
