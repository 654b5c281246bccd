"""Holes at OKX: fills of REST, put together as the stream does it."""

import json
from decimal import Decimal
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.market.venues import Hole, okx
from streams.collectors.market.venues.okx import PAGE_MAX, Okx
from topics import Trade

from . import rest
from .ccxt_says import CcxtReader, agree
from .rest import Print, run, tape

VENUE = Okx("live", ("BTC/USDT",))


class Taken(msgspec.Struct, frozen=True):
    """What one taker had at one price: one frame of the stream."""

    fills: tuple[Print, ...]

    @property
    def trade(self) -> Trade:
        last = self.fills[-1]
        side: Literal["buy", "sell"] = "sell" if last.side == "sell" else "buy"
        return Trade(
            subject="BTC/USDT",
            source="live",
            venue="okx",
            trade_id=str(last.number),
            event_ms=last.ms,
            received_ms=rest.RECEIVED_MS,
            price=Decimal(last.price),
            size=sum((Decimal(fill.size) for fill in self.fills), Decimal(0)),
            side=side,
        )


@st.composite
def takings(draw: st.DrawFn) -> list[Taken]:
    """Takers one after the other, each at another price or side or time than the one before."""
    taken: list[Taken] = []
    number, ms = 100, rest.BEGIN_MS
    for at in range(draw(st.integers(2, 10))):
        price, side = f"{100 + at % 3}.5", draw(st.sampled_from(["buy", "sell"]))
        ms += draw(st.sampled_from([0, 0, 1, 300]))
        sizes = draw(
            st.lists(st.sampled_from(["0.1", "0.30", "12", "0.00000001"]), min_size=1, max_size=3)
        )
        taken.append(
            Taken(tuple(Print(number + n, ms, price, size, side) for n, size in enumerate(sizes)))
        )
        number += len(sizes)
    return taken


def hole(after: Trade, before: Trade) -> Hole:
    return Hole(market=VENUE.markets[0], after=after, before=before)


def fills(taken: list[Taken]) -> list[Print]:
    return [fill for one in taken for fill in one.fills]


@given(taken=takings(), data=st.data())
def test_the_trades_are_those_the_stream_would_have_brought(
    taken: list[Taken], data: st.DataObject
) -> None:
    """Their ids and sizes, none of the fills of either end, and whole for certain."""
    at = data.draw(st.integers(0, len(taken) - 2))
    to = data.draw(st.integers(at + 1, len(taken) - 1))
    filled, _ = run(VENUE.fill(hole(taken[at].trade, taken[to].trade)), rest.okx(fills(taken)))
    assert filled.trades == [one.trade for one in taken[at + 1 : to]]
    assert (filled.whole, filled.reason) == (True, "")


@given(taken=takings(), data=st.data())
def test_what_is_lost_is_not_hidden_and_nothing_comes_twice(
    taken: list[Taken], data: st.DataObject
) -> None:
    """Of a venue that lost fills: only whole trades of the hole, and it is not whole."""
    at = data.draw(st.integers(0, len(taken) - 2))
    to = data.draw(st.integers(at + 1, len(taken) - 1))
    inside = fills(taken[at + 1 : to + 1])
    lost = data.draw(st.sets(st.sampled_from(inside), min_size=1, max_size=4))
    have = [fill for fill in fills(taken) if fill not in lost]
    filled, _ = run(VENUE.fill(hole(taken[at].trade, taken[to].trade)), rest.okx(have))
    assert not filled.whole
    assert filled.reason
    possible = {one.trade.trade_id: one for one in taken[at + 1 : to]}
    for seen in filled.trades:
        assert seen == possible.pop(seen.trade_id).trade  # once, and of the hole


