"""What is not read back would have been read back well; and what goes out is the same either way."""

from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.fitness import KNOWN_MAX, VALUE_BYTES_MAX, Fitness
from streams.collectors.outbound import Outbound
from tests.strategies.contracts import events, raw_events
from topics import BY_NAME, ContractError, RawEvent, Trade, encode
from topics.broker import BrokerSettings

CHECK = BY_NAME["raw.market"].decoder().decode
NOW_MS = 1_700_000_000_000
WRONG: dict[str, st.SearchStrategy[Any]] = {
    "subject": st.sampled_from(["", "xrp/eth", "XRP", "XRP/ETH\n", 5, None, "XRP/ETH:"]),
    "source": st.sampled_from(["", "Live", "a b", "x" * 65, 7, None, "live\n"]),
    "venue": st.sampled_from(["", "Binance", "x" * 65, b"binance", None]),
    "trade_id": st.sampled_from(["", "x" * 128, "x" * 129, 7, None, "\ud800", "é" * 128, "\x00"]),
    "event_ms": st.sampled_from([-1, 0, 253_402_300_799_999, 253_402_300_800_000, 1.5, True, "1"]),
    "received_ms": st.sampled_from([-1, 0, 253_402_300_800_000, 1.5, False, None]),
    "price": st.sampled_from(
        [Decimal(0), Decimal("1E-18"), Decimal("1E+15"), Decimal("1E+16"), Decimal("NaN"), 1.5, 1]
    )
    | st.sampled_from([Decimal("Infinity"), Decimal(-1), Decimal("1E3")])
    | st.just(Decimal("1." + "0" * VALUE_BYTES_MAX)),
    "size": st.sampled_from([Decimal("0E-30"), Decimal("1E-19"), Decimal("1.50"), "1"]),
    "side": st.sampled_from(["buy", "sell", "SELL", "", None, 1]),
    "sequence": st.sampled_from([None, 0, -1, 2**63 - 1, 2**63, True, 1.0, "7"]),
}


@st.composite
def spoiled(draw: st.DrawFn) -> Trade:
    """A trade of which some fields are not what they must be, as far as it can be made at all."""
    trade = draw(events(Trade))
    for field in draw(st.lists(st.sampled_from(sorted(WRONG)), max_size=3)):
        try:
            trade = msgspec.structs.replace(trade, **{field: draw(WRONG[field])})
        except (ValueError, AttributeError, TypeError):
            continue  # refused at its making
    return trade


@given(trade=spoiled(), known=st.booleans())
def test_what_is_sure_would_be_read(trade: Trade, known: bool) -> None:
    """Its names are known only because a reader has read them."""
    fitness = Fitness()
    if known:
        for name in ("subject", "source", "venue"):
            if not _readable(msgspec.structs.replace(MODEL, **{name: getattr(trade, name)})):
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
    try:
        one_by_one = [record for event in seen for record in apart.take(event, NOW_MS)]
    except TypeError:
        return  # no source can make that: not even its time is a time
    assert together.take_all(seen, NOW_MS) == one_by_one
    assert together.tally == apart.tally
    assert together.last_event_ms == apart.last_event_ms


def test_names_are_remembered_up_to_the_bound() -> None:
    """A trade of another is read back each time."""
    fitness = Fitness()
    for number in range(KNOWN_MAX + 1):
        fitness.learn(msgspec.structs.replace(MODEL, subject=f"A{number}/USDT"))
    assert fitness.sure(msgspec.structs.replace(MODEL, subject=f"A{KNOWN_MAX - 1}/USDT"))
    assert not fitness.sure(msgspec.structs.replace(MODEL, subject=f"A{KNOWN_MAX}/USDT"))


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


def _readable(trade: Trade) -> bool:
    try:
        CHECK(encode(trade))
    except (ContractError, msgspec.MsgspecError, TypeError):
        return False
    return True
