"""Holes of venues that number their trades, filled from pages as their REST gives them: Kraken and Coinbase."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.market.venues import VENUES, Hole, Venue
from topics import Trade

from . import rest
from .ccxt_says import CcxtReader, agree
from .rest import Answer, Print, run, tape

Rest = Callable[[list[Print]], Answer]
RESTS: dict[str, Rest] = {"kraken": rest.kraken, "coinbase": rest.coinbase}
GARBAGE = [
    b"",
    b"{",
    b"5",
    b"[]",
    b"{}",
    b"null",
    b"\xff",
    b'{"trades":5}',
    b'{"trades":{}}',
    b'{"error":["EGeneral:Internal error"],"result":{}}',
    b'{"error":["EService:Unavailable"]}',
    b'{"error":[],"result":{"last":"1"}}',
    b'{"error":[],"result":{"a":[],"b":[],"last":"1"}}',
    b'{"error":[],"result":{"a":[],"last":5}}',
    b'{"error":[],"result":{"a":5,"last":"5"}}',
    b'{"error":"INVALID_ARGUMENT","message":"no"}',
    b"<html>502 Bad Gateway</html>",
    b"[" * 100_000,
]


def venue(name: str) -> Venue:
    return VENUES[name]("live", ("BTC/USD",))


def trade(name: str, p: Print) -> Trade:
    side: Literal["buy", "sell"] = "sell" if p.side == "sell" else "buy"
    return Trade(
        subject="BTC/USD",
        source="live",
        venue=name,
        trade_id=str(p.number),
        event_ms=p.ms,
        received_ms=rest.RECEIVED_MS,
        price=Decimal(p.price),
        size=Decimal(p.size),
        side=side,
        sequence=p.number,
    )


def hole(name: str, after: Print, before: Print) -> Hole:
    return Hole(market=venue(name).markets[0], after=trade(name, after), before=trade(name, before))


@pytest.mark.parametrize("name", RESTS)
@pytest.mark.parametrize("missing", [0, 1, 998, 1_000, 2_500])
def test_all_of_it_page_after_page(name: str, missing: int) -> None:
    """The trades of REST are those of the stream: same digits, sides, times and numbers."""
    prints = tape(1, missing + 500)
    after, before = prints[100], prints[101 + missing]
    filled, asks = run(venue(name).fill(hole(name, after, before)), RESTS[name](prints))
    assert (filled.whole, filled.reason) == (True, "")
    assert filled.trades == [trade(name, p) for p in prints[101 : 101 + missing]]
    assert len(asks) <= 1 + missing // 800  # pages overlap where their times do


@pytest.mark.parametrize("name", RESTS)
@given(data=st.data())
def test_it_is_whole_exactly_if_nothing_is_missing(name: str, data: st.DataObject) -> None:
    """Whatever the venue has lost of it: what it has is given once, in order, and the rest is not hidden."""
    prints = tape(1, 60, step_ms=data.draw(st.sampled_from([0, 1, 400, 2_500])))
    at, to = sorted(data.draw(st.lists(st.integers(0, 59), min_size=2, max_size=2, unique=True)))
    lost = data.draw(st.sets(st.integers(1, 60), max_size=4))
    have = [p for p in prints if p.number not in lost]
    filled, _ = run(venue(name).fill(hole(name, prints[at], prints[to])), RESTS[name](have))
    assert filled.trades == [trade(name, p) for p in prints[at + 1 : to] if p.number not in lost]
    assert filled.whole is not any(p.number in lost for p in prints[at + 1 : to])
    assert filled.whole is not bool(filled.reason)


@pytest.mark.parametrize("name", RESTS)
def test_what_the_venue_does_not_have_any_more(name: str) -> None:
    prints = tape(1, 500)
    filled, _ = run(
        venue(name).fill(hole(name, prints[10], prints[400])), RESTS[name](prints[200:])
    )
    assert filled.trades == [trade(name, p) for p in prints[200:400]]
    assert not filled.whole
    assert "does not have" in filled.reason


@pytest.mark.parametrize("name", RESTS)
def test_a_venue_that_has_nothing(name: str) -> None:
    prints = tape(1, 50)
    filled, asks = run(venue(name).fill(hole(name, prints[3], prints[30])), RESTS[name]([]))
    assert (filled.trades, filled.whole) == ([], False)
    assert len(asks) == 1


@pytest.mark.parametrize("name", RESTS)
@pytest.mark.parametrize("page", [[5, 6], [900], []])
def test_a_venue_that_says_the_same_for_ever(name: str, page: list[int]) -> None:
    """Pages that bring nothing new end it."""
    prints = tape(1, 1_000)
    stuck = RESTS[name]([prints[n] for n in page])

    def answer(ask: Any) -> bytes:
        for key, value in (("since", "0"), ("start", "0"), ("end", str(10**11))):
            if key in ask.params:
                ask.params[key] = value
        return stuck(ask)

    filled, asks = run(venue(name).fill(hole(name, prints[3], prints[800])), answer)
    assert not filled.whole
    assert len(asks) <= 2


@pytest.mark.parametrize("name", RESTS)
@pytest.mark.parametrize("body", GARBAGE, ids=lambda body: repr(body[:24]))
def test_a_page_that_cannot_be_read(name: str, body: bytes) -> None:
    prints = tape(1, 50)
    filled, asks = run(venue(name).fill(hole(name, prints[3], prints[30])), lambda _: body)
    assert (filled.trades, filled.whole) == ([], False)
    assert filled.reason
    assert len(filled.reason) <= 200
    assert len(asks) == 1


@pytest.mark.parametrize("name", RESTS)
def test_what_came_before_a_page_that_cannot_be_read_is_kept(name: str) -> None:
    prints = tape(1, 3_000)
    good, answered = RESTS[name](prints), 0

    def answer(ask: Any) -> bytes:
        nonlocal answered
        answered += 1
        return good(ask) if answered == 1 else b"<html>"

    filled, _ = run(venue(name).fill(hole(name, prints[3], prints[2_900])), answer)
    assert len(filled.trades) > 800
    assert not filled.whole
    assert "unreadable page" in filled.reason


@pytest.mark.parametrize("name", RESTS)
def test_a_bad_trade_of_a_page_costs_no_other_and_the_hole_is_not_whole(name: str) -> None:
    prints = tape(1, 50)
    good = RESTS[name](prints)

    def answer(ask: Any) -> bytes:
        return good(ask).replace(b'"0.50"', b'"NaN"', 1)

    filled, _ = run(venue(name).fill(hole(name, prints[0], prints[49])), answer)
    assert len(filled.trades) >= 47  # the bad one may be an end of the hole
    assert filled.whole is (len(filled.trades) == 48)


def test_another_products_trades_are_not_taken() -> None:
    two = VENUES["coinbase"]("live", ("BTC/USD", "ETH/USD"))
    prints = tape(1, 50)
    asked = Hole(
        market=two.markets[0],
        after=trade("coinbase", prints[3]),
        before=trade("coinbase", prints[30]),
    )
    good = rest.coinbase(prints)
    filled, _ = run(two.fill(asked), lambda ask: good(ask).replace(b"BTC-USD", b"ETH-USD"))
    assert (filled.trades, filled.whole) == ([], False)


@pytest.mark.parametrize("time", ["1e999999999", '"NaN"', '"sNaN"', "-1", "1e30", "true"])
def test_krakens_times_are_not_believed_beyond_reason(time: str) -> None:
    """An exponent that would make an integer of a billion digits, a time that is none."""
    prints = tape(1, 50)
    row = f'["100","1",{time},"b","l","",20]'
    body = f'{{"error":[],"result":{{"XXBTZUSD":[{row}],"last":"1"}}}}'.encode()
    filled, _ = run(venue("kraken").fill(hole("kraken", prints[3], prints[30])), lambda _: body)
    assert (filled.trades, filled.whole) == ([], False)


def test_kraken_calls_some_assets_otherwise_by_rest() -> None:
    made = VENUES["kraken"]("live", ("DOGE/USD", "SOL/BTC"))
    asked = []
    for market in made.markets:
        ends = [
            Trade(**{**_fields(trade("kraken", p)), "subject": market.symbol}) for p in tape(1, 9)
        ]
        filling = made.fill(Hole(market=market, after=ends[0], before=ends[8]))
        assert filling is not None
        asked.append(next(filling).params["pair"])
    assert asked == ["XDGUSD", "SOLXBT"]


def _fields(seen: Trade) -> dict[str, Any]:
    return {name: getattr(seen, name) for name in seen.__struct_fields__}


@pytest.mark.parametrize("name", RESTS)
def test_ccxt_reads_the_same_trades_of_rest(name: str, ccxt_pro: Any) -> None:
    prints = tape(1, 40)
    filled, asks = run(venue(name).fill(hole(name, prints[0], prints[39])), RESTS[name](prints))
    body = json.loads(RESTS[name](prints)(asks[0]))
    entries = body["trades"] if name == "coinbase" else body["result"]["XXBTZUSD"]
    reader = CcxtReader(ccxt_pro, venue(name))
    theirs = {parsed["id"]: parsed for e in entries if (parsed := reader.parse(e, "BTC/USD"))}
    assert len(filled.trades) == 38
    for seen in filled.trades:
        agree(seen, theirs[seen.trade_id], name=name)
