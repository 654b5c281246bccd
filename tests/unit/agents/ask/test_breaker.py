"""The breaker against a simple model, and the cases its table names."""

import pytest
from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agents.ask.breaker import CircuitBreaker, Outcome, Permit, State
from agents.settings import BreakerSettings

SETTINGS = BreakerSettings(jitter=0.0)
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
    for _ in range(10 - slow):
        call(breaker, SUCCESS, 100.0)
    for _ in range(slow):
        call(breaker, SUCCESS, 100.0, took_s)
    assert breaker.state is state
    if state is State.OPEN:
        assert breaker.reason == "8 of the last 10 calls took over 20 s"


def test_what_is_older_than_the_window_is_forgotten() -> None:
    """Nine failures a window ago do not count with one of now."""
    breaker = CircuitBreaker(SETTINGS)
    for _ in range(9):
        call(breaker, FAILURE, 100.0)
    past_s = 100.0 + SETTINGS.window_s + SETTINGS.window_s / SETTINGS.slices
    assert call(breaker, FAILURE, past_s) is State.CLOSED
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
    """A probe never reported is given up when the longer of open and slow time has gone by, and is stale then."""
    breaker = opened()
    lost = [breaker.admit(115.0) for _ in range(SETTINGS.probes)]
    patience_s = max(SETTINGS.open_s, SETTINGS.slow_s)
    assert breaker.admit(115.0 + patience_s) is None
    assert breaker.admit(115.0 + patience_s + 0.1) is not None
    assert lost[0] is not None
    assert breaker.report(lost[0], FAILURE, 140.0) is State.HALF_OPEN


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


class BreakerMachine(RuleBasedStateMachine):
    """Any calls, outcomes, waits and operators, beside a model that keeps every outcome in a list."""

    @initialize(calls_min=st.integers(1, 4), probes=st.integers(1, 3))
    def begin(self, calls_min: int, probes: int) -> None:
        """Take small bounds, so that every state is reached."""
        self.settings = BreakerSettings(calls_min=calls_min, probes=probes, slices=3, jitter=0)
        self.breaker = CircuitBreaker(self.settings)
        self.now_s, self.state, self.epoch = 0.0, State.CLOSED, 0
        self.out: list[tuple[Permit, int]] = []
        """Permits not reported yet, with the epoch they are of."""
        self.counted: list[tuple[float, Outcome, bool]] = []
        """The end of its slice, what it was, and whether it was slow."""
        self.probing: dict[int, float] = {}
        self.passed, self.trials, self.open_until_s = 0, 0, 0.0

    def enter(self, state: State) -> None:
        """Begin a state."""
        self.state, self.epoch = state, self.epoch + 1
        self.counted, self.probing, self.passed = [], {}, 0

    def open(self) -> None:
        """Open for twice as long as the last time."""
        self.open_until_s = self.now_s + min(15.0 * 2**self.trials, 300.0)
        self.trials += 1
        self.enter(State.OPEN)

    @rule(seconds=st.sampled_from([0.5, 5.0, 16.0, 21.0, 61.0, 301.0]))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now_s += seconds

    @rule()
    def admit(self) -> None:
        """Ask for a permit."""
        if self.state is State.OPEN and self.now_s >= self.open_until_s:
            self.enter(State.HALF_OPEN)
        patience_s = max(self.settings.open_s, self.settings.slow_s)
        self.probing = {n: s for n, s in self.probing.items() if self.now_s - s <= patience_s}
        room = self.settings.probes - len(self.probing) - self.passed
        expected = self.state is State.CLOSED or (self.state is State.HALF_OPEN and room > 0)
        permit = self.breaker.admit(self.now_s)
        assert (permit is not None) is expected
        if permit is not None:
            self.out.append((permit, self.epoch))
            if self.state is State.HALF_OPEN:
                self.probing[permit.number] = self.now_s

    @precondition(lambda self: self.out)
    @rule(data=st.data(), outcome=st.sampled_from(Outcome))
    def report(self, data: st.DataObject, outcome: Outcome) -> None:
        """Report any permit that is out."""
        at = data.draw(st.integers(0, len(self.out) - 1))
        permit, epoch = self.out.pop(at)
        slow = self.now_s - permit.since_s > self.settings.slow_s
        if epoch == self.epoch and self.state is State.HALF_OPEN:
            self.probe(permit, outcome, slow=slow)
        elif epoch == self.epoch and self.state is State.CLOSED and outcome is not IGNORED:
            self.count(outcome, slow=slow)
        assert self.breaker.report(permit, outcome, self.now_s) is self.state

    def probe(self, permit: Permit, outcome: Outcome, *, slow: bool) -> None:
        """Take a probe's outcome."""
        if self.probing.pop(permit.number, None) is None:
            return
        if outcome is FAILURE or (outcome is SUCCESS and slow):
            self.open()
        elif outcome is SUCCESS:
            self.passed += 1
            if self.passed == self.settings.probes:
                self.trials = 0
                self.enter(State.CLOSED)

    def count(self, outcome: Outcome, *, slow: bool) -> None:
        """Take an outcome while closed: it is forgotten a window after the end of its slice."""
        settings = self.settings
        self.counted = [c for c in self.counted if c[0] > self.now_s - settings.window_s]
        end_s = self.counted[-1][0] if self.counted else -1.0
        if end_s <= self.now_s:
            end_s = self.now_s + settings.window_s / settings.slices
        self.counted.append((end_s, outcome, slow))
        calls = len(self.counted)
        if calls < settings.calls_min:
            return
        failures = sum(found is FAILURE for _, found, _ in self.counted)
        if failures >= 0.5 * calls or sum(slow for *_, slow in self.counted) >= 0.8 * calls:
            self.open()

    @rule(is_open=st.booleans())
    def force(self, is_open: bool) -> None:
        """An operator acts."""
        self.trials = 0
        self.enter(State.FORCED_OPEN if is_open else State.CLOSED)
        assert self.breaker.force(is_open=is_open, reason="said", now_s=self.now_s) is self.state

    @invariant()
    def agrees(self) -> None:
        """State and waiting time are the model's."""
        if not hasattr(self, "breaker"):
            return
        assert self.breaker.state is self.state
        wait_s = max(0.0, self.open_until_s - self.now_s) if self.state is State.OPEN else 0.0
        assert self.breaker.retry_after_s(self.now_s) == wait_s


TestBreaker = BreakerMachine.TestCase
TestBreaker.settings = profile(max_examples=100, stateful_step_count=40, deadline=None)
