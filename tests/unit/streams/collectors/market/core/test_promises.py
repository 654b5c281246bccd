"""What several connections promise together: the least of them, held back for a while and not for ever."""

import pytest

from streams.collectors.market.promises import Promises
from streams.collectors.market.venues import VenueClock

HOLD_S = 10.0


def at(*reached_ms: int | None, up: bool = True) -> tuple[Promises, list[VenueClock]]:
    clocks = [VenueClock(lateness_ms=0, least_ms=0, ahead_ms_max=10**15) for _ in reached_ms]
    promises = Promises(clocks, lateness_ms=100, hold_s=HOLD_S)
    promises.begin(0.0)
    for number, (clock, ms) in enumerate(zip(clocks, reached_ms, strict=True)):
        if ms is not None:
            clock.frame(ms, received_ms=ms, at_s=0.0)
        if up:
            promises.up(number)
    return promises, clocks


def test_the_promise_is_the_least_less_the_lateness() -> None:
    promises, clocks = at(5_000, 3_000)
    assert promises.reached_ms() == 5_000
    assert [promises.advance(0.0), promises.advance(0.1)] == [2_900, None]
    clocks[1].frame(7_000, received_ms=7_000, at_s=1.0)
    assert promises.advance(1.0) == 4_900


def test_nothing_is_promised_before_each_was_heard_or_given_up() -> None:
    promises, _ = at(5_000, None, up=False)
    promises.up(0)
    assert promises.advance(HOLD_S) is None
    assert promises.advance(HOLD_S + 0.1) == 4_900


@pytest.mark.parametrize(("after_s", "told"), [(HOLD_S, None), (HOLD_S + 0.1, 8_900)])
def test_a_part_that_is_down_holds_the_others_back_for_so_long(
    after_s: float, told: int | None
) -> None:
    """At the bound."""
    promises, clocks = at(5_000, 5_000)
    promises.advance(0.0)
    promises.down(1, 20.0)
    promises.down(1, 25.0)  # it is down since the first
    clocks[0].frame(9_000, received_ms=9_000, at_s=21.0)
    assert promises.advance(20.0 + after_s) == told


@pytest.mark.parametrize(("after_s", "told"), [(HOLD_S - 0.1, None), (HOLD_S, 8_900)])
def test_a_hole_holds_the_promise_back_until_it_is_settled_or_for_so_long(
    after_s: float, told: int | None
) -> None:
    """At the bound."""
    promises, clocks = at(5_000)
    promises.advance(0.0)
    promises.hold("hole", 4_950, 1.0)
    promises.hold("hole", 9_999, 9.0)  # it is held since the first
    clocks[0].frame(9_000, received_ms=9_000, at_s=2.0)
    assert promises.advance(2.0) == 4_950
    assert promises.advance(1.0 + after_s) == told
    promises.settle("hole")
    assert promises.advance(20.0) == (None if told else 8_900)
