"""The rate-limit headers of an answer.

In this form the limits are static and generous and nothing is ever refused for them: each answer shows the full
buckets less what it took itself. Token remainders are rounded to thousands, as the API rounds them: they correct an
estimate, they do not replace one.
"""

from math import ceil

from msgspec import Struct

from .rfc3339 import rfc3339
from .usage import Usage

ROUNDED_TO = 1_000
"""Tokens."""
MINUTE_S = 60


class Limits(Struct, frozen=True, kw_only=True):
    """What one organisation may use in a minute."""

    requests: int = 4_000
    input_tokens: int = 4_000_000
    output_tokens: int = 800_000


def headers(limits: Limits, usage: Usage, now_s: float) -> dict[str, str]:
    """Return the twelve ``anthropic-ratelimit-*`` headers after a request that used ``usage``.

    A bucket refills evenly, so it is full again in the share of a minute that the request took of it. Reads from
    the prompt cache do not count. ``now_s`` is in seconds since the epoch.
    """
    read = usage.total_input_tokens - usage.cache_read_tokens
    buckets = {
        "requests": (limits.requests, 1, 1),
        "input-tokens": (limits.input_tokens, read, ROUNDED_TO),
        "output-tokens": (limits.output_tokens, usage.output_tokens, ROUNDED_TO),
        "tokens": (
            limits.input_tokens + limits.output_tokens,
            read + usage.output_tokens,
            ROUNDED_TO,
        ),
    }
    told: dict[str, str] = {}
    for name, (limit, used, grain) in buckets.items():
        remaining = max(limit - used, 0)
        told[f"anthropic-ratelimit-{name}-limit"] = str(limit)
        told[f"anthropic-ratelimit-{name}-remaining"] = str(round(remaining / grain) * grain)
        told[f"anthropic-ratelimit-{name}-reset"] = rfc3339(ceil(now_s + MINUTE_S * used / limit))
    return told
