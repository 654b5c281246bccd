"""How much of a context a question has room for, counted before it is sent. PURE.

Tokens are counted by the most they can be: a token is at least one byte of UTF-8, so a text has no more tokens than
bytes. Asking the provider would be a request of its own before each call, and a measured ratio of bytes to tokens would
be that of another tokenizer, or of other texts. Money is reserved by the same bound, so what a question may have at most
is also what it reserves at most.
"""

from collections.abc import Iterable, Sequence


def tokens_at_most(text: str) -> int:
    """Return the most tokens a text can be: its bytes of UTF-8."""
    return len(text.encode())


def kept_within(tokens_max: int, order: Iterable[int], tokens: Sequence[int]) -> set[int]:
    """Return which parts are kept: those that come first in ``order``, as long as all of them together have room.

    Nothing is kept behind the first that has no room, though it were small: what is left out is worth no more than what
    is kept, and more room never takes a part away.
    """
    kept: set[int] = set()
    room = tokens_max
    for at in order:
        room -= tokens[at]
        if room < 0:
            break
        kept.add(at)
    return kept
