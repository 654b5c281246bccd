"""Many records at once give what the same records give one by one, wherever a slice is cut."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streams.windows import Fold, feed_slice, seen, take_entries
from streams.windows.columns import Columns, lanes_of
from streams.windows.intake import Logged
from streams.windows.runs import MANY, PIECE
from tests.strategies.logs import START_MS, logs
from topics import KINDS, Heartbeat, Kind, Trade, encode

LOGGED_MS = START_MS + 10**9
Log = list[Logged]
ODDITIES = (
    "tick",
    "bad",
    "utf8",
    "deep",
    "late",
    "ahead",
    "big",
    "none",
    "key",
    "venue",
    "source",
    "same",
)
AMOUNTS = [
    (Decimal(price), Decimal(size))
    for price in ("0.1", "1e-12", "7")
    for size in ("0.3", "1e9", "2.5e-9", "1")
]


def made(records: list[tuple[bytes | None, bytes]]) -> Log:
    return [Logged(at, LOGGED_MS, key, value) for at, (key, value) in enumerate(records)]


def fold(kind: Kind = "market") -> Fold:
    return Fold(kind, 0, partitions=1, subjects_max=4)


def one_by_one(kind: Kind, log: Log) -> Fold:
    folded = fold(kind)
    for record in log:
        folded.feed(record.offset, record.timestamp, record.key, record.value or b"")
    return folded


def sliced(kind: Kind, log: Log, cuts: list[int]) -> Fold:
    folded = fold(kind)
    for begin, end in zip([0, *cuts], [*cuts, len(log)], strict=True):
        feed_slice(folded, log[begin:end])
    return folded


def assert_same(found: Fold, expected: Fold) -> None:
    """Outputs to the byte and in order; state but for the order in which a dictionary was filled."""
    said = [encode(output) for output in found.outputs]
    assert said == [encode(output) for output in expected.outputs]
    assert found.counters == expected.counters
    assert found.clock == expected.clock
    assert (found.first_offset, found.next_offset) == (expected.first_offset, expected.next_offset)
    entries = {key: _unordered(value) for key, value in take_entries(found, 1)}
    assert entries == {key: _unordered(value) for key, value in take_entries(expected, 1)}


def _unordered(value: bytes | None) -> Any:
    import msgspec  # noqa: PLC0415

    return None if value is None else msgspec.json.decode(value)


def trade(number: int, at: int, **fields: Any) -> tuple[bytes | None, bytes]:
    base: dict[str, Any] = {
        "subject": "BTC/USDT",
        "source": "one",
        "venue": "alpha",
        "trade_id": str(number),
        "event_ms": at,
        "received_ms": at,
        "price": Decimal("100.5"),
        "size": Decimal("0.25"),
        "side": "buy",
        "sequence": number,
    }
    return b"BTC", encode(Trade(**(base | fields)))


def beat(through_ms: int, source: str = "one", **fields: Any) -> tuple[bytes | None, bytes]:
    return None, encode(Heartbeat(source=source, epoch=0, through_ms=through_ms, **fields))


@st.composite
def busy_logs(draw: Any) -> Log:
    """Dense trades of two subjects and venues, mostly numbered without holes, between heartbeats and oddities."""
    now, numbers = START_MS, dict.fromkeys(("BTC/USDT", "BTC/USD"), 1)
    records = [beat(now - 1), *(trade(1, now, subject=subject) for subject in numbers)]
    records += [trade(1, now, venue="beta"), beat(now + 10_000)]  # from here on all are known
    for _ in range(draw(st.integers(1, 5))):
        spread_ms = draw(st.sampled_from([0, 3, 4_000, 70_000]))
        step_ms = draw(st.sampled_from([0, 1, 60]))
        hole = draw(st.sampled_from([1, 1, 1, 2]))
        odd = draw(st.sampled_from(["", "", "", *ODDITIES]))
        trades = []
        for _ in range(draw(st.sampled_from([5, MANY, 2 * MANY]))):
            subject = draw(st.sampled_from(sorted(numbers)))
            numbers[subject] += draw(st.sampled_from([1] * 60 + [hole]))
            price, size = draw(st.sampled_from(AMOUNTS))
            at = now - draw(st.integers(0, spread_ms))
            number, side = numbers[subject], draw(st.sampled_from(["buy", "sell"]))
            trades.append(trade(number, at, subject=subject, price=price, size=size, side=side))
            now += step_ms
        numbers["BTC/USDT"] += 1
        middle = draw(st.integers(0, len(trades)))
        records += trades[:middle] + _oddity(odd, numbers["BTC/USDT"], now) + trades[middle:]
        records.append(beat(now - draw(st.sampled_from([0, 500, 12_000]))))
        now += draw(st.sampled_from([0, 12_000]))
    return made(records)


def _oddity(odd: str, number: int, now: int) -> list[tuple[bytes | None, bytes]]:
    found: dict[str, list[tuple[bytes | None, bytes]]] = {
        "": [],
        "tick": [beat(now + 11_000)],
        "bad": [(b"BTC", b"{")],
        "utf8": [(b"BTC", trade(number, now)[1][:-1] + b',"odd":"\xff"}')],
        "deep": [(b"BTC", trade(number, now)[1][:-1] + b',"odd":' + b"[" * 65 + b"]" * 65 + b"}")],
        "late": [trade(number, now - 3_000_000)],
        "ahead": [trade(number, now, received_ms=now - 60_001)],
        "big": [trade(number, now, size=Decimal("2e12"))],
        "none": [trade(number, now, sequence=None)],
        "key": [(b"ETH", trade(number, now)[1])],
        "venue": [trade(n, now - n % 3, venue="beta") for n in range(2, 80)],
        "source": [trade(number, now, source="two"), beat(now, "two")],
        "same": [trade(number, now, trade_id="7", price=Decimal(9))],
    }
    return found[odd]


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_slice_is_its_records(kind: Kind, data: st.DataObject) -> None:
    """Whatever is in it, and wherever it is cut."""
    log = made(data.draw(logs(kind)))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(log)), max_size=3)))
    assert_same(sliced(kind, log, cuts), one_by_one(kind, log))


@given(log=busy_logs(), cuts=st.lists(st.integers(0, 800), max_size=3))
def test_a_busy_slice_is_its_records(log: Log, cuts: list[int]) -> None:
    """Where trades are taken together, and where something among them asks for more."""
    cuts = sorted(min(cut, len(log)) for cut in cuts)
    assert_same(sliced("market", log, cuts), one_by_one("market", log))


def test_numbered_trades_of_a_busy_market_are_taken_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Or the speed is gone and nobody sees it: after the first run, not one is taken alone."""
    log = made(
        [beat(START_MS)]
        + [trade(n, START_MS + n * 10) for n in range(1, 200)]
        + [beat(START_MS + 9_000), beat(START_MS + 10_000)]
        + [trade(n, START_MS + n * 10 - 3) for n in range(200, 1_100)]
    )
    folded = fold()
    feed_slice(folded, log[:202])
    alone: list[int] = []
    monkeypatch.setattr(Fold, "count", lambda *_: alone.append(1))
    feed_slice(folded, log[202:])
    assert alone == []
    assert folded.counters.applied == 1_099


