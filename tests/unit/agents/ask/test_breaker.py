"""The cases the breaker's table names; `test_breaker_machine.py` holds it against a model."""

import pytest

from agents.ask.breaker import (
    Cause,
    CircuitBreaker,
    Outcome,
    State,
    Transition,
)
from agents.ask.window import WHYS_MAX
from agents.settings import BreakerSettings

SETTINGS = BreakerSettings(calls_min=10, slow_s=20.0, jitter=0.0)
FAILURE, SUCCESS, IGNORED = Outcome.FAILURE, Outcome.SUCCESS, Outcome.IGNORED


def call(breaker: CircuitBreaker, outcome: Outcome, now_s: float, took_s: float = 1.0) -> State:
    """Make one call that ends at ``now_s``."""
    permit = breaker.admit(now_s - took_s)
    assert permit is not None
    return breaker.report(permit, outcome, now_s)


def opened(settings: BreakerSettings = SETTINGS, seed: int = 0) -> CircuitBreaker:
    """Return a breaker that opened at 100 s."""
    breaker = CircuitBreaker(settings, seed)
    for _ in range(settings.calls_min):
        call(breaker, FAILURE, 100.0)
    assert breaker.state is State.OPEN
    return breaker


def test_below_the_least_calls_no_rate_means_anything() -> None:
    """Nine failures of nine leave it closed; the tenth opens it."""
    breaker = CircuitBreaker(SETTINGS)
    states = [call(breaker, FAILURE, 100.0 + n) for n in range(SETTINGS.calls_min)]
    assert states == [State.CLOSED] * 9 + [State.OPEN]
    assert breaker.reason == "10 of the last 10 calls failed"
    assert breaker.retry_after_s(109.0) == SETTINGS.open_s
    assert breaker.retry_after_s(109.0 + 20) == 0


@pytest.mark.parametrize(("failures", "state"), [(4, State.CLOSED), (5, State.OPEN)])
def test_it_opens_at_the_failure_rate(failures: int, state: State) -> None:
    """Half of ten, and not one less."""
    breaker = CircuitBreaker(SETTINGS)
    for _ in range(10 - failures):
        call(breaker, SUCCESS, 100.0)
    for _ in range(failures):
        call(breaker, FAILURE, 100.0)
    assert breaker.state is state


@pytest.mark.parametrize(
    ("slow", "took_s", "state"),
    [(8, 20.1, State.OPEN), (7, 20.1, State.CLOSED), (10, 20.0, State.CLOSED)],
)
def test_it_opens_at_the_slow_rate(slow: int, took_s: float, state: State) -> None:
    """Eight of ten longer than 20 s, though every one succeeded."""
    breaker = CircuitBreaker(SETTINGS)
    begun = [breaker.admit(100.0 - took_s) for _ in range(slow)]
    for _ in range(10 - slow):
        call(breaker, SUCCESS, 100.0)
    for permit in begun:
        assert permit is not None
        breaker.report(permit, SUCCESS, 100.0)
    assert breaker.state is state
    if state is State.OPEN:
        assert breaker.reason == "8 of the last 10 calls took over 20 s"


def test_what_is_older_than_the_window_is_forgotten() -> None:
    """Nine failures a window ago do not count with one of now; a slice is dropped whole, never too late."""
    breaker = CircuitBreaker(SETTINGS)
    for _ in range(9):
        call(breaker, FAILURE, 100.0)
    assert call(breaker, FAILURE, 100.0 + SETTINGS.window_s) is State.CLOSED
    assert breaker.tally(100.0 + SETTINGS.window_s).calls == 1
    breaker = CircuitBreaker(SETTINGS)
    for _ in range(9):
        call(breaker, FAILURE, 100.0)
    assert call(breaker, FAILURE, 100.0 + SETTINGS.window_s - 1) is State.OPEN


def test_ignored_outcomes_count_for_nothing() -> None:
    """A hundred rate limits neither open it nor thin the failures out."""
    breaker = CircuitBreaker(SETTINGS)
    for _ in range(100):
        assert call(breaker, IGNORED, 100.0, took_s=50.0) is State.CLOSED
    for _ in range(10):
        call(breaker, FAILURE, 100.0)
    assert breaker.state is State.OPEN


