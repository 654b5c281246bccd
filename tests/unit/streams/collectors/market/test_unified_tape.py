"""Trades as ccxt has parsed them: taken once, and what a cut cost is given or told."""

from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.market.unified_tape import IDS_MAX, UnifiedTape
from topics import GapDetected, GapFilled, GapMark, GapPermanent, Trade

BTC, ETH = "BTC/EUR", "ETH/EUR"
BEGIN_MS = 1_764_100_800_000


def parsed(number: int, symbol: str = BTC, **other: Any) -> dict[str, Any]:
    """Return a trade as ccxt has it."""
    return {
        "id": f"id-{number}",
        "symbol": symbol,
        "timestamp": BEGIN_MS + number * 10,
        "side": "buy" if number % 2 else "sell",
        "price": Decimal("63000.10"),
        "amount": Decimal("0.00100"),
        "info": {},
    } | other


def created() -> UnifiedTape:
    return UnifiedTape("live", "other/unified", (BTC, ETH))


def trade(tape: UnifiedTape, number: int, symbol: str = BTC) -> Trade:
    return tape.read(parsed(number, symbol), received_ms=BEGIN_MS)


def taken(tape: UnifiedTape, *numbers: int) -> list[bool]:
    return [bool(tape.take(trade(tape, number))) for number in numbers]


def kinds(marks: list[Any]) -> list[str]:
    return [type(mark).__name__ for mark in marks]


def test_a_trade_has_what_ccxt_says_and_no_number() -> None:
    read = created().read(parsed(7), received_ms=5)
    assert (read.venue, read.trade_id, read.sequence) == ("other/unified", "id-7", None)
    assert (str(read.price), str(read.size), read.side) == ("63000.10", "0.00100", "buy")
    assert (read.event_ms, read.received_ms) == (BEGIN_MS + 70, 5)


@pytest.mark.parametrize("given_id", [None, ""])
def test_a_trade_without_an_id_is_known_by_all_that_it_says(given_id: str | None) -> None:
    tape = created()
    ids = {
        tape.read(parsed(n, id=given_id, timestamp=BEGIN_MS + n), received_ms=0).trade_id
        for n in (1, 1, 3)
    }
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("symbol", "NO/SUCH"),
        ("symbol", None),
        ("symbol", ["x"]),
        ("side", None),
        ("side", "BUY"),
        ("timestamp", None),
        ("timestamp", -1),
        ("timestamp", True),
        ("timestamp", 1.5),
        ("timestamp", 10**18),
        ("price", None),
        ("price", "NaN"),
        ("price", 0),
        ("price", Decimal("1e99")),
        ("amount", "x"),
        ("amount", float("inf")),
        ("id", "x" * 129),
    ],
)
def test_what_is_no_trade_is_refused(field: str, value: Any) -> None:
    with pytest.raises((ValueError, ArithmeticError)):
        created().read(parsed(1, **{field: value}), received_ms=0)


@given(entry=st.dictionaries(st.sampled_from(list(parsed(1))), st.none() | st.text() | st.floats()))
def test_whatever_is_parsed_is_a_trade_or_refused(entry: dict[str, Any]) -> None:
    with suppress(ValueError, ArithmeticError):
        assert isinstance(created().read(parsed(1) | entry, received_ms=0), Trade)


def test_ids_are_known_again_up_to_the_bound() -> None:
    tape = created()
    taken(tape, *range(IDS_MAX))
    assert taken(tape, 0) == [False]
    taken(tape, IDS_MAX)
    assert taken(tape, 1, 0) == [False, True]
    assert tape.duplicates == 2


def test_nothing_is_in_doubt_before_a_connection_broke() -> None:
    tape = created()
    taken(tape, 1, 5, 9)
    assert tape.doubts == {}


