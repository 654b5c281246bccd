"""The watermark: it never goes back, and one bad source neither closes the market nor holds it for ever."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.windows.clock import SOURCES_MAX, Clock
from topics import Heartbeat

IDLE_MS = 30_000


def beat(
    clock: Clock, source: str, through_ms: int, *, epoch: int = 0, state: str = "open"
) -> int | None:
    return clock.beat(
        Heartbeat(source=source, epoch=epoch, through_ms=through_ms, state=state)  # type: ignore[arg-type]
    )


def test_it_is_the_least_promise_of_the_live_sources() -> None:
    """Two sources: the slower one holds."""
    clock = Clock(source_idle_ms=IDLE_MS)
    assert beat(clock, "a", 1_000) == 1_000
    assert beat(clock, "b", 5_000) == 1_000
    assert beat(clock, "a", 7_000) == 5_000


def test_a_source_far_behind_holds_nothing_back() -> None:
    """Exactly idle_ms behind still counts; one more does not."""
    clock = Clock(source_idle_ms=IDLE_MS)
    beat(clock, "slow", 1_000)
    assert beat(clock, "fast", 1_000 + IDLE_MS) == 1_000
    assert beat(clock, "fast", 1_001 + IDLE_MS) == 1_001 + IDLE_MS


def test_a_closed_source_is_taken_out() -> None:
    """And put in again when it opens."""
    clock = Clock(source_idle_ms=IDLE_MS)
    beat(clock, "a", 1_000)
    beat(clock, "b", 2_000)
    assert beat(clock, "a", 1_000, state="closed") == 2_000
    assert beat(clock, "b", 3_000) == 3_000
    assert beat(clock, "a", 2_500) == 3_000
    assert beat(clock, "b", 9_000) == 3_000


def test_without_open_sources_time_stands() -> None:
    """Silence closes nothing."""
    clock = Clock(source_idle_ms=IDLE_MS)
    beat(clock, "a", 1_000)
    assert beat(clock, "a", 9_000, state="closed") == 1_000


def test_an_old_epoch_is_not_heard() -> None:
    """Its sender has been replaced."""
    clock = Clock(source_idle_ms=IDLE_MS)
    beat(clock, "a", 1_000, epoch=2)
    assert beat(clock, "a", 9_000, epoch=1) == 1_000
    assert beat(clock, "a", 9_000, epoch=1, state="closed") == 1_000
    assert beat(clock, "a", 4_000, epoch=3) == 4_000


def test_sources_are_bounded() -> None:
    """The next one is full; those known are not."""
    clock = Clock(source_idle_ms=IDLE_MS)
    for number in range(SOURCES_MAX):
        beat(clock, f"s{number}", 1)
    assert clock.full("another")
    assert not clock.full("s0")


@pytest.mark.parametrize(
    ("since", "through", "state", "lacks"),
    [(0, 60, "open", False), (1, 60, "open", True), (0, 59, "open", True), (1, 9, "closed", False)],
)
def test_a_source_lacks_what_it_has_not_promised(
    since: int, through: int, state: str, *, lacks: bool
) -> None:
    """Of [0, 60): all of it, unless it was taken out on purpose."""
    clock = Clock(source_idle_ms=IDLE_MS)
    beat(clock, "a", since)
    beat(clock, "a", through, state=state)
    assert clock.lacks("a", 0, 60) == lacks


def test_a_source_that_never_promised_lacks_everything() -> None:
    """An event alone says nothing of the time around it."""
    clock = Clock(source_idle_ms=IDLE_MS)
    assert clock.lacks("a", 0, 60)
    assert clock.began_after("a", 0)


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.integers(0, 200_000),
            st.integers(0, 2),
            st.sampled_from(("open", "open", "closed")),
        )
    )
)
def test_it_never_goes_back_and_never_passes_every_promise(
    beats: list[tuple[str, int, int, str]],
) -> None:
    """Whatever a source says, and however its clock jumps."""
    clock = Clock(source_idle_ms=IDLE_MS)
    before, greatest = -1, -1
    for source, through, epoch, state in beats:
        greatest = max(greatest, through)
        after = beat(clock, source, through, epoch=epoch, state=state)
        if after is not None:
            assert before <= after <= greatest
            before = after
