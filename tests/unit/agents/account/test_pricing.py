"""What calls cost, by hand from the vendor's table, and that a reservation is never too small."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.account.pricing import (
    FREE_VERSION,
    PRICE_VERSION,
    Tariff,
    UnknownPriceError,
    cost_nano_usd,
    cost_of,
    quote,
    reservation_nano_usd,
)
from topics import Usage

HAIKU, SONNET, OPUS = "claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5"
MODELS = (HAIKU, SONNET, OPUS, "claude-haiku-4-5", "claude-fable-5-2")
LONG = 100_000
"""Input tokens beyond which Haiku 5.5 costs five times as much, on the whole request."""


@pytest.mark.parametrize(
    ("model", "usage", "nano_usd"),
    [
        # dollars per million tokens, times tokens, is 1000 nano-dollars a token and dollar
        (HAIKU, Usage(input_tokens=1_000), 1_000 * 100),
        (HAIKU, Usage(output_tokens=1_000), 1_000 * 500),
        (HAIKU, Usage(cache_creation_input_tokens=1_000), 1_000 * 125),
        (HAIKU, Usage(cache_read_input_tokens=1_000), 1_000 * 10),
        (HAIKU, Usage(input_tokens=LONG), LONG * 100),
        (HAIKU, Usage(input_tokens=LONG + 1), (LONG + 1) * 500),
        (HAIKU, Usage(input_tokens=LONG + 1, output_tokens=10), (LONG + 1) * 500 + 10 * 2_500),
        (HAIKU, Usage(input_tokens=1, cache_read_input_tokens=LONG), 500 + LONG * 50),
        (SONNET, Usage(input_tokens=1_000, output_tokens=500), 1_000 * 2_000 + 500 * 10_000),
        (SONNET, Usage(cache_creation_input_tokens=1_000), 1_000 * 2_500),
        (SONNET, Usage(cache_read_input_tokens=1_000), 1_000 * 100),
        (OPUS, Usage(input_tokens=1_000, output_tokens=500), 1_000 * 4_000 + 500 * 20_000),
        (OPUS, Usage(cache_creation_input_tokens=1_000), 1_000 * 5_000),
        (OPUS, Usage(cache_read_input_tokens=1_000), 1_000 * 200),
        (OPUS, Usage(input_tokens=7, cache_read_input_tokens=600, output_tokens=80), 1_748_000),
        (HAIKU, Usage(), 0),
    ],
)
def test_a_call_costs_what_the_table_says(model: str, usage: Usage, nano_usd: int) -> None:
    """Uncached input, cache writes, cache reads and output, each at its price."""
    assert cost_nano_usd("anthropic", model, usage) == nano_usd


@given(
    model=st.sampled_from(MODELS),
    counts=st.tuples(*[st.integers(0, 120_000)] * 4),
)
def test_in_a_batch_everything_is_half_the_price(
    model: str, counts: tuple[int, int, int, int]
) -> None:
    """Each kind of token, rounded up once; the reservation is of the same prices, and never too small."""
    usage = Usage(
        input_tokens=counts[0],
        cache_creation_input_tokens=counts[1],
        cache_creation_1h_input_tokens=counts[1] // 2,
        cache_read_input_tokens=counts[2],
        output_tokens=counts[3],
    )
    whole = cost_nano_usd("anthropic", model, usage)
    half = cost_nano_usd("anthropic", model, usage, batch=True)
    assert half in {whole // 2, -(-whole // 2)}
    quoted = quote(
        Tariff("anthropic", model, batch=True),
        input_tokens=sum(counts[:3]),
        output_tokens_max=counts[3],
        at_ms=1_795_000_000_000,
    )
    assert quoted.price_version == f"{PRICE_VERSION} batch"
    assert cost_of(quoted, usage) == half <= quoted.nano_usd


def test_a_model_without_a_price_of_batches_is_refused() -> None:
    """The list gives the usual price then, which is none of a batch; a model nobody knows has none at all."""
    usage = Usage(input_tokens=1_000)
    for provider, model, words in (
        ("mistral", "mistral-large-latest", "message batches"),
        ("anthropic", "claude-nobody-1", "no price is known"),
    ):
        with pytest.raises(UnknownPriceError, match=words):
            cost_nano_usd(provider, model, usage, batch=True)


def test_thinking_is_a_part_of_the_output() -> None:
    """It is not paid twice."""
    thought = Usage(output_tokens=100, thinking_tokens=60)
    assert cost_nano_usd("anthropic", HAIKU, thought) == 100 * 500


@pytest.mark.parametrize(
    ("provider", "model"),
    [("anthropic", "claude-nobody-1"), ("nobody", HAIKU), ("anthropic", "gpt-5")],
)
def test_an_unknown_price_is_refused(provider: str, model: str) -> None:
    """The message names whose; nothing is guessed."""
    with pytest.raises(UnknownPriceError, match=f"{provider}/{model}"):
        cost_nano_usd(provider, model, Usage(input_tokens=1))
    with pytest.raises(UnknownPriceError, match=f"{provider}/{model}"):
        reservation_nano_usd(provider, model, input_tokens=1, output_tokens_max=1)


def test_the_price_version_names_the_table() -> None:
    """Who wrote the prices, and which release."""
    assert PRICE_VERSION.startswith("genai-prices 0.")


@given(
    st.sampled_from(MODELS),
    st.integers(0, 2 * LONG),
    st.integers(0, 20_000),
    st.data(),
)
def test_a_reservation_covers_every_call_with_as_many_tokens(
    model: str, input_tokens: int, output_tokens: int, data: st.DataObject
) -> None:
    """However the input is split over cache writes, cache reads and neither, and whatever is not used."""
    used = data.draw(st.integers(0, input_tokens))
    written = data.draw(st.integers(0, used))
    read = data.draw(st.integers(0, used - written))
    usage = Usage(
        input_tokens=used - written - read,
        cache_creation_input_tokens=written,
        cache_read_input_tokens=read,
        output_tokens=data.draw(st.integers(0, output_tokens)),
    )
    reserved = reservation_nano_usd(
        "anthropic", model, input_tokens=input_tokens, output_tokens_max=output_tokens
    )
    assert 0 <= cost_nano_usd("anthropic", model, usage) <= reserved


def test_what_is_free_costs_nothing_and_says_so() -> None:
    """Under any name; and nothing else is free: a name without a price is refused."""
    tariff = Tariff("local", "qwen3:8b", free=True)
    quoted = quote(tariff, input_tokens=4_000, output_tokens_max=1_500, at_ms=0)
    assert (quoted.nano_usd, quoted.price_version) == (0, FREE_VERSION)
    assert (quoted.input_tokens, quoted.output_tokens) == (4_000, 1_500)
    assert cost_of(quoted, Usage(input_tokens=10**6, output_tokens=10**6)) == 0
    with pytest.raises(UnknownPriceError, match="local/qwen3:8b"):
        quote(Tariff("local", "qwen3:8b"), input_tokens=1, output_tokens_max=1, at_ms=0)


def test_what_a_region_adds_is_reserved_and_settled() -> None:
    """A tenth more of both, rounded up; the version of the price says so."""
    usage = Usage(input_tokens=901, output_tokens=121)
    asked = {"input_tokens": 4_001, "output_tokens_max": 1_500, "at_ms": 1_800_000_000_000}
    listed = quote(Tariff("anthropic", "claude-haiku-5-5"), **asked)
    dearer = quote(Tariff("anthropic", "claude-haiku-5-5", permille=1_100), **asked)
    assert dearer.nano_usd == -(-listed.nano_usd * 11 // 10)
    assert cost_of(dearer, usage) == -(-cost_of(listed, usage) * 11 // 10)
    assert dearer.price_version == f"{listed.price_version} x 1.1"
