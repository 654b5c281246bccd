import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.fake_claude.answers import (
    THINKING_TOKENS,
    Answer,
    RefusalCategory,
    answer,
    message,
    refusal,
)
from agents.fake_claude.models import MODELS, Effort
from agents.fake_claude.prompt import tokens_of
from agents.fake_claude.rules import judge

from .schemata import SCHEMAS, Schema, conforms
from .wire import Json, asking

QUIET = {"model": "claude-opus-4-8"}
"""A model that does not think unasked."""


def answered(text: str = "How was the hour?", **changes: Json) -> Answer:
    """Return the answer to a request."""
    return answer(judge(asking(text, **changes), MODELS))


def structured(schema: Schema) -> dict[str, Any]:
    """Return the change that asks for an answer of this schema."""
    return {"output_config": {"effort": "low", "format": {"type": "json_schema", "schema": schema}}}


def text_of(reply: Answer) -> str:
    """Return the text of an answer, thinking apart."""
    return "".join(block.get("text", "") for block in reply.content)


@settings(deadline=None)
@given(SCHEMAS, st.text(max_size=20))
def test_a_structured_answer_is_json_of_its_schema(schema: Schema, prompt: str) -> None:
    """Through the whole path: request, seed, value, text."""
    reply = answered(f"x{prompt}", max_tokens=50_000, **structured(schema))
    assert reply.stop_reason == "end_turn"
    assert conforms(json.loads(text_of(reply)), schema)


@settings(deadline=None)
@given(st.text(min_size=1, max_size=40), st.sampled_from(sorted(MODELS)), st.booleans())
def test_the_same_request_has_the_same_answer(prompt: str, model: str, streams: bool) -> None:
    """Twice, and streamed or not."""
    once = answered(prompt, model=model)
    assert answered(prompt, model=model, **({"stream": True} if streams else {})) == once


@settings(deadline=None)
@given(st.integers(0, 400), st.sampled_from(["claude-haiku-5-5", "claude-opus-4-8"]))
def test_thinking_and_answer_stay_within_max_tokens(max_tokens: int, model: str) -> None:
    """What does not fit is cut, says so, and costs exactly the room there was."""
    whole = answered(model=model, max_tokens=100_000)
    reply = answered(model=model, max_tokens=max_tokens)
    used = reply.usage
    assert used.thinking_tokens <= used.output_tokens <= max_tokens
    if max_tokens < whole.usage.output_tokens:
        assert reply.stop_reason == "max_tokens"
        assert used.output_tokens == max_tokens
        assert text_of(whole).startswith(text_of(reply))
    else:
        assert reply == whole


def test_a_cut_never_splits_a_character() -> None:
    """Three-byte characters do not end on token borders."""
    schema = {
        "type": "object",
        "properties": {"a": {"const": "€" * 50}},
        "required": ["a"],
        "additionalProperties": False,
    }
    for max_tokens in range(1, 20):
        reply = answered(max_tokens=max_tokens, **QUIET, **structured(schema))
        assert text_of(reply).strip('{"a:€') == ""


@pytest.mark.parametrize("effort", list(THINKING_TOKENS))
def test_thinking_grows_with_effort(effort: Effort) -> None:
    """Each effort has a range of its own, and every token of it is billed as output."""
    reply = answered(max_tokens=50_000, output_config={"effort": effort})
    least = THINKING_TOKENS[effort]
    assert least <= reply.usage.thinking_tokens < 2 * least
    assert reply.usage.output_tokens == reply.usage.thinking_tokens + tokens_of(text_of(reply))


def test_a_thinking_budget_bounds_the_thinking() -> None:
    """Manual thinking, on the models that still have it."""
    reply = answered(
        model="claude-opus-4-6", max_tokens=50_000, output_config={"effort": "max"},
        thinking={"type": "enabled", "budget_tokens": 1024},
    )  # fmt: skip
    assert reply.usage.thinking_tokens == 1024


