"""Posts into blocks, blocks into the values of a window."""

from math import sqrt

from msgspec import Struct

from topics import SocialValues

from .grid import GRID, to_grid
from .intake import PostIn
from .kinds import KindRules
from .seen import digest_of
from .sketches import distinct, keep_least

TEXT_BITS = 16
"""Of a simhash: texts that differ in a word or two mostly share them, others mostly do not."""


class SocialBlock(Struct, array_like=True):
    """One minute of one asset. Tones are on the grid."""

    posts: int = 0
    bot_posts: int = 0
    engagement: int = 0
    tone: int = 0
    tone_squares: int = 0
    texts: set[int] = set()
    """First bits of the posts' simhashes."""
    authors: set[int] = set()
    """Hashes of the authors: the least of them."""
    unsure: bool = False

    def add(self, post: PostIn, rules: KindRules) -> None:
        """Take one post."""
        del rules
        self.posts += 1
        self.bot_posts += post.bot
        self.engagement += post.engagement
        self.tone += to_grid(post.tone)
        self.tone_squares += to_grid(post.tone * post.tone)
        self.texts.add(int(post.simhash, 16) >> 64 - TEXT_BITS)
        self.authors.add(digest_of(post.author))
        keep_least(self.authors)


def values(blocks: list[SocialBlock]) -> SocialValues:
    """Return the values of a window from its blocks; they hold at least one post.

    Population variance = (n x sum of squares - sum squared) / n squared, exact until the division.
    """
    posts = sum(block.posts for block in blocks)
    tone = sum(block.tone for block in blocks)
    squares = sum(block.tone_squares for block in blocks)
    spread = max(0, posts * squares * GRID - tone * tone)
    return SocialValues(
        posts=posts,
        bot_posts=sum(block.bot_posts for block in blocks),
        engagement=sum(block.engagement for block in blocks),
        tone_mean=tone / (posts * GRID),
        tone_stdev=sqrt(spread / (posts * posts * GRID * GRID)),
        distinct_posts=len(set[int]().union(*(block.texts for block in blocks))),
        unique_authors=distinct(set[int]().union(*(block.authors for block in blocks))),
    )
