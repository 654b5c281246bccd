"""What a partition's tails say is not said again, whatever their order and however much of it there is."""

from hypothesis import given
from hypothesis import strategies as st

from agents.analyst import Analyst
from agents.answer.decided import Outcome, decision_of
from agents.decide.answered import Said
from agents.settings import AgentSettings
from tests.unit.agents.candidates import candidate
from topics import Analysis, Decision, Tally


def decided(name: str, outcome: Outcome = "rules", survivor: str | None = None) -> Decision:
    """Return the decision on a candidate of this name."""
    other = None if survivor is None else candidate(candidate_id=survivor)
    return decision_of(
        candidate(candidate_id=name), outcome, "some_reason", decided_ms=1, survivor=other
    )


def analysed(name: str) -> Analysis:
    """Return an analysis of a candidate of this name."""
    analyst = Analyst(AgentSettings(), None, now_ms=lambda: 5)
    return analyst.decline(candidate(candidate_id=name), "no_model")[0]


def tally(first: int, last: int) -> Tally:
    """Return a tally of a span."""
    return Tally(
        tally_id=f"tally/0/{first}",
        aggregates_partition=0,
        first_offset=first,
        last_offset=last,
        folded=1,
        uninteresting=0,
        decided_ms=1,
    )


def test_one_taken_over_is_decided_when_its_survivor_is() -> None:
    """Through any number of survivors; a survivor's analysis is enough, for its decision will follow."""
    said = Said()
    for told in (decided("a", "coalesced", "b"), decided("b", "coalesced", "c")):
        said.take(told)
    assert not any(said.is_decided(name) for name in "abc")
    said.take(analysed("c"))
    assert [said.is_decided(name) for name in "abc"] == [True, True, False]
    assert said.analysis_of("c") == analysed("c")
    said.take(decided("c"))
    assert [said.is_decided(name) for name in "abc"] == [True] * 3
    assert said.analysis_of("c") is None


def test_a_ring_of_survivors_has_no_answer() -> None:
    """No worker writes one; a damaged log must not hang a start."""
    said = Said()
    said.take(decided("a", "coalesced", "b"))
    said.take(decided("b", "coalesced", "a"))
    assert not said.is_decided("a")


def test_a_tally_speaks_of_its_span_and_only_of_this_log() -> None:
    """Both ends included; of another log's offsets it says nothing."""
    said, other = Said(), Said(counts_tallies=False)
    for book in (said, other):
        book.take(tally(3, 5))
        book.take(tally(8, 8))
    assert [o for o in range(10) if said.is_tallied(o)] == [3, 4, 5, 8]
    assert not any(other.is_tallied(o) for o in range(10))


def test_of_more_than_the_bound_the_oldest_are_forgotten_and_counted() -> None:
    """At the bound nothing is."""
    said = Said(ids_max=2)
    for name in "ab":
        said.take(decided(name))
    assert (len(said), said.forgotten) == (2, 0)
    said.take(decided("c"))
    assert (len(said), said.forgotten) == (2, 1)
    assert [said.is_decided(name) for name in "abc"] == [False, True, True]


TOLD = st.sampled_from(
    [
        decided("a"),
        decided("a", "coalesced", "b"),
        decided("b", "coalesced", "c"),
        decided("c", "shed"),
        analysed("a"),
        analysed("c"),
    ]
)


@given(st.lists(TOLD, max_size=6, unique_by=id), st.randoms())
def test_the_order_in_which_the_tails_are_read_does_not_matter(
    told: list[Analysis | Decision], random: st.DrawFn
) -> None:
    """Two topics are read one after the other, and not as they were written."""
    shuffled = list(told)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = Said(), Said()
    for found in told:
        one.take(found)
    for found in (*shuffled, *told):
        other.take(found)
    for name in "abc":
        assert one.is_decided(name) == other.is_decided(name)
        assert one.analysis_of(name) == other.analysis_of(name)
