"""What language a text is in: what the platform says, else a guess, else `und`: PURE."""

import re
from functools import lru_cache
from typing import Any

from streams.collectors.simhash import UNSPACED

UNKNOWN = "und"
LETTERS_MIN, UNSPACED_MIN = 20, 8
"""Below this a guess is worth little; a character that is a word says more than a letter."""
SURE = 0.6
"""The guesser's own probability, below which it is not asked again."""
_TAG = re.compile(r"([a-zA-Z]{2,3})(?:[-_][a-zA-Z0-9_-]{1,32})?")
_NO_LANGUAGE = frozenset({"und", "mul", "zxx", "mis", "qaa"})
_NO_WORDS = re.compile(r"https?://\S+|[@#$]\w+")
_UNSPACED = re.compile(f"[{UNSPACED}]")


def language_of(text: str, tags: tuple[str, ...]) -> str:
    """Return the ISO 639 code of a text's language; `und` where nobody can tell."""
    for tag in tags:
        told = _TAG.fullmatch(tag)
        if told and (code := told[1].lower()) not in _NO_LANGUAGE:
            return code
    words = _NO_WORDS.sub(" ", text)
    if sum(map(str.isalpha, words)) < LETTERS_MIN and len(_UNSPACED.findall(words)) < UNSPACED_MIN:
        return UNKNOWN
    guess, probability = _guesser().classify(words)
    return guess if probability >= SURE and len(guess) <= len(UNKNOWN) else UNKNOWN


@lru_cache(maxsize=1)
def _guesser() -> Any:  # noqa: ANN401 - it comes without types
    from py3langid.langid import (  # noqa: PLC0415 - takes a second and 50 MB, and not every platform needs it
        MODEL_FILE,
        LanguageIdentifier,
    )

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
