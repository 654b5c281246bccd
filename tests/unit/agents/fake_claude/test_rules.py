from typing import Any

import pytest

from agents.fake_claude.errors import ApiError
from agents.fake_claude.models import MODELS
from agents.fake_claude.rules import STOP_SEQUENCES_MAX, judge

from .wire import Json, asking

TOOLS = [{"name": "look", "input_schema": {"type": "object"}}]
BIG = ["claude-opus-5-5", "claude-sonnet-5-5", "claude-fable-5-2"]


def complaint(**changes: Json) -> str:
    """Return what is said of a request that is refused with 400."""
    with pytest.raises(ApiError) as caught:
        judge(asking(**changes), MODELS)
    assert (caught.value.status, caught.value.kind) == (400, "invalid_request_error")
    return caught.value.message


def test_an_unknown_model_is_a_404() -> None:
    """A typo in a model's name must not be answered."""
    with pytest.raises(ApiError) as caught:
        judge(asking(model="claude-haiku-9"), MODELS)
    assert (caught.value.status, caught.value.kind) == (404, "not_found_error")
    assert caught.value.message == "model: claude-haiku-9"


@pytest.mark.parametrize("model", BIG)
@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "look"}])
def test_the_big_models_refuse_forced_tools(model: str, choice: dict[str, str]) -> None:
    """They answer 400, when a message is asked for and when it is only counted."""
    body = asking(model=model, tools=TOOLS, tool_choice=choice)
    for counts in (False, True):
        with pytest.raises(ApiError, match='type "tool" and "any" are not supported'):
            judge(body, MODELS, counts=counts)


def test_other_models_take_forced_tools() -> None:
    """The rule is of models, not of the API."""
    asked = judge(asking(tools=TOOLS, tool_choice={"type": "any"}), MODELS)
    assert asked.forced_tool == TOOLS[0]


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        ({"type": "tool", "name": "hear"}, "Tool 'hear' not found"),
        ({"type": "auto"}, "providing tools"),
    ],
)
def test_a_tool_choice_needs_its_tool(choice: dict[str, str], says: str) -> None:
    """Neither a name that is not there nor a choice among none."""
    tools = {"tools": TOOLS} if choice["type"] == "tool" else {}
    assert says in complaint(tool_choice=choice, **tools)


def test_prefill_is_refused_by_current_models_only() -> None:
    """A last message of the assistant's is a 400, except on the 4.5 models."""
    messages = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "{"}]
    assert complaint(messages=messages) == (
        "This model does not support assistant message prefill."
        " The conversation must end with a user message."
    )
    judge(asking(model="claude-haiku-4-5", messages=messages), MODELS)


@pytest.mark.parametrize(
    ("model", "thinking", "refused"),
    [
        ("claude-opus-5-5", {"type": "disabled"}, True),
        ("claude-haiku-5-5", {"type": "disabled"}, False),
        ("claude-sonnet-5-5", {"type": "disabled"}, True),
        ("claude-sonnet-5-5", {"type": "between_tools"}, False),
        ("claude-haiku-5-5", {"type": "between_tools"}, True),
        ("claude-opus-5-5", {"type": "enabled", "budget_tokens": 1024}, True),
        ("claude-opus-4-6", {"type": "enabled", "budget_tokens": 1024}, False),
        ("claude-haiku-4-5", {"type": "adaptive"}, True),
    ],
)
def test_each_model_takes_its_own_kinds_of_thinking(
    model: str, thinking: dict[str, Any], *, refused: bool
) -> None:
    """As the vendor's table has it."""
    body = asking(model=model, thinking=thinking, max_tokens=2048)
    if not refused:
        assert judge(body, MODELS).thinks is (thinking["type"] == "enabled")
        return
    with pytest.raises(ApiError, match="not supported"):
        judge(body, MODELS)


@pytest.mark.parametrize(
    ("model", "thinks"),
    [
        ("claude-haiku-5-5", True),
        ("claude-opus-5-5", True),
        ("claude-opus-4-8", False),
        ("claude-haiku-4-5", False),
    ],
)
def test_some_models_think_unasked(model: str, *, thinks: bool) -> None:
    """On those, a request that says nothing pays for thinking."""
    assert judge(asking(model=model), MODELS).thinks is thinks


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"max_tokens": -1}, "max_tokens: Input should be greater than or equal to 0"),
        ({"max_tokens": 128_001}, "max_tokens: 128001 > 128000, which is the maximum"),
        (
            {"model": "claude-opus-4-6", "thinking": {"type": "enabled", "budget_tokens": 1023}},
            "greater than or equal to 1024",
        ),
        (
            {"model": "claude-opus-4-6", "thinking": {"type": "enabled", "budget_tokens": 1024}},
            "`max_tokens` must be greater",
        ),
        (
            {"model": "claude-haiku-4-5", "output_config": {"effort": "low"}},
            "output_config.effort: low is not supported",
        ),
        (
            {"model": "claude-opus-4-6", "output_config": {"effort": "xhigh"}},
            "It takes low, medium, high, max.",
        ),
        (
            {"thinking": {"type": "disabled"}, "output_config": {"effort": "max"}},
            "not supported with effort max",
        ),
        ({"speed": "fast"}, "speed: fast is not supported"),
        ({"stop_sequences": [" "]}, "non-whitespace"),
        ({"stop_sequences": ["x"] * (STOP_SEQUENCES_MAX + 1)}, "at most 8191"),
        (
            {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
            "output_config.format.schema: For 'object' type",
        ),
    ],
)
def test_what_a_model_does_not_permit_is_a_400(changes: dict[str, Any], says: str) -> None:
    """The message says what and what instead."""
    assert says in complaint(**changes)


def test_a_prompt_of_the_models_own_size_passes_and_one_token_more_does_not() -> None:
    """The context window is a bound."""
    text = "1234" * 200_000
    assert judge(asking(text, model="claude-haiku-4-5"), MODELS).prompt_tokens == 200_000
    assert complaint(messages=asking(text + "5")["messages"], model="claude-haiku-4-5") == (
        "prompt is too long: 200001 tokens > 200000 maximum"
    )
