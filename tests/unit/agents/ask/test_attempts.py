"""The one owner of retries: each kind of retry, and that no history of outcomes is sent on for ever."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agents.ask.attempts import (
    ANSWER_S_MIN,
    BACKOFF_S,
    BACKOFF_S_MAX,
    JITTER,
    PAID_MAX,
    SENDS_MAX,
    Attempt,
    GiveUp,
    Send,
    Step,
    Wait,
    next_step,
    paid,
)
from agents.ask.outcomes import OUTCOMES, CallOutcome, Money, Retry, named

NAMES = sorted(OUTCOMES)


def attempts(
    *names: str, ended_s: float = 0.0, retry_after_s: float | None = None
) -> list[Attempt]:
    """Return sends that all ended at one time, the server asking for a time after each."""
    return [Attempt(OUTCOMES[name], ended_s, retry_after_s) for name in names]


def step(
    history: list[Attempt],
    now_s: float = 0.0,
    deadline_s: float = 1_000.0,
    seed: str = "a",
    other_models: int = 0,
) -> Step:
    """Return the next step."""
    return next_step(
        history, now_s=now_s, deadline_s=deadline_s, seed=seed, other_models=other_models
    )


def test_the_first_send_is_now_while_there_is_time() -> None:
    """With less than an answer takes, rules answer: a send would be paid for nothing."""
    assert step([], deadline_s=ANSWER_S_MIN) == Send()
    assert step([], deadline_s=ANSWER_S_MIN - 0.001) == GiveUp("deadline")
    assert step([], now_s=5.0, deadline_s=1.0) == GiveUp("deadline")


@pytest.mark.parametrize("name", [name for name in NAMES if OUTCOMES[name].retry is Retry.NEVER])
def test_what_is_never_sent_again_is_given_up_at_once(name: str) -> None:
    """A refusal, a spend limit, a request that is wrong: with its own name as the reason."""
    assert step(attempts(name)) == GiveUp(name)
    elsewhere = Send(other_model=True) if OUTCOMES[name].opens else GiveUp(name)
    assert step(attempts(name), other_models=5) == elsewhere


@pytest.mark.parametrize("first", ["truncated", "broken_schema", "rejected"])
def test_an_answer_that_cannot_be_used_is_asked_for_once_more_now(first: str) -> None:
    """Without a pause; what is broken twice, in whatever way, stays so."""
    assert step(attempts(first)) == Send()
    assert step([*attempts(first), Attempt(named("advice"), 0.0)]) == GiveUp("advice")


def test_a_send_that_may_have_been_paid_for_nothing_is_repeated_once() -> None:
    """Our own time-out and a gateway's are the same risk."""
    assert isinstance(step(attempts("timeout")), Wait)
    assert step(attempts("timeout", "gateway_timeout"), now_s=500.0) == GiveUp("gateway_timeout")
    assert step(attempts("given_up", "timeout"), now_s=500.0) == GiveUp("timeout")


def test_what_was_paid_before_is_one_of_the_three() -> None:
    """About its asset's posts; what costs nothing is sent all the same."""
    for before, paid_for in ((0, 2), (1, 1), (1, 2), (3, 1)):
        history = attempts(*["cut"] * paid_for)
        last = next_step(history, now_s=99.0, deadline_s=999.0, seed="a", paid_before=before)
        assert last == (GiveUp("cut") if before + paid_for >= PAID_MAX else Send())


def test_three_paid_sends_are_the_most() -> None:
    """Known to be paid or not known not to be; those that cost nothing have a bound of their own."""
    assert PAID_MAX == 3
    assert step(attempts("server_error", "server_error"), now_s=500.0) == Send()
    assert step(attempts("server_error", "malformed", "cut"), now_s=500.0) == GiveUp("cut")
    assert step(attempts(*["overloaded"] * 3), now_s=500.0) == Send()
    assert step(attempts(*["overloaded"] * SENDS_MAX), now_s=500.0) == GiveUp("overloaded")
    free = attempts("rate_limited", "overloaded", "server_error", "server_error")
    assert step(free, now_s=500.0) == Send()
    assert paid(free) == 2


def test_a_pause_grows_from_the_end_of_the_last_send() -> None:
    """0.5 s doubled up to 8 s, shortened by at most half; before that it waits, at that it is sent."""
    for number in range(1, SENDS_MAX):
        history = attempts(*["overloaded"] * number, ended_s=100.0)
        waits = step(history, now_s=100.0)
        assert isinstance(waits, Wait)
        backoff_s = min(BACKOFF_S * 2 ** (number - 1), BACKOFF_S_MAX)
        assert backoff_s * JITTER <= waits.not_before_s - 100.0 <= backoff_s
        assert step(history, now_s=math.nextafter(waits.not_before_s, 0)) == waits
        assert step(history, now_s=waits.not_before_s) == Send()


def test_those_that_failed_together_do_not_come_back_together() -> None:
    """The jitter is a function of the seed, and differs from one candidate to the next."""
    history = attempts("overloaded")
    times = {step(history, seed=f"candidate {number}") for number in range(50)}
    assert len(times) == 50
    assert step(history, seed="candidate 7") == step(history, seed="candidate 7")


