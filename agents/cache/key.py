"""What a value is kept under. PURE.

Whatever must not be mixed is in the name: another prompt, schema, model or epoch is another name, so nothing has to
be looked for and deleted when one of them changes.
"""

import re
from urllib.parse import quote

from msgspec import Struct

WORD_CHARS_MAX = 400
"""Of a key as one word: versions and a model's name have some tens each, a digest 64."""
_WORD = re.compile(r"[\w./~%-]+(?::[\w./~%-]+){3}", re.ASCII)


class Key(Struct, frozen=True):
    """What a value depends on. All four are words of one character at least."""

    prompt: str
    """The version of the prompt."""
    schema: str
    """The version of the answer's schema."""
    model: str
    digest: str
    """Of all else that the question holds."""

    @property
    def word(self) -> str:
        """It as one word, `PROMPT:SCHEMA:MODEL:DIGEST`; no two keys have the same: a colon in a part is written %3A."""
        return ":".join(quote(part) for part in (self.prompt, self.schema, self.model, self.digest))


def is_word(told: str) -> bool:
    """Return whether somebody's word is a key's, as far as can be told."""
    return len(told) <= WORD_CHARS_MAX and _WORD.fullmatch(told) is not None


def family(prefix: str) -> str:
    """Return what every name in Redis begins with. ``prefix`` is the pipeline's."""
    return f"{prefix}narrative:"


def name_of(prefix: str, epoch: int, word: str) -> str:
    """Return where a value is kept."""
    return f"{family(prefix)}{epoch}:{word}"


def lease_name(name: str) -> str:
    """Return where it is kept who works a value out; no key's name: a fifth part."""
    return f"{name}:lease"


def orders_name(prefix: str) -> str:
    """Return where operators' orders are kept; no key's name: it has one part."""
    return f"{family(prefix)}orders"
