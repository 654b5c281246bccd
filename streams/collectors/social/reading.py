"""What a feed shows, from its bytes; and the program that reads them in a process of its own (`feed_process.py`).

It imports little, so that the process starts quickly.
"""

import resource
import sys
from calendar import timegm
from collections.abc import Mapping
from io import BytesIO
from time import struct_time
from typing import Any

import msgspec

from .normalising import RAW_CHARS_MAX, of_html
from .seen import Item, Shown, post_id_of

ITEMS_MAX = 1_000
"""Of one answer that are looked at; feeds show 10 to 100."""
MEMORY_BYTES_MAX = 1 << 30
LENGTH_BYTES = 4
"""Before everything that goes to and from the process."""


def read_feed(body: bytes, content_type: str) -> Shown:
    """Return what a feed shows. It takes a time that grows with the feed's size, and seconds for some hostile ones."""
    import feedparser  # noqa: PLC0415 - a tenth of a second, which only this source needs

    try:
        # A stream: given bytes, the parser would take them for the name of a file first.
        told = feedparser.parse(
            BytesIO(body),
            response_headers={"content-type": content_type},
            sanitize_html=False,
            resolve_relative_uris=False,
        )
    except Exception as error:  # noqa: BLE001 - it raises of whatever its parts raise, for bytes that no feed has
        return Shown(items=(), flaw=f"{type(error).__name__}: {error}"[:200])
    items = tuple(map(_item_of, told.entries[:ITEMS_MAX]))
    flaw = ""
    if told.bozo and not _is_harmless(told.bozo_exception):
        flaw = f"{type(told.bozo_exception).__name__}: {told.bozo_exception}"
    if len(told.entries) > ITEMS_MAX:
        flaw = f"more than {ITEMS_MAX} items"
    elif not (told.get("version") or items or flaw):
        flaw = "not a feed"
    return Shown(items=items, flaw=flaw[:200])


def _is_harmless(flaw: BaseException) -> bool:
    """Return whether a flaw says nothing about what is in a feed: a wrong encoding or type in its headers."""
    return type(flaw).__name__ in ("CharacterEncodingOverride", "NonXMLContentType")


def _item_of(entry: Mapping[str, Any]) -> Item:
    title, link = _text(entry, "title"), _text(entry, "link")
    body = _text(entry, "summary")
    dates = (entry.get(name) for name in ("published_parsed", "updated_parsed") if name in entry)
    told = next(filter(None, dates), None)
    text = f"{of_html(title)}\n{of_html(body)}" if body != title else of_html(title)
    return Item(
        post_id=post_id_of(_text(entry, "id") or link or f"{title}\0{body}"),
        author=_text(entry, "author"),
        text=text,
        told_ms=_ms_of(told),
    )


def _text(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name)
    return value[:RAW_CHARS_MAX] if isinstance(value, str) else ""


def _ms_of(told: object) -> int | None:
    if not isinstance(told, struct_time):
        return None
    try:
        return timegm(told) * 1_000
    except (ValueError, OverflowError):
        return None


def _serve() -> None:
    """Answer what is asked on the standard input, until it ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    asked, answers = sys.stdin.buffer, sys.stdout.buffer
    while head := asked.read(LENGTH_BYTES):
        content_type = asked.read(int.from_bytes(head, "big")).decode(errors="replace")
        body = asked.read(int.from_bytes(asked.read(LENGTH_BYTES), "big"))
        shown = msgspec.msgpack.encode(read_feed(body, content_type))
        answers.write(len(shown).to_bytes(LENGTH_BYTES, "big") + shown)
        answers.flush()


if __name__ == "__main__":
    _serve()
