"""The limit of calls at once: its arithmetic, and any schedule of calls, losses and repetitions."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from agents.ask.concurrency import CUT, RAMP_CUT, RAMP_S, RAMP_SHARE, START, ConcurrencyLimit, Slot
from agents.ask.outcomes import Concurrency

UP, DOWN, HALVE, NONE = Concurrency.UP, Concurrency.DOWN, Concurrency.HALVE, Concurrency.NONE
LOST_S = 60.0


def limit_of(maximum: int = 32) -> ConcurrencyLimit:
    """Return a limit nobody has used."""
    return ConcurrencyLimit(maximum, lost_s=LOST_S)


def take_all(limit: ConcurrencyLimit, now_s: float = 0.0) -> list[Slot]:
    """Take slots until there are no more."""
    taken: list[Slot] = []
    while (slot := limit.take(now_s)) is not None:
        taken.append(slot)
    return taken


def round_trip(limit: ConcurrencyLimit, change: Concurrency, now_s: float = 0.0) -> int:
    """Have as many calls in flight as may be, let each end with this, and return how many there were."""
    slots = take_all(limit, now_s)
    for slot in slots:
        limit.report(slot, change, now_s)
    return len(slots)


def test_it_begins_low_and_within_its_maximum() -> None:
    """Four at once, or fewer where fewer are allowed."""
    assert len(take_all(limit_of())) == START
    assert len(take_all(limit_of(2))) == 2


def test_a_saturated_success_raises_by_its_share_of_the_limit() -> None:
    """The first of four is saturated, the next three are not: nothing waits behind them."""
    limit = limit_of()
    round_trip(limit, UP)
    assert limit.limit == START + 1 / START


def test_a_limits_worth_of_saturated_successes_adds_one() -> None:
    """With always as many in flight as may be: four successes make about one more."""
    limit = limit_of()
    slots = take_all(limit)
    for _ in range(5):
        limit.report(slots.pop(0), UP, 0.0)
        slots += take_all(limit)
    assert 5.0 <= limit.limit < 5.2
    assert limit.in_flight == 5


def test_success_without_need_raises_nothing() -> None:
    """One call at a time says nothing of what four would do."""
    limit = limit_of()
    for _ in range(100):
        slot = limit.take(0.0)
        assert slot is not None
        limit.report(slot, UP, 0.0)
    assert limit.limit == START


def test_it_grows_to_its_maximum_and_no_further() -> None:
    """Whatever succeeds."""
    limit = limit_of(8)
    for _ in range(200):
        round_trip(limit, UP)
    assert limit.limit == 8.0
    assert len(take_all(limit)) == 8


def test_one_overload_cuts_once_for_all_that_were_in_flight() -> None:
    """Four failures together are one piece of news; the next call that fails is another."""
    limit = limit_of()
    assert round_trip(limit, DOWN) == 4
    assert limit.limit == pytest.approx(START * CUT)
    assert round_trip(limit, DOWN) == 2
    assert limit.limit == pytest.approx(START * CUT * CUT)


def test_a_call_of_before_the_cut_says_nothing_new() -> None:
    """Even when it ends long after."""
    limit = limit_of()
    late, *others = take_all(limit)
    for slot in others:
        limit.report(slot, DOWN, 0.0)
    limit.report(late, DOWN, 50.0)
    assert limit.limit == pytest.approx(START * CUT)


def test_it_never_falls_below_one() -> None:
    """One call finds out whether it is over."""
    limit = limit_of()
    for _ in range(20):
        assert round_trip(limit, DOWN) >= 1
    assert limit.limit == 1.0


def test_too_fast_growth_halves_and_then_grows_slowly() -> None:
    """A tenth of the usual for five minutes, then as usual."""
    limit = limit_of()
    round_trip(limit, HALVE, now_s=100.0)
    assert limit.limit == START * RAMP_CUT == 2.0
    round_trip(limit, UP, now_s=100.0 + RAMP_S - 1)
    assert limit.limit == pytest.approx(2.0 + RAMP_SHARE / 2)
    before = limit.limit
    round_trip(limit, UP, now_s=100.0 + RAMP_S)
    assert limit.limit == pytest.approx(before + 1 / before)


def test_too_fast_growth_after_a_cut_of_the_same_flight_slows_without_a_second_cut() -> None:
    """Both came of the calls that were in flight together."""
    limit = limit_of()
    first, second, *_ = take_all(limit)
    limit.report(first, DOWN, 0.0)
    limit.report(second, HALVE, 0.0)
    assert limit.limit == pytest.approx(START * CUT)
    for _ in range(5):
        round_trip(limit, UP, now_s=1.0)
    assert limit.limit < START * CUT + 5 * RAMP_SHARE


def test_what_says_nothing_changes_nothing() -> None:
    """A refusal, a cancellation, a call that was never made: the slot is free, the limit as before."""
    limit = limit_of()
    slots = take_all(limit)
    limit.report(slots[0], NONE, 0.0)
    limit.give_back(slots[1])
    limit.give_back(slots[1])
    assert (limit.limit, limit.in_flight) == (START, 2)


def test_a_slot_counts_once() -> None:
    """A second report neither frees another's place nor moves the limit."""
    limit = limit_of()
    slots = take_all(limit)
    limit.report(slots[0], NONE, 0.0)
    limit.report(slots[0], DOWN, 0.0)
    assert (limit.limit, limit.in_flight) == (START, 3)


