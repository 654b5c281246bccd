"""What was asked of a model, what came back, and what it cost: the durable ledger."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from .analysis import Product
from .units import AssetId, Count, EpochMs, NanoUsd, Word

Hash = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$", description="SHA-256.")]
AttemptId = Annotated[
    str,
    Meta(
        max_length=200,
        description="item key (first 32 digits)/when and which send, by which process",
    ),
]

ABANDONED = "abandoned"
"""The outcome of an attempt that was given up by its own process: it was ended, or failed."""

Priority = Literal["alert", "deep_dive", "state"]
"""Which class of the budget pays, from the most urgent to the least."""


ANSWER_CHARS_MAX = 65_536
"""Of the model's own text that is kept; a longer one would make a record that no reader takes."""


class Intent(Struct, frozen=True, kw_only=True, tag_field="type", tag="journal.intent"):
    """Written before a paid call, with the amount reserved for it."""

    attempt_id: AttemptId
    item_key: Hash
    """Of product, canonical input, prompt, schema and model."""
    asset: AssetId
    product: Product
    scope: Word
    provider: Word
    model: str
    prompt_version: str
    schema_version: str
    price_version: str
    reserved_nano_usd: NanoUsd
    reserved_tokens: Count
    at_ms: EpochMs
    """When it was reserved: it counts in the windows of this time."""
    priority: Priority = "deep_dive"
    context_tokens_max: Count | None = None
    """What the question could tell of its asset, each byte a token: what had no room was left out by its worth."""
    excerpts: Count | None = None
    """How many strangers' posts it is about. None: it is no such question, but the product's own."""


class Usage(Struct, frozen=True, kw_only=True):
    """Tokens as the provider counted them. All input is the sum of the first three."""

    input_tokens: Count = 0
    cache_creation_input_tokens: Count = 0
    cache_read_input_tokens: Count = 0
    output_tokens: Count = 0
    thinking_tokens: Count = 0
    """A part of the output tokens."""
    cache_creation_1h_input_tokens: Count = 0
    """A part of the tokens written to the cache: those kept for an hour, which cost more."""


class Result(Struct, frozen=True, kw_only=True, tag_field="type", tag="journal.result"):
    """Written after a call, whatever came of it. An intent without a result is charged in full."""

    attempt_id: AttemptId
    item_key: Hash
    outcome: Word
    """answered, refused, truncated, timeout, overloaded, ... or unknown."""
    known: Literal["settled", "charged_unknown", "released"]
    usage: Usage
    cost_nano_usd: NanoUsd
    stop_reason: str | None = None
    request_id: str | None = None
    answer: Annotated[str, Meta(max_length=ANSWER_CHARS_MAX)] | None = None
    """The model's own text, or what a question about posts made of it; never a post's."""
    started_ms: EpochMs
    ended_ms: EpochMs
    asset: AssetId | None = None
    """The intent's; of results that were written before this field there is none."""
    provider: Word | None = None
    """The intent's, as is the model; of results that were written before these fields there is none."""
    model: str | None = None
    excerpts: Count | None = None
    """The intent's: then the answer is words of closed lists."""
