"""Who an event belongs to."""

import re
from pathlib import Path

import pytest
from aiokafka.partitioner import murmur2 as aiokafka_murmur2
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.strategies.contracts import RAW_CONTRACTS, events, raw_events
from topics import (
    KINDS,
    Post,
    RawEvent,
    RepositoryEvent,
    Trade,
    VolumeFlow,
    VolumeLevel,
    asset_of,
    decoder_of,
    event_id,
    kind_of,
    partition_of,
    raw_topic,
)
from topics.catalog import BY_NAME
from topics.codec import tag_of
from topics.identity import murmur2
from topics.schema import json_schemas
from topics.units import ASSET_PATTERN, EPOCH_MS_MAX, NAME_PATTERN


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_is_what_kafkas_own_tests_say(key: bytes, hashed: int) -> None:
    """The vectors of the Java client's UtilsTest, which are signed there."""
    assert murmur2(key) == hashed & 0xFFFFFFFF


@settings(deadline=None)
@given(st.binary(max_size=70))
def test_murmur2_is_what_another_client_computes(key: bytes) -> None:
    """The same for every length, and so for every remainder of four."""
    assert murmur2(key) == aiokafka_murmur2(key) & 0xFFFFFFFF


@settings(deadline=None)
@given(st.text(max_size=30), st.integers(1, 1000))
def test_a_partition_exists(asset: str, partitions: int) -> None:
    """It lies in range, and it is what Kafka's Java client would choose."""
    partition = partition_of(asset, partitions)
    assert 0 <= partition < partitions
    assert partition == (aiokafka_murmur2(asset.encode()) & 0x7FFFFFFF) % partitions


def test_assets_are_spread_over_all_partitions() -> None:
    """A constant would lie in range too."""
    assert {partition_of(f"A{number}", 12) for number in range(200)} == set(range(12))


@pytest.mark.parametrize(
    ("subject", "asset"),
    [("BTC/USDT", "BTC"), ("XRP/ETH", "XRP"), ("BTC/USD:BTC", "BTC"), ("BTC", "BTC")],
)
def test_the_asset_of_a_subject_is_its_base(subject: str, asset: str) -> None:
    """Quote and settlement do not choose the partition."""
    assert asset_of(subject) == asset


@given(raw_events())
@settings(max_examples=50, deadline=None)
def test_every_raw_event_has_an_asset_that_can_be_a_key(event: RawEvent) -> None:
    """The key of a raw record is the base asset, in the form of an asset."""
    assert re.search(ASSET_PATTERN, asset_of(event.subject))


@given(raw_events())
@settings(max_examples=50, deadline=None)
def test_every_raw_event_belongs_to_the_topic_that_reads_it(event: RawEvent) -> None:
    """The kind's raw topic has the event's contract."""
    assert kind_of(event) in KINDS
    assert type(event) in BY_NAME[raw_topic(kind_of(event))].events


IDENTITY: dict[type, tuple[str, ...]] = {
    Trade: ("subject", "venue", "trade_id"),
    VolumeFlow: ("subject", "span_ms", "event_ms", "venue", "instrument"),
    VolumeLevel: ("subject", "span_ms", "event_ms", "venue", "instrument"),
    Post: ("subject", "platform", "post_id"),
    RepositoryEvent: ("subject", "source", "event_id"),
}
"""What makes an event itself; two that agree in it are one."""
FOLDER = Path(__file__).parents[2] / "data" / "contracts" / "v1"
SAMPLES: dict[type, RawEvent] = {
    contract: decoder_of(contract).decode((FOLDER / f"{tag_of(contract)}.json").read_bytes())
    for contract in RAW_CONTRACTS
}
LATE_ID_CHARS_MAX = json_schemas()["late"]["properties"]["event_id"]["maxLength"]


def test_every_raw_contract_has_an_identity() -> None:
    """A new contract must say what makes it itself, here too."""
    assert set(IDENTITY) == set(RAW_CONTRACTS)


@pytest.mark.parametrize("contract", RAW_CONTRACTS, ids=lambda contract: contract.__name__)
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_an_id_is_a_function_of_the_identity(contract: type[RawEvent], data: st.DataObject) -> None:
    """Another receipt, another price: the same id. Another trade number: another id."""
    one, other = data.draw(events(contract)), data.draw(events(contract))
    same = {name: getattr(one, name) for name in IDENTITY[contract]}
    assert event_id(replace(other, **same)) == event_id(one)
    changed = data.draw(st.sampled_from(IDENTITY[contract]))
    differs = getattr(one, changed) != getattr(other, changed)
    assert (
        event_id(replace(one, **{changed: getattr(other, changed)})) != event_id(one)
    ) == differs


def slashed(pattern: str, alphabet: str) -> st.SearchStrategy[str]:
    """Texts of a pattern that are as like each other as it lets them be."""
    texts = st.text(alphabet, min_size=1, max_size=5)
    return texts.filter(lambda text: re.search(pattern, text) is not None)


