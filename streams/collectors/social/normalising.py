"""A stranger's text as plain text: what the contract of a post promises. PURE.

Each step takes a time that grows with the length alone, whatever is written.
"""

import html
import re
import unicodedata

TEXT_CHARS_MAX = 1_000
"""As the contract has it."""
RAW_CHARS_MAX = 16_000
"""Of a text that is looked at. No platform that is read allows so much, but for a story's body, of which the beginning is enough."""
MARKS_MAX = 3
"""Combining marks on one letter; no language writes more in a row, and those who write towers of them hide words."""
_GRAPHEME_CHARS_MAX = 8
"""How far back from the cut a character that belongs to those before it is followed."""

_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
"""What shows nothing and is no control or format character: fillers, variation selectors, tags that are not assigned."""
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_INLINE = r"(?:a|abbr|b|bdi|bdo|cite|code|del|em|font|i|ins|kbd|mark|q|s|small|span|strong|sub|sup|tt|u|var|wbr)"
_INLINE_TAG = re.compile(rf"</?{_INLINE}(?:[\s/][^<>]*)?>", re.IGNORECASE)
_TAG = re.compile(r"<[a-zA-Z/!?][^<>]*>?")
"""One that is not closed ends where the next begins, or with the text."""
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_SMALL = {capital: capital + 32 for capital in range(ord("A"), ord("Z") + 1)}
"""Of tags alone, so that no letter becomes two and every place stays where it is."""
_NOT_SHOWN = (("<!--", "-->"), ("<script", "</script"), ("<style", "</style"))


def normalised(text: str) -> str:
    """Return a text as a post keeps it: NFKC, one line, nothing invisible, at most `TEXT_CHARS_MAX` characters."""
    seen = _without_unseen(unicodedata.normalize("NFKC", text[:RAW_CHARS_MAX]))
    # What is taken out from between two characters may leave a pair that is one character.
    plain = " ".join(unicodedata.normalize("NFKC", seen).split())
    return cut(plain)


def cut(text: str, most: int = TEXT_CHARS_MAX) -> str:
    """Return the beginning of a text, not ending within what people see as one character."""
    if len(text) <= most:
        return text
    end = most
    while end > most - _GRAPHEME_CHARS_MAX and _continues(text, end):
        end -= 1
    return text[: most if _continues(text, end) else end].rstrip()


def of_html(text: str) -> str:
    """Return what a piece of HTML shows, as text that is still to be normalised.

    Made for the small HTML of feeds and posts; what is no HTML loses what looks like a tag.
    """
    shown = text[:RAW_CHARS_MAX]
    for begin, end in _NOT_SHOWN:
        shown = _without(shown, begin, end)
    shown = _TAG.sub(" ", _INLINE_TAG.sub("", shown))
    return _ENTITY.sub(lambda found: html.unescape(found[0]), shown)


def _without(text: str, begin: str, end: str) -> str:
    """Return a text without what stands between two words; without its rest, if the second is not found."""
    small = text.translate(_SMALL)
    kept, at = [], 0
    while (start := small.find(begin, at)) >= 0:
        kept.append(text[at:start])
        stop = small.find(end, start + len(begin))
        if stop < 0:
            return " ".join(kept)
        closing = small.find(">", stop)
        at = len(text) if closing < 0 else closing + 1
    kept.append(text[at:])
    return " ".join(kept)


def _continues(text: str, at: int) -> bool:
    """Return whether the character at that place belongs to the one before it."""
    char = text[at]
    if unicodedata.category(char)[0] == "M" or "\U0001f3fb" <= char <= "\U0001f3ff":
        return True
    if not "\U0001f1e6" <= char <= "\U0001f1ff":
        return False
    before = at
    while before > 0 and "\U0001f1e6" <= text[before - 1] <= "\U0001f1ff":
        before -= 1
        if at - before > TEXT_CHARS_MAX:
            break
    return (at - before) % 2 == 1  # flags are pairs


def _without_unseen(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    kept, marks = [], 0
    for char in _UNSEEN.sub("", text):
        category = unicodedata.category(char)
        marks = marks + 1 if category[0] == "M" else 0
        if char.isspace():
            kept.append(" ")
        elif category not in _DROPPED and marks <= MARKS_MAX:
            kept.append(char)
    return "".join(kept)
