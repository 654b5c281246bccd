"""How a hole in Binance's aggregates is filled, from pages as its REST gives them."""

import json

import pytest

from streams.collectors.market.venues import Ask, Filled, Hole, Reply
from streams.collectors.market.venues.binance import PAGE_MAX, Binance
from topics import Trade

NOW_MS = 1_700_000_100_000


def record(number: int) -> dict[str, object]:
    return {
        "a": number,
        "p": "100.10",
        "q": "0.5",
        "f": 1,
        "l": 1,
        "T": 1_700_000_000_000 + number,
        "m": True,
        "M": True,
    }


def trade(venue: Binance, number: int) -> Trade:
    frame = json.dumps({"e": "aggTrade", "E": NOW_MS, "s": "BTCUSDT", **record(number)})
    reading = venue.read(frame, received_ms=NOW_MS)
    return reading.trades[0]  # type: ignore[union-attr]


def fill(first: int, last: int, have: range) -> tuple[Filled, list[Ask]]:
    """Fill what is missing between two numbers, of a venue that has those."""
    venue = Binance("live", ("BTC/USDT",))
    hole = Hole(market=venue.markets[0], after=trade(venue, first), before=trade(venue, last))
    filling, asked = venue.fill(hole), []
    try:
        ask = next(filling)
        while True:
            asked.append(ask)
            start = int(ask.params["fromId"])
            page = [record(n) for n in range(start, start + PAGE_MAX) if n in have]
            ask = filling.send(Reply(body=json.dumps(page).encode(), received_ms=NOW_MS))
    except StopIteration as end:
        return end.value, asked


def test_all_of_it_page_after_page() -> None:
    filled, asked = fill(10, 10 + 2 * PAGE_MAX, range(100_000))
    assert filled.whole
    assert [t.sequence for t in filled.trades] == list(range(11, 10 + 2 * PAGE_MAX))
    assert [ask.params["fromId"] for ask in asked] == [11, 11 + PAGE_MAX]
    assert str(filled.trades[0].price) == "100.10"


def test_what_the_venue_does_not_have_any_more() -> None:
    filled, _ = fill(10, 20, range(15, 100))
    assert [t.sequence for t in filled.trades] == list(range(15, 20))
    assert (filled.whole, filled.reason) == (False, "binance does not have 11")


@pytest.mark.parametrize("body", [b"{", b'{"code":-1100,"msg":"no"}', b'[{"a":11}]', b"\xff"])
def test_a_page_that_cannot_be_read(body: bytes) -> None:
    venue = Binance("live", ("BTC/USDT",))
    hole = Hole(market=venue.markets[0], after=trade(venue, 10), before=trade(venue, 20))
    filling = venue.fill(hole)
    next(filling)
    with pytest.raises(StopIteration) as end:
        filling.send(Reply(body=body, received_ms=NOW_MS))
    assert not end.value.value.whole
    assert "unreadable page" in end.value.value.reason
