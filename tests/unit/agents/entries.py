"""Entries of a journal."""

from topics import Usage
from topics.journal import Intent, Result

AT_MS = 1_800_014_400_000
KEY = "ab" * 32


def intent(number: int, **fields: object) -> Intent:
    """An intent; ``number`` is that of its send."""
    given = {
        "attempt_id": f"{KEY[:32]}/{number}",
        "item_key": KEY,
        "asset": "BTC",
        "product": "deep_dive",
        "scope": "default",
        "provider": "anthropic",
        "model": "claude-haiku-5-5",
        "prompt_version": "deep_dive-1",
        "schema_version": "1",
        "price_version": "1",
        "reserved_nano_usd": 1_000_000,
        "reserved_tokens": 4_000,
        "at_ms": AT_MS,
    }
    return Intent(**given | fields)  # type: ignore[arg-type]


def result(number: int, **fields: object) -> Result:
    """The result of that send."""
    given = {
        "attempt_id": f"{KEY[:32]}/{number}",
        "item_key": KEY,
        "asset": "BTC",
        "outcome": "answered",
        "known": "settled",
        "usage": Usage(input_tokens=900, output_tokens=120),
        "cost_nano_usd": 150_000,
        "stop_reason": "end_turn",
        "answer": "{}",
        "started_ms": AT_MS,
        "ended_ms": AT_MS + 900,
    }
    return Result(**given | fields)  # type: ignore[arg-type]
