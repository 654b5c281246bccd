"""Holes at Bybit: whole only if the newest page has both of their ends."""

import json
from decimal import Decimal
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.market.venues import Hole
from streams.collectors.market.venues.bybit import LINEAR_PAGE_MAX, SPOT_PAGE_MAX, Bybit
from topics import Trade

from . import rest
from .ccxt_says import CcxtReader, agree
from .rest import Print, run, tape

SPOT = Bybit("live", ("BTC/USDT",))
LINEAR = Bybit("live", ("BTC/USDT:USDT",))


def trade(p: Print, venue: Bybit = SPOT) -> Trade:
    side: Literal["buy", "sell"] = "sell" if p.side == "sell" else "buy"
    return Trade(
        subject=venue.markets[0].symbol,
        source="live",
        venue="bybit",
        trade_id=f"id-{p.number}",
        event_ms=p.ms,
        received_ms=rest.RECEIVED_MS,
        price=Decimal(p.price),
        size=Decimal(p.size),
        side=side,
    )


def hole(after: Print, before: Print, venue: Bybit = SPOT) -> Hole:
    return Hole(market=venue.markets[0], after=trade(after, venue), before=trade(before, venue))


@pytest.mark.parametrize(
    ("venue", "category", "most"),
    [(SPOT, "spot", SPOT_PAGE_MAX), (LINEAR, "linear", LINEAR_PAGE_MAX)],
)
def test_a_hole_within_the_newest_page_is_whole(venue: Bybit, category: str, most: int) -> None:
    prints = tape(1, most + 100)
    after, before = prints[-most], prints[-3]
    filled, asks = run(venue.fill(hole(after, before, venue)), rest.bybit(prints))
    assert filled.trades == [trade(p, venue) for p in prints[-most + 1 : -3]]
    assert (filled.whole, filled.reason) == (True, "")
    (ask,) = asks
    assert ask.params == {"category": category, "symbol": "BTCUSDT", "limit": most}


@given(data=st.data())
def test_it_is_whole_exactly_if_the_page_has_both_ends(data: st.DataObject) -> None:
    """Ids that mean nothing and times that are the same: nothing comes twice, and no end is given."""
    prints = tape(1, 120, step_ms=data.draw(st.sampled_from([0, 1, 50])))
    at, to = sorted(data.draw(st.lists(st.integers(0, 119), min_size=2, max_size=2, unique=True)))
    known = prints[: data.draw(st.integers(0, 120))]  # REST may lag behind the stream
    filled, _ = run(SPOT.fill(hole(prints[at], prints[to])), rest.bybit(known))
    page = known[-SPOT_PAGE_MAX:]
    assert filled.whole is (prints[at] in page and prints[to] in page)
    inside = [trade(p) for p in prints[at + 1 : to]]
    assert [seen for seen in inside if seen in filled.trades] == filled.trades
    if filled.whole:
        assert filled.trades == inside
    assert filled.whole is not bool(filled.reason)


def test_a_page_in_another_order_proves_nothing() -> None:
    prints = tape(1, 50)
    filled, _ = run(SPOT.fill(hole(prints[10], prints[30])), rest.bybit(prints[::-1]))
    assert (filled.trades, filled.whole) == ([], False)
    assert "not in order" in filled.reason


def test_ids_that_are_not_the_streams_give_nothing_twice() -> None:
    """Then the ends may be in the page under other names: what is of their time is left out."""
    prints = tape(1, 50, step_ms=0)[:5] + tape(6, 50)
    good = rest.bybit(prints)
    for at, to in ((10, 30), (0, 30)):
        filled, _ = run(
            SPOT.fill(hole(prints[at], prints[to])),
            lambda ask: good(ask).replace(b'"id-', b'"other-'),
        )
        begin_ms, end_ms = prints[at].ms, prints[to].ms
        expected = [f"other-{p.number}" for p in prints if begin_ms < p.ms < end_ms]
        assert [seen.trade_id for seen in filled.trades] == expected
        assert not filled.whole


def test_a_bad_trade_of_the_page_may_have_been_in_the_hole() -> None:
    prints = tape(1, 50)
    good = rest.bybit(prints)
    filled, _ = run(
        SPOT.fill(hole(prints[10], prints[30])),
        lambda ask: good(ask).replace(b'"size":"0.50"', b'"size":"-1"', 1),
    )
    assert filled.trades == [trade(p) for p in prints[11:30]]
    assert not filled.whole


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"\xff",
        b'{"retCode":10001,"retMsg":"params error: Symbol Invalid","result":{}}',
        b'{"retCode":0,"retMsg":"OK"}',
        b'{"retCode":0,"retMsg":"OK","result":{"list":{}}}',
        b'{"retCode":0,"retMsg":"OK","result":{"list":[]}}',
        b'{"retCode":0,"retMsg":"OK","result":{"list":[{"symbol":"ETHUSDT","execId":"1","price":"1","size":"1","side":"Buy","time":"1"}]}}',
        b"<html>",
        b"[" * 100_000,
    ],
    ids=lambda body: repr(body[:40]),
)
def test_a_page_that_cannot_be_read_or_is_empty(body: bytes) -> None:
    prints = tape(1, 50)
    filled, asks = run(SPOT.fill(hole(prints[10], prints[30])), lambda _: body)
    assert (filled.trades, filled.whole) == ([], False)
    assert filled.reason
    assert len(asks) == 1


def test_ccxt_reads_the_same_trades_of_rest(ccxt_pro: Any) -> None:
    prints = tape(1, 40)
    filled, asks = run(SPOT.fill(hole(prints[0], prints[39])), rest.bybit(prints))
    reader = CcxtReader(ccxt_pro, SPOT)
    entries = json.loads(rest.bybit(prints)(asks[0]))["result"]["list"]
    theirs = {parsed["id"]: parsed for e in entries if (parsed := reader.parse(e, "BTC/USDT"))}
    assert len(filled.trades) == 38
    for seen in filled.trades:
        agree(seen, theirs[seen.trade_id], name="bybit")
