"""Annotated types that carry their unit and range, so that a contract says both once."""

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta

Kind = Literal["market", "volume", "social", "development"]
"""The four kinds of raw metric. Each has one raw topic, its own clock and its own windows."""

NUMBER_MAX = 10**15
"""No price, size or count of a raw event may be larger: exact sums rest on it."""
NUMBER_MIN = 1e-18
"""No price or size may be smaller: the ratio of two prices must stay a finite double."""

EPOCH_MS_MAX = 253_402_300_799_999
"""The end of the year 9999: RFC 3339 writes no later time."""
EpochMs = Annotated[
    int,
    Meta(
        ge=0,
        le=EPOCH_MS_MAX,
        description="Milliseconds since 1970-01-01T00:00:00Z, to the end of the year 9999.",
    ),
]
DurationMs = Annotated[int, Meta(gt=0, description="A span of time in milliseconds.")]

_ASSET = r"[A-Z0-9][A-Z0-9._-]{0,23}"
_END = r"$(?!\n)"  # in Python `$` alone also matches before a last line break
ASSET_PATTERN = rf"^{_ASSET}{_END}"
INSTRUMENT_PATTERN = rf"^{_ASSET}/{_ASSET}(:{_ASSET})?{_END}"

AssetId = Annotated[
    str,
    Meta(
        pattern=ASSET_PATTERN,
        description="An asset, as its usual ticker in capitals: BTC. Every record's Kafka key.",
    ),
]
Instrument = Annotated[
    str,
    Meta(
        pattern=INSTRUMENT_PATTERN,
        description="BASE/QUOTE, or BASE/QUOTE:SETTLE for a derivative. Quotes are never merged.",
    ),
]
Subject = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=74,
        description="What is measured: an instrument (market) or an asset (the other kinds).",
    ),
]
NAME_PATTERN = rf"^[a-z0-9][a-z0-9._/-]{{0,63}}{_END}"
Name = Annotated[
    str,
    Meta(
        pattern=NAME_PATTERN,
        description="A source, venue, platform, role or rule, in small letters.",
    ),
]
VenueId = Annotated[
    str, Meta(min_length=1, max_length=128, description="An id as the venue prints it.")
]
Sequence = Annotated[
    int,
    Meta(ge=0, le=2**63 - 1, description="The venue's number of an event; the next is one more."),
]
Positive = Annotated[
    Decimal,
    Meta(
        description="A number above 0, with the venue's own digits.",
        extra_json_schema={"minimum": NUMBER_MIN, "maximum": NUMBER_MAX},
    ),
]
NotNegative = Annotated[
    Decimal,
    Meta(
        description="A number of at least 0, with the venue's own digits.",
        extra_json_schema={"minimum": 0, "maximum": NUMBER_MAX},
    ),
]
Count = Annotated[int, Meta(ge=0)]
Fraction = Annotated[float, Meta(ge=0, le=1, description="A share, 0 to 1.")]
Tone = Annotated[float, Meta(ge=-1, le=1, description="From -1, all bad, to 1, all good.")]
NanoUsd = Annotated[int, Meta(ge=0, description="Billionths of a US dollar.")]
Word = Annotated[
    str,
    Meta(
        pattern=rf"^[a-z][a-z0-9_.]{{0,63}}{_END}",
        description="A word of an open vocabulary: a reader must bear one it does not know.",
    ),
]
Severity = Literal["info", "notice", "warning", "critical"]
Side = Literal["buy", "sell"]
