"""A page of a Mastodon timeline into what it shows: PURE."""

from datetime import UTC, datetime
from hashlib import blake2b

import msgspec
from msgspec import Raw, Struct

from .normalising import of_html
from .polled import Shown
from .seen import Seen

PLATFORM = "mastodon"
ID_DIGITS_MAX = 20
"""Of a status: 64 bits."""
_ID_BITS = 16
"""Behind the milliseconds of an id; what a server was told late has the id of the time it was made."""
_EPOCH_BITS = 48


class _Account(Struct):
    id: str
    url: str = ""
    acct: str = ""
    bot: bool = False


class _Status(Struct):
    id: str
    uri: str
    created_at: datetime
    account: _Account
    content: str = ""
    spoiler_text: str = ""
    language: str | None = None
    favourites_count: int = 0
    reblogs_count: int = 0
    replies_count: int = 0


class Unreadable(Struct, frozen=True):
    """An item that is no status."""

    message: str
    original: bytes


class Page(Struct, frozen=True):
    """What one answer shows."""

    statuses: list[Shown]
    """In the order of their times."""
    unreadable: list[Unreadable]
    newest_id: int
    """0 if it has no id."""


_items = msgspec.json.Decoder(list[Raw]).decode
_status = msgspec.json.Decoder(_Status).decode
_WRONG = (msgspec.DecodeError, UnicodeError, RecursionError, ValueError, OverflowError)


def id_before(time_ms: int) -> int:
    """Return an id that every status made from a time on is above."""
    return max(0, (time_ms << _ID_BITS) - 1)


def time_of(status_id: int) -> int:
    """Return when a status of that id was made, in milliseconds."""
    return status_id >> _ID_BITS & ((1 << _EPOCH_BITS) - 1)


def read_page(body: bytes, *, key: bytes, received_ms: int) -> Page:
    """Return what a page shows; ``key`` is what ids are hashed with.

    Raises:
        ValueError: It is no list.
    """
    try:
        items = _items(body)
    except _WRONG as error:
        msg = f"no list of statuses: {error}"
        raise ValueError(msg) from None
    statuses: list[Shown] = []
    unreadable: list[Unreadable] = []
    newest_id = 0
    for item in items:
        try:
            status = _status(item)
            newest_id = max(newest_id, _number(status.id))
            statuses.append(_shown(status, key, received_ms))
        except _WRONG as error:
            unreadable.append(Unreadable(str(error)[:200], bytes(item)))
    return Page(sorted(statuses, key=lambda shown: shown.made_ms), unreadable, newest_id)


def _number(told: str) -> int:
    if not (told.isascii() and told.isdecimal() and len(told) <= ID_DIGITS_MAX):
        msg = f"{told[:40]!r} is no id of a status"
        raise ValueError(msg)
    return int(told)


def _shown(status: _Status, key: bytes, received_ms: int) -> Shown:
    made = status.created_at
    made = made if made.tzinfo else made.replace(tzinfo=UTC)
    made_ms = int(made.timestamp() * 1_000)
    # A status has one uri on every server that has it. It names its author: so what goes on is its hash.
    post_id = blake2b(status.uri.encode(errors="replace"), digest_size=16, key=key[:64]).hexdigest()
    counts = (status.favourites_count, status.reblogs_count, status.replies_count)
    seen = Seen(
        platform=PLATFORM,
        post_id=post_id,
        author_id=status.account.url or status.account.acct or status.account.id,
        text=of_html(f"{status.spoiler_text} {status.content}".strip()),
        made_ms=made_ms,
        received_ms=received_ms,
        languages=(status.language,) if status.language else (),
        engagement=sum(max(0, count) for count in counts),
        bot=status.account.bot,
    )
    return Shown(post_id=post_id, made_ms=made_ms, seen=seen)