def test_a_page_with_both_ends_fills_what_it_has_between_them() -> None:
    tape = created()
    taken(tape, 1, 2)
    tape.broke(BEGIN_MS)
    gap, first = tape.take(trade(tape, 6))
    assert first == trade(tape, 6)
    taken(tape, 7)
    page = [trade(tape, n) for n in range(8)]
    out = tape.resolve(BTC, [page])
    assert out is not None
    assert kinds(out) == ["Trade", "Trade", "Trade", "GapFilled"]
    assert [t.trade_id for t in out if isinstance(t, Trade)] == ["id-3", "id-4", "id-5"]
    assert taken(tape, 3, 4, 5) == [False] * 3
    assert isinstance(gap, GapDetected)
    assert (gap.from_ms, gap.to_ms) == (BEGIN_MS + 20, BEGIN_MS + 60)


def test_a_page_with_both_ends_and_nothing_between_ends_the_gap() -> None:
    tape = created()
    taken(tape, 1, 2)
    tape.broke(BEGIN_MS)
    taken(tape, 3)
    assert kinds(tape.resolve(BTC, [[trade(tape, n) for n in (1, 2, 3)]]) or []) == ["GapFilled"]
    assert BTC not in tape.doubts


@pytest.mark.parametrize("numbers", [(1, 2, 3, 4, 5), (3, 4, 5, 6)])
def test_a_page_with_one_end_proves_nothing_and_gives_what_it_has(numbers: tuple[int, ...]) -> None:
    tape = created()
    taken(tape, 1, 2)
    tape.broke(BEGIN_MS)
    taken(tape, 6)
    page = [trade(tape, n) for n in numbers]
    assert tape.resolve(BTC, [page]) is None
    out = tape.resolve(BTC, [page], last_try="no page has both")
    assert out is not None
    assert kinds(out) == ["Trade", "Trade", "Trade", "GapPermanent"]
    end = out[-1]
    assert isinstance(end, GapPermanent)
    assert end.reason == "no page has both"


def test_a_page_whose_ids_are_of_another_kind_gives_nothing() -> None:
    """Else every trade of it would be given twice."""
    tape = created()
    taken(tape, 1, 2)
    tape.broke(BEGIN_MS)
    taken(tape, 6)
    page = [tape.read(parsed(n, id=f"rest-{n}"), received_ms=0) for n in range(8)]
    out = tape.resolve(BTC, [page], last_try="no page has both")
    assert out is not None
    assert kinds(out) == ["GapPermanent"]


def test_a_symbol_that_never_traded_is_proven_by_a_page_that_begins_before() -> None:
    for first, expected in ((0, ["Trade", "GapFilled"]), (4, None)):
        tape = created()
        tape.broke(BEGIN_MS + 25)
        taken(tape, 6)
        page = [trade(tape, n) for n in (0, 4, 6) if n >= first]
        out = tape.resolve(BTC, [page])
        assert (out if out is None else kinds(out)) == expected


def test_connections_that_break_one_after_the_other_are_one_gap_that_grows() -> None:
    tape = created()
    taken(tape, 1, 2)
    tape.broke(BEGIN_MS)
    first, _ = tape.take(trade(tape, 5))
    tape.broke(BEGIN_MS)
    assert tape.doubts[BTC].before is None
    second, _ = tape.take(trade(tape, 8))
    assert isinstance(first, GapDetected)
    assert isinstance(second, GapDetected)
    assert first.gap_id == second.gap_id
    assert (first.to_ms, second.to_ms) == (BEGIN_MS + 50, BEGIN_MS + 80)
    out = tape.resolve(BTC, [[trade(tape, n) for n in range(9)]])
    assert out is not None
    assert [t.trade_id for t in out if isinstance(t, Trade)] == ["id-3", "id-4", "id-6", "id-7"]


