"""The annotated types refuse what lies outside them, at their very bounds."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies.contracts import CONTRACTS, events
from topics import ContractError, Trade, VolumeFlow, decoder_of, encode
from topics.components import structs_of
from topics.units import (
    EPOCH_MS_MAX,
    NUMBER_MAX,
    AssetId,
    Count,
    DurationMs,
    EpochMs,
    Fraction,
    Instrument,
    Name,
    Sequence,
    Subject,
    Tone,
    VenueId,
    Word,
)


def fits(unit: Any, value: object) -> bool:
    try:
        msgspec.json.decode(msgspec.json.encode(value), type=unit)
    except msgspec.ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("unit", "inside", "outside"),
    [
        (EpochMs, [0, EPOCH_MS_MAX], [-1, EPOCH_MS_MAX + 1, 0.5, "0"]),
        (DurationMs, [1], [0, -1]),
        (Sequence, [0, 2**63 - 1], [-1, 2**63]),
        (Count, [0], [-1, 1.5]),
        (Fraction, [0, 1], [-1e-9, 1.0000001]),
        (Tone, [-1, 1], [-1.0000001, 1.0000001]),
        (AssetId, ["BTC", "1INCH", "A" * 24], ["", "btc", "A" * 25, ".A", "A/B", "BTC\n", "ÄB"]),
        (Instrument, ["BTC/USD", "BTC/USD:BTC"], ["BTC", "BTC/", "/USD", "BTC/USD\n", "BTC/USD:"]),
        (Name, ["a", "a" * 64, "github/events"], ["", "a" * 65, "A", "/a", "a b", "a\n"]),
        (Word, ["newer_candidate", "a" * 64], ["", "a" * 65, "1a", "a-b", "a\n"]),
        (Subject, ["B", "B" * 74], ["", "B" * 75]),
        (VenueId, ["1", "1" * 128], ["", "1" * 129]),
    ],
)
def test_a_unit_has_its_bounds(unit: Any, inside: list[Any], outside: list[Any]) -> None:
    """The last value inside is taken, the first outside is refused."""
    assert [value for value in inside if not fits(unit, value)] == []
    assert [value for value in outside if fits(unit, value)] == []


@pytest.mark.parametrize(
    "number",
    [Decimal(0), Decimal(-1), Decimal(NUMBER_MAX) + 1, Decimal("NaN"), Decimal("Infinity")],
)
@settings(deadline=None)
@given(event=events(Trade))
def test_a_price_or_size_outside_its_range_is_refused(number: Decimal, event: Trade) -> None:
    """When it is made and when it is read: a constructor of msgspec would check nothing."""
    with pytest.raises(ValueError, match="price and size must lie in"):
        msgspec.structs.replace(event, price=number)
    with pytest.raises(ValueError, match="price and size must lie in"):
        msgspec.structs.replace(event, size=number)


@settings(deadline=None)
@given(events(Trade))
def test_a_price_or_size_at_its_bounds_is_taken(event: Trade) -> None:
    """The smallest and the largest that the schema allows, made and read."""
    for number in (Decimal(1).scaleb(-18), Decimal(NUMBER_MAX)):
        edge = msgspec.structs.replace(event, price=number, size=number)
        assert decoder_of(Trade).decode(encode(edge)) == edge


@settings(deadline=None)
@given(events(VolumeFlow))
def test_a_volume_may_be_nothing_but_not_less(event: VolumeFlow) -> None:
    """A closed candle without a trade has a volume of 0."""
    assert msgspec.structs.replace(event, volume=Decimal(0)).volume == 0
    for number in (Decimal("-0.1"), Decimal(NUMBER_MAX) + 1, Decimal("NaN")):
        with pytest.raises(ValueError, match="volume must lie in"):
            msgspec.structs.replace(event, volume=number)


@settings(deadline=None)
@given(events(Trade), st.sampled_from(["subject", "source", "venue", "trade_id"]))
def test_the_reader_refuses_what_the_constructor_let_pass(event: Trade, field: str) -> None:
    """Ranges are checked at the door of every process, whoever wrote the record."""
    with pytest.raises(ContractError) as caught:
        decoder_of(Trade).decode(encode(msgspec.structs.replace(event, **{field: ""})))
    assert caught.value.reason == "invalid"


@pytest.mark.parametrize("contract", structs_of(CONTRACTS), ids=lambda contract: contract.__name__)
def test_a_contract_is_frozen_and_by_keyword(contract: type[msgspec.Struct]) -> None:
    """Events are values; a new field anywhere in the class changes no caller."""
    assert contract.__struct_config__.frozen
    assert all(
        field.name in contract.__struct_fields__ for field in msgspec.structs.fields(contract)
    )
    with pytest.raises(TypeError, match="Extra positional arguments"):
        contract(1)


@pytest.mark.parametrize("contract", structs_of(CONTRACTS), ids=lambda contract: contract.__name__)
def test_a_contract_skips_fields_it_does_not_know(contract: type[msgspec.Struct]) -> None:
    """Somebody may have upgraded before us."""
    assert not contract.__struct_config__.forbid_unknown_fields


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.__name__)
def test_a_contract_has_its_tag_in_type(contract: type[msgspec.Struct]) -> None:
    """One field tells all events apart, in every topic."""
    assert contract.__struct_config__.tag_field == "type"
