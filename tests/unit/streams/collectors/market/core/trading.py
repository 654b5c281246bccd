"""Trades for tests of what is pure."""

from collections.abc import Sequence
from decimal import Decimal

from streams.collectors.market.tape import Tape
from streams.collectors.market.venues import Hole, Market
from topics import Trade

MARKET = Market(symbol="BTC/USD", venue_id="BTCUSD", base="BTC", quote="USD")
HOLD_S = 10.0


def trade(number: int, *, numbered: bool = True, ms: int | None = None, id: str = "") -> Trade:  # noqa: A002 - the event's word
    return Trade(
        subject="BTC/USD",
        source="live",
        venue="venue",
        trade_id=id or str(number),
        event_ms=1_700_000_000_000 + (number if ms is None else ms),
        received_ms=1_700_000_100_000,
        price=Decimal(1),
        size=Decimal(1),
        side="buy",
        sequence=number if numbered else None,
    )


def trades(numbers: Sequence[int], *, numbered: bool = True) -> list[Trade]:
    return [trade(number, numbered=numbered) for number in numbers]


def tape(*, numbered: bool = True) -> Tape:
    return Tape("live", "venue", (MARKET,), numbered=numbered, hold_s=HOLD_S)


def ends(hole: Hole) -> tuple[str, str]:
    return hole.after.trade_id, hole.before.trade_id