def test_subjects_do_not_break_each_others_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has its own, in one run: not one is taken alone."""
    subjects = ("BTC/USDT", "BTC/USD", "BTC/EUR")
    known = [trade(1, START_MS, subject=subject) for subject in subjects]
    more = [
        trade(n, START_MS + 10_000 + n, subject=subject)
        for n in range(2, 100)
        for subject in subjects
    ]
    log = made([beat(START_MS), *known, beat(START_MS + 10_000), *more])
    folded = fold()
    feed_slice(folded, log[:5])
    alone: list[int] = []
    monkeypatch.setattr(Fold, "count", lambda *_: alone.append(1))
    feed_slice(folded, log[5:])
    assert (alone, folded.counters.applied) == ([], 3 * 99)


def test_trades_without_numbers_are_taken_in_the_order_of_the_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Subject after subject, the memory of ids would forget other spans."""
    monkeypatch.setattr(seen, "DIGESTS_MAX", 150)
    subjects = ("BTC/USDT", "BTC/USD")
    known = [trade(1, START_MS, subject=subject, sequence=None) for subject in subjects]
    more = [
        trade(n, START_MS + 10_000 + n * 200, subject=subject, sequence=None)
        for n in range(2, 200)
        for subject in subjects
    ]
    log = made([beat(START_MS), *known, beat(START_MS + 10_000), *more, beat(START_MS + 120_000)])
    assert_same(sliced("market", log, [4]), one_by_one("market", log))


