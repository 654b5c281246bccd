"""A text in the form in which names are looked for: what only looks different is the same: PURE.

Letters keep their case, which tells a ticker from a word. Accents and other marks go, styled letters become plain ones,
and in a word that mixes alphabets, or is a tag, foreign letters become the Latin ones they look like.
"""

import re
import unicodedata

_LOOKS = dict(
    zip(
        "АВЕКМНОРСТУХІЈЅԌԚԜабвеикмнорстухіјѕԁԛԝүһӏьгпΑΒΕΖΗΙΚΜΝΟΡΤΥΧαβεηικνορτυχγϲ",
        "ABEKMHOPCTYXIJSGQWabbeukmhopctyxijsdqwyhlbrnABEZHIKMNOPTYXabenikvoptuxyc",
        strict=True,
    )
)
_STYLED = {
    first + letter: "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[letter]
    for first in (0x1F150, 0x1F170)  # white on a black disc, on a black square: NFKC leaves them
    for letter in range(26)
}
_STYLED |= {
    0x131: "i",
    0x237: "j",
    0x141: "L",
    0x142: "l",
    0xD8: "O",
    0xF8: "o",
    0x110: "D",
    0x111: "d",
}
_VOICED = "\u3099\u309a"
"""Marks that make another letter of a kana."""
_FOREIGN_WORD = re.compile(
    r"([$#]?)([A-Za-z0-9\u0370-\u052f]*[\u0370-\u052f][A-Za-z0-9\u0370-\u052f]*)"
)


def folded(text: str) -> str:
    """Return the form of a text that is normalised; of a plain English one, itself."""
    if text.isascii():
        return text
    apart = unicodedata.normalize("NFD", text.translate(_STYLED))
    bare = "".join(
        char for char in apart if char in _VOICED or unicodedata.category(char)[0] != "M"
    )
    return _FOREIGN_WORD.sub(_as_it_looks, unicodedata.normalize("NFC", bare))


def _as_it_looks(found: re.Match[str]) -> str:
    mark, word = found.groups()
    mixed = any(char.isascii() and char.isalpha() for char in word)
    if not (mark or mixed or word.isupper()):
        return found[0]
    looks = "".join(_LOOKS.get(char, char) for char in word)
    return mark + looks if looks.isascii() else found[0]
