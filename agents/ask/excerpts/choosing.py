"""Which of many posts are shown: different ones, one of an author, chosen so that volume and haste win nothing. PURE."""

from collections.abc import Iterable
from hashlib import sha256
from heapq import nsmallest
from itertools import islice

from topics import Post

from .sanitising import sanitised

READ_MAX = 10_000
"""Posts that are drawn from; of more the first."""
POSTS_MAX = 500
"""Of one asset that are looked at, of more those drawn first: to clean them takes about as many milliseconds at worst."""
EXCERPTS_MAX = 12
"""Texts of one question."""
EXCERPTS_MIN = 3
"""Of fewer nothing is asked: they show no pattern, and one post would be the whole evidence."""
CHARS_MIN = 12
"""A shorter text says nothing by itself."""
SHINGLE = 4
"""Characters in a row that are compared: it works in languages without spaces too."""
ALIKE = 0.5
"""Share of the shorter text's shingles in the other from which one is a copy of the other (Broder 1997: containment)."""

_LOOKALIKES = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0455\u0458\u04bb\u0501\u051b\u0432\u043a\u043c\u043d\u0442"
    "\u03b1\u03b5\u03bf\u03c1\u03c5\u03bd\u03b9\u03ba\u03c4\u03c70134578$@",
    "aeopcyxisjhdqbkmhtaeopuviktxoleastbsa",
)
"""Small letters of other scripts, and digits, that are written in the place of ours. For comparing only."""


def excerpts_of(posts: Iterable[Post], asset: str, seed: str) -> tuple[str, ...]:
    """Return at most `EXCERPTS_MAX` cleaned texts about an asset, in an order that ``seed`` decides.

    The order is that of a digest, so that a text comes in by its share among all different texts, not by when or how
    often it is posted; nobody who posts must know the seed. Bots are left out, and of an author all posts but one.
    """
    about = (post for post in islice(posts, READ_MAX) if post.subject == asset and not post.bot)
    drawn = nsmallest(POSTS_MAX, about, key=lambda post: _draw(post, seed))
    kept: dict[str, frozenset[str]] = {}
    authors: set[str] = set()
    for post in drawn:
        if len(kept) >= EXCERPTS_MAX:
            break
        text = sanitised(post.text)
        if post.author in authors or len(text) < CHARS_MIN:
            continue
        told = shingles(text)
        if not any(alike(told, other) for other in kept.values()):
            kept[text] = told
            authors.add(post.author)
    return tuple(kept)


def shingles(text: str) -> frozenset[str]:
    """Return the runs of `SHINGLE` characters of a text's letters, look-alikes as what they are taken for."""
    letters = "".join(c for c in text.casefold().translate(_LOOKALIKES) if c.isalpha())
    return frozenset(letters[i : i + SHINGLE] for i in range(max(1, len(letters) - SHINGLE + 1)))


def alike(one: frozenset[str], other: frozenset[str]) -> bool:
    """Return whether two texts are copies of each other, or one of them is a part of the other."""
    common = len(one & other)
    return common >= ALIKE * min(len(one), len(other))


def _draw(post: Post, seed: str) -> str:
    return sha256(f"{seed}/{post.platform}/{post.post_id}".encode()).hexdigest()
