"""Bytes to event and back, and what happens to bytes that are neither."""

import json
from decimal import Decimal

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st
from msgspec import Raw, Struct
from msgspec.structs import replace

from tests.strategies.contracts import CONTRACTS, any_event, events, raw_events
from topics import (
    TOPICS,
    Aggregate,
    Alert,
    Analysis,
    Completeness,
    ContractError,
    Fact,
    Heartbeat,
    Late,
    Post,
    Status,
    Trade,
    decoder_of,
    encode,
)
from topics.codec import tag_of

NOT_FINITE = [float("nan"), float("inf"), float("-inf")]
REASONS = {"malformed", "invalid", "unknown_type"}
DEPTH = 100_000
"""Far beyond any stack."""

ANY = decoder_of(*CONTRACTS)
TRADE = encode(
    Trade(
        subject="BTC/USD",
        source="kraken/1",
        venue="kraken",
        trade_id="7",
        event_ms=1_790_000_000_000,
        received_ms=1_790_000_000_100,
        price=Decimal("118250.10"),
        size=Decimal("0.0042"),
        side="buy",
    )
)


def reason_of(data: bytes) -> str:
    with pytest.raises(ContractError) as caught:
        ANY.decode(data)
    return caught.value.reason


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.__name__)
def test_every_contract_comes_back_as_it_was(contract: type[Struct]) -> None:
    """What is encoded decodes to an equal event of the same class, by its topic's decoder."""

    @settings(max_examples=25, deadline=None)
    @given(events(contract))
    def check(sent: Struct) -> None:
        topic = next(topic for topic in TOPICS if contract in topic.events)
        back = topic.decoder().decode(encode(sent))
        assert type(back) is contract
        assert back == sent
        assert encode(back) == encode(sent)

    check()


def test_a_decimal_keeps_the_digits_of_its_venue() -> None:
    """Trailing zeros are the venue's precision; a double would drop them."""
    assert b'"price":118250.10,' in TRADE
    back = decoder_of(Trade).decode(TRADE)
    assert str(back.price) == "118250.10"


@given(events(Status), st.sampled_from(NOT_FINITE))
@settings(max_examples=20, deadline=None)
def test_a_number_that_is_not_finite_is_refused_with_its_path(event: Status, number: float) -> None:
    """JSON has no NaN: msgspec would write null, and no reader could read it."""
    bad = replace(event, measures={"lag_ms": 1.0, "spent": number})
    where = r"^Status\.measures\['spent'\] is not a finite number$"
    with pytest.raises(ContractError, match=where) as caught:
        encode(bad)
    assert caught.value.reason == "invalid"


@given(events(Aggregate), st.sampled_from(NOT_FINITE))
@settings(max_examples=20, deadline=None)
def test_a_number_that_is_not_finite_is_found_in_a_struct(event: Aggregate, number: float) -> None:
    """The path goes through structs."""
    bad = replace(event, completeness=Completeness(state="holed", holed_fraction=number))
    with pytest.raises(ContractError, match=r"^Aggregate\.completeness\.holed_fraction is"):
        encode(bad)


@given(events(Analysis), events(Fact), st.sampled_from(NOT_FINITE))
@settings(max_examples=20, deadline=None)
def test_a_number_that_is_not_finite_is_found_in_a_list(
    event: Analysis, fact: Fact, number: float
) -> None:
    """The path goes through lists and optional fields."""
    bad = replace(event, outlook=None, facts=[fact, replace(fact, z=number)])
    with pytest.raises(ContractError, match=r"^Analysis\.facts\[1\]\.z is"):
        encode(bad)


@given(events(Post))
@settings(max_examples=5, deadline=None)
def test_half_a_surrogate_pair_is_refused(event: Post) -> None:
    """Some JSON readers let it through; UTF-8 cannot write it."""
    with pytest.raises(ContractError, match="a text of Post cannot be written as UTF-8") as caught:
        encode(replace(event, text="\ud83d"))
    assert caught.value.reason == "invalid"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "malformed"),
        (b"\x00", "malformed"),
        (b"{", "malformed"),
        (TRADE + b"x", "malformed"),
        (b"\xef\xbb\xbf" + TRADE, "malformed"),
        (b'{"type":"trade","price":NaN}', "malformed"),
        (TRADE.replace(b'"7"', b'"\xff"'), "malformed"),
        (b'{"type":"\xff"}', "malformed"),
        (TRADE[:-1] + b',"mood":"\xff"}', "malformed"),
        (TRADE.replace(b'"BTC/USD"', b"7")[:-1], "malformed"),
        (b"null", "invalid"),
        (b"[]", "invalid"),
        (b"{}", "invalid"),
        (b'{"type":7}', "invalid"),
        (b'{"type":"trade"}', "invalid"),
        (TRADE.replace(b"118250.10", b"0"), "invalid"),
        (TRADE.replace(b"118250.10", b"-1"), "invalid"),
        (TRADE.replace(b"118250.10", b"1e16"), "invalid"),
        (TRADE.replace(b"118250.10", b'"NaN"'), "invalid"),
        (TRADE.replace(b"118250.10", b'"sNaN"'), "invalid"),
        (TRADE.replace(b"118250.10", b'"Infinity"'), "invalid"),
        (TRADE.replace(b"118250.10", b"1e999999999999999999999"), "invalid"),
        (TRADE.replace(b'"BTC/USD"', b'"BTC/USD\\n"'), "invalid"),
        (b'{"type":"trade.of.tomorrow"}', "unknown_type"),
        (b'{"type":""}', "unknown_type"),
    ],
)
def test_what_cannot_be_read_has_a_reason(data: bytes, reason: str) -> None:
    """Not JSON, JSON of no contract, or a tag of another version: three different things to do."""
    assert reason_of(data) == reason


