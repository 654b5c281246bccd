"""Holes at venues whose ids have holes of their own: whole only if the pages overlap both ends."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.market.venues import VENUES, Ask, Hole, Venue
from streams.collectors.market.venues.overlapping import Overlap
from topics import Trade

from . import rest_overlapping as rest
from .rest import BEGIN_MS, RECEIVED_MS, Answer, Print, dumped, run

SYMBOLS = {"bitstamp": "BTC/USD", "gemini": "BTC/USD", "gate": "BTC/USDT", "kucoin": "BTC/USDT"}
PAGES = {"gemini": 500, "gate": 1_000}


def made(name: str) -> Venue:
    return VENUES[name]("live", (SYMBOLS[name],))


def serving(name: str, prints: list[Print]) -> Answer:
    answers: dict[str, Callable[[list[Print]], Answer]] = {
        "bitstamp": lambda p: rest.bitstamp(p, now_ms=p[-1].ms + 5),
        "gemini": rest.gemini,
        "gate": rest.gate,
        "kucoin": rest.kucoin,
    }
    return answers[name](prints)


def sparse(count: int, *, step_ms: int = 7) -> list[Print]:
    """Return trades whose ids rise by 1 to 9."""
    numbers = [1_000 + n * 5 + (n * n) % 5 for n in range(count)]
    return [
        Print(number, BEGIN_MS + n * step_ms, side="sell" if n % 3 else "buy")
        for n, number in enumerate(numbers)
    ]


def trade(name: str, p: Print) -> Trade:
    side: Literal["buy", "sell"] = "sell" if p.side == "sell" else "buy"
    return Trade(
        subject=SYMBOLS[name],
        source="live",
        venue=name,
        trade_id=str(p.number),
        event_ms=p.ms,
        received_ms=RECEIVED_MS,
        price=Decimal(p.price),
        size=Decimal(p.size),
        side=side,
    )


def hole(name: str, after: Print, before: Print) -> Hole:
    market = made(name).markets[0]
    return Hole(market=market, after=trade(name, after), before=trade(name, before))


def same(name: str, filled: list[Trade], prints: list[Print]) -> bool:
    """Whether these are the trades of those, by id, digits and side; times too, where REST has them."""
    expected = [trade(name, p) for p in prints]
    if name != "bitstamp":
        return filled == expected
    return [(t.trade_id, str(t.price), str(t.size), t.side) for t in filled] == [
        (t.trade_id, str(t.price), str(t.size), t.side) for t in expected
    ]


@pytest.mark.parametrize("name", SYMBOLS)
@given(data=st.data())
def test_a_hole_that_the_pages_overlap_is_filled_whole(name: str, data: st.DataObject) -> None:
    prints = sparse(100)
    at, to = sorted(data.draw(st.lists(st.integers(0, 99), min_size=2, max_size=2, unique=True)))
    filled, _ = run(made(name).fill(hole(name, prints[at], prints[to])), serving(name, prints))
    assert (filled.whole, filled.reason) == (True, "")
    assert same(name, filled.trades, prints[at + 1 : to])


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("pages", [1, 2, 5])
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_pages_follow_on_one_another(name: str, pages: int, more: int) -> None:
    """At the bounds of pages: each but the first has one trade of the one before."""
    count = pages * (PAGES[name] - 1) + 1 + more
    prints = sparse(count + 20)
    ends = prints[10], prints[9 + count]
    filled, asks = run(made(name).fill(hole(name, *ends)), serving(name, prints))
    assert filled.whole
    assert same(name, filled.trades, prints[11 : 9 + count])
    assert len(asks) == pages + (more > 0)


@pytest.mark.parametrize("name", SYMBOLS)
@pytest.mark.parametrize("end", ["after", "before"])
def test_a_hole_whose_end_the_venue_does_not_have_is_not_whole(name: str, end: str) -> None:
    prints = sparse(60)
    served = [p for p in prints if p is not prints[20 if end == "after" else 40]]
    filled, _ = run(made(name).fill(hole(name, prints[20], prints[40])), serving(name, served))
    assert not filled.whole
    assert str(prints[20 if end == "after" else 40].number) in filled.reason
    assert same(name, filled.trades, prints[21:40])


@pytest.mark.parametrize("name", SYMBOLS)
def test_a_venue_that_has_not_come_so_far_yet(name: str) -> None:
    """The page ends before the hole does: its trades are given, and it is not whole."""
    prints = sparse(60)
    filled, _ = run(made(name).fill(hole(name, prints[5], prints[40])), serving(name, prints[:30]))
    assert not filled.whole
    expected = [] if name == "gate" else prints[6:30]  # asked from its end down, Gate's page
    if name != "gate":
        assert same(name, filled.trades, expected)


@pytest.mark.parametrize("name", ["kucoin", "gemini"])
def test_the_newest_page_that_does_not_reach_back_is_not_whole(name: str) -> None:
    prints = sparse(2_000)
    ends = prints[100], prints[1_990]
    answer = rest.kucoin(prints) if name == "kucoin" else rest.gemini(prints, latest=True)
    filled, asks = run(made(name).fill(hole(name, *ends)), answer)
    assert not filled.whole
    assert "unseen" in filled.reason
    assert len(asks) == 1
    newest = 100 if name == "kucoin" else 500
    assert same(name, filled.trades, prints[2_000 - newest : 1_990])


def test_bitstamp_is_asked_for_a_day_if_the_hour_does_not_reach_back() -> None:
    prints = sparse(80, step_ms=100_000)
    answer = rest.bitstamp(prints, now_ms=prints[-1].ms)
    filled, asks = run(made("bitstamp").fill(hole("bitstamp", prints[10], prints[70])), answer)
    assert [ask.params["time"] for ask in asks] == ["hour", "day"]
    assert filled.whole
    assert same("bitstamp", filled.trades, prints[11:70])


@given(offset=st.integers(0, 999), steps=st.lists(st.integers(0, 700), min_size=3, max_size=30))
def test_bitstamps_times_stay_within_their_second_and_the_hole(
    offset: int, steps: list[int]
) -> None:
    prints, ms = [], BEGIN_MS + offset
    for n, step in enumerate(steps):
        ms += step
        prints.append(Print(n + 1, ms))
    ends = prints[0], prints[-1]
    answer = rest.bitstamp(prints, now_ms=ms)
    filled, _ = run(made("bitstamp").fill(hole("bitstamp", *ends)), answer)
    assert filled.whole
    times = [t.event_ms for t in filled.trades]
    assert times == sorted(times)
    for p, time in zip(prints[1:-1], times, strict=True):
        assert p.ms // 1000 == time // 1000
        assert ends[0].ms <= time <= p.ms


@pytest.mark.parametrize("name", SYMBOLS)
@given(body=st.binary(max_size=64))
def test_an_unreadable_page_ends_the_filling(name: str, body: bytes) -> None:
    prints = sparse(9)
    filled, asks = run(made(name).fill(hole(name, prints[0], prints[8])), lambda _: body)
    assert not filled.whole
    assert filled.trades == []
    assert filled.reason
    assert len(asks) <= 2


@pytest.mark.parametrize("name", SYMBOLS)
def test_a_row_that_cannot_be_read_makes_the_hole_not_whole(name: str) -> None:
    prints = sparse(30)
    serve = serving(name, prints)

    def answer(ask: Ask) -> bytes:
        page: Any = json.loads(serve(ask))
        rows = page["data"] if name == "kucoin" else page
        at = next(
            n for n, row in enumerate(rows) if str(prints[9].number) in map(str, row.values())
        )
        rows[at] |= {"price": "NaN"}
        return dumped(page)

    filled, _ = run(made(name).fill(hole(name, prints[4], prints[20])), answer)
    assert not filled.whole
    assert "unreadable trade" in filled.reason
    assert same(name, filled.trades, prints[5:9] + prints[10:20])


def test_trades_that_gemini_undid_are_left_out() -> None:
    prints = sparse(10)

    def answer(ask: Ask) -> bytes:
        page: Any = json.loads(rest.gemini(prints)(ask))
        page[5]["broken"] = True
        return dumped(page)

    filled, _ = run(made("gemini").fill(hole("gemini", prints[0], prints[9])), answer)
    assert filled.whole
    assert same("gemini", filled.trades, prints[1:4] + prints[5:9])


def test_kucoin_answers_with_an_error() -> None:
    prints = sparse(3)
    filled, _ = run(
        made("kucoin").fill(hole("kucoin", prints[0], prints[2])),
        lambda _: b'{"code":"900001","msg":"The symbol not exists"}',
    )
    assert (filled.whole, filled.reason) == (False, "900001: The symbol not exists")


@pytest.mark.parametrize("name", SYMBOLS)
@pytest.mark.parametrize("ids", [("a1f", "7"), ("7", "7"), ("9", "7")])
def test_ids_that_do_not_rise_prove_nothing(name: str, ids: tuple[str, str]) -> None:
    at = hole(name, *sparse(2))
    ends = [
        Trade(**{field: getattr(end, field) for field in end.__struct_fields__} | {"trade_id": i})
        for end, i in zip((at.after, at.before), ids, strict=True)
    ]
    nothing = Hole(market=at.market, after=ends[0], before=ends[1])
    filled, asks = run(made(name).fill(nothing), lambda _: b"")
    assert (filled.whole, filled.trades, asks) == (False, [], [])
    assert filled.reason


def test_more_than_is_taken_of_one_hole() -> None:
    prints = sparse(12)
    overlap = Overlap(hole("gate", prints[0], prints[11]), most=4)
    assert overlap.take([trade("gate", p) for p in prints[0:4]])
    assert not overlap.take([trade("gate", p) for p in prints[3:8]])
    filled = overlap.filled()
    assert (filled.whole, filled.reason) == (False, "more than 4 trades are missing")
    assert same("gate", filled.trades, prints[1:8])


@given(data=st.data())
def test_nothing_is_called_whole_that_lacks_a_trade(data: st.DataObject) -> None:
    """Whatever pages come, of whatever contiguous parts of the tape: whole means all, and nothing comes twice."""
    prints = sparse(40)
    at, to = sorted(data.draw(st.lists(st.integers(0, 39), min_size=2, max_size=2, unique=True)))
    overlap = Overlap(hole("gate", prints[at], prints[to]), downwards=data.draw(st.booleans()))
    for _ in range(data.draw(st.integers(1, 6))):
        begin = data.draw(st.integers(0, 39))
        page = prints[begin : begin + data.draw(st.integers(0, 15))]
        if not overlap.take([trade("gate", p) for p in data.draw(st.permutations(page))]):
            break
    filled = overlap.filled()
    inside = prints[at + 1 : to]
    if filled.whole:
        assert same("gate", filled.trades, inside)
    else:
        assert filled.reason
        assert {t.trade_id for t in filled.trades} <= {str(p.number) for p in inside}


@pytest.mark.parametrize("name", SYMBOLS)
def test_ccxt_has_the_endpoint(name: str, ccxt_pro: Any) -> None:
    venue = made(name)
    filling = venue.fill(hole(name, *sparse(2)))
    assert filling is not None
    ask = next(filling)
    assert callable(getattr(getattr(ccxt_pro, venue.exchange)(), ask.endpoint))