def test_a_trial_lets_a_few_through_and_no_herd() -> None:
    """Of fifty at once, as many as there are probes; when all passed it is closed."""
    breaker = opened()
    assert breaker.admit(114.9) is None
    permits = [breaker.admit(115.0) for _ in range(50)]
    given = [permit for permit in permits if permit is not None]
    assert (len(given), breaker.state) == (SETTINGS.probes, State.HALF_OPEN)
    assert breaker.report(given[0], SUCCESS, 116.0) is State.HALF_OPEN
    assert breaker.admit(116.0) is None  # one passed, two are out: three in all
    assert breaker.report(given[1], SUCCESS, 116.0) is State.HALF_OPEN
    assert breaker.report(given[2], SUCCESS, 116.0) is State.CLOSED
    assert breaker.rejected == 1 + 47 + 1


def test_one_failed_or_slow_probe_opens_it_again() -> None:
    """Whatever the others said."""
    for outcome, took_s, reason in (
        (FAILURE, 1.0, "a probe failed"),
        (SUCCESS, 21.0, "a probe was slow"),
    ):
        breaker = opened()
        assert call(breaker, SUCCESS, 116.0) is State.HALF_OPEN
        assert call(breaker, outcome, 130.0 + took_s, took_s) is State.OPEN
        assert breaker.reason == reason


def test_an_ignored_probe_gives_its_place_back() -> None:
    """It says nothing; another may try."""
    breaker = opened()
    for _ in range(10):
        assert call(breaker, IGNORED, 116.0) is State.HALF_OPEN
    for _ in range(SETTINGS.probes):
        call(breaker, SUCCESS, 117.0)
    assert breaker.state is State.CLOSED


def test_a_lost_probe_gives_its_place_back() -> None:
    """A probe never reported is given up in the end, longer than any call lasts, and is stale then."""
    breaker = opened()
    lost = [breaker.admit(115.0) for _ in range(SETTINGS.probes)]
    assert breaker.admit(115.0 + SETTINGS.lost_s) is None
    assert breaker.admit(115.0 + SETTINGS.lost_s + 0.1) is not None
    assert breaker.probes_by["lost"] == SETTINGS.probes
    assert lost[0] is not None
    assert breaker.report(lost[0], FAILURE, 240.0) is State.HALF_OPEN


def test_a_probe_that_hangs_until_its_time_out_is_heard() -> None:
    """It takes longer than a slow call may, and is no lost one for that: the model still does not answer."""
    breaker = opened()
    hanging = [breaker.admit(115.0) for _ in range(SETTINGS.probes)]
    assert breaker.admit(115.0 + SETTINGS.slow_s + 5.0) is None
    assert hanging[0] is not None
    assert breaker.report(hanging[0], FAILURE, 145.0, why="timeout") is State.OPEN
    assert breaker.reason == "a probe failed (timeout)"


def test_probes_of_earlier_trials_are_calls_in_flight_too() -> None:
    """Two that still hang leave room for one; what they say then counts no more."""
    breaker = opened()
    first = [breaker.admit(115.0) for _ in range(SETTINGS.probes)]
    assert first[0] is not None
    assert breaker.report(first[0], FAILURE, 116.0) is State.OPEN
    again_s = 116.0 + 2 * SETTINGS.open_s
    only = breaker.admit(again_s)
    assert only is not None
    assert breaker.admit(again_s) is None
    assert breaker.probes_in_flight == SETTINGS.probes
    for hanging in first[1:]:
        assert hanging is not None
        assert breaker.report(hanging, FAILURE, again_s + 1.0) is State.HALF_OPEN
    for _ in range(SETTINGS.probes - 1):
        call(breaker, SUCCESS, again_s + 3.0)
    assert breaker.report(only, SUCCESS, again_s + 3.0) is State.CLOSED


def test_a_permit_counts_once() -> None:
    """Reported ten times, closed or on trial, it is one call."""
    breaker = CircuitBreaker(SETTINGS)
    permit = breaker.admit(100.0)
    assert permit is not None
    for _ in range(SETTINGS.calls_min):
        assert breaker.report(permit, FAILURE, 101.0) is State.CLOSED
    assert breaker.tally(101.0).calls == 1
    breaker = opened()
    permit = breaker.admit(115.0)
    assert permit is not None
    for _ in range(SETTINGS.probes):
        assert breaker.report(permit, SUCCESS, 116.0) is State.HALF_OPEN


@pytest.mark.parametrize("calls", [10, 20, 40])
def test_a_rate_is_the_number_that_was_set(calls: int) -> None:
    """11 of 20 is 55 %, though 0.55 * 20 is a little more than 11."""
    for failures in range(1, calls + 1):
        settings = BreakerSettings(calls_min=calls, failure_rate=failures / calls)
        breaker = CircuitBreaker(settings)
        for number in range(calls):
            call(breaker, FAILURE if number < failures else SUCCESS, 100.0)
        assert breaker.state is State.OPEN
        assert breaker.cause is Cause.FAILURE_RATE


