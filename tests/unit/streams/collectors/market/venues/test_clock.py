"""The venue's time: no promise passes what can still come, wherever its clock stands."""

from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.market.venues import VenueClock

LATENESS_MS, AHEAD_MS_MAX = 2_000, 60_000
NOW_MS = 1_700_000_000_000
LEAST_MS = NOW_MS - 10 * 365 * 86_400_000
YEAR_MS = 365 * 86_400_000


def clock() -> VenueClock:
    return VenueClock(lateness_ms=LATENESS_MS, least_ms=LEAST_MS, ahead_ms_max=AHEAD_MS_MAX)


def test_nothing_is_promised_before_a_frame() -> None:
    """An answered ping says that the venue lives, and not what time it has."""
    seen = clock()
    seen.answered(1.0)
    assert seen.advance() is None


def test_a_promise_is_told_once() -> None:
    """And stays behind the venue's time by the lateness."""
    seen = clock()
    seen.frame(NOW_MS, received_ms=NOW_MS, at_s=0.0)
    assert seen.advance() == NOW_MS - LATENESS_MS
    assert seen.advance() is None


def test_an_answered_ping_moves_time_to_when_it_was_sent() -> None:
    """Not to when it was answered: what was sent meanwhile may still be on its way."""
    seen = clock()
    seen.frame(NOW_MS, received_ms=NOW_MS + YEAR_MS, at_s=10.0)
    seen.answered(12.5)
    assert seen.advance() == NOW_MS + 2_500 - LATENESS_MS


def test_a_ping_from_before_the_last_frame_says_nothing_new() -> None:
    """The frame says more."""
    seen = clock()
    seen.frame(NOW_MS, received_ms=NOW_MS, at_s=10.0)
    seen.advance()
    seen.answered(9.0)
    assert seen.advance() is None


def test_a_time_far_ahead_is_no_evidence() -> None:
    """At the bound it is believed, beyond it not; else one frame would make all later ones late."""
    seen = clock()
    seen.frame(NOW_MS + AHEAD_MS_MAX, received_ms=NOW_MS, at_s=0.0)
    assert seen.advance() == NOW_MS + AHEAD_MS_MAX - LATENESS_MS
    seen.frame(NOW_MS + AHEAD_MS_MAX + 2, received_ms=NOW_MS + 1, at_s=0.0)
    assert seen.advance() is None


def test_a_time_before_all_markets_is_no_evidence() -> None:
    """A frame that has none is often printed with zero: it would say since when the source has listened."""
    seen = clock()
    for venue_ms in (0, LEAST_MS - 1):
        seen.frame(venue_ms, received_ms=NOW_MS, at_s=0.0)
        assert seen.reached_ms is None
        assert seen.advance() is None
    seen.frame(LEAST_MS, received_ms=NOW_MS, at_s=0.0)
    assert seen.advance() == LEAST_MS - LATENESS_MS


@given(
    skew_ms=st.integers(-YEAR_MS, AHEAD_MS_MAX),
    steps=st.lists(
        st.tuples(st.booleans(), st.integers(0, 5_000), st.integers(0, 3_000)), max_size=40
    ),
)
def test_no_promise_passes_a_later_frame(skew_ms: int, steps: list[tuple[bool, int, int]]) -> None:
    """Any skew, pauses and delays on the way, frames and pings in any order: promises hold, and rise."""
    seen, sent_ms, arrived_ms = clock(), 0, 0
    promises: list[int] = []
    for is_frame, pause_ms, delay_ms in steps:
        sent_ms = max(sent_ms + pause_ms, arrived_ms if not is_frame else 0)
        arrived_ms = max(arrived_ms, sent_ms + delay_ms)  # One stream: nothing overtakes.
        venue_ms = NOW_MS + skew_ms + sent_ms
        if is_frame:
            assert all(promise <= venue_ms - LATENESS_MS for promise in promises)
            seen.frame(venue_ms, received_ms=NOW_MS + arrived_ms, at_s=arrived_ms / 1000)
        else:
            seen.answered(sent_ms / 1000)
        if (promise := seen.advance()) is not None:
            promises.append(promise)
    assert promises == sorted(set(promises))
