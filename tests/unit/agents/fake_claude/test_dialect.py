from collections.abc import Callable
from typing import Any

import pytest

from agents.fake_claude.dialect import MESSAGES_MAX, check_count, check_message
from agents.fake_claude.errors import ApiError

from .wire import asking

TEXT = {"type": "text", "text": "x"}
SCHEMA = {"type": "object", "properties": {}}


def said(*blocks: object, role: str = "user") -> dict[str, Any]:
    """Return a request whose one message has these blocks."""
    return asking(messages=[{"role": role, "content": list(blocks)}])


def complaint(check: Callable[[object], object], body: object) -> str:
    """Return what a check says of a request it refuses."""
    with pytest.raises(ApiError) as caught:
        check(body)
    assert (caught.value.status, caught.value.kind) == (400, "invalid_request_error")
    return caught.value.message


@pytest.mark.parametrize(
    "body",
    [
        asking(),
        asking(stream=True),
        asking(max_tokens=0),
        asking(system=[TEXT], metadata={"user_id": None}, service_tier="auto"),
        asking(cache_control={"type": "ephemeral", "ttl": "1h"}),
        asking(thinking={"type": "adaptive", "display": "summarized"}),
        asking(
            tools=[
                {"name": "a", "input_schema": SCHEMA},
                {"type": "custom", "name": "b", "input_schema": {}},
            ]
        ),
        asking(tools=[{"type": "bash_20250124", "name": "bash"}]),
        said(TEXT, {"type": "image", "source": {"type": "url", "url": "https://example.com/a"}}),
        said({"type": "tool_result", "tool_use_id": "t", "content": [TEXT]}),
        said({"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}),
        said({"type": "thinking", "thinking": "", "signature": "s"}, role="assistant"),
    ],
)
def test_a_request_of_the_api_passes(body: dict[str, Any]) -> None:
    """What the SDK can send is not refused for its form."""
    assert check_message(body) is body


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"temperature": 0.5}, "temperature: Extra inputs are not permitted"),
        ({"top_p": 0.5}, "top_p: Extra inputs are not permitted"),
        ({"top_k": 5}, "top_k: Extra inputs are not permitted"),
        ({"max_tokens": "1"}, "max_tokens: Input should be a valid integer"),
        ({"max_tokens": True}, "max_tokens: Input should be a valid integer"),
        ({"model": 5}, "model: Input should be"),
        ({"stream": "yes"}, "stream: Input should be"),
        ({"stop_sequences": "x"}, "stop_sequences: 'str' instances are not allowed"),
        ({"output_config": {"effort": "huge"}}, "output_config.effort: Input should be 'low'"),
        ({"output_config": {"mood": 1}}, "output_config.mood: Extra inputs are not permitted"),
        ({"metadata": {"mail": "x"}}, "metadata.mail: Extra inputs are not permitted"),
        (
            {"cache_control": {"type": "ephemeral", "ttl": "2h"}},
            "cache_control.ttl: Input should be '5m' or '1h'",
        ),
        ({"thinking": {"type": "deep"}}, "thinking: Input tag 'deep' found using 'type'"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens: Field required"),
        ({"thinking": "adaptive"}, "thinking: Input should be an object"),
        ({"tool_choice": {"type": "never"}}, "tool_choice: Input tag 'never'"),
        ({"tool_choice": {}}, "tool_choice.type: Field required"),
        ({"system": [{"type": "text", "text": "x", "mood": 1}]}, "system.0.mood: Extra inputs"),
        ({"system": [{"type": "image"}]}, "system.0.text: Field required"),
        ({"system": 5}, "system: Input should be"),
        ({"tools": [{"name": "a"}]}, "tools.0.input_schema: Field required"),
        ({"tools": [{"type": "crystal_ball"}]}, "tools.0: Input tag 'crystal_ball'"),
        ({"tools": "hammer"}, "tools: Input should be a valid list"),
        ({"tools": [{"name": "a", "input_schema": {}}] * 2}, "tools: Tool names must be unique."),
        ({"messages": []}, "messages: at least one message is required"),
        ({"messages": "hello"}, "messages: Input should be a valid list"),
        ({"messages": ["hello"]}, "messages.0: Input should be an object"),
        (
            {"messages": [{"role": "robot", "content": "x"}]},
            "messages.0.role: Input should be 'user', 'assistant' or 'system'",
        ),
        ({"messages": [{"role": ["user"], "content": "x"}]}, "messages.0.role: Input should be"),
        ({"messages": [{"role": "user"}]}, "messages.0.content: Field required"),
        (
            {"messages": [{"role": "user", "content": ""}]},
            "messages.0: all messages must have non-empty content",
        ),
        (
            {"messages": [{"role": "user", "content": []}]},
            "messages.0: all messages must have non-empty content",
        ),
        (
            {"messages": [{"role": "user", "content": "x", "name": "me"}]},
            "messages.0.name: Extra inputs",
        ),
        (
            {"messages": [{"role": "user", "content": [TEXT], "name": "me"}]},
            "messages.0.name: Extra inputs",
        ),
    ],
)
def test_a_parameter_the_api_does_not_take_is_a_400_that_names_it(
    change: dict[str, Any], says: str
) -> None:
    """The message begins with the path, as the API's do."""
    assert complaint(check_message, asking(**change)).startswith(says)


