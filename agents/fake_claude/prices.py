"""What an answer costs, in integer nano-dollars: the fake's own arithmetic, so that a bill can disprove a ledger. PURE.

Prices are those of the vendor's public list as of October 2026, per token; a test holds them to `genai-prices`.
Writing to the prompt cache costs 5/4 of the input for five minutes and 2 of it for an hour. A batch is half price,
the fast mode twice, ``inference_geo: us`` eleven tenths. A request's cost is rounded up once, at its end.
"""

from msgspec import Struct

from .usage import Usage

_QUARTERS = 4
"""A nano-dollar in quarters: the cheapest write to the cache is a whole number of them."""


class Price(Struct, frozen=True):
    """Of one token, in nano-dollars (dollars per million tokens, by a thousand)."""

    input: int
    output: int
    cache_read: int
    long_prompt_tokens: int | None = None
    """A prompt longer than this, cached tokens included, makes the whole request dearer."""
    long_factor: int = 1


def cost_nano_usd(price: Price, usage: Usage) -> int:
    """Return what a request cost, rounded up."""
    quarters = (
        4 * price.input * usage.input_tokens
        + 5 * price.input * usage.cache_write_5m_tokens
        + 8 * price.input * usage.cache_write_1h_tokens
        + 4 * price.cache_read * usage.cache_read_tokens
        + 4 * price.output * usage.output_tokens
    )
    longest = price.long_prompt_tokens
    if longest is not None and usage.total_input_tokens > longest:
        quarters *= price.long_factor
    divisor = _QUARTERS
    if usage.service_tier == "batch":
        divisor *= 2
    if usage.speed == "fast":
        quarters *= 2
    if usage.inference_geo == "us":
        quarters, divisor = quarters * 11, divisor * 10
    return -(-quarters // divisor)