def test_a_bad_record_costs_the_speed_of_its_piece_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or whoever writes one in five thousand makes the fold slow."""
    trades = [trade(n, START_MS + 10_000 + n) for n in range(2, 4 * PIECE)]
    trades[PIECE + 9] = (b"BTC", b"{")
    log = made([beat(START_MS), trade(1, START_MS), beat(START_MS + 10_000), *trades])
    folded = fold()
    feed_slice(folded, log[:3])
    alone: list[object] = []
    count = Fold.count

    def counted(of: Fold, *given: Any) -> None:
        alone.append(given)
        count(of, *given)

    monkeypatch.setattr(Fold, "count", counted)
    feed_slice(folded, log[3:])
    assert folded.counters.dead_letters == 1
    assert 0 < len(alone) < PIECE
    assert folded.counters.applied == len(trades)


def test_a_hole_between_slices_is_an_error() -> None:
    log = made([trade(n, START_MS) for n in range(5)])
    folded = fold()
    feed_slice(folded, log[:2])
    with pytest.raises(ValueError, match="offset 2 is next, not 3"):
        feed_slice(folded, log[3:])


def test_a_hole_within_a_slice_is_an_error() -> None:
    log = made([trade(n, START_MS) for n in range(5)])
    with pytest.raises(ValueError, match="offset 2 is next, not 3"):
        feed_slice(fold(), log[:2] + log[3:])


def test_what_was_folded_before_is_passed_over() -> None:
    """As after a rebalance that hands over a slice again."""
    log = made([trade(n, START_MS) for n in range(5)])
    folded = fold()
    feed_slice(folded, log[:4])
    feed_slice(folded, log[1:])
    feed_slice(folded, log[:3])
    assert folded.counters.applied == 5


@given(
    amounts=st.lists(
        st.tuples(
            st.floats(1e-18, 1e15).filter(lambda x: x == x),  # noqa: PLR0124
            st.floats(1e-18, 1e15),
        ),
        min_size=4,
        max_size=40,
    )
)
@example(amounts=[(1.0, 4e10)] * 40)  # beyond one word in the sum
@example(amounts=[(2.5e-8, 1e-8)] * 4)  # halves, rounded to even
def test_sums_of_columns_are_those_of_integers(amounts: list[tuple[float, float]]) -> None:
    """Exactly, or the columns say that they do not hold them."""
    from streams.windows.intake import TradeIn  # noqa: PLC0415

    trades = [
        TradeIn("A/B", "one", "alpha", str(n), 10, 10, price, size, "buy", n)
        for n, (price, size) in enumerate(amounts)
    ]
    columns = Columns()
    columns.add(trades, [b"A"] * len(trades))
    lanes = lanes_of(columns, from_ms=0, pane_ms=10_000)
    largest = max(max(size, price * size) for price, size in amounts)
    if largest > 1e15 or largest * 1e8 >= 2.0**62:
        assert lanes is None
        return
    assert lanes is not None
    ((cell,),) = (lane.cells for lane in lanes)
    assert cell.volume == cell.buy_volume == sum(round(size * 1e8) for _, size in amounts)
    assert cell.quote_volume == sum(round(price * size * 1e8) for price, size in amounts)


@pytest.mark.parametrize("ids", [["9", "7", "8"], ["10", "9", "11"], ["7", "7", "7"]])
def test_of_trades_at_one_instant_the_id_says_which_is_first(ids: list[str]) -> None:
    """Or, of equal ids, the log: at both ends of a pane."""
    begin = [beat(START_MS), trade(1, START_MS), beat(START_MS + 10_000)]
    at = START_MS + 10_000
    ends = [
        trade(n + 2, at + 5_000 * (n > 99), trade_id=name, price=Decimal(n + 1))
        for edge in (0, 100)
        for n, name in enumerate(ids, edge)
    ]
    middle = [trade(n, at + n * 10) for n in range(5, 102)]
    log = made([*begin, *ends[:3], *middle, *ends[3:], beat(START_MS + 70_000)])
    together = fold()
    feed_slice(together, log[:3])
    feed_slice(together, log[3:])
    assert_same(together, one_by_one("market", log))
