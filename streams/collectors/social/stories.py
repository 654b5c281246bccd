"""Items of Hacker News, numbered one by one: which have been read, and which are still to come. PURE.

Each item has the number after the one before it, whoever made it, so a range of numbers is whole or it is not. An
item whose number exists may not be shown yet; it is asked for again, and holds back what is promised, for a while.
"""

import msgspec
from msgspec import Struct

from .normalising import of_html

AHEAD_MAX = 2_000
"""Items that may be waiting between what is whole and the newest: three hours of a busy day. What is more is lost."""
CHANGED_MAX = 1_000
"""Items that may have changed since we last asked; some fifty do."""
PATIENCE_MS = 120_000
"""For an item that is not shown."""
DELAY_MS_MAX, DELAYED_EVERY_MS, DELAYED_MAX = 900_000, 60_000, 500
"""Authors may delay what they write by up to ten minutes; it is asked for again so often, and so many at most."""
DELAYED = "[delayed]"
"""Stands for the text of a comment whose author wants to look at it alone for some minutes."""


class HnItem(Struct, frozen=True, kw_only=True):
    """One item; the rest of what is told of it is nobody's business."""

    id: int
    type: str = ""
    by: str = ""
    time: int = 0
    """Seconds since the epoch."""
    title: str = ""
    text: str = ""
    """HTML."""
    score: int = 0
    descendants: int = 0
    kids: tuple[int, ...] = ()
    deleted: bool = False
    dead: bool = False

    @property
    def is_delayed(self) -> bool:
        """Return whether its text is still to come."""
        return self.text == DELAYED

    @property
    def plain(self) -> str:
        """Return what it says, still to be normalised."""
        return of_html(f"{self.title} {self.text}")


_DECODER: msgspec.json.Decoder[HnItem | None] = msgspec.json.Decoder(HnItem | None)
_NUMBER = msgspec.json.Decoder(int)


class _Changed(Struct):
    items: list[int] = []


_CHANGED = msgspec.json.Decoder(_Changed)


def changed_of(body: bytes) -> list[int]:
    """Return the numbers of the items that have changed, at most `CHANGED_MAX`.

    Raises:
        ValueError: It is something else.
    """
    return _CHANGED.decode(body).items[:CHANGED_MAX]


def item_of(body: bytes, number: int) -> HnItem | None:
    """Return an item; None if it is not shown.

    Raises:
        ValueError: It is no item, or another.
    """
    item = _DECODER.decode(body)
    if item is not None and item.id != number:
        msg = f"asked for item {number}, told of {item.id}"
        raise ValueError(msg)
    return item


def newest_of(body: bytes) -> int:
    """Return the number of the newest item.

    Raises:
        ValueError: It is no number.
    """
    number = _NUMBER.decode(body)
    if not 0 < number < 1 << 53:
        msg = f"{number} is no number of an item"
        raise ValueError(msg)
    return number


class Lost(Struct, frozen=True):
    """Items that will not be read, and the time of the next one that was."""

    count: int
    to_ms: int


class Range(Struct):
    """How far the numbers have been read."""

    through: int
    """All up to this number are read or given up."""
    newest: int
    done: dict[int, int] = {}
    """Read, beyond `through`: their times."""
    missing_since: dict[int, int] = {}
    """When those that are not shown were first asked for."""
    given_up: int = 0
    """Just behind `through`, and not told yet."""

    def wanted(self, newest: int) -> list[int]:
        """Take the newest number, give up what is too far behind it, and return the numbers to ask for, oldest first."""
        self.newest = max(self.newest, newest)
        self._give_up(self.newest - AHEAD_MAX)
        return [n for n in range(self.through + 1, self.newest + 1) if n not in self.done]

    def read(self, number: int, time_ms: int) -> None:
        """Say that an item has been read, and its time."""
        self.done[number] = time_ms
        self.missing_since.pop(number, None)

    def not_shown(self, number: int, now_ms: int) -> None:
        """Say that an item is not shown."""
        self.missing_since.setdefault(number, now_ms)

    def advance(self) -> int | None:
        """Go on as far as everything has been read, and return the time of the last; None if that is no further."""
        time_ms: int | None = None
        while not self.given_up and self.through + 1 in self.done:
            self.through += 1
            time_ms = max(time_ms or 0, self.done.pop(self.through))
        return time_ms

    def lost(self, now_ms: int) -> Lost | None:
        """Return what is given up, once the time of the item behind it is known: it was too far behind, or not shown for too long."""
        last = self.through
        while now_ms - self.missing_since.get(last + 1, now_ms) >= PATIENCE_MS:
            last += 1
        if last + 1 in self.done:
            self._give_up(last)
        if not self.given_up or self.through + 1 not in self.done:
            return None
        count, self.given_up = self.given_up, 0
        return Lost(count, self.done[self.through + 1])

    def _give_up(self, last: int) -> None:
        for number in range(self.through + 1, last + 1):
            self.given_up += self.done.pop(number, None) is None
            self.missing_since.pop(number, None)
        self.through = max(self.through, last)

    @property
    def is_whole(self) -> bool:
        """Return whether nothing is missing up to the newest."""
        return self.through >= self.newest


class Delayed(Struct):
    """Items that have been read, and whose text is still to come."""

    waiting: dict[int, tuple[int, int]] = {}
    """By number: when it was made, and when it is asked for again."""

    def waits(self, number: int, made_ms: int, now_ms: int) -> bool:
        """Return whether a text that is not there will be asked for again; what has waited for too long will not."""
        full = len(self.waiting) >= DELAYED_MAX and number not in self.waiting
        if full or now_ms - made_ms > DELAY_MS_MAX:
            return False
        self.waiting[number] = (made_ms, now_ms + DELAYED_EVERY_MS)
        return True

    def due(self, now_ms: int) -> list[int]:
        """Return which are to be asked for again."""
        return [number for number, (_, due_ms) in self.waiting.items() if due_ms <= now_ms]
