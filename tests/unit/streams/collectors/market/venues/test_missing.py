"""The numbers of a hole, as pages bring them: in any order, once each, up to a bound."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.market.venues import Hole, Market
from streams.collectors.market.venues.missing import Missing
from topics import Trade

MARKET = Market(symbol="BTC/USD", venue_id="BTC-USD", base="BTC", quote="USD")


def trade(number: int) -> Trade:
    return Trade(
        subject="BTC/USD",
        source="s",
        venue="v",
        trade_id=str(number),
        event_ms=number,
        received_ms=number,
        price=Decimal(1),
        size=Decimal(1),
        side="buy",
        sequence=number,
    )


def missing(after: int, before: int, *, most: int = 100) -> Missing:
    return Missing(Hole(market=MARKET, after=trade(after), before=trade(before)), most=most)


@given(
    pages=st.lists(st.lists(st.integers(0, 30), max_size=8), max_size=8),
    after=st.integers(0, 20),
    width=st.integers(1, 10),
)
def test_it_is_whole_exactly_when_every_number_has_come(
    pages: list[list[int]], after: int, width: int
) -> None:
    wanted = set(range(after + 1, after + width))
    gathered, seen = missing(after, after + width), set[int]()
    for page in pages:
        new = set(page) & wanted - seen
        assert gathered.take([trade(n) for n in page]) is bool(new)
        seen |= new
        assert gathered.full is (seen == wanted)
        assert gathered.next() == min(wanted - seen, default=after + width)
    filled = gathered.filled("gone")
    assert [t.sequence for t in filled.trades] == sorted(seen)
    assert (filled.whole, filled.reason) == ((True, "") if seen == wanted else (False, "gone"))


def test_no_more_than_the_bound_is_taken() -> None:
    gathered = missing(0, 11, most=9)
    full = []
    for last in (8, 10):
        gathered.take(trade(n) for n in range(1, last + 1))
        full.append(gathered.full)
    assert full == [False, True]
    filled = gathered.filled("")
    assert (len(filled.trades), filled.whole) == (9, False)
    assert filled.reason == "more than 9 trades are missing"


def test_a_hole_of_the_bound_is_whole() -> None:
    gathered = missing(0, 10, most=9)
    gathered.take(trade(n) for n in range(1, 10))
    assert gathered.full
    assert gathered.filled("").whole


def test_reasons_are_short() -> None:
    assert len(missing(0, 10).filled("x" * 5_000).reason) == 200
