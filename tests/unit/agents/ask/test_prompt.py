"""What the model is told, to the byte, and what makes two questions the same."""

import json
import re

import msgspec
import pytest
from hypothesis import given

from agents.answer.verdict import ANSWER_SCHEMA
from agents.ask.prompt import (
    CANARY_CHARS,
    SCHEMA,
    canary_of,
    item_key,
    prompt_of,
    system_text,
    version,
    version_of,
)
from agents.decide.candidate import Candidate
from agents.decide.facts import slots_of
from tests.strategies.aggregates import calm, histories, holed, market
from tests.unit.agents.candidates import candidate, candidate_of
from topics import Aggregate

MODEL = "claude-haiku-5-5"


def test_a_key_is_of_what_is_asked_without_its_marker() -> None:
    """The marker follows from the key, so the key cannot follow from it; whole requests: test_golden.py."""
    prompt = prompt_of(candidate(), MODEL)
    told = json.loads(prompt.user)
    assert told.pop("marker") == prompt.canary
    bare = json.dumps(told, separators=(",", ":"))
    assert prompt.system == system_text()
    assert prompt.item_key == item_key("deep_dive", bare, version(), SCHEMA.version, MODEL)
    assert SCHEMA.version == "691ed749"


@pytest.mark.parametrize(
    "changed",
    [
        candidate(reasons=("price_jump",)),
        candidate(product="state"),
        candidate(facts=candidate().facts[1:]),
        candidate_of([*calm(12), market(number=12, last=95.9, low=95.5, volume=30.0)]),
        candidate_of(
            [*calm(12), market(number=12, last=96.0, low=95.5, volume=30.0, completeness=holed())]
        ),
    ],
)
def test_another_input_is_another_item(changed: Candidate) -> None:
    """Product, reasons, any fact, what is said of the data."""
    assert prompt_of(changed, MODEL).item_key != prompt_of(candidate(), MODEL).item_key


def test_another_prompt_schema_or_model_is_another_item() -> None:
    """Each part of the identity, and no part can take another's place."""
    question = ("deep_dive", "{}", "deep_dive-1", "s1", MODEL)
    keys = {
        item_key(*question),
        item_key("state", *question[1:]),
        item_key("deep_dive", "[]", *question[2:]),
        item_key("deep_dive", "{}", "deep_dive-2", "s1", MODEL),
        item_key("deep_dive", "{}", "deep_dive-1", "s2", MODEL),
        item_key(*question[:4], "claude-opus-5-5"),
    }
    assert len(keys) == 6
    assert item_key("ab", "c", "", "", "") != item_key("a", "bc", "", "", "")
    assert prompt_of(candidate(), "claude-opus-5-5").item_key not in keys


def test_versions_digest_what_they_name() -> None:
    """Another text of the prompt, or another schema, has another version."""
    assert version_of("a text") != version_of("another text")
    assert version() == version_of(system_text()) != version_of(system_text() + " ")
    assert len(msgspec.json.encode(ANSWER_SCHEMA)) == SCHEMA.size_bytes


def test_a_question_has_a_marker_of_its_own() -> None:
    """Small letters, the same for the same question, another for any other, and not in the system prompt."""
    one, same, other = (
        prompt_of(c, MODEL) for c in (candidate(), candidate(), candidate(asset="ETH"))
    )
    assert one.canary == same.canary == canary_of(one.item_key) != other.canary
    assert re.fullmatch(rf"[a-z]{{{CANARY_CHARS}}}", one.canary)
    assert one.canary in one.user
    assert one.canary not in one.system
    assert one.system == other.system


def test_nothing_else_makes_another_item() -> None:
    """Whoever asks, from wherever, whenever: the same question is the same item."""
    same = candidate(
        candidate_id="x",
        partition=9,
        offsets=(1, 2),
        tenure=4,
        enqueued_s=5.0,
        deadline_s=99.0,
        aggregate_ids=("y",),
        severity="critical",
        as_of_ms=1,
    )
    assert prompt_of(same, MODEL) == prompt_of(candidate(), MODEL)


@given(histories(max_size=30))
def test_the_slots_that_are_told_are_those_that_are_filled(log: list[Aggregate]) -> None:
    """Whatever the facts, each is told once, by the name the verdict knows it by."""
    own = [aggregate for aggregate in log if aggregate.asset == "BTC"]
    if own:
        made = candidate_of(own)
        told = json.loads(prompt_of(made, MODEL).user)["facts"]
        assert [fact["slot"] for fact in told] == list(slots_of(made.facts))
