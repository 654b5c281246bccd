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
_ELSEWHERE = re.compile(
    r"""
      \S*:/\S*                                      # any scheme, defanged (hxxp://) or not
    | \bwww\.\S*
    | \S*@\S*                                       # handles, and addresses of mail
    | \b[\w-]+\s?(?:\[(?:\.|dot)\]|\((?:\.|dot)\))\s?[\w-]+\S*                    # name[.]com, name (dot) com
    | \b[\w-]+\sdot\s(?:com|io|org|net|me|xyz|gg|app|finance)\b\S*
    | \b[\w-]+(?:\.[\w-]+)*\.[^\W\d_]{2,}(?:[/?\#:]\S*)?                          # name.com/path
    | \b0x[0-9a-f]{6,}\b
    | [a-z0-9+/=_-]{25,}                            # addresses, keys, base64: no word is so long
    """,
    re.IGNORECASE | re.VERBOSE,
)


def sanitised(text: str) -> str:
    """Return a text as plain words on one line, at most `EXCERPT_CHARS_MAX` characters; empty if nothing is left."""
    plain = _letters(text[:RAW_CHARS_MAX])[:RAW_CHARS_MAX]
    words = " ".join(_ELSEWHERE.sub(" ", plain).split())
    return words[:EXCERPT_CHARS_MAX].rstrip()


def _letters(text: str) -> str:
    """Return what a person sees of a text, compatible forms as the letters they stand for."""
    seen = _without_unseen(unicodedata.normalize("NFKC", text))
    # What is taken out from between two characters may leave a pair that is one character.
    return unicodedata.normalize("NFKC", seen)


def _without_unseen(text: str) -> str:
    kept, marks = [], 0
    for char in _INVISIBLE.sub("", text):
        category = unicodedata.category(char)
        marks = marks + 1 if category[0] == "M" else 0
        if category in ("Cf", "Cs", "Co", "Cn") or marks > MARKS_MAX:
            continue
        kept.append(" " if category[0] in "CZ" else char)
    return "".join(kept)