def test_fills_of_two_sources_are_two_trades() -> None:
    """Although they are of one time, price and side."""
    prints = [Print(n, rest.BEGIN_MS, "101" if 1 < n < 6 else f"{n}") for n in range(1, 8)]
    good = rest.okx(prints)
    for of_another in (b'"2"', b'"3"'):
        filled, _ = run(
            VENUE.fill(hole(Taken((prints[0],)).trade, Taken((prints[6],)).trade)),
            lambda ask, of=of_another: good(ask).replace(  # type: ignore[misc]
                b'"source":"0","tradeId":' + of, b'"source":"1","tradeId":' + of
            ),
        )
        ids = {b'"2"': ["2", "5", "6"], b'"3"': ["2", "3", "5", "6"]}[of_another]
        assert [seen.trade_id for seen in filled.trades] == ids
        assert filled.whole


def test_a_trade_of_which_an_end_is_lost_is_left_out() -> None:
    """Whichever end: half of its size would be worse than none."""
    taken = [
        Taken((Print(10, rest.BEGIN_MS),)),
        Taken(tuple(Print(n, rest.BEGIN_MS + 1, "101", "2") for n in (11, 12, 13))),
        Taken((Print(14, rest.BEGIN_MS + 2, "102", "3"),)),
        Taken((Print(15, rest.BEGIN_MS + 3, "103", "4"),)),
    ]
    for lost in (11, 12, 13):
        have = [fill for fill in fills(taken) if fill.number != lost]
        filled, _ = run(VENUE.fill(hole(taken[0].trade, taken[3].trade)), rest.okx(have))
        assert filled.trades == [taken[2].trade][: 0 if lost == 13 else 1]
        assert not filled.whole


@pytest.mark.parametrize("missing", [0, 1, 99, 100, 101, 350])
def test_all_of_it_page_after_page(missing: int) -> None:
    prints = [Print(n, rest.BEGIN_MS + n, f"{n}.5") for n in range(1, missing + 200)]
    taken = [Taken((p,)) for p in prints]
    after, before = taken[50], taken[51 + missing]
    filled, asks = run(VENUE.fill(hole(after.trade, before.trade)), rest.okx(prints))
    assert filled.whole
    assert filled.trades == [one.trade for one in taken[51 : 51 + missing]]
    assert len(asks) == (missing + 1) // PAGE_MAX + bool((missing + 1) % PAGE_MAX)
    assert asks[0].params["after"] == str(int(before.trade.trade_id) + 1)


def test_the_trade_behind_the_hole_that_rest_does_not_have_yet() -> None:
    """Then nothing proves which fills are its own: those that could be are left out."""
    prints = [Print(n, rest.BEGIN_MS + n, "100" if n < 20 else "101") for n in range(1, 31)]
    before = Taken(tuple(p for p in prints if p.number > 25)).trade  # 26 to 30, at 101
    after = Taken((prints[4],)).trade
    filled, _ = run(VENUE.fill(hole(after, before)), rest.okx(prints[:28]))
    assert [int(trade.trade_id) for trade in filled.trades] == list(range(6, 20))
    assert not filled.whole


@pytest.mark.parametrize("size", ["0.3", "0.49999999", "3.1", "99"])
def test_a_size_that_the_fills_do_not_make_up(size: str) -> None:
    """What the stream said and what REST says do not fit: nothing is certain."""
    prints = [Print(n, rest.BEGIN_MS + n, "100" if n < 20 else "101") for n in range(1, 31)]
    before = msgspec.structs.replace(Taken((prints[29],)).trade, size=Decimal(size))
    filled, _ = run(VENUE.fill(hole(Taken((prints[4],)).trade, before)), rest.okx(prints))
    assert not filled.whole
    assert "make up its size" in filled.reason


def test_a_venue_that_has_nothing_or_only_the_newest() -> None:
    prints = [Print(n, rest.BEGIN_MS + n, f"{n}.5") for n in range(1, 301)]
    asked = hole(Taken((prints[4],)).trade, Taken((prints[299],)).trade)
    filled, asks = run(VENUE.fill(asked), rest.okx([]))
    assert (filled.trades, filled.whole, len(asks)) == ([], False, 1)
    filled, _ = run(VENUE.fill(asked), rest.okx(prints[100:]))
    assert [int(trade.trade_id) for trade in filled.trades] == list(range(102, 300))
    assert (filled.whole, filled.reason) == (False, "okx does not have 100")