@pytest.mark.parametrize(
    "data",
    [
        b"[" * DEPTH,
        b'{"a":' * DEPTH,
        b'{"type":"trade","unknown":' + b"[" * DEPTH + b"]" * DEPTH + b"}",
        b'{"unknown":' + b'{"a":' * DEPTH + b"1" + b"}" * DEPTH + b',"type":"trade"}',
        TRADE.replace(b'"7"', b"[" * DEPTH + b"]" * DEPTH),
    ],
    ids=["arrays", "objects", "arrays unknown", "objects before the tag", "in a field"],
)
def test_what_is_nested_too_deep_is_refused(data: bytes) -> None:
    """A record must not be able to end a reader: the stack is guarded and the guard's error is ours."""
    assert reason_of(data) in {"malformed", "invalid"}


def test_a_field_of_tomorrow_is_skipped() -> None:
    """So that writers may be upgraded before readers."""
    assert ANY.decode(TRADE[:-1] + b',"mood":{"deep":[1,2]}}') == ANY.decode(TRADE)


def test_a_field_of_yesterday_has_its_default() -> None:
    """So that readers may be upgraded before writers."""
    old = b'{"type":"heartbeat","source":"s","epoch":0,"through_ms":1}'
    assert ANY.decode(old) == Heartbeat(source="s", epoch=0, through_ms=1, state="open")


@settings(deadline=None)
@given(st.binary(max_size=400))
@example(b'{"type":"trade"')
def test_noise_raises_nothing_but_a_contract_error(data: bytes) -> None:
    """Whatever the bytes, a reader goes on."""
    assert reason_of(data) in REASONS


@given(any_event(), st.data())
@settings(max_examples=200, deadline=None)
def test_a_damaged_event_is_refused_or_is_an_event(sent: Struct, data: st.DataObject) -> None:
    """Whatever still decodes can be written again and reads the same: nothing half-read gets on."""
    whole = encode(sent)
    at = data.draw(st.integers(0, len(whole)))
    until = data.draw(st.integers(at, min(len(whole), at + 12)))
    damaged = whole[:at] + data.draw(st.binary(max_size=6)) + whole[until:]
    try:
        read = ANY.decode(damaged)
    except ContractError as error:
        event(f"refused as {error.reason}")
        return
    assert ANY.decode(encode(read)) == read


@given(raw_events())
@settings(max_examples=25, deadline=None)
def test_a_late_event_holds_the_bytes_it_came_in(event: Struct) -> None:
    """Nobody re-writes it: what was refused is what is shown."""
    original = b" " + encode(event)
    late = Late(
        kind="market",
        asset="BTC",
        subject="BTC/USD",
        event_id="id",
        window_start_ms=0,
        window_ms=1,
        lateness_ms=1,
        partition=0,
        offset=0,
        event=Raw(original),
    )
    assert original.strip() in encode(late)
    assert bytes(decoder_of(Late).decode(encode(late)).event).strip() == original.strip()


def test_a_decoder_refuses_the_contracts_it_was_not_given() -> None:
    """An alert in the topic of aggregates is of an unknown type there."""
    with pytest.raises(ContractError) as caught:
        decoder_of(Alert).decode(TRADE)
    assert caught.value.reason == "unknown_type"


def test_a_struct_without_a_tag_has_no_place_in_a_topic() -> None:
    """Its records could not be told apart."""
    with pytest.raises(TypeError, match="Fact has no tag"):
        tag_of(Fact)


@given(any_event())
@settings(max_examples=50, deadline=None)
def test_an_encoded_event_says_its_type_first(event: Struct) -> None:
    """Any JSON reader can read it; the tag is in `type`."""
    fields = json.loads(encode(event))
    assert next(iter(fields.items())) == ("type", tag_of(type(event)))
