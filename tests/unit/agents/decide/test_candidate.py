"""Two candidates of one asset become one that has lost nothing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.decide.candidate import (
    EARLIER_MAX,
    SEVERITIES,
    SHOWN_MAX,
    Candidate,
    coalesced,
    worse,
)
from agents.decide.context import Noted
from agents.decide.quality import HOLED_BEFORE
from tests.strategies.aggregates import holed, market
from tests.unit.agents.ask.excerpts.posts import a_read
from tests.unit.agents.candidates import candidate, candidate_of
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


def test_what_was_asked_for_either_was_asked_for_both() -> None:
    """About posts too: all of it is paid for, and named once."""
    first, second = a_read("posts look coordinated", 1), a_read(None, 2)
    older, newer = candidate(readings=(first,)), candidate(readings=(second,))
    both = coalesced(older, newer)
    assert both.readings == (first, second)
    assert both.attempt_ids == ["reading/1", "reading/2"]


def test_a_state_that_takes_over_a_deep_dive_is_one_under_its_own_id() -> None:
    """The gate may ask for a deep dive of that minute later, and its id must be free."""
    older = candidate(candidate_id="deep_dive/BTC/1/0")
    newer = candidate(candidate_id="state/BTC/2/0", product="state", reasons=("state_changed",))
    both = coalesced(older, newer)
    assert (both.product, both.candidate_id) == ("deep_dive", "state/BTC/2/0")
    assert coalesced(newer, older).product == "deep_dive"
    assert coalesced(newer, newer).product == "state"


def showing(number: int, minute: int = 12, **changes: Any) -> Candidate:
    """Return a candidate that shows ``number`` windows before a minute, and knows that minute alone."""
    shown = tuple(Noted(market(number=minute - 1 - n, low=90.0), {}) for n in range(number))
    return candidate_of([market(number=minute)], shown=shown, **changes)


def test_the_newer_state_is_the_state() -> None:
    """Its words are of its facts; an older one's would be filled with numbers they are not of."""
    older = candidate(product="state", labels=(("direction", "down"),))
    newer = candidate(candidate_id="newer", product="state", labels=(("direction", "up"),))
    assert coalesced(older, newer).labels == newer.labels


def test_the_windows_that_reasons_stand_on_come_along() -> None:
    """Those of the worse candidate first; as facts with their window's end, before the latest ones."""
    older = showing(1, severity="critical", reasons=("price_drop",))
    both = coalesced(older, showing(1, 14, severity="warning"))
    minutes = [market(number=n) for n in (11, 13)]
    assert [one.latest.window_end_ms for one in both.shown] == [w.window_end_ms for w in minutes]
    assert both.facts[0].window_end_ms == minutes[0].window_end_ms
    assert both.facts[-1].window_end_ms is None
    assert both.aggregate_ids == (
        *(w.aggregate_id for w in minutes),
        market(number=14).aggregate_id,
    )
    gap = Noted(market(number=3, completeness=holed()), {})
    poor = coalesced(candidate_of([market()], shown=(gap,)), showing(0))
    assert (poor.quality.completeness, HOLED_BEFORE in poor.quality.words) == ("holed", True)


@pytest.mark.parametrize(("minute", "carried"), [(25, True), (26, False)])
def test_a_window_of_long_ago_does_not_come_along(minute: int, carried: bool) -> None:
    """A quarter of an hour of event time, to the minute; the reason and its severity do."""
    older = showing(1, severity="critical", reasons=("price_jump",))
    both = coalesced(older, showing(0, minute, reasons=("price_drop",)))
    assert (both.severity, both.reasons) == ("critical", ("price_jump", "price_drop"))
    assert len(both.shown) == len(both.aggregate_ids) - 1 == int(carried)


def test_a_window_is_shown_once_and_at_most_so_many() -> None:
    """What the newer has as the latest it has; and however often one takes another over, there is a bound."""
    both = coalesced(candidate_of([market()], shown=(Noted(market(number=12), {}),)), showing(0))
    assert both.aggregate_ids == (market(number=12).aggregate_id,)
    made = showing(0, severity="info")
    for step, severity in enumerate(SEVERITIES[1:], start=1):
        made = coalesced(showing(3, 12 + 10 * step, severity=severity), made)
        assert len(made.shown) == SHOWN_MAX
    assert len(set(made.aggregate_ids)) == len(made.aggregate_ids) == EARLIER_MAX + 1


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