def test_a_venue_that_says_the_same_for_ever() -> None:
    prints = [Print(n, rest.BEGIN_MS + n, f"{n}.5") for n in range(1, 301)]
    asked = hole(Taken((prints[4],)).trade, Taken((prints[299],)).trade)
    page = rest.okx(prints[250:])
    filled, asks = run(
        VENUE.fill(asked),
        lambda ask: page(msgspec.structs.replace(ask, params={**ask.params, "after": 10**9})),
    )
    assert not filled.whole
    assert len(asks) == 2


@pytest.mark.parametrize(("missing", "whole"), [(199, True), (200, False), (990, False)])
def test_a_hole_that_is_too_large_is_not_whole(
    missing: int, whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 200 fills at most, one is that of the trade behind the hole."""
    monkeypatch.setattr(okx, "FILL_TRADES_MAX", 200)
    prints = [Print(n, rest.BEGIN_MS + n, f"{n}.5") for n in range(1, 1_001)]
    asked = hole(Taken((prints[4],)).trade, Taken((prints[5 + missing],)).trade)
    filled, asks = run(VENUE.fill(asked), rest.okx(prints))
    assert (len(asks), filled.whole) == (2, whole)
    assert filled.reason == ("" if whole else "more than 200 trades are missing")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"\xff",
        b'{"code":"50011","msg":"Too Many Requests","data":[]}',
        b'{"code":0,"data":[]}',
        b'{"code":"0","data":{}}',
        b'{"code":"0","data":[5]}',
        b'{"code":"0","data":[{"instId":"ETH-USDT","tradeId":"20","px":"1","sz":"1","side":"buy","ts":"1"}]}',
        b'{"code":"0","data":[{"instId":"BTC-USDT","tradeId":"x","px":"1","sz":"1","side":"buy","ts":"1"}]}',
        b"<html>",
        b"[" * 100_000,
    ],
    ids=lambda body: repr(body[:40]),
)
def test_a_page_that_cannot_be_read(body: bytes) -> None:
    prints = tape(1, 50)
    asked = hole(Taken((prints[4],)).trade, Taken((prints[30],)).trade)
    filled, asks = run(VENUE.fill(asked), lambda _: body)
    assert (filled.trades, filled.whole) == ([], False)
    assert filled.reason
    assert len(asks) == 1


@pytest.mark.parametrize("trade_id", ["x", "", "9" * 40, "-1", "\u0661"])
def test_ids_that_are_no_numbers_fill_nothing(trade_id: str) -> None:
    one = Taken((tape(1, 1)[0],)).trade
    strange = msgspec.structs.replace(one, trade_id=trade_id)
    for ends in ((strange, one), (one, strange)):
        filled, asks = run(VENUE.fill(hole(*ends)), rest.okx([]))
        assert (filled.trades, filled.whole, asks) == ([], False, [])


def test_ccxt_reads_the_same_fills_of_rest(ccxt_pro: Any) -> None:
    prints = [Print(n, rest.BEGIN_MS + n, f"{n}.5") for n in range(1, 41)]
    asked = hole(Taken((prints[0],)).trade, Taken((prints[39],)).trade)
    filled, asks = run(VENUE.fill(asked), rest.okx(prints))
    reader = CcxtReader(ccxt_pro, VENUE)
    entries = json.loads(rest.okx(prints)(asks[0]))["data"]
    theirs = {parsed["id"]: parsed for e in entries if (parsed := reader.parse(e, "BTC/USDT"))}
    assert len(filled.trades) == 38
    for seen in filled.trades:
        agree(seen, theirs[seen.trade_id], name="okx")
