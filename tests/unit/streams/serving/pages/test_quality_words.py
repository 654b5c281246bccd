"""How much was seen is said in words, with a mark that needs no colour."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.serving.pages.rows.quality import NAMES_MAX, names, percent_of, quality, quality_of
from topics import Completeness


@pytest.mark.parametrize(
    ("told", "words", "doubtful"),
    [
        (Completeness(state="complete"), "nothing is known to be missing", False),
        (Completeness(state="unverifiable"), "do not prove", False),
        (
            Completeness(state="holed", holed_fraction=0.4, holed_venues=["simex"]),
            "40 % of its time is missing, at simex",
            True,
        ),
        (Completeness(state="complete", missing_sources=["a", "b"]), "heard from in time: a, b", True),
        (Completeness(state="complete", unverified_duplicates=True), "counted twice", False),
    ],
)  # fmt: skip
def test_each_state_has_its_words(told: Completeness, words: str, *, doubtful: bool) -> None:
    found = quality(told)
    assert words in found.words
    assert found.doubtful is doubtful


def test_no_two_states_have_one_mark() -> None:
    marks = {quality_of(state, 0.5).mark for state in ("complete", "holed", "unverifiable")}
    assert len({*marks, quality_of("complete", 0, missing=["a"]).mark}) == 4


@given(st.floats(0, 1))
def test_some_is_never_called_none_and_most_never_all(fraction: float) -> None:
    said = percent_of(fraction)
    assert (said == "0 %") == (fraction == 0)
    assert (said == "100 %") == (fraction == 1)


def test_of_many_names_it_is_said_how_many_more() -> None:
    assert names([f"v{i}" for i in range(NAMES_MAX + 3)]) == "v0, v1, v2, v3 and 3 more"
