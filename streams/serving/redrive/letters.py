"""Dead letters with their places in the log, and which of them are meant. PURE."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from topics import DeadLetter
from topics.deadletter import from_record

KEPT_BYTES_MAX = 64 * 1024 * 1024
"""Of the letters that are held at once; each has half a mebibyte at most."""


class Letter(Struct, frozen=True, kw_only=True):
    """A dead letter where it lies."""

    letter: DeadLetter
    partition: int
    offset: int
    """Its place in the dead letter topic."""
    logged_ms: int
    """When it was written there."""

    @property
    def letter_id(self) -> str:
        """Where the refused record came from, which is what it is."""
        return self.letter.letter_id


class Lying(Protocol):
    """A record of the dead letter topic, as aiokafka gives it."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


def letter_of(record: Lying) -> Letter | None:
    """Return the letter that a record of the dead letter topic holds; None: it holds none."""
    try:
        letter = from_record(record.key, record.value or b"", record.headers, record.timestamp)
    except ValueError:
        return None
    return Letter(
        letter=letter,
        partition=record.partition,
        offset=record.offset,
        logged_ms=record.timestamp,
    )


class Chosen(Struct, frozen=True, kw_only=True):
    """Which letters are meant: those that fit all that is given."""

    ids: frozenset[str] = frozenset()
    """Empty: any."""
    reason: str | None = None
    stage: str | None = None
    topic: str | None = None
    """The refused record's, as the catalog names it: raw.market."""
    since_ms: int | None = None
    until_ms: int | None = None
    """By when they were written: since <= time < until."""

    def fits(self, found: Letter) -> bool:
        """Return whether a letter is meant."""
        letter = found.letter
        return (
            (not self.ids or found.letter_id in self.ids)
            and self.reason in (None, letter.reason)
            and self.stage in (None, letter.stage)
            and self.topic in (None, letter.topic)
            and (self.since_ms is None or found.logged_ms >= self.since_ms)
            and (self.until_ms is None or found.logged_ms < self.until_ms)
        )


class Gathered:
    """Letters out of the log, the last of each id, within bounds: a rebuild writes the same ones again."""

    def __init__(self, most: int, *, newest: bool, bytes_max: int = KEPT_BYTES_MAX) -> None:
        """Keep at most so many, and bytes: the newest of all, or the first that come."""
        self.left_out = 0
        """Letters that there was no room for."""
        self._most, self._newest, self._bytes_max = most, newest, bytes_max
        self._kept: dict[str, Letter] = {}
        self._bytes = 0

    def take(self, letter: Letter) -> None:
        """Take the next letter."""
        if (known := self._kept.pop(letter.letter_id, None)) is not None:
            self._bytes -= _size_of(known)
        elif not self._newest and self._is_full(letter):
            self.left_out += 1
            return
        self._kept[letter.letter_id] = letter
        self._bytes += _size_of(letter)
        while len(self._kept) > self._most or self._bytes > self._bytes_max:
            first = next(iter(self._kept))
            self._bytes -= _size_of(self._kept.pop(first))
            self.left_out += 1

    def letters(self) -> list[Letter]:
        """Return those that are kept, in the order in which the last of each came."""
        return list(self._kept.values())

    def _is_full(self, letter: Letter) -> bool:
        return len(self._kept) >= self._most or self._bytes + _size_of(letter) > self._bytes_max


def _size_of(letter: Letter) -> int:
    return len(letter.letter.value) + len(letter.letter.key or b"")
