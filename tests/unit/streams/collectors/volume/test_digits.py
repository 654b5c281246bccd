"""Numbers keep their digits, and only those that can be amounts are taken."""

from contextlib import suppress
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.volume.digits import (
    DIGITS_MAX,
    Number,
    amount,
    decimal,
    in_asset,
    in_time,
    loads,
    loads_for_ccxt,
    time_of,
)
from streams.collectors.volume.rows import in_units
from streams.collectors.volume.samples import SAME_MS, Samples

T0 = 1_700_000_040_000


@given(st.decimals(min_value=0, max_value=10**15, allow_nan=False, places=18))
def test_the_text_of_a_number_is_the_number(number: Decimal) -> None:
    said = loads(b"[" + f"{number:f}".encode() + b"]")
    assert isinstance(said, list)
    assert amount(said[0]) == number
    plain = loads_for_ccxt(b"[" + f"{number:f}".encode() + b"]")
    assert isinstance(plain, list)
    assert Decimal(plain[0]) == number


@given(st.binary(max_size=60))
def test_whatever_the_bytes_nothing_but_a_value_error_comes(body: bytes) -> None:
    with suppress(ValueError):
        loads(body)
    with suppress(ValueError):
        loads_for_ccxt(body)


@pytest.mark.parametrize(
    "text",
    ["NaN", "sNaN", "Infinity", "-1", "-0.1", "1e16", "1e400", "", "x", "1" * (DIGITS_MAX + 1)],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not in"):
        decimal(text)


def test_the_bounds_are_amounts() -> None:
    assert decimal("0") == 0
    assert decimal("1e15") == 10**15
    assert decimal("0." + "0" * (DIGITS_MAX - 3) + "1") > 0


@pytest.mark.parametrize("said", ["1", None, True, 1, [], {}])
def test_only_a_number_is_an_amount_or_a_time(said: object) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        amount(said)
    with pytest.raises(ValueError, match="is no time"):
        time_of(said)


@given(
    st.decimals(min_value=0, max_value=10**15, allow_nan=False, places=6),
    st.decimals(min_value="0.00000001", max_value=10**6, allow_nan=False, places=8),
)
def test_money_becomes_units_rounded_once(turnover: Decimal, price: Decimal) -> None:
    exact = Fraction(turnover) / Fraction(price)
    if exact > 10**15:
        with pytest.raises(ValueError, match="more than"):
            in_asset(turnover, price)
        return
    assert (
        abs(Fraction(in_asset(turnover, price)) - exact) <= Fraction(1, 2 * 10**8) + exact / 10**27
    )


def test_contracts_are_converted_exactly_or_not_at_all() -> None:
    assert in_units(Decimal("123456.5"), Decimal("0.001")) == Decimal("123.4565")
    with pytest.raises(ValueError, match="too many digits"):
        in_units(Decimal("1.23456789012345678901"), Decimal("1.23456789012345"))


def test_a_sample_s_time_must_be_possible() -> None:
    assert in_time(T0 + 60_000, T0) == T0 + 60_000
    for wrong_ms in (T0 + 60_001, 0):
        with pytest.raises(ValueError, match="a sample of"):
            in_time(wrong_ms, T0)
    assert time_of(Number("1700000040")) == 1_700_000_040


def test_a_sample_is_new_by_its_time_or_by_what_it_says() -> None:
    samples, one, two = Samples(), Decimal(1), Decimal(2)
    assert samples.newer("a", 10, one)
    assert not samples.newer("a", 10, two)
    assert not samples.newer("a", 9, two)
    assert samples.newer("a", 11, one)
    assert samples.changed("b", T0, one, again_ms=SAME_MS)
    assert not samples.changed("b", T0 + SAME_MS - 1, one, again_ms=SAME_MS)
    assert samples.changed("b", T0 + SAME_MS, one, again_ms=SAME_MS)
    assert not samples.changed("b", T0 + 9 * SAME_MS, one, again_ms=None)
    assert samples.changed("b", T0 + 9 * SAME_MS, two, again_ms=None)
    samples.seen("c", 100)
    assert not samples.newer("c", 100, one)