def test_the_reason_names_what_failed() -> None:
    """The most frequent kinds, however many there are; beyond the bound they are told together."""
    breaker = CircuitBreaker(SETTINGS, failed="answers were rejected")
    for why in ["advice"] * 2 + ["refused"] * 3 + ["link", "truncated"]:
        permit = breaker.admit(100.0)
        assert permit is not None
        breaker.report(permit, FAILURE, 100.0, why=why)
    for _ in range(3):
        call(breaker, SUCCESS, 100.0)
    assert breaker.reason == "7 of the last 10 answers were rejected (3 refused, 2 advice, 1 link)"
    many = CircuitBreaker(BreakerSettings(calls_min=1000))
    for number in range(WHYS_MAX + 5):
        permit = many.admit(100.0)
        assert permit is not None
        many.report(permit, FAILURE, 100.0, why=f"kind_{number}")
    whys = many.tally(100.0).whys
    assert (len(whys), whys["other"]) == (WHYS_MAX + 1, 5)


def test_it_opens_until_a_given_time() -> None:
    """Whatever the rates: at once, not a moment shorter, and a trial begins then."""
    breaker = CircuitBreaker(SETTINGS)
    assert breaker.open_until(500.0, "the month's spend limit", 100.0) is State.OPEN
    assert (breaker.reason, breaker.cause) == ("the month's spend limit", Cause.UNTIL)
    assert breaker.admit(499.9) is None
    assert breaker.admit(500.0) is not None
    assert breaker.state is State.HALF_OPEN
    assert breaker.open_until(900.0, "still", 501.0) is State.OPEN
    assert breaker.retry_after_s(501.0) == 399.0


def test_a_given_time_never_shortens_and_an_operators_word_stands() -> None:
    """Of two the later holds; what has gone by holds nothing; closing is the operator's."""
    breaker = opened()
    assert breaker.open_until(105.0, "shorter", 101.0) is State.OPEN
    assert (breaker.retry_after_s(101.0), breaker.reason) == (
        14.0,
        "10 of the last 10 calls failed",
    )
    breaker.open_until(200.0, "longer", 101.0)
    assert (breaker.retry_after_s(101.0), breaker.reason) == (99.0, "longer")
    assert breaker.force(is_open=False, reason="paid", now_s=102.0) is State.CLOSED
    assert breaker.open_until(102.0, "gone by", 102.0) is State.CLOSED
    breaker.force(is_open=True, reason="maintenance", now_s=103.0)
    assert breaker.open_until(500.0, "spend limit", 104.0) is State.FORCED_OPEN
    assert breaker.reason == "maintenance"


def test_a_given_time_is_bounded() -> None:
    """A provider's word is believed for so long; where it gives no time one asks again after the longest open time."""
    breaker = CircuitBreaker(SETTINGS)
    breaker.open_until(1e12, "a wrong clock", 100.0)
    assert breaker.retry_after_s(100.0) == SETTINGS.hold_s_max
    breaker = CircuitBreaker(SETTINGS)
    breaker.open_until(None, "the key is refused", 100.0)
    assert breaker.retry_after_s(100.0) == SETTINGS.open_s_max


def test_releasing_what_was_forced_begins_a_trial() -> None:
    """Nobody knows how the model is by then; what was not forced stays as it is."""
    breaker = opened()
    assert breaker.release("nothing to take back", 101.0) is State.OPEN
    breaker.force(is_open=True, reason="maintenance", now_s=102.0)
    assert breaker.release("over", 103.0) is State.HALF_OPEN
    for _ in range(SETTINGS.probes):
        call(breaker, SUCCESS, 105.0)
    assert breaker.state is State.CLOSED
    assert breaker.release("nothing to take back", 106.0) is State.CLOSED


def test_who_asks_before_preparing_a_call_is_counted_as_rejected() -> None:
    """Once, and only where a permit would be refused; asking takes no place and begins no trial."""
    breaker = opened()
    assert breaker.rejects(114.0)
    assert not breaker.rejects(115.0)
    assert (breaker.state, breaker.rejected) == (State.OPEN, 1)
    for _ in range(SETTINGS.probes):
        assert not breaker.rejects(115.0)
        assert breaker.admit(115.0) is not None
    assert breaker.rejects(115.0)
    assert breaker.rejected == 2


