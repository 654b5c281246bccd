"""Who an event belongs to."""

import re

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
    event_id,
    kind_of,
    partition_of,
    raw_topic,
)
from topics.catalog import BY_NAME
from topics.identity import murmur2
from topics.units import ASSET_PATTERN


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
    Trade: ("venue", "subject", "trade_id"),
    VolumeFlow: ("venue", "instrument", "span_ms", "event_ms"),
    VolumeLevel: ("venue", "instrument", "span_ms", "event_ms"),
    Post: ("platform", "post_id", "subject"),
    RepositoryEvent: ("source", "event_id"),
}
"""What makes an event itself; two that agree in it are one."""


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
