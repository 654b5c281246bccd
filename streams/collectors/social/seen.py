"""What a platform shows of one post, and what a feed shows: PURE."""

from collections.abc import Sequence
from hashlib import blake2b

from msgspec import Struct

POST_ID_CHARS_MAX = 128
"""As the contract has it."""


class Seen(Struct, frozen=True, kw_only=True):
    """One post, before anything is made of it. Everything in it is the platform's, and untrusted."""

    platform: str
    """In small letters, as in `Post.platform`."""
    post_id: str
    author_id: str
    """As the platform names people; it goes no further than its hash."""
    text: str
    """Plain text; sources that are sent HTML take it out first (`normalising.of_html`)."""
    made_ms: int
    received_ms: int
    languages: tuple[str, ...] = ()
    """What the platform or the author says it is written in, the likeliest first."""
    engagement: int = 0
    bot: bool = False
    """The platform marks its author as a bot."""


class Item(Struct, frozen=True, kw_only=True):
    """One entry of a feed."""

    post_id: str
    author: str
    text: str
    told_ms: int | None
    """When the feed says it was made."""


class Shown(Struct, frozen=True, kw_only=True):
    """What could be read of an answer."""

    items: Sequence[Item]
    flaw: str = ""
    """Why there may be more in it than was read; nothing: it is whole."""


def post_id_of(told: str) -> str:
    """Return a platform's id of a post; of one that no record can hold, its digest."""
    if 0 < len(told) <= POST_ID_CHARS_MAX and told.isprintable():
        return told
    return "b2-" + blake2b(told.encode(errors="surrogatepass"), digest_size=16).hexdigest()
