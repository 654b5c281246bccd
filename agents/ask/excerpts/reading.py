"""What a model may say of strangers' posts: words of closed lists, and counts. Anything else is `unclear`. PURE."""

from hashlib import sha256
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta, Struct

Topic = Literal[
    "price",
    "listing",
    "security",
    "law",
    "technology",
    "partnership",
    "promotion",
    "other",
    "unclear",
]
Tone = Literal["negative", "neutral", "positive", "mixed", "unclear"]
YesNo = Literal["yes", "no", "unclear"]
Bounded = Annotated[int, Meta(ge=0, le=100)]
"""The server does not enforce bounds; how many excerpts were sent is the narrower one."""


class Reading(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model makes of an asset's excerpts. There is no field that a stranger's words could come through."""

    topic: Topic
    tone: Tone
    coordinated: YesNo
    promotional: Bounded
    """How many of the excerpts call on readers to act."""
    instructing: Bounded
    """How many of them try to steer whoever reads them."""


UNCLEAR = Reading(
    topic="unclear", tone="unclear", coordinated="unclear", promotional=0, instructing=0
)
"""What is made of no answer, and of one that is not exactly what was asked for."""

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["topic", "tone", "coordinated", "promotional", "instructing"],
    "properties": {
        "topic": {"type": "string", "enum": list(get_args(Topic))},
        "tone": {"type": "string", "enum": list(get_args(Tone))},
        "coordinated": {"type": "string", "enum": list(get_args(YesNo))},
        "promotional": {"type": "integer", "description": "0 to the number of excerpts."},
        "instructing": {"type": "integer", "description": "0 to the number of excerpts."},
    },
}
"""The same as `Reading`, as the API wants it; a test holds them together."""
_SCHEMA = msgspec.json.encode(SCHEMA, order="sorted")
SCHEMA_BYTES = len(_SCHEMA)
SCHEMA_VERSION = sha256(_SCHEMA).hexdigest()[:8]

_decode = msgspec.json.Decoder(Reading).decode


def reading_of(answer: str | None, asked: int) -> Reading:
    """Return what an answer says of ``asked`` excerpts. It is taken whole or not at all."""
    if answer is None:
        return UNCLEAR
    try:
        reading = _decode(answer)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return UNCLEAR
    return reading if max(reading.promotional, reading.instructing) <= asked else UNCLEAR
