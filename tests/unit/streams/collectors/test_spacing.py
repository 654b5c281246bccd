"""How often something may be done."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.spacing import Spacing


def test_one_at_a_time() -> None:
    spacing = Spacing(per_minute=60)
    assert [spacing.wait_s(100.0) for _ in range(3)] == [0.0, 1.0, 2.0]
    assert spacing.wait_s(110.0) == 0.0


def test_several_at_once_after_a_pause() -> None:
    spacing = Spacing(per_minute=60, burst=3)
    assert [spacing.wait_s(0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 1.0]


@pytest.mark.parametrize(("per_minute", "burst"), [(0, 1), (-1, 1), (1, 0)])
def test_what_allows_nothing_is_refused(per_minute: float, burst: int) -> None:
    with pytest.raises(ValueError, match="allows nothing"):
        Spacing(per_minute=per_minute, burst=burst)


@given(
    st.lists(st.floats(0, 5), min_size=1, max_size=60),
    st.integers(1, 5),
    st.floats(6, 600),
)
def test_no_minute_has_more_than_allowed(
    pauses: list[float], burst: int, per_minute: float
) -> None:
    spacing, now_s, done = Spacing(per_minute=per_minute, burst=burst), 0.0, []
    for pause_s in pauses:
        now_s += pause_s
        done.append(now_s + spacing.wait_s(now_s))
    for start in done:
        within = sum(start <= at < start + 60 - 1e-6 for at in done)
        assert within <= per_minute + burst
