"""A venue is dialled no more often than it allows, whoever dials."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.market.budget import SPAN_S, DialBudget


def test_the_dial_after_the_last_that_is_allowed_waits() -> None:
    """At the bound: three at once, the fourth when the first is five minutes old."""
    budget = DialBudget(3)
    assert [budget.wait_s(at) for at in (0.0, 10.0, 20.0, 21.0)] == [0, 0, 0, SPAN_S - 21]
    assert budget.wait_s(SPAN_S + 11) == 0


def test_a_budget_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="allows nothing"):
        DialBudget(0)


@given(st.integers(1, 5), st.lists(st.floats(0, 400), max_size=40))
def test_no_five_minutes_have_more_dials_than_are_allowed(most: int, pauses: list[float]) -> None:
    budget, now_s = DialBudget(most), 0.0
    dials: list[float] = []
    for pause_s in pauses:
        now_s += pause_s
        dials.append(now_s + budget.wait_s(now_s))
    assert dials == sorted(dials)
    for first, later in zip(dials, dials[most:], strict=False):
        assert later - first >= SPAN_S * (1 - 1e-9)
