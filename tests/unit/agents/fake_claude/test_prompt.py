from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.fake_claude.prompt import BYTES_PER_TOKEN, digest, input_tokens, pieces, tokens_of

from .wire import asking


@settings(deadline=None)
@given(st.text())
def test_a_token_is_four_bytes_of_utf_8(text: str) -> None:
    """The rule of the docstring, whatever the alphabet."""
    tokens, size = tokens_of(text), len(text.encode())
    assert tokens * BYTES_PER_TOKEN >= size > (tokens - 1) * BYTES_PER_TOKEN or size == tokens == 0


def test_every_part_of_the_prompt_counts() -> None:
    """System, schema, tools and messages add up; a cache breakpoint costs nothing."""
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    tool: dict[str, Any] = {"name": "look", "input_schema": {"type": "object"}}
    breakpoint_set = {"cache_control": {"type": "ephemeral"}}
    body = asking(
        "12345678",
        system=[{"type": "text", "text": "1234", **breakpoint_set}],
        output_config={"format": {"type": "json_schema", "schema": schema}},
        tools=[{**tool, **breakpoint_set}],
    )
    schema_text = '{"additionalProperties":false,"properties":{},"type":"object"}'
    tool_text = '{"input_schema":{"type":"object"},"name":"look"}'
    assert [(piece.section, piece.text) for piece in pieces(body)] == [
        ("tools", tool_text),
        ("system", schema_text),
        ("system", "1234"),
        ("messages", "12345678"),
    ]
    assert [piece.cache_control is None for piece in pieces(body)] == [False, True, False, True]
    assert input_tokens(body) == tokens_of(tool_text) + tokens_of(schema_text) + 1 + 2


def test_a_string_counts_as_one_text_block() -> None:
    """Both spellings are the same message."""
    spelt = asking(messages=[{"role": "user", "content": [{"type": "text", "text": "hello"}]}])
    assert input_tokens(spelt) == input_tokens(asking("hello"))


@pytest.mark.parametrize(
    "change",
    [
        {"stream": True},
        {"max_tokens": 7},
        {"metadata": {"user_id": "x"}},
        {"stop_sequences": ["."]},
    ],
)
def test_how_an_answer_is_carried_does_not_change_its_seed(change: dict[str, Any]) -> None:
    """The same question has the same words, streamed, cut or labelled."""
    assert digest(asking(**change)) == digest(asking())


@pytest.mark.parametrize(
    "change", [{"model": "claude-opus-5-5"}, {"system": "x"}, {"output_config": {"effort": "low"}}]
)
def test_what_the_model_reads_changes_the_seed(change: dict[str, Any]) -> None:
    """Another question has other words."""
    assert digest(asking(**change)) != digest(asking())


def test_the_order_of_keys_does_not_change_the_seed() -> None:
    """A seed is of the request, not of its bytes."""
    assert digest(dict(reversed(asking(system="x").items()))) == digest(asking(system="x"))
