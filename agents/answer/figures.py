"""Numbers that no slot wrote, in digits or in words. PURE.

A number belongs in a slot, because what is said is checked and written anew with the values of the moment: a literal
that is right now is wrong after the next correction. So a literal is refused even where it agrees with a fact. What a
correction cannot change may be written: the lengths of windows, small counts of things nobody measures ("two venues"),
and how many windows a comparison rests on.
"""

import re
from collections.abc import Iterable

from agents.decide.quality import SHORT_HISTORY
from topics import Fact

WINDOWS_MS = frozenset({60_000, 300_000, 3_600_000, 86_400_000})
"""Lengths that may always be named: those of windows, and the day of rolling turnover."""

_NUMBER_WORDS = "one two three four five six seven eight nine ten eleven twelve"
_SMALL = {word: number for number, word in enumerate(_NUMBER_WORDS.split(), start=1)}
_LONGER = {
    "fifteen": 15,
    "twenty": 20,
    "twenty-four": 24,
    "thirty": 30,
    "forty-five": 45,
    "sixty": 60,
}
_SPANS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_COUNT = "|".join(sorted((*_SMALL, *_LONGER), key=len, reverse=True))
_SPAN = re.compile(
    rf"(?<![\w.,/-])(\d{{1,4}}|{_COUNT})[ -]?"
    r"(seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|s|m|h|d)(?![\w%])",
    re.IGNORECASE,
)
_WINDOWS = re.compile(rf"\b({_COUNT})\s+(?:\w+\s+)?windows\b", re.IGNORECASE)
_SMALL_WORDS = "|".join(_SMALL)
_GOING_ON = "in|over|on|off|from|at|today|now|then|while|as|when|before|after|since"
"""What goes on behind a number that counts nothing: "by ten today", but "by ten venues"."""
_IN_WORDS = re.compile(
    r"\b(?:zero|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty"
    r"|seventy|eighty|ninety|(?:twent|thirt|fort|fift|sixt|sevent|eight|ninet)ies|hundreds?|thousands?|millions?|billions?|trillions?|dozens?"
    r"|twice|thrice|doubl(?:e|ed|es|ing)\b(?!-check)|tripl(?:e|ed|es|ing)|(?:quadru|quintu|sextu)pl(?:e|ed|es|ing)"
    r"|multipl(?:ied|ies)|mln|bln|lakhs?|crores?|bips|pips|(?:single|double|triple)[- ]digits?"
    rf"|(?:{_SMALL_WORDS})[- ](?:digits?|figures?)"
    r"|halv(?:e|ed|es|ing)|(?<!first )(?<!second )half\b(?!-hearted)"
    rf"|(?:{_SMALL_WORDS}|hundred|many|several)[ -]?fold|(?:{_SMALL_WORDS}|a) (?:third|quarter|fifth|tenth)s? (?:of|more|less|higher|lower)"
    rf"|an? (?:third|quarter|fifth|sixth|eighth|tenth)(?=\s*(?:[.;:!?)]|$)|\s+(?:was|is|{_GOING_ON})\b)"
    rf"|(?:{_SMALL_WORDS})(?:-to-| to | in | out of )(?:{_SMALL_WORDS})"
    rf"|(?:by|to|at|near|about|around|was|were|reached|hit|totals?|totalled) (?!one\b)(?:{_SMALL_WORDS})"
    rf"(?=\s*(?:[.,;:!?)]|$)|\s+(?:and|or|to|{_GOING_ON})\b)"
    r"|(?:two|three) (?:third|quarter|fifth|tenth)s|orders? of magnitude"
    r"|percent|per cent|pct|percentage points?|basis points?|bps"
    rf"|(?:{_SMALL_WORDS})(?:[ -]\w+)?[ -](?:times|points?|dollars?|euros?|cents?)"
    rf"|(?!one)(?:{_SMALL_WORDS})(?:[ -](?!of\b)\w+)?[ -](?:posts|trades|commits|events|coins|tokens|units|authors))\b",
    re.IGNORECASE,
)


def ungrounded_in(bare: str, facts: Iterable[Fact]) -> str | None:
    """Return the first number in a text that is without its slots and names, as it is written."""
    told = list(facts)
    spans = WINDOWS_MS | {fact.window_ms for fact in told}
    sizes = {SHORT_HISTORY} | {fact.sample_size for fact in told}
    bare = _SPAN.sub(lambda found: " " if _span_ms(found) in spans else found.group(), bare)
    if (span := _SPAN.search(bare)) is not None:
        return span.group()
    for found in _WINDOWS.finditer(bare):
        if _number(found.group(1)) not in sizes:
            return found.group()
    bare = _WINDOWS.sub(" ", bare)
    if digit := next((char for char in bare if char.isnumeric()), None):
        return digit
    word = _IN_WORDS.search(bare)
    return word.group() if word else None


def _span_ms(found: re.Match[str]) -> int:
    return _number(found.group(1)) * _SPANS_MS[found.group(2)[0].lower()]


def _number(word: str) -> int:
    return int(word) if word.isdigit() else (_SMALL | _LONGER)[word.lower()]
