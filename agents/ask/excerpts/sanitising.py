"""A stranger's text without what only a machine reads, or what leads elsewhere. PURE.

None of this makes a text harmless: it takes away what hides an instruction from people (invisible letters, encodings),
and what nobody needs to say what a post is about (links, handles, addresses).
"""

import re
import unicodedata

RAW_CHARS_MAX = 1_000
"""Of a text that is looked at: a post's contract has no more."""
EXCERPT_CHARS_MAX = 280
"""Of a text that is shown."""
MARKS_MAX = 2
"""Combining marks on one letter."""

_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
"""What shows nothing and is no control or format character: fillers, variation selectors, tags that are not assigned."""
_DISGUISED = re.compile(
    r"(?<![\w-])[\w-]{1,63}\s(?:[\[(](?:\.|dot)[\])]\s|dot\s(?=(?:com|io|org|net|me|xyz|gg|app|finance)\b))[!-~]*",
    re.IGNORECASE,
)
"""A host spelt out: name [.] com, name (dot) com, name dot com."""
_ASCII = re.compile(r"[!-~]+")
"""What links, handles and addresses are written in: a word of it is taken out as a whole."""
_LEADS = re.compile(
    r":/|@|\w\.[a-z]{2}|[\[(](?:\.|dot)[\])]|\b0x[0-9a-f]{6}|[a-z0-9+/=_-]{25}",
    re.IGNORECASE,
)
"""A scheme, defanged or not; a handle or mail; a host; an address, key or encoding: no word is so long."""
_FOREIGN_HOST = re.compile(r"(?<![\w-])[\w-]{1,63}\.[^\W\d_]{2,}")
"""The same in other letters than ASCII's."""


def sanitised(text: str) -> str:
    """Return a text as plain words on one line, at most `EXCERPT_CHARS_MAX` characters; empty if nothing is left.

    Each step takes a time that grows with the length alone, whatever is written.
    """
    seen = _without_unseen(unicodedata.normalize("NFKC", text[:RAW_CHARS_MAX])[:RAW_CHARS_MAX])
    # What is taken out from between two characters may leave a pair that is one character.
    plain = unicodedata.normalize("NFKC", seen)
    plain = _ASCII.sub(_unless_it_leads, _DISGUISED.sub(" ", plain))
    words = " ".join(_FOREIGN_HOST.sub(" ", plain).split())
    return words[:EXCERPT_CHARS_MAX].rstrip()


def _unless_it_leads(found: re.Match[str]) -> str:
    return " " if _LEADS.search(found[0]) else found[0]


def _without_unseen(text: str) -> str:
    kept, marks = [], 0
    for char in _INVISIBLE.sub("", text):
        category = unicodedata.category(char)
        marks = marks + 1 if category[0] == "M" else 0
        if category in ("Cf", "Cs", "Co", "Cn") or marks > MARKS_MAX:
            continue
        kept.append(" " if category[0] in "CZ" else char)
    return "".join(kept)
