"""Which model is asked: the primary while it can be, then the same model elsewhere, then a cheaper one."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.ask.attempts import (
    PAID_MAX,
    SENDS_MAX,
    Attempt,
    GiveUp,
    Send,
    Wait,
    leaves_model,
    next_step,
    paid,
)
from agents.ask.outcomes import OUTCOMES, CallOutcome, Retry
from agents.ask.routing import Standing, can_be_asked, origin_of, route

NOW_S = 100.0


def standing(name: str = "haiku", provider: str = "anthropic", **fields: Any) -> Standing:
    """Return how a model stands; it can be asked."""
    return Standing(provider=provider, name=name, **fields)


PRIMARY, SECOND, CHEAPER = standing(), standing(provider="aws"), standing("small", "local")


@pytest.mark.parametrize(
    "hindrance", [{"shut": True}, {"cools_until_s": NOW_S + 1}, {"full": True}]
)
def test_the_ladder_is_gone_down_a_rung_at_a_time(hindrance: dict[str, Any]) -> None:
    """Whatever keeps a model from being asked: a breaker, silence it asked for, its slots."""
    down, second_down = standing(**hindrance), standing(provider="aws", **hindrance)
    assert route([PRIMARY, CHEAPER, SECOND], NOW_S) == 0
    assert route([down, CHEAPER, SECOND], NOW_S) == 2
    assert route([down, CHEAPER, second_down], NOW_S) == 1
    assert route([down, standing("small", "local", **hindrance), second_down], NOW_S) is None
    assert route([down], NOW_S) is None


def test_a_primary_is_asked_again_as_soon_as_it_has_cooled() -> None:
    """At the very time it named."""
    cooling = standing(cools_until_s=NOW_S)
    assert route([cooling, SECOND], NOW_S - 0.001) == 1
    assert route([cooling, SECOND], NOW_S) == 0


def test_on_a_rung_the_one_with_the_fewest_calls_is_asked() -> None:
    """Not so on the first: a primary that is busy is the primary. Equals go by preference, and rungs by the first name."""
    busy = standing(outstanding=9)
    assert route([busy, SECOND], NOW_S) == 0
    down = standing(shut=True)
    two, one = standing(provider="aws", outstanding=2), standing(provider="google", outstanding=1)
    assert route([down, two, one], NOW_S) == 2
    assert route([down, two, standing(provider="google", outstanding=2)], NOW_S) == 1
    idle = standing("tiny", "local")
    assert route([down, standing("small", "a", outstanding=3), idle], NOW_S) == 1
    small = standing("small", "b", outstanding=1)
    assert route([down, standing("small", "a", outstanding=3), idle, small], NOW_S) == 3


def test_who_failed_a_candidate_is_asked_last() -> None:
    """Even the primary; and asked again where nobody else can be."""
    assert route([PRIMARY, SECOND], NOW_S, tried={0}) == 1
    assert route([PRIMARY, CHEAPER], NOW_S, tried={0}) == 1
    assert route([PRIMARY, SECOND], NOW_S, tried={0, 1}) == 0
    assert route([PRIMARY, standing(provider="aws", full=True)], NOW_S, tried={0}) == 0


def test_an_origin_says_whose_answer_it_is() -> None:
    """The primary's; the same model's of another; another model's, also of the same provider."""
    primary = ("anthropic", "haiku")
    assert origin_of(primary, primary) == "model"
    assert origin_of(("aws", "haiku"), primary) == "model_other_provider"
    assert origin_of(("anthropic", "small"), primary) == "model_cheaper"
    assert origin_of(("local", "small"), primary) == "model_cheaper"


Standings = st.lists(
    st.builds(
        Standing,
        provider=st.sampled_from(["a", "b", "c"]),
        name=st.sampled_from(["x", "y", "z"]),
        shut=st.booleans(),
        cools_until_s=st.floats(0, 2 * NOW_S),
        outstanding=st.integers(0, 5),
        full=st.booleans(),
    ),
    max_size=6,
)
Places = st.sets(st.integers(0, 5))


