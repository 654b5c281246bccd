"""Holes in a venue's numbers: each found once, closed when and only when all of it came, never forgotten silently."""

from decimal import Decimal
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.continuity import (
    GAPS_MAX,
    GIVE_UP_MS,
    INSTRUMENTS_MAX,
    RANGES_MAX,
    Continuity,
)
from streams.collectors.port import Lost
from topics import GapDetected, GapFilled, GapMark, GapPermanent, Trade

NOW_MS = 1_700_000_000_000


def trade(
    number: int | None, event_ms: int = NOW_MS, *, subject: str = "XRP/ETH", venue: str = "binance"
) -> Trade:
    return Trade(
        subject=subject,
        source="live",
        venue=venue,
        trade_id=str(number),
        event_ms=event_ms,
        received_ms=NOW_MS,
        price=Decimal(1),
        size=Decimal(1),
        side="buy",
        sequence=number,
    )


def lost(first: int, last: int, reason: str = "why") -> Lost:
    return Lost(
        venue="binance",
        subject="XRP/ETH",
        first_missing=first,
        last_missing=last,
        reason=reason,
    )


def observe(*numbers: int, continuity: Continuity | None = None) -> list[GapMark]:
    continuity = continuity or Continuity()
    return [mark for number in numbers for mark in continuity.observe(trade(number))]


def test_a_jump_is_one_gap() -> None:
    """With how many are missing, the first of them, and the times around them."""
    continuity = Continuity()
    assert continuity.observe(trade(10, 1_000)) == []
    assert continuity.observe(trade(14, 1_700)) == [
        GapDetected(
            gap_id="binance/XRP/ETH/11",
            subject="XRP/ETH",
            source="live",
            venue="binance",
            from_ms=1_000,
            to_ms=1_700,
            ids_missing=3,
            first_missing=11,
        )
    ]
    assert continuity.open_gaps("binance", "XRP/ETH") == 1


def test_a_gap_is_filled_by_its_last_number() -> None:
    """In whatever order the others came, and whatever comes twice."""
    marks = observe(10, 14, 12, 12, 11, 14, 13, 13)
    assert [type(mark) for mark in marks] == [GapDetected, GapFilled]
    assert marks[1].gap_id == marks[0].gap_id
    assert (marks[1].from_ms, marks[1].to_ms) == (marks[0].from_ms, marks[0].to_ms)


def test_a_trade_without_a_number_says_nothing() -> None:
    """It neither finds nor fills."""
    continuity = Continuity()
    observe(10, continuity=continuity)
    assert continuity.observe(trade(None)) == []
    assert observe(11, continuity=continuity) == []


def test_times_of_a_gap_are_in_order_though_the_trades_were_not() -> None:
    """A venue may number a trade later than its time says."""
    continuity = Continuity()
    continuity.observe(trade(1, 5_000))
    (mark,) = continuity.observe(trade(3, 4_000))
    assert (mark.from_ms, mark.to_ms) == (4_000, 5_000)


def test_one_gap_too_many_gives_the_oldest_up() -> None:
    """At the bound none, beyond it one; the others stay open."""
    continuity = Continuity()
    marks = observe(*range(0, 2 * GAPS_MAX + 1, 2), continuity=continuity)
    assert [type(mark) for mark in marks] == [GapDetected] * GAPS_MAX
    marks = observe(2 * GAPS_MAX + 2, continuity=continuity)
    assert [type(mark) for mark in marks] == [GapDetected, GapPermanent]
    assert marks[1].gap_id == "binance/XRP/ETH/1"
    assert isinstance(marks[1], GapPermanent)
    assert str(GAPS_MAX) in marks[1].reason
    assert continuity.open_gaps("binance", "XRP/ETH") == GAPS_MAX


def test_an_old_gap_is_given_up() -> None:
    """When its instrument has gone on for more than ten minutes of event time; then nothing fills it."""
    continuity = Continuity()
    continuity.observe(trade(1, NOW_MS))
    continuity.observe(trade(3, NOW_MS))
    assert continuity.observe(trade(4, NOW_MS + GIVE_UP_MS)) == []
    (mark,) = continuity.observe(trade(5, NOW_MS + GIVE_UP_MS + 1))
    assert isinstance(mark, GapPermanent)
    assert "600 s" in mark.reason
    assert continuity.observe(trade(2, NOW_MS)) == []
    assert continuity.open_gaps("binance", "XRP/ETH") == 0


def test_a_gap_in_too_many_pieces_is_never_called_filled() -> None:
    """A number beyond the bound is not noted, so its gap stays open until it is given up."""
    continuity = Continuity()
    missing = 2 * RANGES_MAX + 1
    observe(0, missing + 1, continuity=continuity)
    assert observe(*range(2, missing, 2), continuity=continuity) == []
    assert observe(*range(1, missing + 1, 2), continuity=continuity) == []
    assert continuity.open_gaps("binance", "XRP/ETH") == 1


