"""What must not come back in an answer: the marker of the question, our instructions, the posts. PURE."""

import re
from collections.abc import Iterable

from msgspec import Struct

GRAM = 8
"""Words in a row that are no coincidence."""

_WORD = re.compile(r"[a-z]+")


class Confidential(Struct, frozen=True, kw_only=True):
    """What an answer is held against. Empty parts are not looked for."""

    canary: str = ""
    """The question's marker: small letters, found whatever stands between them."""
    instructions: str = ""
    """The system prompt."""
    posts: tuple[str, ...] = ()
    """Texts of strangers that the model was shown."""


def leak_in(text: str, confidential: Confidential) -> str | None:
    """Return which part came back: `canary`, `instructions` or `posts`."""
    letters = "".join(_WORD.findall(text.lower()))
    if confidential.canary and confidential.canary in letters:
        return "canary"
    if overlap(text, (confidential.instructions,)):
        return "instructions"
    if overlap(text, confidential.posts):
        return "posts"
    return None


def overlap(text: str, sources: Iterable[str]) -> str | None:
    """Return the first eight words in a row that a text shares with one of the sources."""
    told = _grams(text)
    for source in sources:
        theirs = _grams(source)
        first = next((gram for gram in sorted(told, key=told.__getitem__) if gram in theirs), None)
        if first is not None:
            return " ".join(first)
    return None


def _grams(text: str) -> dict[tuple[str, ...], int]:
    """Return each run of eight words with where it begins; case and what is no letter do not matter."""
    words = _WORD.findall(text.lower())
    return {tuple(words[i : i + GRAM]): i for i in range(len(words) - GRAM, -1, -1)}
