"""The breakers of a process: made once by name, held against operators' orders, counted and told in words."""

import pytest
from prometheus_client import REGISTRY

from agents.ask.breaker import CircuitBreaker, Outcome, State
from agents.ask.breakers import ANSWERED, BREAKERS_MAX, Breakers, words_of, worth_of
from agents.settings import AgentSettings, BreakerSettings, QualitySettings
from topics import Control, PipelineError

MODEL = "breaker/anthropic/claude-haiku-5-5"
PROMPT = "quality/deep_dive-0123abcd"


def breakers() -> Breakers:
    """Return none yet, without jitter."""
    return Breakers(BreakerSettings(calls_min=10, jitter=0), QualitySettings(jitter=0))


def both(made: Breakers, now_s: float = 0.0) -> tuple[CircuitBreaker, CircuitBreaker]:
    """Return a model's and a prompt's."""
    model = made.of_model("anthropic", "claude-haiku-5-5", now_s)
    return model, made.of_prompt("deep_dive-0123abcd", now_s)


def order(subject: str, value: str, at_ms: int, *, expires_ms: int | None = None) -> Control:
    """Return an operator's order."""
    return Control(
        control_id=f"{subject} {value} {at_ms}",
        act="force_breaker",
        subject=subject,
        value=value,
        actor="alice",
        reason="an incident",
        at_ms=at_ms,
        expires_ms=expires_ms,
    )


def fail(
    breaker: CircuitBreaker,
    times: int,
    now_s: float,
    why: str = "",
    outcome: Outcome = Outcome.FAILURE,
) -> None:
    """Make calls that fail."""
    for _ in range(times):
        permit = breaker.admit(now_s)
        assert permit is not None
        breaker.report(permit, outcome, now_s, why=why)


def sample(name: str, **labels: str) -> float | None:
    """Return a metric's value."""
    return REGISTRY.get_sample_value(f"tapereader_agent_breaker_{name}", labels)


def test_one_name_is_one_breaker() -> None:
    """However often it is asked for; a model's and a prompt's are told apart by name."""
    made = breakers()
    model, prompt = both(made)
    assert both(made) == (model, prompt)
    assert [name for name, _ in made] == [MODEL, PROMPT]


def test_there_are_so_many_and_no_more() -> None:
    """More is a defect; those there are go on."""
    made = breakers()
    for number in range(BREAKERS_MAX):
        made.of_prompt(f"p{number}", 0.0)
    with pytest.raises(PipelineError, match="at most 64 breakers"):
        made.of_prompt("one-more", 0.0)
    assert made.of_prompt("p0", 0.0).state is State.CLOSED


def test_names_are_those_operators_know() -> None:
    """A part may be told under another name than the model's own; orders come with that one."""
    made = Breakers(BreakerSettings(), QualitySettings(), told_as=str.lower)
    breaker = made.of_model("anthropic", "Claude-X", 0.0)
    made.heed([order("breaker/anthropic/claude-x", "open", 1)], 1.0)
    assert breaker.state is State.FORCED_OPEN


def test_a_prompts_breaker_opens_by_the_rate_of_rejected_answers() -> None:
    """With its own bounds; how long a call took says nothing about a prompt, nor does one without an answer."""
    quality = QualitySettings(jitter=0)
    _, prompt = both(breakers())
    for _ in range(100):
        fail(prompt, 1, 10.0, "timeout", worth_of("timeout", judged=False))
    slow = prompt.admit(10.0)
    assert slow is not None
    assert prompt.report(slow, worth_of(ANSWERED, judged=True), 400.0) is State.CLOSED
    fail(prompt, 3, 500.0, outcome=worth_of(ANSWERED, judged=True))
    fail(prompt, 2, 500.0, "ungrounded_number", worth_of("ungrounded_number", judged=True))
    fail(prompt, 3, 500.0, "refused", worth_of("refused", judged=True))
    assert (prompt.tally(500.0).calls, prompt.transitions) == (quality.verdicts_min - 1, 0)
    fail(prompt, 1, 500.0, "refused", worth_of("refused", judged=True))
    assert prompt.state is State.OPEN
    assert (
        prompt.reason == "6 of the last 10 answers were rejected (4 refused, 2 ungrounded_number)"
    )
    assert prompt.retry_after_s(500.0) == quality.open_s


def test_a_call_may_not_last_longer_than_a_probe_is_waited_for() -> None:
    """It would be given up for lost, and its outcome be ignored."""
    for branch in ("breaker", "quality"):
        with pytest.raises(ValueError, match=rf"{branch}.lost_s = 30: above model.timeout_s"):
            AgentSettings.model_validate({branch: {"lost_s": 30}, "model": {"timeout_s": 30}})


def test_the_newest_order_that_fits_holds() -> None:
    """By name or glob; another's order is none of its business, and one without sense is none."""
    made = breakers()
    model, prompt = both(made)
    made.heed([order("breaker/*", "open", 1), order("quality/*", "shut", 2)], 1.0)
    assert (model.state, prompt.state) == (State.FORCED_OPEN, State.CLOSED)
    assert model.reason == "alice: an incident"
    made.heed([order(MODEL, "closed", 3), order("breaker/*", "open", 1)], 2.0)
    assert model.state is State.CLOSED
    made.heed([order("*", "open", 4), order(MODEL, "closed", 3)], 3.0)
    assert (model.state, prompt.state) == (State.FORCED_OPEN, State.FORCED_OPEN)
    made.heed([order("*", "auto", 5)], 4.0)
    assert (model.state, prompt.state) == (State.HALF_OPEN, State.HALF_OPEN)


