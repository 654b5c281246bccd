"""A page of a Reddit listing into what it shows: PURE."""

from typing import Any

import msgspec
from msgspec import Struct

from .polled import Shown
from .seen import Seen

PLATFORM = "reddit"
TAKEN_BACK = frozenset({"[deleted]", "[removed]", "[deleted by user]"})
"""What stands for an author or a text that is there no more."""
MODERATOR = "AutoModerator"
CREATED_S_MAX = 253_402_300_799


class _Thing(Struct):
    """A submission or a comment."""

    name: str
    created_utc: float
    author: str | None = None
    title: str = ""
    selftext: str = ""
    body: str = ""
    score: int = 0
    num_comments: int = 0
    removed_by_category: str | None = None


class Unreadable(Struct, frozen=True):
    """An item that is neither."""

    message: str
    original: bytes


class Page(Struct, frozen=True):
    """What one answer shows."""

    things: list[Shown]
    """In the order of their times."""
    unreadable: list[Unreadable]
    after: str
    """What the next page is asked for by; empty if there is none."""

    @property
    def oldest_ms(self) -> int | None:
        """When the oldest of them was made."""
        return min((shown.made_ms for shown in self.things), default=None)


def read_page(told: object, *, received_ms: int) -> Page:
    """Return what a listing shows.

    Raises:
        ValueError: It is no listing.
    """
    data = told.get("data") if isinstance(told, dict) else None
    children = data.get("children") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(children, list):
        msg = "no listing"
        raise ValueError(msg)  # noqa: TRY004 - it is what a server said
    things: list[Shown] = []
    unreadable: list[Unreadable] = []
    for child in children:
        try:
            things.append(_shown(_thing(child), received_ms))
        except (msgspec.ValidationError, ValueError, OverflowError) as error:
            unreadable.append(Unreadable(str(error)[:200], _bytes_of(child)))
    after = data.get("after")
    things.sort(key=lambda shown: shown.made_ms)
    return Page(things, unreadable, after if isinstance(after, str) else "")


def _thing(child: object) -> _Thing:
    data: Any = child.get("data") if isinstance(child, dict) else None
    thing = msgspec.convert(data, _Thing)
    if not thing.name or not 0 <= thing.created_utc <= CREATED_S_MAX:
        msg = "no name, or no time"
        raise ValueError(msg)
    return thing


def _shown(thing: _Thing, received_ms: int) -> Shown:
    made_ms = int(thing.created_utc * 1_000)
    author = thing.author or ""
    gone = (
        not author
        or author in TAKEN_BACK
        or thing.removed_by_category is not None
        or thing.selftext in TAKEN_BACK
        or thing.body in TAKEN_BACK
    )
    if gone:
        return Shown(post_id=thing.name, made_ms=made_ms, seen=None)
    seen = Seen(
        platform=PLATFORM,
        post_id=thing.name,
        author_id=author,
        text="\n".join(part for part in (thing.title, thing.selftext, thing.body) if part),
        made_ms=made_ms,
        received_ms=received_ms,
        engagement=max(0, thing.score) + max(0, thing.num_comments),
        bot=author == MODERATOR,
    )
    return Shown(post_id=thing.name, made_ms=made_ms, seen=seen)


def _bytes_of(child: object) -> bytes:
    try:
        return msgspec.json.encode(child)
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError):
        return repr(child)[:1_000].encode(errors="replace")
