"""Tokens into nano-dollars, rounded up. Prices come from `genai-prices`, which is pinned; nothing is fetched."""

from decimal import ROUND_CEILING, Decimal
from importlib.metadata import version

from genai_prices import Usage as PricedUsage
from genai_prices import calc_price

from topics import PipelineError, Usage

NANO = Decimal(10**9)
PRICE_VERSION = f"genai-prices {version('genai-prices')}"


class UnknownPriceError(PipelineError):
    """Nobody knows what this model costs, so it may not be called."""


def cost_nano_usd(provider: str, model: str, usage: Usage) -> int:
    """Return what a call cost.

    Raises:
        UnknownPriceError: The model has no price.
    """
    counted = PricedUsage(
        # genai-prices wants all input here, Anthropic's own field holds the uncached part
        input_tokens=usage.input_tokens
        + usage.cache_creation_input_tokens
        + usage.cache_read_input_tokens,
        cache_write_tokens=usage.cache_creation_input_tokens,
        cache_read_tokens=usage.cache_read_input_tokens,
        output_tokens=usage.output_tokens,
    )
    try:
        price = calc_price(counted, model_ref=model, provider_id=provider)
    except LookupError:
        msg = f"no price is known for {provider}/{model}"
        raise UnknownPriceError(msg) from None
    return int((price.total_price * NANO).to_integral_value(ROUND_CEILING))


def reservation_nano_usd(
    provider: str, model: str, *, input_tokens: int, output_tokens_max: int
) -> int:
    """Return the most a call can cost: every input token written to the cache, every output token used.

    Raises:
        UnknownPriceError: The model has no price.
    """
    worst = Usage(cache_creation_input_tokens=input_tokens, output_tokens=output_tokens_max)
    plain = Usage(input_tokens=input_tokens, output_tokens=output_tokens_max)
    return max(cost_nano_usd(provider, model, worst), cost_nano_usd(provider, model, plain))
