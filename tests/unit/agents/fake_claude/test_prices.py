"""The fake's own prices: what disproves a ledger must itself be right."""

from decimal import ROUND_CEILING, Decimal
from typing import Any

import pytest
from genai_prices import Usage as PricedUsage
from genai_prices import calc_price
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec import structs

from agents.fake_claude.models import MODELS
from agents.fake_claude.prices import Price, cost_nano_usd
from agents.fake_claude.usage import Usage

NOT_LISTED = {"claude-mythos-5-1", "claude-mythos-5", "claude-mythos-preview"}
TOKENS = st.integers(0, 150_000)
PRICE = Price(100, 500, 10)


def test_only_mythos_models_are_priced_by_guess() -> None:
    """Each other one is in the list the agent pays by, and held to it below."""

    def is_listed(model: str) -> bool:
        try:
            calc_price(PricedUsage(input_tokens=1), model_ref=model, provider_id="anthropic")
        except LookupError:
            return False
        return True

    assert {model for model in MODELS if not is_listed(model)} == NOT_LISTED


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(sorted(MODELS.keys() - NOT_LISTED)), TOKENS, TOKENS, TOKENS, TOKENS)
def test_a_request_costs_what_the_price_list_says(
    model: str, plain: int, written: int, read: int, output: int
) -> None:
    """To the nano-dollar, rounded up, whatever is cached, above and below a long prompt's bound.

    Prompts longer than the model takes have a price in the list, but no answer.
    """
    assume(plain + written + read <= MODELS[model].input_tokens_max)
    usage = Usage(
        input_tokens=plain,
        cache_write_5m_tokens=written,
        cache_read_tokens=read,
        output_tokens=output,
    )
    counted = PricedUsage(
        input_tokens=plain + written + read,
        cache_write_tokens=written,
        cache_read_tokens=read,
        output_tokens=output,
    )
    listed = calc_price(counted, model_ref=model, provider_id="anthropic").total_price
    exact = (Decimal(listed) * 10**9).to_integral_value(ROUND_CEILING)
    assert cost_nano_usd(MODELS[model].price, usage) == exact


@pytest.mark.parametrize(
    ("change", "cost"),
    [
        ({}, 100 + 500),
        ({"cache_write_5m_tokens": 1}, 600 + 125),
        ({"cache_write_1h_tokens": 1}, 600 + 200),
        ({"cache_read_tokens": 1}, 600 + 10),
        ({"service_tier": "batch"}, 300),
        ({"service_tier": "batch", "cache_write_5m_tokens": 1}, 363),
        ({"speed": "fast"}, 1_200),
        ({"inference_geo": "us"}, 660),
        ({"inference_geo": "us", "cache_write_5m_tokens": 1}, 798),
        ({"thinking_tokens": 1}, 600),
    ],
)
def test_what_makes_a_request_dearer_or_cheaper(change: dict[str, Any], cost: int) -> None:
    """By its factor; 362.5 and 797.5 are rounded up; thinking is within the output."""
    usage = structs.replace(Usage(input_tokens=1, output_tokens=1), **change)
    assert cost_nano_usd(PRICE, usage) == cost


def test_a_long_prompt_makes_the_whole_request_dearer() -> None:
    """Beyond the bound, counted with what was cached."""
    price = structs.replace(PRICE, long_prompt_tokens=100, long_factor=5)
    usage = Usage(input_tokens=1, cache_read_tokens=99, output_tokens=1)
    assert cost_nano_usd(price, usage) == 100 + 990 + 500
    longer = structs.replace(usage, cache_read_tokens=100)
    assert cost_nano_usd(price, longer) == 5 * (100 + 1_000 + 500)
