"""Every value is written with its unit, and no subject of strangers gets into one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.serving.pages.rows.quantities import (
    CATALOGUE,
    NONE,
    fact_label,
    fact_text,
    measure,
    sides,
    z_text,
)
from tests.browser.scene import analysis
from tests.hostile.corpus import TEXTS

FACT = analysis(60_000).facts[0]


@pytest.mark.parametrize(
    ("kind", "name", "value", "text"),
    [
        ("market", "close", 64_250.123456, "64,250.1 USDT"),
        ("market", "volume", 12.5, "12.5 BTC"),
        ("market", "quote_volume", 1_250_000.0, "1,250,000 USDT"),
        ("market", "taker_buy_ratio", 0.4, "40.00 %"),
        ("market", "log_return", 0.0312, "+3.12 %"),
        ("market", "log_return", -1e-9, "0.00 %"),
        ("market", "trades", 50, "50 trades"),
        ("volume", "flow", 250.0, "250 BTC"),
        ("social", "tone_mean", 0.123, "+0.12 from -1 to 1"),
        ("development", "commits", 5, "5 commits"),
        ("market", "vwap", None, NONE),
        ("market", "vwap", float("nan"), NONE),
    ],
)
def test_a_value_is_written_with_its_unit(kind: str, name: str, value: float, text: str) -> None:
    assert measure(kind, name, "BTC/USDT").text(value) == text  # type: ignore[arg-type]


def test_every_metric_of_the_catalogue_has_a_label_and_all_but_names_and_venues_a_unit() -> None:
    for kind, name in CATALOGUE:
        told = measure(kind, name, "BTC/USDT" if kind == "market" else "BTC")  # type: ignore[arg-type]
        assert told.label
        assert "_" not in told.label
        assert told.unit or name == "level_venues", (kind, name)


@pytest.mark.parametrize("hostile", TEXTS, ids=lambda t: t.name)
def test_a_subject_that_is_no_ticker_lends_its_text_to_no_unit(hostile: object) -> None:
    text = hostile.text  # type: ignore[attr-defined]
    assert sides(f"{text}/{text}") == ("units", "quote")
    assert text not in measure("market", "close", f"BTC/{text}").title


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_number_is_written_on_one_line(value: float) -> None:
    for kind, name in CATALOGUE:
        text = measure(kind, name, "BTC/USDT").text(value)  # type: ignore[arg-type]
        assert text
        assert "\n" not in text


def test_facts_are_said_in_words_with_their_window_and_unit() -> None:
    assert fact_label(FACT).endswith("over 1 min")
    assert fact_text(FACT, None) == NONE
    assert fact_text(FACT, -8.1) == "-8.10 %"


@pytest.mark.parametrize(
    ("z", "words"), [(0.4, "usual"), (-2.5, "unusual"), (9.0, "very unusual"), (None, "not scored")]
)
def test_how_unusual_a_value_is_is_said_in_words(z: float | None, words: str) -> None:
    assert words in z_text(z)
