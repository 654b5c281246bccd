"""The breaker beside a model that forgets nothing: every call ever made is in one list, and all is counted anew.

The model knows no slices, no counters and no generations. What it cannot know, the jitter, it checks the bounds of.
"""

from dataclasses import dataclass

from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agents.ask.breaker import CircuitBreaker, Outcome, Permit, State
from agents.settings import BreakerSettings

CLOSED, OPEN, HALF_OPEN, FORCED = State.CLOSED, State.OPEN, State.HALF_OPEN, State.FORCED_OPEN
FAILURE, SUCCESS, IGNORED = Outcome.FAILURE, Outcome.SUCCESS, Outcome.IGNORED
WINDOW_S, SLICES = 60, 3
OPEN_S, OPEN_S_MAX = 15.0, 40.0


@dataclass
class Call:
    """One call from its permit on."""

    permit: Permit
    spell: int
    """In which state it began: the number of changes before it."""
    began_s: float
    probe: bool
    ended_s: float | None = None
    outcome: Outcome | None = None
    counts: bool = False
    """Whether it was reported in the spell it began in, and for the first time."""


class BreakerMachine(RuleBasedStateMachine):
    """Any calls, waits, provider's words and operators."""

    @initialize(
        settings=st.builds(
            BreakerSettings,
            calls_min=st.integers(1, 4),
            probes=st.integers(1, 3),
            jitter=st.sampled_from([0.0, 0.2, 0.9]),
            failure_rate=st.sampled_from([0.3, 0.5, 1.0]),
            slow_rate=st.sampled_from([0.6, 1.0]),
            window_s=st.just(WINDOW_S),
            slices=st.just(SLICES),
            open_s=st.just(OPEN_S),
            open_s_max=st.just(OPEN_S_MAX),
            hold_s_max=st.just(400),
        ),
        seed=st.integers(0, 3),
    )
    def begin(self, settings: BreakerSettings, seed: int) -> None:
        """Take small bounds, so that every state is reached."""
        self.settings = settings
        self.breaker = CircuitBreaker(self.settings, seed)
        self.now_s = 0.0
        self.calls: list[Call] = []
        self.spells: list[State] = [CLOSED]
        """Every state it has been in, in order."""
        self.until_s = 0.0
        self.failed_trials = 0
        """Failed openings in a row since it last closed."""
        self.rejected = 0

    @property
    def state(self) -> State:
        """The state it must be in."""
        return self.spells[-1]

    def in_flight(self) -> list[Call]:
        """Return the probes that were neither reported nor are lost."""
        lost_s = self.settings.lost_s
        return [
            c
            for c in self.calls
            if c.probe and c.ended_s is None and self.now_s - c.began_s <= lost_s
        ]

    def of_this_spell(self) -> list[Call]:
        """Return what was reported of the calls of this state."""
        return [c for c in self.calls if c.counts and c.spell == len(self.spells)]

    def passed(self) -> int:
        """Return how many probes of this trial succeeded."""
        return sum(c.outcome is SUCCESS for c in self.of_this_spell())

    def open(self) -> None:
        """Check how long the breaker opened for: twice as long as the last time, more or less by the jitter."""
        base_s = min(OPEN_S * 2**self.failed_trials, OPEN_S_MAX)
        for_s = self.breaker.retry_after_s(self.now_s)
        jitter = self.settings.jitter
        longest_s = min(base_s * (1 + jitter), OPEN_S_MAX)
        assert base_s * (1 - jitter) - 1e-9 <= for_s <= longest_s + 1e-9
        self.failed_trials += 1
        self.until_s = self.now_s + for_s
        self.spells.append(OPEN)

    @rule(seconds=st.sampled_from([0.5, 5.0, 16.0, 19.5, 21.0, 61.0, 121.0, 401.0]))
    def wait(self, seconds: float) -> None:
        """Let time pass; without this rule the clock stands still."""
        self.now_s += seconds

    @rule(back_s=st.sampled_from([0.0, 0.0, 7.0]))
    def ask(self, back_s: float) -> None:
        """Ask for a permit, perhaps by a clock that was read earlier."""
        self.admit(back_s)

    def admit(self, back_s: float) -> None:
        """Ask for a permit, by a clock so much behind, and note the call."""
        if self.state is OPEN and self.now_s >= self.until_s:
            self.spells.append(HALF_OPEN)
        room = self.settings.probes - len(self.in_flight())
        ours = [c for c in self.in_flight() if c.spell == len(self.spells)]
        more = self.settings.probes - len(ours) - self.passed()
        expected = self.state is CLOSED or (self.state is HALF_OPEN and min(room, more) > 0)
        would_reject = self.breaker.rejects(self.now_s - back_s)
        permit = self.breaker.admit(self.now_s - back_s)
        assert (permit is not None) is expected
        assert would_reject is not expected
        if permit is None:
            self.rejected += 2
            return
        probe = self.state is HALF_OPEN
        self.calls.append(Call(permit, len(self.spells), self.now_s, probe))

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), outcome=st.sampled_from(Outcome))
    def report(self, data: st.DataObject, outcome: Outcome) -> None:
        """Report any call that ever began: out of order, again, or long after its state is over."""
        self.end(data.draw(st.sampled_from(self.calls[-6:])), outcome)

    @precondition(lambda self: self.state is CLOSED)
    @rule()
    def calls_fail(self) -> None:
        """As many calls as it takes fail, so that what comes after it opened is seen often."""
        for _ in range(self.settings.calls_min):
            self.call(FAILURE)

    @precondition(lambda self: self.state is CLOSED)
    @rule(wait_s=st.sampled_from([0.0, 20.0, 40.0, 60.0]))
    def call_passes(self, wait_s: float) -> None:
        """One call is well, and it may be forgotten by the next look."""
        self.call(SUCCESS)
        self.now_s += wait_s

    @precondition(lambda self: self.state is OPEN)
    @rule(admitted=st.integers(0, 3))
    def wait_out(self, admitted: int) -> None:
        """Let exactly the time pass that it is open for, and begin some probes."""
        self.now_s = max(self.now_s, self.until_s)
        for _ in range(admitted):
            self.admit(0.0)

    @precondition(lambda self: self.state is HALF_OPEN)
    @rule(took_s=st.sampled_from([0.0, 0.0, 20.0, 20.5]))
    def probe_passes(self, took_s: float) -> None:
        """One more probe, if there is room, is well, if it is not too slow for that."""
        self.call(SUCCESS, took_s)

    def call(self, outcome: Outcome, took_s: float = 0.0) -> None:
        """Make a call, if one is let through."""
        begun = len(self.calls)
        self.admit(0.0)
        if len(self.calls) > begun:
            self.now_s += took_s
            self.end(self.calls[-1], outcome)

    def end(self, call: Call, outcome: Outcome) -> None:
        """Report a call, and judge by all that there was."""
        held = call not in self.in_flight() if call.probe else False
        fresh = call.ended_s is None and call.spell == len(self.spells) and not held
        if call.ended_s is None:
            call.ended_s, call.outcome = self.now_s, outcome
        call.counts = call.counts or (fresh and outcome is not IGNORED)
        before = self.state
        told = self.breaker.report(call.permit, outcome, self.now_s)
        if fresh and outcome is not IGNORED:
            if before is HALF_OPEN:
                self.judge_trial(call)
            elif before is CLOSED:
                self.judge_rates()
        assert told is self.state

    def judge_trial(self, call: Call) -> None:
        """Open again by one failed or slow probe; close when as many passed as there are."""
        slow = self.now_s - call.began_s > self.settings.slow_s
        if call.outcome is FAILURE or slow:
            self.open()
        elif self.passed() == self.settings.probes:
            self.failed_trials = 0
            self.spells.append(CLOSED)

    def within(self) -> list[Call]:
        """Return everything reported in this state and in the slices of the window, looked for anew."""
        slice_s = WINDOW_S / SLICES
        oldest = self.now_s // slice_s - SLICES + 1
        return [c for c in self.of_this_spell() if (c.ended_s or 0) // slice_s >= oldest]

    def judge_rates(self) -> None:
        """Open when one of the rates is reached, once there are enough calls."""
        within = self.within()
        if len(within) < self.settings.calls_min:
            return
        slow_s = self.settings.slow_s
        failed = sum(c.outcome is FAILURE for c in within) / len(within)
        slow = sum((c.ended_s or 0) - c.began_s > slow_s for c in within) / len(within)
        if failed >= self.settings.failure_rate or slow >= self.settings.slow_rate:
            self.open()

    @rule(for_s=st.sampled_from([None, -5.0, 0.0, 10.0, 90.0, 5_000.0]))
    def provider_says(self, for_s: float | None) -> None:
        """The provider says until when; at most so long, never shorter than it is open, never against an operator."""
        until_s = self.now_s + min(OPEN_S_MAX if for_s is None else for_s, 400.0)
        if self.state is not FORCED and until_s > self.now_s:
            if self.state is OPEN:
                self.until_s = max(self.until_s, until_s)
            else:
                self.until_s = until_s
                self.spells.append(OPEN)
        given_s = None if for_s is None else self.now_s + for_s
        assert self.breaker.open_until(given_s, "said", self.now_s) is self.state

    @rule(is_open=st.booleans())
    def force(self, is_open: bool) -> None:
        """An operator acts."""
        self.failed_trials = 0
        self.spells.append(FORCED if is_open else CLOSED)
        assert self.breaker.force(is_open=is_open, reason="said", now_s=self.now_s) is self.state

    @rule()
    def release(self) -> None:
        """An operator takes it back."""
        if self.state is FORCED:
            self.spells.append(HALF_OPEN)
        assert self.breaker.release("over", self.now_s) is self.state

    @invariant()
    def agrees(self) -> None:
        """State, time to wait and every count are the model's; what is bounded stays within its bounds."""
        if not hasattr(self, "breaker"):
            return
        breaker, settings = self.breaker, self.settings
        assert breaker.state is self.state
        wait_s = max(0.0, self.until_s - self.now_s) if self.state is OPEN else 0.0
        assert abs(breaker.retry_after_s(self.now_s) - wait_s) < 1e-9
        assert wait_s <= settings.hold_s_max + 1e-9  # a difference of two times
        assert breaker.transitions == len(self.spells) - 1
        assert breaker.rejected == self.rejected
        assert len(self.in_flight()) <= settings.probes
        within = self.within() if self.state is CLOSED else []
        tally = breaker.tally(self.now_s)
        assert tally.calls == len(within)
        assert tally.failures == sum(c.outcome is FAILURE for c in within)

    @invariant()
    def no_call_begins_while_it_is_open(self) -> None:
        """All calls began closed or as probes of a trial, of any history."""
        if not hasattr(self, "breaker"):
            return
        for call in self.calls:
            assert self.spells[call.spell - 1] is (HALF_OPEN if call.probe else CLOSED)


TestBreaker = BreakerMachine.TestCase
TestBreaker.settings = profile(max_examples=150, stateful_step_count=50, deadline=None)
