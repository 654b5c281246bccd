"""Marks: of the first minute that begins at or after the instant, whatever is read and in whatever order."""

from hypothesis import given
from hypothesis import strategies as st

from agents.evaluation.marks import LATE_MS_MAX, Mark, Marks
from tests.strategies.aggregates import BASE_MS, FIVE_MS, MINUTE_MS, market, social

SUBJECT = "BTC/USDT"


@given(
    st.lists(st.integers(-10, 20), max_size=20),
    st.integers(-2 * MINUTE_MS, 12 * MINUTE_MS),
)
def test_a_mark_is_of_the_first_minute_that_begins_at_or_after(
    numbers: list[int], into_ms: int
) -> None:
    """As a search over all of them finds it; none where the first is too late."""
    instant_ms = BASE_MS + into_ms
    marks = Marks([(SUBJECT, instant_ms)])
    for number in numbers:
        marks.take(market(SUBJECT, number, first=100.0 + number))
    begins = [BASE_MS + number * MINUTE_MS for number in numbers]
    fit = [ms for ms in begins if instant_ms <= ms < instant_ms + LATE_MS_MAX]
    found = marks.find(SUBJECT, instant_ms)
    assert (found and found.begins_ms) == min(fit, default=None)
    if found is not None:
        assert found.price == 100.0 + (found.begins_ms - BASE_MS) // MINUTE_MS
        assert found.at_ms > instant_ms


@given(st.permutations([0, 1, 2]))
def test_of_one_minute_the_latest_edition_counts(revisions: list[int]) -> None:
    """Whatever the order they are read in."""
    marks = Marks([(SUBJECT, BASE_MS)])
    for revision in revisions:
        marks.take(market(SUBJECT, 0, first=100.0 + revision, revision=revision))
    assert marks.find(SUBJECT, BASE_MS) == Mark(BASE_MS, 102.0)


def test_only_whole_minutes_of_what_is_asked_for_are_marks() -> None:
    """Not a longer window, a hopping one, another instrument's, nor another kind's."""
    marks = Marks([(SUBJECT, BASE_MS)])
    others = (
        market(SUBJECT, 0, window_ms=FIVE_MS),
        market(SUBJECT, 0, window_ms=MINUTE_MS, step_ms=MINUTE_MS // 6),
        market("ETH/USDT", 0),
        social("BTC", 0),
    )
    for other in others:
        marks.take(other)
    assert marks.find(SUBJECT, BASE_MS) is None
    assert marks.find("ETH/USDT", BASE_MS) is None
    assert marks.subjects == {SUBJECT}