@given(Standings, Places)
def test_one_that_can_be_asked_is_asked_and_no_other(
    models: list[Standing], tried: set[int]
) -> None:
    """Never an open breaker, a cooling model, a full one; and somebody, where anybody can be. The same each time."""
    at = route(models, NOW_S, tried=tried)
    if at is None:
        assert not any(can_be_asked(one, NOW_S) for one in models)
    else:
        assert can_be_asked(models[at], NOW_S)
        free = {other for other, one in enumerate(models) if can_be_asked(one, NOW_S)}
        assert at not in tried or free <= tried
    assert route(list(models), NOW_S, tried=set(tried)) == at


@given(Standings, st.integers(0, 5), st.integers(0, 9))
def test_the_primary_is_stuck_to(models: list[Standing], outstanding: int, more: int) -> None:
    """Whatever the others do, and however many calls it has itself, as long as it has room."""
    primary = standing(outstanding=outstanding * more)
    assert route([primary, *models], NOW_S) == 0


@given(Standings, st.data())
def test_who_is_passed_over_was_no_better(models: list[Standing], data: st.DataObject) -> None:
    """Of the primary's model none that could be asked is passed over for another model, and none with fewer calls."""
    at = route(models, NOW_S)
    if not at:
        return
    other = data.draw(st.integers(0, len(models) - 1))
    if not can_be_asked(models[other], NOW_S):
        return
    assert other != 0
    same = models[0].name
    assert models[at].name == same or models[other].name != same
    if models[at].name == models[other].name:
        assert models[at].outstanding <= models[other].outstanding


class Ladder:
    """Models that a candidate is asked of one after the other, as the analyst does it, in time that is told."""

    def __init__(self, models: list[Standing], deadline_s: float) -> None:
        self.models, self.deadline_s, self.now_s = models, deadline_s, NOW_S
        self.sends: list[tuple[int, Attempt]] = []

    def step(self, outcome: CallOutcome, took_s: float) -> bool:
        """Send where it is time, or wait; return whether it goes on."""
        tried = {at for at, sent in self.sends if leaves_model(sent.outcome)}
        at = route(self.models, self.now_s, tried=tried)
        if at is None:
            self.now_s += 1.0
            return self.now_s <= self.deadline_s
        history = [sent for _, sent in self.sends]
        match next_step(
            history,
            now_s=self.now_s,
            deadline_s=self.deadline_s,
            seed="a",
            other_models=int(at not in tried),
        ):
            case GiveUp():
                return False
            case Wait(not_before_s):
                assert at in tried  # nobody waits for a model that has not failed it
                self.now_s = not_before_s
            case Send():
                self.send(at, outcome, took_s, again=at in tried)
        return True

    def send(self, at: int, outcome: CallOutcome, took_s: float, *, again: bool) -> None:
        """Ask one, which must be one that can be asked now, and not too soon after it failed."""
        assert can_be_asked(self.models[at], self.now_s)
        assert self.now_s <= self.deadline_s
        if again:
            last = self.sends[-1][1]
            assert self.now_s > last.ended_s or last.outcome.retry is Retry.NOW_ONCE
        self.now_s += took_s
        self.sends.append((at, Attempt(outcome, self.now_s)))


Failing = [outcome for outcome in OUTCOMES.values() if leaves_model(outcome)]
Open = st.builds(
    Standing,
    provider=st.sampled_from(["a", "b", "c"]),
    name=st.sampled_from(["x", "y"]),
    outstanding=st.integers(0, 2),
)


@given(
    st.lists(Open, min_size=1, max_size=5) | Standings.filter(bool),
    st.lists(
        st.tuples(st.sampled_from(Failing), st.floats(0, 2)),
        min_size=SENDS_MAX + 1,
        max_size=SENDS_MAX + 1,
    ),
    st.floats(NOW_S, NOW_S + 100),
)
def test_however_many_models_there_are_the_bounds_are_one_analysis(
    models: list[Standing], comes: list[tuple[CallOutcome, float]], deadline_s: float
) -> None:
    """Three sends that may be paid for, six in all, none after the deadline; one at a time, and it ends."""
    ladder = Ladder(models, deadline_s)
    steps = 0
    while ladder.step(*comes[len(ladder.sends)]):
        steps += 1
        assert steps < 200
    attempts = [sent for _, sent in ladder.sends]
    assert len(attempts) <= SENDS_MAX
    assert paid(attempts) <= PAID_MAX