def test_a_lost_slot_comes_back_after_its_time() -> None:
    """Nobody reported it; its place is another's, it is counted, and its late report changes nothing."""
    limit = limit_of(1)
    (lost,) = take_all(limit, 0.0)
    assert limit.take(LOST_S - 0.1) is None
    (slot,) = take_all(limit, LOST_S)
    assert limit.lost == 1
    limit.report(lost, DOWN, LOST_S)
    assert limit.in_flight == 1
    limit.report(slot, NONE, LOST_S)
    assert limit.in_flight == 0


@pytest.mark.parametrize(("maximum", "lost_s"), [(0, 1.0), (-1, 1.0), (1, 0.0)])
def test_bounds_that_cannot_be_are_refused(maximum: int, lost_s: float) -> None:
    """At least one call, and it lasts a while."""
    with pytest.raises(ValueError, match="the least"):
        ConcurrencyLimit(maximum, lost_s=lost_s)


class Calls(RuleBasedStateMachine):
    """Any schedule of calls, with some that are lost, reported twice or given back."""

    @initialize(maximum=st.integers(1, 40))
    def begin(self, maximum: int) -> None:
        """Begin with nothing in flight."""
        self.maximum = maximum
        self.limit = limit_of(maximum)
        self.now_s = 0.0
        self.out: dict[int, Slot] = {}
        self.ended: list[Slot] = []

    @rule(wait_s=st.floats(0, 100))
    def wait(self, wait_s: float) -> None:
        """Let time go by."""
        self.now_s += wait_s

    @rule()
    def take(self) -> None:
        """A slot is given exactly while fewer are out than the limit allows, the lost ones not counted."""
        lost = [slot for slot in self.out.values() if self.now_s - slot.since_s >= LOST_S]
        self.ended += [self.out.pop(slot.number) for slot in lost]
        expected = len(self.out) < int(self.limit.limit)
        taken = self.limit.take(self.now_s)
        assert (taken is not None) is expected
        if taken is not None:
            assert taken.number not in self.out
            self.out[taken.number] = taken
            assert len(self.out) <= self.limit.limit

    @rule(data=st.data(), change=st.sampled_from(Concurrency))
    def report(self, data: st.DataObject, change: Concurrency) -> None:
        """A report moves the limit in its direction, by no more than its step."""
        if not self.out:
            return
        number = data.draw(st.sampled_from(sorted(self.out)))
        slot, before = self.out.pop(number), self.limit.limit
        self.limit.report(slot, change, self.now_s)
        self.ended.append(slot)
        after = self.limit.limit
        least, most = {
            UP: (before, before + 1 / before),
            DOWN: (max(1.0, before * CUT), before),
            HALVE: (max(1.0, before * RAMP_CUT), before),
            NONE: (before, before),
        }[change]
        assert least <= after <= most

    @rule(data=st.data(), change=st.sampled_from(Concurrency))
    def report_again(self, data: st.DataObject, change: Concurrency) -> None:
        """Whatever has ended says nothing more."""
        if self.ended:
            before = self.limit.limit
            self.limit.report(data.draw(st.sampled_from(self.ended)), change, self.now_s)
            assert self.limit.limit == before

    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        """A call that was never made gives its place back."""
        if self.out:
            slot = self.out.pop(data.draw(st.sampled_from(sorted(self.out))))
            before = self.limit.limit
            self.limit.give_back(slot)
            self.ended.append(slot)
            assert self.limit.limit == before

    @invariant()
    def within_bounds(self) -> None:
        """Between one and the maximum, with exactly those out that were not given back."""
        if hasattr(self, "limit"):
            assert 1.0 <= self.limit.limit <= self.maximum
            assert self.limit.in_flight == len(self.out)


TestCalls = Calls.TestCase
