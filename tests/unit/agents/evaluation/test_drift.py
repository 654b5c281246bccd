"""Drift: each prompt version by itself, and every version that was ever tried."""

import pytest
from msgspec.structs import replace

from agents.evaluation import drift as module
from agents.evaluation.counting import WORDS_MAX
from agents.evaluation.drift import Drift
from topics import Analysis, Decision, Intent, Result, Usage

from .planted import MODEL, PROMPT, said


def intent(number: int, *, prompt: str = PROMPT, model: str = MODEL, at_ms: int = 5) -> Intent:
    return Intent(
        attempt_id=f"attempt/{number}",
        item_key=f"{number:064x}",
        asset="BTC",
        product="deep_dive",
        scope="default",
        provider="anthropic",
        model=model,
        prompt_version=prompt,
        schema_version="s",
        price_version="p",
        reserved_nano_usd=1,
        reserved_tokens=1,
        at_ms=at_ms,
    )


def result(number: int, outcome: str) -> Result:
    return Result(
        attempt_id=f"attempt/{number}",
        item_key=f"{number:064x}",
        outcome=outcome,
        known="settled",
        usage=Usage(),
        cost_nano_usd=0,
        started_ms=5,
        ended_ms=6,
    )


def rejected(hour: int, reason: str, prompt: str = PROMPT) -> Analysis:
    return said(
        hour,
        origin="rules",
        origin_reason=reason,
        model=None,
        simulated=False,
        rules_version="rules-1",
        prompt_version=prompt,
    )


def test_a_question_about_posts_is_no_trial_of_the_dive_s_prompt() -> None:
    """What came of it is told apart, under its own prompt."""
    drift = Drift()
    drift.take_entry(intent(1))
    drift.take_entry(replace(intent(2, prompt="excerpts-1"), excerpts=6))
    drift.take_entry(result(2, "timeout"))
    assert drift.tried("deep_dive") == 1
    asked = {prompt.version: dict(prompt.outcomes) for prompt in drift.prompts}
    assert asked == {PROMPT: {}, "excerpts-1": {"timeout": 1}}


def test_a_prompt_is_told_by_what_it_said_and_what_became_of_its_answers() -> None:
    """Directions are of the model's words, refusals of results, rejections of rules in their place."""
    drift = Drift()
    for number, outcome in enumerate(("answered", "answered", "refused", "timeout")):
        drift.take_entry(intent(number, at_ms=number))
        drift.take_entry(result(number, outcome))
    for analysis in (
        said(0, "up"),
        said(1, "up"),
        said(2, "unclear"),
        rejected(3, "advice"),
        rejected(4, "timeout"),
    ):
        drift.take_analysis(analysis)
    (prompt,) = drift.prompts
    assert (prompt.model, prompt.version, prompt.sent, prompt.analyses) == (MODEL, PROMPT, 4, 3)
    assert prompt.share("up") == pytest.approx(2 / 3)
    assert prompt.share("down") == 0
    assert prompt.refusal_share == 0.25
    assert (prompt.rejected, prompt.rejection_share) == ({"advice": 1}, 0.25)
    assert prompt.first_ms == 0


def test_every_version_that_was_tried_is_counted_in_the_range_or_not() -> None:
    """Of the journal, and of analyses whose entries are gone; one model more is no version more."""
    drift = Drift()
    drift.note(intent(0, prompt="old"))
    drift.note(result(0, "answered"))
    drift.take_entry(intent(1))
    drift.take_entry(intent(2, model="other"))
    drift.take_analysis(rejected(0, "advice", prompt="gone"))
    assert drift.tried("deep_dive") == 3
    assert drift.tried("state") == 0
    assert [(p.model, p.version) for p in drift.prompts] == [
        (MODEL, PROMPT),
        ("other", PROMPT),
        ("unknown", "gone"),
    ]


def test_rules_alone_are_no_prompts() -> None:
    """An analysis for which nothing was asked."""
    drift = Drift()
    drift.take_analysis(said(0, origin="rules", prompt_version=None, model=None))
    assert (drift.prompts, drift.tried("deep_dive")) == ([], 0)


def test_decisions_are_counted_by_outcome_and_reason() -> None:
    """Beyond the bound together."""
    drift = Drift()
    for number in range(WORDS_MAX + 10):
        drift.take_decision(decision(number, f"reason_{number}"))
    drift.take_decision(decision(0, "reason_0"))
    counts = drift.decisions["deep_dive"]
    assert (counts["rules/reason_0"], counts["other"]) == (2, 10)


def test_prompts_beyond_the_bound_are_counted_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    """And are versions tried no more than the bound."""
    monkeypatch.setattr(module, "PROMPTS_MAX", 2)
    drift = Drift()
    for number in range(3):
        drift.take_entry(intent(number, prompt=f"p{number}"))
        drift.take_entry(result(number, "answered"))
    assert (len(drift.prompts), drift.beyond, drift.tried("deep_dive")) == (2, 1, 2)


def test_intents_without_results_are_held_up_to_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest is let go: its result, should it come, is nobody's."""
    monkeypatch.setattr(module, "OPEN_MAX", 1)
    drift = Drift()
    for number in (0, 1):
        drift.take_entry(intent(number))
    for number in (0, 1):
        drift.take_entry(result(number, "answered"))
    (prompt,) = drift.prompts
    assert (prompt.sent, prompt.outcomes["answered"]) == (2, 1)


def decision(number: int, reason: str) -> Decision:
    return Decision(
        decision_id=f"d/{number}",
        asset="BTC",
        product="deep_dive",
        as_of_ms=5,
        outcome="rules",
        reason=reason,
        severity="info",
        reasons=[],
        aggregate_ids=[],
        aggregates_partition=0,
        first_offset=0,
        last_offset=0,
        decided_ms=5,
    )
