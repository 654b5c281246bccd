"""Which acts of a listing are new."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.development import history as module
from streams.collectors.development.acts import Act, Unreadable
from streams.collectors.development.history import HORIZON_MS, History

T0 = 1_790_000_000_000


def act(name: str, at_ms: int = T0 + 1, work: str = "") -> Act:
    return Act(act="commit", id=name, event_ms=at_ms, who="ann", work=work)


def new(
    history: History,
    *found: Act | Unreadable,
    covered_ms: int = T0,
    whole: bool = True,
    based: bool = True,
) -> list[str]:
    return [each.id for each in history.sift(found, covered_ms, whole=whole, based=based).new]


def based(*found: Act) -> History:
    """One whose first look saw these."""
    history = History(T0, resumed=False)
    history.sift(found, T0, whole=True, based=False)
    return history


def test_before_the_first_look_is_over_only_what_came_since_is_new() -> None:
    history = History(T0, resumed=False)
    assert new(history, act("old", T0 - 1), act("new", T0), based=False) == ["new"]


def test_after_another_process_what_it_may_have_missed_is_new() -> None:
    history = History(T0, resumed=True)
    assert new(
        history, act("late", T0 - HORIZON_MS), act("old", T0 - HORIZON_MS - 1), based=False
    ) == ["late"]


def test_what_is_pushed_late_is_new_within_the_horizon() -> None:
    history = based()
    assert new(history, act("late", T0 - HORIZON_MS), act("import", T0 - HORIZON_MS - 1)) == [
        "late"
    ]


def test_an_absurd_past_goes_on_to_be_refused() -> None:
    assert new(based(), act("absurd", 0), act("negative", -5)) == ["negative", "absurd"]


def test_a_rebase_is_not_counted_again() -> None:
    history = based()
    assert new(history, act("a", work="w")) == ["a"]
    sifted = history.sift([act("b", T0 + 9, work="w")], T0, whole=True, based=True)
    assert (sifted.new, sifted.rebased) == ([], 1)
    assert history.knows("b")
    # and when it is rebased once more
    assert history.sift([act("c", T0 + 10, work="w")], T0, whole=True, based=True).rebased == 1


def test_two_commits_that_look_alike_and_both_stand_are_two() -> None:
    assert new(based(), act("a", work="w"), act("b", work="w")) == ["a", "b"]


def test_where_the_listing_is_cut_nothing_can_be_said_to_be_gone() -> None:
    history = based()
    new(history, act("a", work="w"))
    assert new(history, act("b", work="w"), whole=False) == ["b"]


def test_what_is_unreadable_is_refused_once() -> None:
    history, bad = based(), Unreadable(message="no", original=b"1")
    assert history.sift([bad], T0, whole=True, based=True).unreadable == [bad]
    assert history.sift([bad], T0, whole=True, based=True).unreadable == []


def test_memory_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KNOWN_MAX", 3)
    history = based()
    new(history, *(act(str(n), T0 + n, work=str(n)) for n in range(4)))
    assert [history.knows(str(n)) for n in range(4)] == [False, True, True, True]


ACTS = st.lists(
    st.tuples(st.integers(0, 20), st.integers(-HORIZON_MS * 2, 10**6)).map(
        lambda told: act(f"{told[0]}", T0 + told[1])
    ),
    max_size=12,
)


@given(listings=st.lists(ACTS, max_size=5))
def test_no_act_is_new_twice(listings: list[list[Act]]) -> None:
    history = based()
    seen = [name for acts in listings for name in new(history, *acts)]
    assert len(seen) == len(set(seen))


@given(acts=ACTS)
def test_new_comes_oldest_first_and_everything_is_accounted_for(acts: list[Act]) -> None:
    sifted = based().sift(acts, T0, whole=True, based=True)
    assert [each.event_ms for each in sifted.new] == sorted(each.event_ms for each in sifted.new)
    assert len(sifted.new) + sifted.history == len({each.id for each in acts})
