"""The table of names (`names.toml`), read into what a matcher looks up: PURE."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.resources import files
from typing import Literal

import msgspec
from msgspec import Struct

from streams.collectors.simhash import UNSPACED

from .folding import folded
from .normalising import normalised

Bare = Literal["sure", "context", "caps", "tag"]
"""How an asset's id counts where it stands without a mark; the table says what each is."""
Words = tuple[str, ...]

_WORD = re.compile(rf"[$#]?(?:(?![{UNSPACED}])[^\W_])+|₿")
_UNSPACED = re.compile(f"[{UNSPACED}]")


class AssetNames(Struct, frozen=True, forbid_unknown_fields=True):
    """What the table says of one asset."""

    names: tuple[str, ...] = ()
    loose: tuple[str, ...] = ()
    ticker: Bare = "sure"
    not_: tuple[str, ...] = msgspec.field(default=(), name="not")
    share: tuple[str, ...] = ()


class ContextWords(Struct, frozen=True, forbid_unknown_fields=True):
    """Words that say what a post is about, parted by spaces."""

    crypto: str
    crypto_unspaced: str
    market: str
    market_unspaced: str
    share: str


class NameTable(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of it."""

    words: ContextWords
    assets: dict[str, AssetNames]


@lru_cache(maxsize=1)
def name_table() -> NameTable:
    """Return the table that comes with the collector."""
    text = files(__package__).joinpath("names.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), NameTable)


def words_of(text: str) -> Iterator[re.Match[str]]:
    """Yield the words of a folded text, with the mark before them if there is one."""
    return _WORD.finditer(text)


def as_words(phrase: str) -> Words:
    """Return a name or phrase as the words a text is looked at by."""
    return tuple(found[0].lower() for found in words_of(folded(normalised(phrase))))


def is_unspaced(name: str) -> bool:
    """Return whether a name is of a script that does not part words."""
    return bool(_UNSPACED.search(name))


def any_of(names: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern of all names of unspaced scripts, the longest first; of none if there are none."""
    longest_first = sorted({folded(normalised(name)) for name in names}, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
