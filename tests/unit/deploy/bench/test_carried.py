"""The benchmark's own judge finds what is lost, doubled, out of order, or told missing."""

from decimal import Decimal

import pytest

from deploy.bench.carried import Carried
from deploy.bench.collect import Carrying
from deploy.bench.venue import framed, trade_frame
from streams.collectors.market.venues import VENUES
from topics import GapDetected, Heartbeat, Trade

MARK = GapDetected(gap_id="g", subject="A/B", source="s", venue="v", from_ms=0, to_ms=1)
BEAT = Heartbeat(source="s", epoch=1, through_ms=1)


def trade(number: int) -> Trade:
    return Trade(
        subject="A/B",
        source="s",
        venue="v",
        trade_id=str(number),
        event_ms=1,
        received_ms=1,
        price=Decimal(1),
        size=Decimal(1),
        side="buy",
        sequence=number,
    )


@pytest.mark.parametrize(
    ("log", "resent", "faults"),
    [
        ([trade(1), BEAT, trade(2)], False, 0),
        ([trade(1), trade(1), trade(2)], True, 0),
        ([trade(1), trade(1), trade(2)], False, 1),
        ([trade(1)], False, 1),
        ([trade(2), trade(1)], False, 2),
        ([trade(1), MARK, trade(2)], False, 1),
    ],
)
def test_a_log_is_right_or_what_is_wrong_is_named(
    log: list[object], resent: bool, faults: int
) -> None:
    carried = Carried(resent=resent)
    for record in log:
        carried.take(record)
    assert len(carried.errors({"A/B": 2}, letters=0)) == faults


def test_a_letter_is_a_fault() -> None:
    assert Carried().errors({}, letters=1) == ["0 gap marks, 1 dead letters"]


def test_what_a_venue_prints_is_counted_by_instrument() -> None:
    carrying = Carrying(trades=23, connections=2, symbols=3)
    sent = carrying.sent()
    assert sum(sent.values()) == 22
    assert sent["C0A0/USDT"] == 4
    assert sent["C1A2/USDT"] == 3


@pytest.mark.parametrize("number", [1, 3, 10_000, 99_999_999])
def test_its_frames_are_the_venues(number: int) -> None:
    """Read by the venue's own decoder; and framed with the length that the protocol wants."""
    venue = VENUES["binance"]("bench", ("C0A0/USDT",))
    text = trade_frame("C0A0USDT", number, 1_700_000_000_000)
    (told,) = venue.read(text.decode(), received_ms=1).trades  # type: ignore[union-attr]
    assert (told.subject, told.sequence, told.event_ms) == ("C0A0/USDT", number, 1_700_000_000_000)
    frame = framed(1, text)
    assert int.from_bytes(frame[2:4], "big") == len(text) == len(frame) - 4
    assert framed(10, b"abc") == b"\x8a\x03abc"