@pytest.mark.parametrize(
    ("model", "thinking", "shown"),
    [
        ("claude-haiku-5-5", {"type": "adaptive"}, False),
        ("claude-haiku-5-5", {"type": "adaptive", "display": "summarized"}, True),
        ("claude-opus-4-6", {"type": "adaptive"}, True),
        ("claude-opus-4-6", {"type": "adaptive", "display": "omitted"}, False),
    ],
)
def test_thinking_comes_first_and_is_shown_as_asked(
    model: str, thinking: dict[str, str], *, shown: bool
) -> None:
    """The first block is not the answer: a reader must choose by type."""
    first, second = answered(model=model, thinking=thinking).content
    assert (first["type"], second["type"]) == ("thinking", "text")
    assert bool(first["thinking"]) is shown
    assert first["signature"]


def test_no_thinking_where_it_is_off() -> None:
    """No block, no tokens."""
    reply = answered(thinking={"type": "disabled"})
    assert [block["type"] for block in reply.content] == ["text"]
    assert reply.usage.thinking_tokens == 0


def test_an_answer_stops_before_the_first_stop_sequence() -> None:
    """The sequence is named and not part of the text."""
    whole = text_of(answered(**QUIET))
    reply = answered(stop_sequences=["facts", "no", "absent"], **QUIET)
    assert (reply.stop_reason, reply.stop_sequence) == ("stop_sequence", "no")
    assert text_of(reply) == whole[: whole.index("no")]


def test_a_request_for_no_tokens_warms_the_cache_and_says_nothing() -> None:
    """``max_tokens`` of 0 is allowed."""
    reply = answered(max_tokens=0)
    assert (reply.content, reply.stop_reason, reply.usage.output_tokens) == ([], "max_tokens", 0)


TOOL = {
    "name": "note",
    "input_schema": {
        "type": "object",
        "properties": {"text": {"type": "string"}},
        "required": ["text"],
    },
}


def test_a_forced_tool_is_called() -> None:
    """With an input of its schema."""
    reply = answered(tools=[TOOL], tool_choice={"type": "tool", "name": "note"}, **QUIET)
    assert reply.stop_reason == "tool_use"
    (call,) = reply.content
    assert (call["type"], call["name"], call["input"].keys()) == ("tool_use", "note", {"text"})
    assert reply.usage.output_tokens == tokens_of(json.dumps(call["input"], separators=(",", ":")))


def test_a_forced_tool_that_does_not_fit_is_cut() -> None:
    """Its input is then worth nothing."""
    reply = answered(tools=[TOOL], tool_choice={"type": "any"}, max_tokens=3, **QUIET)
    assert (reply.stop_reason, reply.content[0]["input"]) == ("max_tokens", {})
    assert reply.usage.output_tokens == 3


@pytest.mark.parametrize(
    ("category", "charged"),
    [
        ("bio", True),
        ("reasoning_extraction", True),
        ("cyber", False),
        ("general_harms", False),
        (None, False),
    ],
)
def test_a_refusal_is_charged_by_its_category(
    category: RefusalCategory | None, *, charged: bool
) -> None:
    """It has no content, and its usage is reported either way."""
    asked = judge(asking(), MODELS)
    reply = refusal(asked, category)
    told = message(reply, asked, "msg_1")
    assert (told["stop_reason"], told["content"]) == ("refusal", [])
    assert told["stop_details"]["category"] == category
    assert told["usage"]["input_tokens"] == asked.prompt_tokens
    assert reply.charged is charged


def test_diagnostics_say_that_nothing_is_known() -> None:
    """Only where they were asked for."""
    asked = judge(asking(diagnostics={"previous_message_id": "msg_0"}), MODELS)
    told = message(answer(asked), asked, "msg_1")
    assert told["diagnostics"] == {"cache_miss_reason": {"type": "unavailable"}}
    unasked = judge(asking(), MODELS)
    assert message(answer(unasked), unasked, "msg_1")["diagnostics"] is None
