"""One of several things that may be chosen by following a link. PURE."""

from msgspec import Struct


class Option(Struct, frozen=True, kw_only=True):
    """Its words, its address, and whether it is chosen."""

    words: str
    href: str
    chosen: bool
