"""How sure a look is, from what two witnesses say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.development.grading import LAG_MS, Heard, grade, grade_of_others

HEADS = st.none() | st.sampled_from(["", "a", "b"])
HEARD = st.builds(
    Heard,
    listed=HEADS,
    advertised=HEADS,
    shown=st.booleans(),
    cut=st.booleans(),
    differing_ms=st.integers(0, 3 * LAG_MS),
)


@pytest.mark.parametrize(
    ("heard", "graded", "hole"),
    [
        (Heard(listed="a", advertised="a"), "A", False),
        (Heard(listed="", advertised=""), "A", False),
        (Heard(listed="a", advertised=None), "C", False),
        (Heard(listed=None, advertised="a", shown=False), "C", False),
        (Heard(listed="b", advertised="a", differing_ms=LAG_MS), "B", False),
        (Heard(listed="b", advertised="a", differing_ms=LAG_MS + 1), "D", False),
        (Heard(listed="a", advertised="b", shown=False, differing_ms=1), "B", True),
        (Heard(listed="a", advertised="b", shown=False, differing_ms=LAG_MS + 1), "D", True),
        (Heard(listed="a", advertised="a", cut=True), "D", False),
    ],
)
def test_the_definition(heard: Heard, graded: str, hole: bool) -> None:
    assert (grade(heard), heard.hole) == (graded, hole)


@given(heard=HEARD)
def test_the_best_grade_means_two_witnesses_one_head_and_nothing_cut(heard: Heard) -> None:
    best = heard.listed is not None and heard.listed == heard.advertised and not heard.cut
    assert (grade(heard) == "A") == best


@given(heard=HEARD)
def test_a_hole_is_never_graded_best_nor_told_by_one_witness(heard: Heard) -> None:
    if heard.hole:
        assert heard.both
        assert grade(heard) in ("B", "D")


@given(heard=HEARD, longer_ms=st.integers(0, LAG_MS))
def test_differing_for_longer_is_never_better(heard: Heard, longer_ms: int) -> None:
    later = Heard(
        listed=heard.listed,
        advertised=heard.advertised,
        shown=heard.shown,
        cut=heard.cut,
        differing_ms=heard.differing_ms + longer_ms,
    )
    assert grade(later) >= grade(heard)


def test_what_git_does_not_know_has_one_witness() -> None:
    assert (grade_of_others(cut=False), grade_of_others(cut=True)) == ("C", "D")
