"""Two candidates of one asset become one that has lost nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.decide.candidate import SEVERITIES, Candidate, coalesced, worse
from tests.unit.agents.candidates import candidate
from topics import Severity


@pytest.mark.parametrize("one", SEVERITIES)
@pytest.mark.parametrize("other", SEVERITIES)
def test_the_worse_of_two_severities(one: Severity, other: Severity) -> None:
    """Info, notice, warning, critical: in this order, whichever is named first."""
    expected = SEVERITIES[max(SEVERITIES.index(one), SEVERITIES.index(other))]
    assert worse(one, other) == worse(other, one) == expected


def test_the_newer_one_takes_over_what_the_older_must_not_lose() -> None:
    """The newer context; all reasons, the worse severity, the earlier deadline, every offset, the longer wait."""
    older = candidate(
        severity="critical", reasons=("a", "b"), offsets=(3, 5), enqueued_s=1.0, deadline_s=21.0
    )
    newer = candidate(
        candidate_id="newer",
        as_of_ms=older.as_of_ms + 60_000,
        reasons=("b", "c"),
        offsets=(9,),
        aggregate_ids=("x",),
        facts=(),
        enqueued_s=4.0,
        deadline_s=24.0,
    )
    both = coalesced(older, newer)
    assert (both.candidate_id, both.as_of_ms) == ("newer", newer.as_of_ms)
    assert (both.facts, both.aggregate_ids) == ((), ("x",))
    assert both.reasons == ("a", "b", "c")
    assert both.severity == "critical"
    assert both.offsets == (3, 5, 9)
    assert (both.enqueued_s, both.deadline_s) == (1.0, 21.0)


def test_a_state_that_takes_over_a_deep_dive_is_one_under_its_own_id() -> None:
    """The gate may ask for a deep dive of that minute later, and its id must be free."""
    older = candidate(candidate_id="deep_dive/BTC/1/0")
    newer = candidate(candidate_id="state/BTC/2/0", product="state", reasons=("state_changed",))
    both = coalesced(older, newer)
    assert (both.product, both.candidate_id) == ("deep_dive", "state/BTC/2/0")
    assert coalesced(newer, older).product == "deep_dive"
    assert coalesced(newer, newer).product == "state"


@st.composite
def candidates(draw: st.DrawFn) -> Candidate:
    """Return a candidate with any of what coalescing joins."""
    words = st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True)
    return candidate(
        product=draw(st.sampled_from(["state", "deep_dive"])),
        severity=draw(st.sampled_from(SEVERITIES)),
        reasons=tuple(draw(words)),
        offsets=tuple(sorted(draw(st.sets(st.integers(0, 20), min_size=1, max_size=4)))),
        enqueued_s=draw(st.integers(0, 9)) / 1,
        deadline_s=draw(st.integers(10, 19)) / 1,
    )


@given(candidates(), candidates(), candidates())
def test_the_order_of_joining_does_not_matter(
    one: Candidate, two: Candidate, three: Candidate
) -> None:
    """Two of three first, or the other two: the same candidate."""
    assert coalesced(coalesced(one, two), three).offsets == (
        coalesced(one, coalesced(two, three)).offsets
    )
    left, right = coalesced(coalesced(one, two), three), coalesced(one, coalesced(two, three))
    assert (left.severity, left.deadline_s, left.product) == (
        right.severity,
        right.deadline_s,
        right.product,
    )
    assert left.reasons == right.reasons
    assert set(left.reasons) == {*one.reasons, *two.reasons, *three.reasons}
