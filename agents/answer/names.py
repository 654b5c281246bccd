"""Names a text may not hold: other assets, in capitals, with a dollar sign, or as people call them. PURE."""

import re
import unicodedata
from collections.abc import Iterable
from itertools import zip_longest

from topics import Fact

from .vocabulary import SHOUTS, coins

_CASHTAG = re.compile(r"\$ ?([A-Za-z][A-Za-z0-9]{1,23})\b")
_TICKER = re.compile(r"(?<![\w$])[a-z]{0,3}([A-Z][A-Z0-9]{1,23}(?:-[A-Z0-9]+)*)s?(?!\w)")
"""Also as one of several (ETHs), or wrapped (stETH)."""
_FORKS = {"bitcoin": ("cash", "sv", "gold"), "ethereum": ("classic",)}
"""Names of assets that begin with another's name."""
_WORD = re.compile(r"[A-Za-z][A-Za-z-]+")


def own_names(asset: str, facts: Iterable[Fact]) -> tuple[str, ...]:
    """Return what an analysis of an asset may name, the longest first: its instruments, itself, their quotes.

    A name of digits alone cannot be told from a number, and is left out.
    """
    names = {asset}
    for fact in facts:
        names |= {fact.subject, fact.quote or asset}
        names |= set(re.split(r"[/:]", fact.subject))
    return tuple(sorted((n for n in names if not n.isdigit()), key=lambda n: (-len(n), n)))


def without(names: Iterable[str], text: str) -> str:
    """Return a text without these names, where they stand as words."""
    alternatives = "|".join(re.escape(name) for name in names)
    return re.sub(rf"(?<![\w.])\$?(?:{alternatives})(?!\w)", " ", text) if alternatives else text


def other_asset_in(bare: str, own: Iterable[str]) -> str | None:
    """Return the first name of another asset in a text that is without its own names."""
    mine = set(own)
    if (tag := _CASHTAG.search(bare)) is not None:
        return tag.group()
    for ticker in _TICKER.finditer(bare):
        if ticker.group(1) not in SHOUTS:
            return ticker.group()
    words = [found.group() for found in _WORD.finditer(plain(bare))]
    for word, behind in zip_longest(words, words[1:], fillvalue=""):
        name = word.lower()
        owner = coins().get(name) or coins().get(name.removesuffix("s"))
        if owner is not None and (owner not in mine or behind.lower() in _FORKS.get(name, ())):
            return word
    return None


def plain(text: str) -> str:
    """Return a text in which accented letters are plain ones: what a reader takes them for."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
