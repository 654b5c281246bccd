"""Tokens into nano-dollars, rounded up. Prices come from `genai-prices`, which is pinned; nothing is fetched.

Only what we ask for is priced: no fast mode. Of message batches the list has prices of their own, half of the others. Thinking is a part of the output. A model is priced by the name
its provider has for it: that of a region is a little dearer than that of the whole world.

A model is free only because the settings say so, of a server of one's own; its tokens count all the same.
"""

from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache
from importlib.metadata import version
from typing import Literal

from genai_prices import Usage as PricedUsage
from genai_prices import calc_price
from msgspec import Struct

from topics import PipelineError, Usage

NANO = Decimal(10**9)
_HOUR_MS = 3_600_000
"""Prices are those at the beginning of the hour."""
PRICE_VERSION = f"genai-prices {version('genai-prices')}"
LISTED = 1000
"""A price as it is listed, in thousandths of it."""
_COMPARED = Usage(input_tokens=1_000_000, output_tokens=1_000_000)
FREE_VERSION = "free by settings"
"""In the place of a price's version, of what costs nothing: an audit sees what nobody asked the price list about."""


class UnknownPriceError(PipelineError):
    """Nobody knows what this model costs, so it may not be called."""


class Tariff(Struct, frozen=True):
    """Whose price is paid for a model, and under which name it is found."""

    provider: str
    model: str
    free: bool = False
    """It costs nothing, whatever its name is."""
    permille: int = LISTED
    """Of the list's price: more where the list does not know what a region adds."""
    batch: bool = False
    """What is sent in a message batch has a price of its own."""


class Quote(Struct, frozen=True):
    """The most a call can cost, by the prices of one moment; what it did cost is told by the same."""

    provider: str
    model: str
    input_tokens: int
    output_tokens: int
    nano_usd: int
    at_ms: int
    price_version: str = PRICE_VERSION
    permille: int = LISTED
    batch: bool = False


def cost_nano_usd(
    provider: str, model: str, usage: Usage, *, at_ms: int | None = None, batch: bool = False
) -> int:
    """Return what a call cost, or one of a message batch, by the prices of a moment (default: now).

    Raises:
        UnknownPriceError: The model, or a kind of token it used, has no price.
    """
    hour = None if at_ms is None else at_ms // _HOUR_MS
    if batch and _cost_nano_usd(provider, model, _COMPARED, hour, "batch") >= _cost_nano_usd(
        provider, model, _COMPARED, hour
    ):
        # Where the list has no price of a batch it gives the usual one.
        msg = f"no price of message batches is known for {provider}/{model}"
        raise UnknownPriceError(msg)
    return _cost_nano_usd(provider, model, usage, hour, "batch" if batch else None)


@lru_cache(maxsize=4_096)
def _cost_nano_usd(
    provider: str,
    model: str,
    usage: Usage,
    hour: int | None,
    processing: Literal["batch"] | None = None,
) -> int:
    """Return a cost; a look-up takes a millisecond, and reservations ask for the same ones again and again."""
    written = usage.cache_creation_input_tokens
    counted = PricedUsage(
        # genai-prices wants all input here, Anthropic's own field holds the uncached part
        input_tokens=usage.input_tokens + written + usage.cache_read_input_tokens,
        cache_write_tokens=written,
        cache_write_1h_tokens=min(usage.cache_creation_1h_input_tokens, written),
        cache_read_tokens=usage.cache_read_input_tokens,
        output_tokens=usage.output_tokens,
    )
    at = None if hour is None else datetime.fromtimestamp(hour * _HOUR_MS / 1000, UTC)
    try:
        price = calc_price(
            counted,
            model_ref=model,
            provider_id=provider,
            genai_request_timestamp=at,
            price_context=None if processing is None else {"processing": processing},
        )
    except LookupError:
        msg = f"no price is known for {provider}/{model}"
        raise UnknownPriceError(msg) from None
    return int((price.total_price * NANO).to_integral_value(ROUND_CEILING))


def reservation_nano_usd(
    provider: str,
    model: str,
    *,
    input_tokens: int,
    output_tokens_max: int,
    at_ms: int | None = None,
    batch: bool = False,
) -> int:
    """Return the most a call can cost: all input at the dearest rate there is for it, all output used.

    Raises:
        UnknownPriceError: The model has no price.
    """
    dearest = (
        Usage(input_tokens=input_tokens, output_tokens=output_tokens_max),
        Usage(cache_creation_input_tokens=input_tokens, output_tokens=output_tokens_max),
        Usage(
            cache_creation_input_tokens=input_tokens,
            cache_creation_1h_input_tokens=input_tokens,
            output_tokens=output_tokens_max,
        ),
    )
    return max(cost_nano_usd(provider, model, usage, at_ms=at_ms, batch=batch) for usage in dearest)


def quote(tariff: Tariff, *, input_tokens: int, output_tokens_max: int, at_ms: int) -> Quote:
    """Return the most a call can cost, with what it was reckoned from.

    Raises:
        UnknownPriceError: The model has no price.
    """
    provider, model, permille = tariff.provider, tariff.model, tariff.permille
    if tariff.free:
        return Quote(provider, model, input_tokens, output_tokens_max, 0, at_ms, FREE_VERSION)
    listed = reservation_nano_usd(
        provider,
        model,
        input_tokens=input_tokens,
        output_tokens_max=output_tokens_max,
        at_ms=at_ms,
        batch=tariff.batch,
    )
    amount = -(-listed * permille // LISTED)
    named = f"{PRICE_VERSION}{' batch' if tariff.batch else ''}"
    if permille != LISTED:
        named = f"{named} x {permille / LISTED:g}"
    return Quote(
        provider,
        model,
        input_tokens,
        output_tokens_max,
        amount,
        at_ms,
        named,
        permille,
        tariff.batch,
    )


def cost_of(quoted: Quote, usage: Usage) -> int:
    """Return what a quoted call cost, in nano-dollars, by the prices it was quoted at."""
    if quoted.price_version == FREE_VERSION:
        return 0
    listed = cost_nano_usd(
        quoted.provider, quoted.model, usage, at_ms=quoted.at_ms, batch=quoted.batch
    )
    return -(-listed * quoted.permille // LISTED)