def test_an_order_is_carried_out_once() -> None:
    """Given again, it does not close what has opened by itself since."""
    made = breakers()
    model, _ = both(made)
    for now_s in (1.0, 2.0):
        made.heed([order(MODEL, "closed", 1)], now_s)
    assert model.transitions == 1
    fail(model, 10, 3.0)
    made.heed([order(MODEL, "closed", 1), order("quality/x", "open", 2)], 4.0)
    assert model.state is State.OPEN


def test_what_an_order_forced_open_is_tried_when_it_stands_no_more() -> None:
    """Its time is over, or its record was deleted; also where an older one, to close it, still stands."""
    made = breakers()
    model, _ = both(made)
    made.heed([order(MODEL, "open", 2, expires_ms=9)], 1.0)
    assert model.reason == "alice: an incident (until 1970-01-01T00:00:00.009Z)"
    made.heed([], 2.0)
    assert (model.state, model.reason) == (State.HALF_OPEN, "the operator's order stands no more")
    made.heed([order("breaker/*", "closed", 1), order(MODEL, "open", 2)], 3.0)
    assert (model.state, model.transitions) == (State.FORCED_OPEN, 3)
    made.heed([order("breaker/*", "closed", 1)], 4.0)
    assert (model.state, model.transitions) == (State.HALF_OPEN, 4)


def test_an_older_order_does_not_close_what_a_newer_one_had_opened() -> None:
    """When the newer one expires, an incident may go on: a few calls are tried. An older `open` holds again."""
    made = breakers()
    model, _ = both(made)
    closes, opens = order("breaker/*", "closed", 1), order(MODEL, "open", 2, expires_ms=9)
    shuts, spares = order("breaker/*", "open", 3), order(MODEL, "closed", 4, expires_ms=20)
    states = []
    for orders in ([closes], [closes, opens], [closes], [shuts], [shuts, spares], [shuts]):
        made.heed(orders, 1.0)
        states.append(model.state)
    assert states == [
        State.CLOSED,
        State.FORCED_OPEN,
        State.HALF_OPEN,
        State.FORCED_OPEN,
        State.CLOSED,
        State.FORCED_OPEN,
    ]


def test_an_order_waits_for_its_breaker() -> None:
    """One that is made after the order was given is forced from its beginning."""
    made = breakers()
    made.heed([order("breaker/*", "open", 1)], 1.0)
    model, prompt = both(made, 2.0)
    assert (model.state, prompt.state) == (State.FORCED_OPEN, State.CLOSED)
    assert model.admit(3.0) is None


def test_a_breaker_is_told_in_words() -> None:
    """State first, then how long, why, and who answers."""
    model, _ = both(breakers())
    told = [words_of(model, 0.0)]
    fail(model, 8, 100.0, "overloaded_error")
    fail(model, 2, 100.0, "timeout")
    told += [words_of(model, 101.0), words_of(model, 115.0)]
    probe = model.admit(115.0)
    model.admit(115.0)
    assert probe is not None
    model.report(probe, Outcome.SUCCESS, 116.0)
    told.append(words_of(model, 116.0))
    model.open_until(116.0 + 3_600, "the month's spend limit is reached", 116.0)
    told.append(words_of(model, 116.0))
    model.open_until(116.0 + 36_000, "the month's spend limit is reached", 116.0)
    told.append(words_of(model, 116.0))
    model.force(is_open=True, reason="alice: an incident", now_s=117.0)
    told.append(words_of(model, 118.0))
    model.force(is_open=False, reason="alice: over", now_s=119.0)
    told.append(words_of(model, 119.0))
    why = "10 of the last 10 calls failed (8 overloaded_error, 2 timeout)"
    assert told == [
        "closed",
        f"open for 14 s more: {why}; rules answer meanwhile",
        f"open until the next call tries: {why}; rules answer meanwhile",
        "half open: 1 of 3 probes passed, 1 under way; rules answer the rest",
        "open for 60 min more: the month's spend limit is reached; rules answer meanwhile",
        "open for 10 h more: the month's spend limit is reached; rules answer meanwhile",
        "forced open: alice: an incident; rules answer meanwhile",
        "closed: alice: over",
    ]


def test_everything_is_counted_by_name() -> None:
    """State and cause, changes by kind, calls not let through, probes: what was added since the last time."""
    made = breakers()
    model = made.of_model("anthropic", "counted", 0.0)
    name = "breaker/anthropic/counted"
    made.count()
    assert sample("state", breaker=name, state="closed") == 1
    fail(model, 10, 100.0)
    for _ in range(3):
        assert model.admit(101.0) is None
    for _ in range(2):
        made.count()
    assert sample("state", breaker=name, state="closed") == 0
    assert sample("state", breaker=name, state="open") == 1
    assert sample("cause", breaker=name, cause="failure_rate") == 1
    assert sample("rejected_total", breaker=name) == 3
    kind = {"before": "closed", "after": "open", "cause": "failure_rate"}
    assert sample("transitions_total", breaker=name, **kind) == 1
    fail(model, 1, 115.0)
    assert model.admit(145.0) is not None
    made.count()
    assert sample("probes_total", breaker=name, outcome="failed") == 1
    assert sample("probes_in_flight", breaker=name) == 1
