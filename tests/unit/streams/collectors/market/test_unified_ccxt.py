"""What is had of ccxt for venues that we do not read: its rings, its addresses."""

from typing import Any

import pytest
from ccxt.async_support.base.ws.cache import ArrayCache

from streams.collectors.market.unified_ccxt import RING_MAX, Place, create_venue, drain


def entry(number: int) -> dict[str, Any]:
    return {"symbol": "BTC/EUR", "id": str(number)}


@pytest.mark.parametrize("count", [0, 1, 4, 5, 6, 17])
def test_what_a_ring_let_go_of_is_counted_exactly(count: int) -> None:
    """At its bound, where it is full and has lost nothing; and again after it was emptied."""
    ring = ArrayCache(5)
    for begin in (0, 100, 200):
        for number in range(count):
            ring.append(entry(begin + number))
        if begin == 100:
            ring.getLimit("BTC/EUR", None)  # as ccxt does when it wakes who waits
        trades, lost = drain(ring)
        assert [t["id"] for t in trades] == [str(begin + n) for n in range(count)][-5:]
        assert lost == max(0, count - 5)
        assert len(ring) == 0


def test_a_plain_list_is_emptied_too() -> None:
    ring = [entry(1), entry(2)]
    assert drain(ring) == ([entry(1), entry(2)], 0)
    assert ring == []


@pytest.mark.parametrize("venue", ["bitvavo", "bitfinex", "htx", "deribit"])
def test_every_address_leads_to_the_place_that_was_given(venue: str) -> None:
    place = Place(url="ws://127.0.0.1:1/", rest_url="http://127.0.0.1:2")
    exchange = create_venue(venue, place)
    found = list(addresses(exchange.urls["api"]))
    assert found
    for url in found:
        assert url.startswith(("ws://127.0.0.1:1/", "http://127.0.0.1:2")) or url in {
            "ws://127.0.0.1:1",
            "http://127.0.0.1:2",
        }
    assert exchange.options["tradesLimit"] == RING_MAX


def addresses(place: Any) -> list[str]:
    if isinstance(place, dict):
        return [url for inner in place.values() for url in addresses(inner)]
    return [place]
