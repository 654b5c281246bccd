"""What is not read back would have been read back well; and what goes out is the same either way."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.fitness import KNOWN_MAX, VALUE_BYTES_MAX, Fitness
from streams.collectors.outbound import Outbound
from tests.strategies.contracts import events, raw_events
from topics import BY_NAME, ContractError, RawEvent, Trade, encode
from topics.broker import BrokerSettings

CHECK = BY_NAME["raw.market"].decoder().decode
NOW_MS = 1_700_000_000_000
replace = msgspec.structs.replace
WRONG: dict[str, list[Any]] = {
    "subject": ["", "xrp/eth", "XRP", "XRP/ETH\n", 5, None, "XRP/ETH:"],
    "source": ["", "Live", "a b", "x" * 65, 7, None, "live\n"],
    "venue": ["", "Binance", "x" * 65, b"binance", None],
    "trade_id": ["", "x" * 128, "x" * 129, 7, None, "\ud800", "\u00e9" * 128, "\x00", b"7"],
    "event_ms": [-1, 0, 253_402_300_799_999, 253_402_300_800_000, 1.5, True, "1"],
    "received_ms": [-1, 0, 253_402_300_799_999, 253_402_300_800_000, 1.5, False, None],
    "price": [
        *map(Decimal, ("0", "1E-18", "1E+15", "1E+16", "NaN", "Infinity", "-1", "1E3", "1E-17")),
        Decimal("1." + "0" * VALUE_BYTES_MAX),
        1.5,
        1,
    ],
    "size": [Decimal("0E-30"), Decimal("1E-19"), Decimal("1.50"), "1"],
    "side": ["buy", "sell", "SELL", "", None, 1],
    "sequence": [None, 0, -1, 2**63 - 1, 2**63, True, 1.0, "7"],
}
"""At the edges of each field, on both sides."""


@st.composite
def spoiled(draw: st.DrawFn) -> Trade:
    """A trade of which some fields are not what they must be, as far as it can be made at all."""
    trade: Trade = draw(events(Trade))
    for field in draw(st.lists(st.sampled_from(sorted(WRONG)), max_size=3)):
        try:
            trade = replace(trade, **{field: draw(st.sampled_from(WRONG[field]))})
        except (ValueError, AttributeError, TypeError):
            continue  # refused at its making
    return trade


@pytest.mark.parametrize("field", sorted(WRONG))
def test_no_field_is_sure_beyond_its_edges(field: str) -> None:
    """One field of a trade at a time, its names known if they can be; and some are sure."""
    for wrong in WRONG[field]:
        fitness = Fitness()
        fitness.learn(MODEL)
        try:
            trade = replace(MODEL, **{field: wrong})
        except (ValueError, AttributeError, TypeError):
            continue
        if fitness.sure(trade) and len(encode_or_nothing(trade)) <= VALUE_BYTES_MAX:
            assert readable(trade) or encode_or_nothing(trade) == b""


def test_a_trade_is_sure_once_its_names_are_known() -> None:
    """Else all of this would say nothing."""
    fitness = Fitness()
    assert not fitness.sure(MODEL)
    fitness.learn(MODEL)
    assert fitness.sure(MODEL)


@given(trade=spoiled(), known=st.booleans())
def test_what_is_sure_would_be_read(trade: Trade, known: bool) -> None:
    """Its names are known only because a reader has read them."""
    fitness = Fitness()
    if known:
        for name in ("subject", "source", "venue"):
            if not readable(replace(MODEL, **{name: getattr(trade, name)})):
                return
        fitness.learn(trade)
    if not fitness.sure(trade):
        return
    try:
        value = encode(trade)
    except ContractError:
        return  # the outbound's own way back to the letter
    if len(value) <= VALUE_BYTES_MAX:
        assert CHECK(value) == trade


@given(came=st.lists(st.one_of(spoiled(), raw_events()), max_size=12), twice=st.booleans())
def test_many_at_once_are_what_they_are_one_by_one(came: list[RawEvent], twice: bool) -> None:
    """The same records, letters and tallies, whichever way each event took."""
    seen = came * 2 if twice else came
    broker = BrokerSettings(prefix="t.", partitions=4)
    apart, together = (Outbound("live", "market", broker, epoch=1) for _ in range(2))
    one_by_one = [record for event in seen for record in apart.take(event, NOW_MS)]
    assert together.take_all(seen, NOW_MS) == one_by_one
    assert together.tally == apart.tally
    assert together.last_event_ms == apart.last_event_ms


def test_names_are_remembered_up_to_the_bound() -> None:
    """A trade of another is read back each time."""
    fitness = Fitness()
    for number in range(KNOWN_MAX + 1):
        fitness.learn(replace(MODEL, subject=f"A{number}/USDT"))
    assert fitness.sure(replace(MODEL, subject=f"A{KNOWN_MAX - 1}/USDT"))
    assert not fitness.sure(replace(MODEL, subject=f"A{KNOWN_MAX}/USDT"))


MODEL = Trade(
    subject="XRP/ETH",
    source="live",
    venue="binance",
    trade_id="1",
    event_ms=NOW_MS,
    received_ms=NOW_MS,
    price=Decimal(1),
    size=Decimal(1),
    side="buy",
)


def encode_or_nothing(trade: Trade) -> bytes:
    try:
        return encode(trade)
    except ContractError:
        return b""  # the outbound then goes its own way to the letter


def readable(trade: Trade) -> bool:
    try:
        CHECK(encode(trade))
    except (ContractError, msgspec.MsgspecError, TypeError):
        return False
    return True
