"""A line with fewer points tells no lie: no extreme is lost, nothing apart is joined, nothing is made up."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.serving.pages.charts.thinning import KEPT_OF_SPAN, Dot, thin, with_gaps

VALUES = st.one_of(st.none(), st.floats(-1e6, 1e6))
LINES = st.lists(VALUES, min_size=24, max_size=120).map(
    lambda ys: [(i * 10, y) for i, y in enumerate(ys)]
)
BOUNDS = st.integers(KEPT_OF_SPAN, 30)


def known(dots: list[Dot]) -> list[tuple[int, float]]:
    return [(at, y) for at, y in dots if y is not None]


@given(LINES, BOUNDS)
def test_there_are_never_more_values_than_asked_for_nor_more_breaks_than_values(
    dots: list[Dot], most: int
) -> None:
    kept = thin(dots, most)
    assert len(known(kept)) <= most
    assert len(kept) - len(known(kept)) <= len(known(kept))


@given(LINES, BOUNDS)
def test_every_dot_was_there_and_they_keep_their_order(dots: list[Dot], most: int) -> None:
    kept = thin(dots, most)
    assert set(kept) <= set(dots)
    assert [at for at, _ in kept] == sorted({at for at, _ in kept})


@given(LINES, BOUNDS)
def test_the_least_the_greatest_the_first_and_the_last_value_stay(
    dots: list[Dot], most: int
) -> None:
    before, after = known(dots), known(thin(dots, most))
    if before:
        assert min(y for _, y in after) == min(y for _, y in before)
        assert max(y for _, y in after) == max(y for _, y in before)
        assert (after[0], after[-1]) == (before[0], before[-1])


@given(LINES, BOUNDS)
def test_two_values_with_a_break_between_them_are_never_joined(dots: list[Dot], most: int) -> None:
    kept = thin(dots, most)
    for (left, a), (right, b) in itertools.pairwise(kept):
        if a is not None and b is not None:
            assert all(y is not None for at, y in dots if left < at < right)


@given(LINES, BOUNDS)
def test_a_line_that_is_short_enough_keeps_all_its_values(dots: list[Dot], most: int) -> None:
    if len(known(dots)) <= most:
        assert known(thin(dots, most)) == known(dots)


def test_room_for_less_than_one_span_is_refused() -> None:
    with pytest.raises(ValueError, match="needs room for 4 values, not 3"):
        thin([], KEPT_OF_SPAN - 1)


@given(st.lists(st.integers(0, 200), unique=True).map(sorted))
def test_a_missing_step_breaks_the_line_and_nothing_else_does(starts: list[int]) -> None:
    spaced = with_gaps([(at, 1.0) for at in starts], 1)
    assert [at for at, y in spaced if y is not None] == starts
    for left, right in itertools.pairwise(starts):
        between = [at for at, y in spaced if left < at < right and y is None]
        assert bool(between) == (right - left > 1)