def test_what_was_told_is_ended_though_nothing_was_missed() -> None:
    tape = created()
    taken(tape, 1)
    tape.broke(BEGIN_MS)
    assert kinds(tape.tell(BTC, BEGIN_MS + 1_000)) == ["GapDetected"]
    assert tape.tell(BTC, BEGIN_MS + 2_000) == []
    assert kinds(list(tape.take(trade(tape, 2)))) == ["GapDetected", "Trade"]
    assert kinds(tape.resolve(BTC, [[trade(tape, n) for n in (1, 2)]]) or []) == ["GapFilled"]


def test_trades_that_ccxt_let_go_of_are_a_permanent_gap() -> None:
    tape = created()
    taken(tape, 1)
    gap, end = tape.lost(BTC, BEGIN_MS + 90, "3 trades")
    assert isinstance(gap, GapDetected)
    assert isinstance(end, GapPermanent)
    assert (gap.from_ms, gap.to_ms) == (BEGIN_MS + 10, BEGIN_MS + 90)
    assert (end.gap_id, end.reason) == (gap.gap_id, "3 trades")


def test_a_start_goes_on_after_the_log() -> None:
    tape = created()
    past = [trade(tape, n) for n in (1, 2)]
    other = Trade(**{f: getattr(past[0], f) for f in past[0].__struct_fields__} | {"venue": "x"})
    gaps = [
        GapDetected(gap_id=gap, subject=BTC, source="live", venue="x", from_ms=1, to_ms=2)
        for gap in ("1", "2")
    ]
    filled = GapFilled(gap_id="1", subject=BTC, source="live", venue="x", from_ms=1, to_ms=2)
    marks = tape.resume([*gaps, other, *past, filled], BEGIN_MS)
    assert [(mark.gap_id, type(mark)) for mark in marks] == [("2", GapPermanent)]
    assert taken(tape, 1, 2, 3) == [False, False, True]
    assert tape.doubts[BTC].after == past[-1]
    assert tape.doubts[ETH].from_ms == BEGIN_MS


def happened(tape: UnifiedTape, data: st.DataObject, count: int) -> list[Trade | GapMark]:
    """Return what is given of a market that goes on while connections break; REST reaches so far back and no further."""
    out: list[Trade | GapMark] = []
    reach, connected = data.draw(st.integers(1, 12)), True
    for number in range(count):
        if data.draw(st.integers(0, 9)) == 0:
            if connected:
                tape.broke(BEGIN_MS)
            connected = not connected
        if not connected:
            continue
        out += tape.take(trade(tape, number))
        doubt = tape.doubts.get(BTC)
        if doubt is not None and doubt.before is not None and data.draw(st.booleans()):
            page = [trade(tape, n) for n in range(max(0, number + 1 - reach), number + 1)]
            out += tape.resolve(BTC, [page], last_try="REST does not reach back") or []
    return out


@given(data=st.data())
def test_what_traded_is_given_once_or_lies_in_a_gap_that_was_not_filled(
    data: st.DataObject,
) -> None:
    """Whenever it stops: also before a doubt could be resolved."""
    count = data.draw(st.integers(1, 60))
    out = happened(created(), data, count)
    given_ids = [seen.trade_id for seen in out if isinstance(seen, Trade)]
    assert len(given_ids) == len(set(given_ids))
    gaps = {mark.gap_id: mark for mark in out if isinstance(mark, GapDetected)}
    ends = [mark.gap_id for mark in out if isinstance(mark, GapFilled | GapPermanent)]
    assert len(ends) == len(set(ends))
    assert set(ends) <= set(gaps)
    for mark in out:
        if isinstance(mark, GapFilled):
            del gaps[mark.gap_id]
    last_ms = max((seen.event_ms for seen in out if isinstance(seen, Trade)), default=0)
    lost = [n for n in range(count) if f"id-{n}" not in given_ids]
    for at_ms in (BEGIN_MS + n * 10 for n in lost):
        assert at_ms > last_ms or any(g.from_ms <= at_ms <= g.to_ms for g in gaps.values())