@pytest.mark.parametrize(
    ("block", "says"),
    [
        (
            {"type": "poem", "text": "x"},
            "messages.0.content.0: Input tag 'poem' found using 'type' does not match",
        ),
        ({"text": "x"}, "messages.0.content.0.type: Field required"),
        ({"type": ["text"], "text": "x"}, "messages.0.content.0: Input tag"),
        ({"type": "text"}, "messages.0.content.0.text: Field required"),
        (
            {"type": "text", "text": ""},
            "messages.0.content.0.text: text content blocks must be non-empty",
        ),
        ({"type": "text", "text": "x", "mood": 1}, "messages.0.content.0.mood: Extra inputs"),
        ("hello", "messages.0.content.0: Input should be an object"),
        (
            {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "poem"}]},
            "messages.0.content.0.content.0",
        ),
        (
            {
                "type": "tool_result",
                "tool_use_id": "t",
                "content": [{"type": "text", "text": "x", "mood": 1}],
            },
            "messages.0.content.0.content.0",
        ),
        (
            {"type": "document", "source": {"type": "content", "content": [{"type": "poem"}]}},
            "messages.0.content.0.source.content.0",
        ),
        (
            {"type": "text", "text": "x", "citations": [{"type": "rumour"}]},
            "messages.0.content.0.citations.0",
        ),
    ],
)
def test_a_block_is_checked_however_deep_it_lies(block: object, says: str) -> None:
    """Iterable fields are checked lazily by the SDK's types, and its response models allow extra keys: neither may let a wrong block through."""
    assert complaint(check_message, said(block)).startswith(says)


def test_system_messages_hold_text_only() -> None:
    """An image cannot be an instruction."""
    assert "does not match any of the expected tags: 'text'" in complaint(
        check_message, said({"type": "image"}, role="system")
    )


@pytest.mark.parametrize("body", [None, [], "x", 5])
def test_a_body_that_is_no_object_is_a_400(body: object) -> None:
    """Any JSON may come in."""
    assert complaint(check_message, body) == "request body: Input should be an object"


def test_messages_are_bounded() -> None:
    """One more than the API's own limit is refused."""
    message = {"role": "user", "content": "x"}
    assert complaint(check_message, asking(messages=[message] * (MESSAGES_MAX + 1))) == (
        f"messages: at most {MESSAGES_MAX} messages are allowed"
    )


def test_a_count_takes_no_max_tokens() -> None:
    """Counting has parameters of its own."""
    body = asking()
    assert complaint(check_count, body) == "max_tokens: Extra inputs are not permitted"
    del body["max_tokens"]
    assert check_count(body) is body