def test_what_the_server_asks_for_is_waited_for_only_within_the_deadline() -> None:
    """Never sent before it; and where it ends too late, nobody waits to be told so."""
    history = attempts("rate_limited", retry_after_s=7.0)
    waits = step(history, deadline_s=20.0)
    assert isinstance(waits, Wait)
    assert 7.0 < waits.not_before_s <= 7.0 + BACKOFF_S
    assert step(history, deadline_s=7.0) == GiveUp("rate_limited")
    assert step(attempts("rate_limited", retry_after_s=86_400.0)) == GiveUp("rate_limited")
    assert step(history, deadline_s=waits.not_before_s + ANSWER_S_MIN) == waits
    late_s = math.nextafter(waits.not_before_s + ANSWER_S_MIN, 0)
    assert step(history, deadline_s=late_s) == GiveUp("rate_limited")


def test_a_model_that_is_not_there_sends_on_to_the_next() -> None:
    """At once, while the ladder has one."""
    history = attempts("model_not_found")
    assert step(history, other_models=1) == Send(other_model=True)
    assert step(history) == GiveUp("model_not_found")


@pytest.mark.parametrize("name", ["overloaded", "rate_limited", "server_error", "timeout"])
def test_nobody_waits_for_a_model_that_failed_where_another_can_be_asked(name: str) -> None:
    """At once, whatever the failed one asks for; within the bounds that all models have together."""
    history = attempts(name, retry_after_s=3_600.0)
    assert step(history, other_models=1) == Send(other_model=True)
    assert step(history, deadline_s=ANSWER_S_MIN, other_models=1) == Send(other_model=True)
    assert step(attempts("cut", "cut", "cut"), other_models=1) == GiveUp("cut")
    assert step(attempts("timeout", "timeout"), other_models=1) == GiveUp("timeout")
    assert step(attempts(*["overloaded"] * SENDS_MAX), other_models=1) == GiveUp("overloaded")


def test_an_answer_that_cannot_be_used_is_no_reason_to_leave_a_model() -> None:
    """It is well."""
    assert step(attempts("truncated"), other_models=1) == Send()


Histories = st.lists(
    st.builds(
        Attempt,
        st.sampled_from([OUTCOMES[name] for name in NAMES]),
        st.floats(0, 100),
        st.none() | st.floats(0, 86_400),
    ),
    max_size=8,
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([OUTCOMES[name] for name in NAMES]),
            st.floats(0, 40),
            st.none() | st.floats(0, 30),
        ),
        min_size=SENDS_MAX + 1,
        max_size=SENDS_MAX + 1,
    ),
    st.floats(0, 200),
    st.text(max_size=4),
    st.integers(0, 3),
)
def test_every_candidate_comes_to_an_end(
    comes: list[tuple[CallOutcome, float, float | None]],
    deadline_s: float,
    seed: str,
    other_models: int,
) -> None:
    """However the sends go: in time, paid for at most three times, after one wait each at most, never more than six."""
    history: list[Attempt] = []
    now_s, waits = 0.0, 0
    for _ in range(2 * SENDS_MAX + 2):
        match next_step(
            history, now_s=now_s, deadline_s=deadline_s, seed=seed, other_models=other_models
        ):
            case GiveUp(reason):
                assert reason == (history[-1].outcome.name if history else "deadline")
                break
            case Wait(not_before_s):
                assert now_s < not_before_s <= deadline_s
                now_s, waits = not_before_s, waits + 1
            case Send():
                assert now_s <= deadline_s
                outcome, took_s, retry_after_s = comes[len(history)]
                now_s += took_s
                history.append(Attempt(outcome, now_s, retry_after_s))
    else:
        pytest.fail("it goes on and on")
    assert len(history) <= SENDS_MAX
    assert waits <= len(history)
    assert sum(attempt.outcome.money is not Money.RELEASE for attempt in history) <= PAID_MAX
    for once in (Retry.NOW_ONCE, Retry.LATER_ONCE):  # the second is the last
        assert sum(attempt.outcome.retry is once for attempt in history[:-1]) <= 1
    ended = [attempt.outcome for attempt in history[:-1] if attempt.outcome.retry is Retry.NEVER]
    assert all(outcome.opens and other_models for outcome in ended)


RANK = {Wait: 0, Send: 1, GiveUp: 2}


@given(Histories, st.floats(0, 300), st.floats(0, 300), st.floats(0, 300), st.text(max_size=4))
def test_time_only_leads_on(
    history: list[Attempt], now_s: float, later_s: float, deadline_s: float, seed: str
) -> None:
    """From waiting to sending to giving up, never back; and the time to wait for does not move."""
    assume(now_s <= later_s)
    sooner = step(history, now_s, deadline_s, seed)
    later = step(history, later_s, deadline_s, seed)
    assert RANK[type(sooner)] <= RANK[type(later)]
    if isinstance(sooner, Wait) and isinstance(later, Wait):
        assert sooner == later


@given(Histories, st.floats(0, 300), st.floats(0, 300), st.floats(0, 300), st.text(max_size=4))
def test_more_time_never_makes_it_give_up(
    history: list[Attempt], now_s: float, deadline_s: float, longer_s: float, seed: str
) -> None:
    """Whoever may go on with one deadline may with a later one, in the same way."""
    assume(deadline_s <= longer_s)
    shorter = step(history, now_s, deadline_s, seed)
    if not isinstance(shorter, GiveUp):
        assert step(history, now_s, longer_s, seed) == shorter


@given(Histories, Histories)
def test_paid_sends_add_up(one: list[Attempt], other: list[Attempt]) -> None:
    """No send is counted twice, and none takes another's count away."""
    assert paid([*one, *other]) == paid(one) + paid(other)
