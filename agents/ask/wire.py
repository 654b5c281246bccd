"""What is read of an answer's body: first what it used, then the message, or else the error. PURE."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from topics import Usage

TOKENS_MAX = 1_000_000_000
"""Of one kind in one call, a thousand times the largest context. A count beyond it is no count: neither the ledger
nor the journal could hold what it would cost."""
Tokens = Annotated[int, Meta(ge=0, le=TOKENS_MAX)]
"""A count below 0 would be paid back by the ledger."""


class _Written(Struct):
    ephemeral_5m_input_tokens: Tokens | None = None
    ephemeral_1h_input_tokens: Tokens | None = None


class _Details(Struct):
    thinking_tokens: Tokens | None = None


class _Usage(Struct):
    input_tokens: Tokens
    output_tokens: Tokens
    cache_creation_input_tokens: Tokens | None = None
    cache_read_input_tokens: Tokens | None = None
    cache_creation: _Written | None = None
    output_tokens_details: _Details | None = None


class _Block(Struct):
    type: str
    text: str = ""


class _Metered(Struct):
    usage: _Usage


class _Message(Struct):
    content: list[_Block]
    stop_reason: str | None


class _Error(Struct):
    type: str
    message: str = ""


class _Failed(Struct):
    error: _Error


metered = msgspec.json.Decoder(_Metered).decode
message_of = msgspec.json.Decoder(_Message).decode
failed = msgspec.json.Decoder(_Failed).decode

NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What the decoder raises: for a wrong shape, for bytes that are no UTF-8, for a depth that is no answer's."""


def counted(usage: _Usage) -> Usage:
    """Return every kind of token. Where the sum of what was written to the cache and its parts differ, the greater counts."""
    details, parts = usage.output_tokens_details, usage.cache_creation or _Written()
    kept_1h = parts.ephemeral_1h_input_tokens or 0
    written = (parts.ephemeral_5m_input_tokens or 0) + kept_1h
    return Usage(
        input_tokens=usage.input_tokens,
        cache_creation_input_tokens=max(usage.cache_creation_input_tokens or 0, written),
        cache_creation_1h_input_tokens=kept_1h,
        cache_read_input_tokens=usage.cache_read_input_tokens or 0,
        output_tokens=usage.output_tokens,
        thinking_tokens=(details.thinking_tokens or 0) if details else 0,
    )
