"""What all decoders share: how JSON is refused, times, and lists of which one entry may be bad. PURE."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta, Raw

from topics.units import EPOCH_MS_MAX

from .reading import Levels, Other, Reading, Trades, Unreadable

UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What msgspec raises at a frame, whatever is in it."""
_ENTRY_ERRORS = (*UNREADABLE, ValueError, ArithmeticError)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_SEQUENCE_MAX = 2**63 - 1
_MESSAGE_CHARS_MAX = 300
"""Of what is said of a frame: it may quote a part of it."""

Instant = Annotated[datetime, Meta(tz=True)]
"""A time as RFC 3339 writes it, with its zone."""

In = TypeVar("In")
Out = TypeVar("Out")

_entries = msgspec.json.Decoder(list[Raw]).decode


def unreadable(error: Exception, entry: bytes | None = None) -> Unreadable:
    """Return what is to be said of a frame, or an entry, that raised this."""
    return Unreadable(reason(error), str(error)[:_MESSAGE_CHARS_MAX], entry)


def reason(error: Exception) -> str:
    """Return the reason of the dead letter: it was no JSON, or JSON of something else."""
    no_json = isinstance(error, UNREADABLE) and not isinstance(error, msgspec.ValidationError)
    return "malformed" if no_json else "invalid"


def epoch_ms(instant: datetime) -> int:
    """Return the whole milliseconds since 1970.

    Raises:
        ValueError: It was before.
    """
    ms = (instant - _EPOCH) // _MILLISECOND
    if ms < 0:
        msg = f"{instant.isoformat()} is before 1970"
        raise ValueError(msg)
    return ms


def known_ms(value: Any) -> int | None:  # noqa: ANN401 - whatever stands in the frame
    """Return a time in epoch milliseconds, printed as a number or a text or by RFC 3339; None if it is none."""
    if isinstance(value, str):
        if value.isascii() and value.isdecimal():
            return known_ms(sequence(value)) if len(value) <= len(str(EPOCH_MS_MAX)) else None
        try:
            return epoch_ms(msgspec.convert(value, Instant))
        except (msgspec.ValidationError, ValueError, OverflowError):
            return None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= EPOCH_MS_MAX:
        return value
    return None


def request(value: Any) -> int | None:  # noqa: ANN401 - whatever stands in the frame
    """Return the number of a request, which venues give back as a number or as text; None if it is none."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 19:  # noqa: PLR2004
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def sequence(text: str) -> int:
    """Return the number that an id is.

    Raises:
        ValueError: It is none, or too large.
    """
    if text.isascii() and text.isdecimal() and len(text) < 20:  # noqa: PLR2004 - digits of the largest
        number = int(text)
        if number <= _SEQUENCE_MAX:
            return number
    msg = f"{text[:32]!r} is not a number of a trade"
    raise ValueError(msg)


class Entries(Generic[In]):
    """A list in a frame. All of it is read at once; if that fails, each entry for itself."""

    def __init__(
        self, together: Callable[[bytes | Raw], list[In]], apart: Callable[[bytes | Raw], In]
    ) -> None:
        """Take how to decode the list, and an entry of it."""
        self._together, self._apart = together, apart

    def read(
        self, raw: bytes | Raw, make: Callable[[In], Out]
    ) -> tuple[list[Out], tuple[Unreadable, ...]]:
        """Return what is made of the entries, and what could not be read.

        Raises:
            DecodeError: It is no list.
        """
        try:
            return [make(entry) for entry in self._together(raw)], ()
        except _ENTRY_ERRORS:
            pass
        made: list[Out] = []
        bad: list[Unreadable] = []
        for entry in _entries(raw):
            try:
                made.append(make(self._apart(entry)))
            except _ENTRY_ERRORS as error:
                bad.append(unreadable(error, bytes(entry)))
        return made, tuple(bad)


def trades_reading(reading: Trades) -> Reading:
    """Return what a frame with these trades says: one without any its time, one that is all bad is unreadable."""
    return reading if reading.trades else _without(reading.unreadable, reading.venue_ms) or reading


def levels_reading(reading: Levels, bad: tuple[Unreadable, ...]) -> Reading:
    """Return what a frame with these levels says, and with these entries that are none."""
    reading = msgspec.structs.replace(reading, unreadable=bad)
    return reading if reading.levels else _without(bad, reading.venue_ms) or reading


def _without(bad: tuple[Unreadable, ...], venue_ms: int | None) -> Reading | None:
    """Return what a frame is without a good entry; None if it has several bad ones, each of which is refused."""
    if not bad:
        return Other(venue_ms)
    return msgspec.structs.replace(bad[0], entry=None) if len(bad) == 1 else None