def test_changes_are_counted_by_kind() -> None:
    """With their cause; an operator's repetition is one too."""
    breaker = opened()
    call(breaker, FAILURE, 117.0)
    breaker.force(is_open=True, reason="said", now_s=118.0)
    breaker.force(is_open=True, reason="said", now_s=118.0)
    assert breaker.transitions_by == {
        Transition(State.CLOSED, State.OPEN, Cause.FAILURE_RATE): 1,
        Transition(State.OPEN, State.HALF_OPEN, Cause.WAITED): 1,
        Transition(State.HALF_OPEN, State.OPEN, Cause.PROBE_FAILED): 1,
        Transition(State.OPEN, State.FORCED_OPEN, Cause.OPERATOR): 1,
        Transition(State.FORCED_OPEN, State.FORCED_OPEN, Cause.OPERATOR): 1,
    }
    assert breaker.transitions == 5
    assert breaker.probes_by == {"failed": 1}


def test_time_never_goes_back() -> None:
    """A caller whose clock was read earlier than another's reopens nothing."""
    breaker = opened()
    assert breaker.admit(115.0) is not None
    late = breaker.admit(90.0)
    assert late is not None
    assert late.since_s == 115.0


def test_a_stale_permit_changes_nothing() -> None:
    """The outcome of an old state says nothing about this one, in any state."""
    breaker = CircuitBreaker(SETTINGS)
    old = [breaker.admit(90.0) for _ in range(30)]
    for _ in range(10):
        call(breaker, FAILURE, 100.0)
    probe = breaker.admit(115.0)
    assert probe is not None
    for permit in old:
        assert permit is not None
        assert breaker.report(permit, FAILURE, 116.0) is State.HALF_OPEN
    assert breaker.report(probe, FAILURE, 117.0) is State.OPEN
    assert breaker.report(probe, SUCCESS, 118.0) is State.OPEN


def test_it_stays_open_twice_as_long_after_each_failed_trial() -> None:
    """Fifteen seconds, thirty, and so on to the most; a passed trial begins again at fifteen."""
    breaker, now_s, spans = opened(), 100.0, []
    for _ in range(7):
        spans.append(breaker.retry_after_s(now_s))
        now_s += spans[-1]
        permit = breaker.admit(now_s)
        assert permit is not None
        breaker.report(permit, FAILURE, now_s)
    assert spans == [15.0, 30.0, 60.0, 120.0, 240.0, 300.0, 300.0]
    now_s += breaker.retry_after_s(now_s)
    for _ in range(SETTINGS.probes):
        call(breaker, SUCCESS, now_s + 1.0, 0.5)
    assert breaker.state is State.CLOSED
    for _ in range(10):
        call(breaker, FAILURE, now_s + 2.0)
    assert breaker.retry_after_s(now_s + 2.0) == 15.0


def test_the_open_times_are_spread_within_the_jitter() -> None:
    """By the seed, both ways; and never beyond the most."""
    settings = BreakerSettings(jitter=0.2)
    spans = [opened(settings, seed).retry_after_s(100.0) for seed in range(200)]
    assert all(12.0 <= span <= 18.0 for span in spans)
    assert min(spans) < 13.0
    assert max(spans) > 17.0
    assert opened(settings, 7).retry_after_s(100.0) == opened(settings, 7).retry_after_s(100.0)
    longest = BreakerSettings(jitter=0.9, open_s=300.0, open_s_max=300.0)
    assert max(opened(longest, seed).retry_after_s(100.0) for seed in range(50)) == 300.0


def test_an_operator_opens_and_closes_it() -> None:
    """Forced open lets nothing through however long it is; closing begins anew, whatever the trials were."""
    breaker = CircuitBreaker(SETTINGS)
    running = breaker.admit(1.0)
    assert running is not None
    assert breaker.force(is_open=True, reason="maintenance", now_s=2.0) is State.FORCED_OPEN
    assert breaker.admit(1e9) is None
    assert (breaker.reason, breaker.since_s, breaker.retry_after_s(3.0)) == ("maintenance", 2.0, 0)
    assert breaker.report(running, SUCCESS, 3.0) is State.FORCED_OPEN
    assert breaker.force(is_open=False, reason="done", now_s=4.0) is State.CLOSED
    assert breaker.admit(4.0) is not None
    assert opened().force(is_open=False, reason="now", now_s=101.0) is State.CLOSED
