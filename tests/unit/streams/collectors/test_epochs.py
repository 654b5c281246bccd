"""A leader that slept through another's take-over and wakes: the fold counts nothing twice, and believes no old promise."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.outbound import Outbound
from streams.collectors.port import Observation, Through
from streams.windows import Fold
from topics import Aggregate, Trade
from topics.broker import BrokerSettings
from topics.outbox import OutRecord

BROKER = BrokerSettings(partitions=1)
BEGIN_MS = 1_700_000_040_000
STEP_MS = 1_000


def trade(number: int, *, numbered: bool) -> Trade:
    event_ms = BEGIN_MS + number * STEP_MS
    return Trade(
        subject="XRP/ETH",
        source="live",
        venue="binance",
        trade_id=str(number),
        event_ms=event_ms,
        received_ms=event_ms,
        price=Decimal(100 + number % 7),
        size=Decimal(number + 1),
        side="buy",
        sequence=number if numbered else None,
    )


def spoken(out: Outbound, first: int, last: int, *, numbered: bool) -> list[OutRecord]:
    """What a collector sends for these trades, a heartbeat behind each tenth."""
    records: list[OutRecord] = []
    for number in range(first, last):
        seen: list[Observation] = [trade(number, numbered=numbered)]
        seen.append(Through(BEGIN_MS + (number - 1) * STEP_MS))
        records += out.take_all(seen, BEGIN_MS + number * STEP_MS)
        if number % 10 == 0:
            records += out.heartbeats(BEGIN_MS + number * STEP_MS)
    return records


def folded(records: list[OutRecord]) -> tuple[list[Aggregate], Fold]:
    fold = Fold("market", 0, partitions=1, subjects_max=10)
    for offset, record in enumerate(records):
        fold.feed(offset, BEGIN_MS + 400 * STEP_MS, record.key, record.value or b"")
    return [out for out in fold.outputs if isinstance(out, Aggregate)], fold


@given(
    numbered=st.booleans(),
    taken=st.integers(60, 100),
    overlap=st.integers(0, 60),
    slept=st.integers(11, 190),
    more=st.integers(1, 60),
)
def test_a_woken_leader_changes_nothing(
    *, numbered: bool, taken: int, overlap: int, slept: int, more: int
) -> None:
    """What it still sends stands behind the take-over: trades that come from the other too, and old promises.

    Without numbers it must not have slept for longer than the fold remembers ids, two minutes: of those that it
    sends later a window says that they may be doubles.
    """
    if not numbered:
        slept = min(slept, 100)
    old, new = (Outbound("live", "market", BROKER, epoch=epoch) for epoch in (1, 2))
    before = spoken(old, 0, taken, numbered=numbered)
    first = spoken(new, taken - overlap, taken + slept, numbered=numbered)
    second = spoken(new, taken + slept, 300, numbered=numbered)
    woken = spoken(old, taken, min(300, taken + more), numbered=numbered)
    # And it promises what it takes for true.
    woken += old.take(Through(BEGIN_MS + 390 * STEP_MS), BEGIN_MS + 390 * STEP_MS)
    beats = old.heartbeats(BEGIN_MS + 390 * STEP_MS)
    assert len(beats) == 1
    calm, _ = folded([*before, *first, *second])
    disturbed, fold = folded([*before, *first, *woken, *beats, *second])
    assert disturbed == calm
    assert len(calm) == 9
    assert fold.counters.duplicates == overlap + min(300, taken + more) - taken
