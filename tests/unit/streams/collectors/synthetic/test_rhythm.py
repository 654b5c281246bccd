"""The hours of the day."""

import pytest

from streams.collectors.synthetic.rhythm import BUSIEST_HOUR, hour_of

HOUR_MS = 3_600_000


def test_a_day_is_as_busy_as_its_hours_on_average() -> None:
    """The mean over a day is 1, the bounds are the swing, and each hour says when it ends."""
    factors = [hour_of(hour * HOUR_MS + 5, swing=0.3)[0] for hour in range(24)]
    assert sum(factors) / 24 == pytest.approx(1)
    assert max(factors) == factors[BUSIEST_HOUR] == pytest.approx(1.3)
    assert min(factors) == factors[(BUSIEST_HOUR + 12) % 24] == pytest.approx(0.7)
    assert hour_of(HOUR_MS - 1, swing=0.3)[1] == HOUR_MS
    assert hour_of(HOUR_MS, swing=0.3)[1] == 2 * HOUR_MS