def test_a_gap_in_as_many_pieces_as_may_be_is_filled() -> None:
    """At the bound every number is noted."""
    missing = 2 * RANGES_MAX - 1
    marks = observe(0, missing + 1, *range(2, missing, 2), *range(1, missing + 1, 2))
    assert [type(mark) for mark in marks] == [GapDetected, GapFilled]


def test_one_instrument_too_many_is_not_watched() -> None:
    """Those before it are; the memory is bounded."""
    continuity = Continuity()
    for number in range(INSTRUMENTS_MAX):
        continuity.observe(trade(1, subject=f"A{number}/USD"))
    assert continuity.observe(trade(1, subject="ZZZ/USD")) == []
    assert continuity.observe(trade(5, subject="ZZZ/USD")) == []
    assert len(continuity.observe(trade(5, subject=f"A{INSTRUMENTS_MAX - 1}/USD"))) == 1


class Model:
    """The same, slowly: a set of numbers for each gap."""

    def __init__(self) -> None:
        self.last: tuple[int, int] | None = None
        self.gaps: dict[int, tuple[set[int], int]] = {}

    def observe(self, number: int, event_ms: int) -> list[tuple[str, int]]:
        if self.last is None:
            self.last = (number, event_ms)
            return []
        last, last_ms = self.last
        told = []
        if number <= last:
            for first, (missing, _) in list(self.gaps.items()):
                missing.discard(number)
                if not missing:
                    del self.gaps[first]
                    told.append(("filled", first))
            return told
        if missing := set(range(last + 1, number)):
            self.gaps[last + 1] = (missing, max(last_ms, event_ms))
            told.append(("detected", last + 1))
        self.last = (number, max(last_ms, event_ms))
        for first, (_, to_ms) in sorted(self.gaps.items()):
            if self.last[1] - to_ms > GIVE_UP_MS:
                del self.gaps[first]
                told.append(("permanent", first))
        return told


STEPS = st.lists(
    st.tuples(st.integers(-30, 12), st.sampled_from([-1_000, 0, 1_000, 250_000]), st.booleans()),
    max_size=80,
)


@given(steps=STEPS)
def test_marks_are_those_of_the_slow_model(steps: list[tuple[int, int, bool]]) -> None:
    """Any order, repetition and holes, with another instrument's numbers in between."""
    continuity, model = Continuity(), Model()
    number, event_ms = 1_000, NOW_MS
    for step, pause_ms, other in steps:
        if other:
            continuity.observe(trade(number + step, venue="elsewhere"))
        at, event_ms = max(0, number + step), event_ms + pause_ms
        number = max(number, at)
        marks = continuity.observe(trade(at, event_ms))
        told = [(type(mark).__name__.removeprefix("Gap").lower(), mark.gap_id) for mark in marks]
        assert told == [
            (what, f"binance/XRP/ETH/{first}") for what, first in model.observe(at, event_ms)
        ]
        assert continuity.open_gaps("binance", "XRP/ETH") == len(model.gaps)


@given(
    numbers=st.lists(st.integers(0, 60), min_size=1, max_size=60),
    rest=st.randoms(use_true_random=False),
)
def test_every_gap_ends_once_all_has_come(numbers: list[int], rest: Random) -> None:
    """After the missing ones came, in any order, none is open, and detected = filled."""
    continuity = Continuity()
    marks = observe(*numbers, continuity=continuity)
    missing = [n for n in range(numbers[0], max(numbers) + 1) if n not in numbers]
    rest.shuffle(missing)
    marks += observe(*missing, continuity=continuity)
    detected = {mark.gap_id for mark in marks if isinstance(mark, GapDetected)}
    filled = {mark.gap_id for mark in marks if isinstance(mark, GapFilled)}
    assert detected == filled
    assert continuity.open_gaps("binance", "XRP/ETH") == 0


def test_numbers_that_will_not_come_end_their_gap_at_once() -> None:
    """What came before counts; the gap is permanent when nothing of it can come any more, for the reason given."""
    watch = Continuity()
    watch.observe(trade(1))
    (detected,) = watch.observe(trade(6))
    assert not watch.observe(trade(3))
    assert not watch.lose(lost(4, 5))
    (mark,) = watch.lose(lost(1, 3, "denied"))
    assert isinstance(mark, GapPermanent)
    assert isinstance(detected, GapDetected)
    assert (mark.gap_id, mark.reason) == (detected.gap_id, "denied")
    assert watch.open_gaps("binance", "XRP/ETH") == 0


def test_a_gap_of_which_some_is_lost_and_the_rest_comes_is_permanent() -> None:
    watch = Continuity()
    watch.observe(trade(1))
    watch.observe(trade(5))
    assert not watch.lose(lost(2, 3, "denied"))
    (mark,) = watch.observe(trade(4))
    assert isinstance(mark, GapPermanent)
    assert mark.reason == "denied"


def test_what_is_lost_outside_of_any_gap_is_no_news() -> None:
    watch = Continuity()
    assert not watch.lose(lost(1, 2))
    watch.observe(trade(1))
    watch.observe(trade(4))
    assert not watch.lose(lost(4, 9))
    assert watch.open_gaps("binance", "XRP/ETH") == 1
