"""What the model is told of a state, to the byte: its words, and nothing of the asset."""

import json

import pytest
from hypothesis import given
from msgspec.structs import replace

from agents.ask.prompt import (
    SCHEMA,
    STATE_SCHEMA,
    item_key,
    prompt_of,
    state_prompt_of,
    state_version,
    version_of,
)
from agents.ask.state import asked_of, system_text
from agents.decide.context import Labels
from tests.strategies.aggregates import calm, histories, market
from tests.unit.agents.answer.test_narrative import RISEN, state_of
from topics import Aggregate

MODEL = "claude-haiku-5-5"
LABELS: Labels = (("direction", "up"), ("volume", "high"), ("posts", "high"), ("data", "gaps"))
GOLDEN: dict[str, object] = {
    "state": {"direction": "up", "volume": "high", "posts": "high", "data": "gaps"},
    "slots": [
        {"slot": "symbol", "label": "the asset's name"},
        {"slot": "return_1m", "of": "direction", "label": "price change over 1m"},
        {"slot": "close_1m", "of": "direction", "label": "last price"},
        {"slot": "range_1m", "of": "direction", "label": "high above low over 1m"},
        {"slot": "volume_ratio_1m", "of": "volume", "label": "volume over 1m against usual"},
        {"slot": "posts_5m", "of": "posts", "label": "posts over 5m"},
        {"slot": "posts_5m.usual", "of": "posts", "label": "what is usual of it"},
    ],
}
PREFIX_TOKENS_MIN = 700
"""With room to spare above the 512 that the provider's prompt cache needs."""


def test_a_state_is_told_as_it_was_written_down() -> None:
    """The whole of one request: a change here changes every item key and must be meant."""
    prompt = state_prompt_of(LABELS, MODEL)
    bare = json.dumps(GOLDEN, separators=(",", ":"))
    assert prompt.user == json.dumps({"marker": prompt.canary} | GOLDEN, separators=(",", ":"))
    assert prompt.system == system_text()
    assert (prompt.version, prompt.schema) == (state_version(), STATE_SCHEMA)
    assert (prompt.version, STATE_SCHEMA.version) == ("state-62b6f198", "15b21684")
    assert prompt.item_key == item_key("state", bare, state_version(), STATE_SCHEMA.version, MODEL)
    assert prompt.canary in prompt.user
    assert prompt.canary not in prompt.system


def test_assets_in_one_state_are_asked_about_by_one_question() -> None:
    """Whatever they are called and whatever their numbers, reasons and gaps: the key is of the words alone."""
    other = state_of([*calm(12, "DOGE/USD"), market("DOGE/USD", 12, last=107.0, volume=90.0)])
    assert other.labels == RISEN.labels
    assert other.facts != RISEN.facts
    named = replace(other, reasons=("state_expired",), severity="critical")
    assert (
        prompt_of(named, MODEL) == prompt_of(RISEN, MODEL) == state_prompt_of(RISEN.labels, MODEL)
    )


@pytest.mark.parametrize(
    "changed", [LABELS[1:], LABELS[:-1], (("direction", "down"), *LABELS[1:]), ()]
)
def test_another_word_is_another_question(changed: Labels) -> None:
    """Each is in the key, and so is the model."""
    key = state_prompt_of(LABELS, MODEL).item_key
    assert state_prompt_of(changed, MODEL).item_key != key
    assert state_prompt_of(LABELS, "claude-opus-5-5").item_key != key


def test_a_deep_dive_of_the_same_candidate_is_another_question() -> None:
    """With its own prompt and schema."""
    dive = prompt_of(replace(RISEN, product="deep_dive"), MODEL)
    assert dive.schema == SCHEMA != STATE_SCHEMA
    assert dive.version.startswith("deep_dive-")
    assert state_version() == version_of(system_text(), "state")


@given(histories(max_size=30))
def test_no_name_and_no_number_of_an_asset_is_told(log: list[Aggregate]) -> None:
    """Whatever its windows hold."""
    own = [aggregate for aggregate in log if aggregate.asset == "ETH"]
    if own:
        prompt = state_prompt_of(state_of(own).labels, MODEL)
        assert "ETH" not in prompt.user
        told = json.loads(prompt.user)
        assert not any(char.isdigit() for char in json.dumps(told["state"]))
        assert json.loads(json.dumps(asked_of(state_of(own).labels))) == {
            name: part for name, part in told.items() if name != "marker"
        }


def test_the_instructions_are_long_enough_to_be_cached_by_the_provider() -> None:
    """By four bytes a token, and without the schema before them."""
    assert len(system_text().encode()) // 4 >= PREFIX_TOKENS_MIN
