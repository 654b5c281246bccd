"""Event time against wall time: one line, in both directions."""

from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.pace import Pace
from streams.collectors.settings import PaceSettings

PACES = st.builds(
    Pace,
    event_ms=st.integers(0, 2**41),
    wall_ms=st.integers(0, 2**41),
    speed=st.floats(0.01, 1_000_000),
)
WHOLE = st.builds(
    Pace,
    event_ms=st.integers(0, 2**41),
    wall_ms=st.integers(0, 2**41),
    speed=st.integers(1, 1_000_000).map(float),
)
DAY_MS = 86_400_000


def test_an_hour_of_events_is_a_minute_at_speed_60() -> None:
    """Event milliseconds are wall milliseconds times the speed, from the common instant on."""
    pace = Pace(event_ms=1_000_000, wall_ms=5_000, speed=60.0)
    assert pace.event_at(5_000) == 1_000_000
    assert pace.event_at(65_000) == 1_000_000 + 3_600_000
    assert pace.wall_at(1_000_000 + 3_600_000) == 65_000
    assert pace.wall_at(1_000_000 - 60_000) == 4_000


@given(PACES, st.integers(-DAY_MS, DAY_MS))
def test_an_event_is_never_too_early(pace: Pace, after_ms: int) -> None:
    """At the wall time of an event time that event time has come."""
    event_ms = pace.event_ms + after_ms
    assert pace.event_at(pace.wall_at(event_ms)) >= event_ms


@given(WHOLE, st.integers(1, DAY_MS))
def test_an_event_is_never_later_than_need_be(pace: Pace, after_ms: int) -> None:
    """One millisecond before the wall time of an event time it has not come."""
    event_ms = pace.event_ms + after_ms
    assert pace.event_at(pace.wall_at(event_ms) - 1) < event_ms


@given(PACES, st.lists(st.integers(0, DAY_MS), min_size=2))
def test_both_times_only_go_forward(pace: Pace, after_ms: list[int]) -> None:
    """Later is never earlier, in both directions."""
    walls = [pace.wall_at(pace.event_ms + ms) for ms in sorted(after_ms)]
    events = [pace.event_at(pace.wall_ms + ms) for ms in sorted(after_ms)]
    assert walls == sorted(walls)
    assert events == sorted(events)


def test_without_a_time_a_market_begins_now() -> None:
    """At the wall's own time, or at one of the past."""
    assert PaceSettings().pace(5_000) == Pace(event_ms=5_000, wall_ms=5_000, speed=1.0)
    past = PaceSettings(event_ms=1_000, speed=60.0)
    assert past.pace(5_000) == Pace(event_ms=1_000, wall_ms=5_000, speed=60.0)
