"""What is kept of a partition's topics: what a span needs, the first of each id, and no more than its bound."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.replay.recorded import Recorded, RecordedError, Span
from tests.unit.agents.decide.test_answered import analysed, decided, tally
from tests.unit.agents.entries import intent, result
from topics import encode

SPAN = Span(partition=3, begin=10, end=20)


@given(spans=st.lists(st.tuples(st.integers(5, 25), st.integers(0, 6)), max_size=6))
def test_an_aggregate_is_accounted_for_by_any_tally_that_speaks_of_it(
    spans: list[tuple[int, int]],
) -> None:
    """They overlap after restarts, and one told again may reach further under the same id."""
    recorded = Recorded(SPAN)
    for first, more in spans:
        recorded.take_told(tally(first, first + more))
    for offset in range(SPAN.begin, SPAN.end):
        counted = any(first <= offset <= first + more for first, more in spans)
        assert recorded.accounts_for(offset) is counted


@pytest.mark.parametrize(
    ("read_to", "last_offset", "is_kept"),
    [
        *[(11, 0, True), (10, 15, False), (20, 0, True), (21, 15, False)],
        *[(None, 10, True), (None, 9, False), (None, 19, True), (None, 20, False)],
    ],
)
def test_a_decision_is_of_the_span_that_its_facts_end_in(
    read_to: int | None, last_offset: int, is_kept: bool
) -> None:
    """Where that is not recorded, its last offset tells. Of any other only that there is one is known."""
    recorded = Recorded(SPAN)
    recorded.take_told(replace(decided("x"), read_to=read_to, last_offset=last_offset))
    assert (len(recorded.decisions), recorded.is_decided("x")) == (int(is_kept), True)


def test_the_first_of_an_id_counts_and_the_rest_of_the_journal_is_not_kept() -> None:
    """An entry is kept where a decision of the span names its attempt, an analysis where one names it."""
    recorded = Recorded(SPAN)
    named = replace(decided("x"), read_to=12, attempt_ids=[result(1).attempt_id])
    recorded.take_told(named)
    recorded.take_told(replace(named, reason="later"))
    recorded.take_told(replace(decided("elsewhere"), read_to=30))
    first, later = analysed("x"), replace(analysed("x"), text="later")
    for analysis in (first, later, analysed("elsewhere"), analysed("stray"), analysed("stray")):
        recorded.take_analysis(analysis, encode(analysis))
    for entry in (intent(1), intent(1, model="later"), result(1), result(1, answer="later")):
        recorded.take_entry(entry)
    for entry in (intent(2), result(2)):
        recorded.take_entry(entry)
    assert recorded.decisions == [named]
    assert (recorded.analysis("x"), recorded.analysis("stray")) == (encode(first), None)
    assert list(recorded.strays) == ["stray"]
    name = result(1).attempt_id
    assert (recorded.intent(name), recorded.result(name)) == (intent(1), result(1))
    other = result(2).attempt_id
    assert (recorded.intent(other), recorded.result(other)) == (None, None)


def test_more_than_is_held_is_refused() -> None:
    """In a sentence that says what to do; decisions, tallies and what nobody decided on alike."""
    recorded = Recorded(SPAN, records_max=2)
    recorded.take_told(replace(decided("x"), read_to=12))
    recorded.take_told(tally(10, 11))
    with pytest.raises(RecordedError, match="partition 3: more than 2 records"):
        recorded.take_told(replace(decided("y"), read_to=30))
    recorded = Recorded(SPAN, records_max=1)
    recorded.take_analysis(analysed("a"), b"")
    with pytest.raises(RecordedError, match="give a shorter one"):
        recorded.take_analysis(analysed("b"), b"")


def test_what_is_decided_while_the_analyses_are_read_is_no_stray() -> None:
    """A decision that comes late takes its analysis off the list and is not of the span; a tally says nothing."""
    recorded = Recorded(SPAN)
    for name in ("late", "stray"):
        recorded.take_analysis(analysed(name), encode(analysed(name)))
    for told in (tally(10, 12), replace(decided("late"), read_to=12), decided("another")):
        recorded.take_late(told)
    assert (list(recorded.strays), recorded.decisions, recorded.tallies) == (["stray"], [], [])
