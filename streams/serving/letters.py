"""Dead letters by what their headers say. PURE: the bytes stay in the log."""

from collections.abc import Iterable

from topics.deadletter import DeadLetter, from_record

from .shown import Letter, Place

LETTERS_MAX = 5_000
"""Remembered; all count."""
KEY_CHARS_MAX = 100
FIELD_CHARS_MAX = 200
"""Of an id or a name in a letter: a record of the topic that is not ours may say anything."""


def letter_of(
    key: bytes | None,
    value: bytes,
    headers: Iterable[tuple[str, bytes]],
    *,
    at_ms: int,
    place: Place,
) -> Letter:
    """Return what a record of the dead letter topic says of itself. ``at_ms`` is its log time.

    Raises:
        ValueError: A header that every dead letter has is missing, or a number in one is none.
    """
    letter = from_record(key, value, headers, at_ms)
    return Letter(
        letter_id=letter.letter_id[:FIELD_CHARS_MAX],
        place=place,
        reason=letter.reason[:FIELD_CHARS_MAX],
        message=letter.message,
        stage=letter.stage,
        role=letter.role[:FIELD_CHARS_MAX],
        attempt=letter.attempt,
        time_ms=letter.time_ms,
        at_ms=at_ms,
        bytes=len(value),
        length=len(value) if letter.length is None else letter.length,
        truncated=letter.truncated,
        origin=_origin(letter),
        key=(key or b"")[: 4 * KEY_CHARS_MAX].decode(errors="replace")[:KEY_CHARS_MAX],
    )


def _origin(letter: DeadLetter) -> Place | None:
    if letter.topic is None or letter.partition is None or letter.offset is None:
        return None
    return Place(letter.topic[:FIELD_CHARS_MAX], letter.partition, letter.offset)
