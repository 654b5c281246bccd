"""Dead letters by what their headers say. PURE: the bytes stay in the log."""

from collections.abc import Iterable

from topics.deadletter import DeadLetter, from_record

from .shown import Letter, Place

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
    prefix: str = "",
) -> Letter:
    """Return what a record of the dead letter topic says of itself. ``at_ms`` is its log time.

    ``prefix`` is that of the pipeline's topics on the broker: in the view they have the catalogue's names.

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
        origin=_origin(letter, prefix),
        key=(key or b"")[: 4 * KEY_CHARS_MAX].decode(errors="replace")[:KEY_CHARS_MAX],
    )


def _origin(letter: DeadLetter, prefix: str) -> Place | None:
    if letter.topic is None or letter.partition is None or letter.offset is None:
        return None
    topic = letter.topic.removeprefix(prefix)
    return Place(topic[:FIELD_CHARS_MAX], letter.partition, letter.offset)