SUBJECT = slashed(ASSET_PATTERN, "A1.-")
NAME = slashed(NAME_PATTERN, "a1/.-")
FREE = st.text("a1/|", min_size=1, max_size=5)
ALIKE: dict[str, st.SearchStrategy[object]] = {
    "subject": SUBJECT,
    "venue": NAME,
    "platform": NAME,
    "source": NAME,
    "trade_id": FREE,
    "instrument": FREE,
    "post_id": FREE,
    "event_id": FREE,
    "span_ms": st.sampled_from((1, 11)),
    "event_ms": st.sampled_from((1, 11)),
}


@st.composite
def likenesses(draw: st.DrawFn) -> tuple[RawEvent, tuple[object, ...]]:
    """Events of any contract that differ in little, each with its identity."""
    contract = draw(st.sampled_from(RAW_CONTRACTS))
    names = IDENTITY[contract]
    values = {name: draw(ALIKE[name]) for name in names}
    if contract is Trade:
        values["subject"] = f"{values['subject']}/{draw(SUBJECT)}"
    made = replace(SAMPLES[contract], **values)
    return made, (contract, *(getattr(made, name) for name in names))


@given(likenesses(), likenesses())
@settings(max_examples=300, deadline=None)
def test_no_two_events_have_one_id(
    one: tuple[RawEvent, tuple[object, ...]], other: tuple[RawEvent, tuple[object, ...]]
) -> None:
    """However their names and the venue's own texts are cut: the parts of an id can be told from it."""
    assert (event_id(one[0]) == event_id(other[0])) == (one[1] == other[1])


CUTS = [
    (Trade, {"venue": "a/b", "trade_id": "c"}, {"venue": "a", "trade_id": "b/c"}),
    (VolumeLevel, {"venue": "a/b", "instrument": "c"}, {"venue": "a", "instrument": "b/c"}),
    (VolumeFlow, {"venue": "a/b", "instrument": "c"}, {"venue": "a", "instrument": "b/c"}),
    (Post, {"platform": "a/b", "post_id": "c"}, {"platform": "a", "post_id": "b/c"}),
    (RepositoryEvent, {"source": "a/b", "event_id": "c"}, {"source": "a", "event_id": "b/c"}),
    (Post, {"subject": "A", "post_id": "B|c"}, {"subject": "B", "post_id": "A|c"}),
    (RepositoryEvent, {"subject": "A"}, {"subject": "B"}),
    (VolumeFlow, {"subject": "A"}, {"subject": "B"}),
]


@pytest.mark.parametrize(("contract", "one", "other"), CUTS)
def test_another_cut_and_another_asset_is_another_event(
    contract: type[RawEvent], one: dict[str, str], other: dict[str, str]
) -> None:
    """Each of these has once been taken for a duplicate, or could have been."""
    sample = SAMPLES[contract]
    assert event_id(replace(sample, **one)) != event_id(replace(sample, **other))


def test_a_flow_is_no_level() -> None:
    """Of one place, span and time there can be both."""
    flow = SAMPLES[VolumeFlow]
    fields = {name: getattr(flow, name) for name in VolumeFlow.__struct_fields__}
    assert event_id(VolumeLevel(**fields)) != event_id(flow)


@pytest.mark.parametrize("contract", RAW_CONTRACTS, ids=lambda contract: contract.__name__)
def test_an_id_begins_with_the_type_and_says_so_in_the_contract(contract: type[RawEvent]) -> None:
    """Other programs read the contract's own words."""
    assert event_id(SAMPLES[contract]).startswith(f"{tag_of(contract)}|")
    assert f"``{tag_of(contract)}|{'|'.join(IDENTITY[contract])}``" in (contract.__doc__ or "")


def test_the_longest_id_fits_into_a_late_events_record() -> None:
    """With every part as long as its contract and the fold let it be."""
    longest = {"subject": "A" * 24, "venue": "a" * 64, "platform": "a" * 64, "source": "a" * 64}
    texts = dict.fromkeys(("trade_id", "instrument", "post_id", "event_id"), "x" * 128)
    times = {"event_ms": EPOCH_MS_MAX, "span_ms": EPOCH_MS_MAX}
    for contract, names in IDENTITY.items():
        values = {name: (longest | texts | times)[name] for name in names}
        if contract is Trade:
            values["subject"] = "/".join(["A" * 24] * 2) + ":" + "A" * 24
        assert len(event_id(replace(SAMPLES[contract], **values))) <= LATE_ID_CHARS_MAX


@given(events(Trade))
@settings(max_examples=5, deadline=None)
def test_the_same_number_at_two_venues_is_two_trades(trade: Trade) -> None:
    """A venue numbers the trades of an instrument, and knows nothing of other venues."""
    ids = {
        event_id(replace(trade, venue=venue, subject=subject))
        for venue in ("kraken", "binance")
        for subject in ("BTC/USD", "ETH/USD")
    }
    assert len(ids) == 4
