"""Lists a page at a time, stable while data come in. PURE.

A page ends at an item, not at a count: its cursor holds the item's key, which never changes, and the next page begins
behind that key. What comes meanwhile moves nothing; what was taken meanwhile leaves no hole.
"""

import base64
import binascii
import heapq
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Generic, NamedTuple, Protocol, TypeVar

import msgspec

LIMIT_MAX = 500
LIMIT_USUAL = 100
CURSOR_CHARS_MAX = 1_000
_FILTER_CHARS = 12

E = TypeVar("E")
Key = tuple[int | str, ...]


class BadCursorError(ValueError):
    """A cursor that this list did not give."""


class Question(Protocol):
    """What a list was asked with."""

    @property
    def limit(self) -> int:
        """How many items a page has at most."""

    @property
    def cursor(self) -> str | None:
        """Behind what the page begins."""

    @property
    def question(self) -> tuple[object, ...]:
        """Everything else."""


class Page(NamedTuple, Generic[E]):
    """Some items, and the cursor of what follows; None where nothing does."""

    items: list[E]
    next: str | None


def page_of(
    items: Iterable[E],
    *,
    key: Callable[[E], Key],
    asked: Question,
    newest_first: bool = True,
) -> Page[E]:
    """Return the page behind a cursor, in the order of the keys.

    A cursor of one question is none of another.

    Raises:
        BadCursorError: It is not one of this list's.
    """
    question, limit = _digest(asked.question), asked.limit
    if asked.cursor is not None:
        after = _read(asked.cursor, question)
        items = (item for item in items if _behind(key(item), after, newest_first=newest_first))
    first = (
        heapq.nlargest if newest_first else heapq.nsmallest
    )  # a page of thousands: no need to sort all
    found = first(limit + 1, items, key=key)
    taken = found[:limit]
    return Page(taken, _written(key(taken[-1]), question) if len(found) > limit else None)


def _behind(key: Key, after: Key, *, newest_first: bool) -> bool:
    try:
        return key < after if newest_first else key > after
    except TypeError:
        raise BadCursorError from None


def _digest(question: tuple[object, ...]) -> str:
    return sha256(repr(question).encode()).hexdigest()[:_FILTER_CHARS]


def _written(key: Key, question: str) -> str:
    told = msgspec.json.encode([question, *key])
    return base64.urlsafe_b64encode(told).decode().rstrip("=")


def _read(cursor: str, question: str) -> Key:
    if len(cursor) > CURSOR_CHARS_MAX or not cursor.isascii():
        raise BadCursorError
    try:
        told = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        of, *key = msgspec.json.decode(told, type=list[int | str])
    except (binascii.Error, msgspec.DecodeError, ValueError):
        raise BadCursorError from None
    if of != question or not key:
        raise BadCursorError
    return tuple(key)
