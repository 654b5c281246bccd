import json
from typing import Any

from anthropic.types import Message, RawMessageStreamEvent
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from agents.fake_claude.events import DELTA_CHARS, Event, events
from agents.fake_claude.usage import Usage

BLOCKS = st.lists(
    st.one_of(
        st.builds(
            lambda text: {"type": "text", "text": text, "citations": None}, st.text(min_size=1)
        ),
        st.builds(
            lambda text: {"type": "thinking", "thinking": text, "signature": "sig"}, st.text()
        ),
        st.builds(
            lambda given: {"type": "tool_use", "id": "t", "name": "n", "input": given},
            st.dictionaries(st.text(max_size=5), st.text(max_size=60), max_size=3),
        ),
    ),
    max_size=4,
)
_KNOWN: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
USAGE = Usage(input_tokens=7, output_tokens=5, thinking_tokens=2)


def message(content: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a message with this content."""
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-5-5",
        "content": content, "stop_reason": "end_turn", "stop_sequence": None, "stop_details": None,
        "container": None, "diagnostics": None, "usage": USAGE.of_message(),
    }  # fmt: skip


def gathered(told: list[Event]) -> dict[str, Any]:
    """Return the message a reader of these events would have."""
    result: dict[str, Any] = {}
    inputs: dict[int, str] = {}
    for event in told:
        match event.data:
            case {"type": "message_start", "message": started}:
                result = {**started, "content": []}
            case {"type": "content_block_start", "content_block": block}:
                result["content"].append(dict(block))
            case {"type": "content_block_delta", "index": at, "delta": {"partial_json": part}}:
                inputs[at] = inputs.get(at, "") + part
            case {"type": "content_block_stop", "index": at} if at in inputs:
                result["content"][at]["input"] = json.loads(inputs[at])
            case {"type": "content_block_delta", "index": at, "delta": delta}:
                (name,) = delta.keys() - {"type"}
                result["content"][at][name] += delta[name]
            case {"type": "message_delta", "delta": delta, "usage": usage}:
                result |= delta | {"usage": result["usage"] | usage}
            case _:
                pass
    return result


def shape(told: list[Event]) -> list[str]:
    """Return the names of the events, deltas in a row as one."""
    names = [event.name for event in told]
    return [name for at, name in enumerate(names) if at == 0 or name != names[at - 1]]


@settings(deadline=None)
@given(BLOCKS)
def test_the_events_come_in_order(content: list[dict[str, Any]]) -> None:
    """One start, each block opened and closed before the next, the reason, the end; one ping."""
    told = events(message(content), USAGE)
    blocks: list[str] = []
    for at, block in enumerate(content):
        deltas = (
            []
            if block == {"type": "text", "text": "", "citations": None}
            else ["content_block_delta"]
        )
        blocks += [
            "content_block_start",
            *(["ping"] if at == 0 else []),
            *deltas,
            "content_block_stop",
        ]
    assert shape(told) == ["message_start", *blocks, "message_delta", "message_stop"]
    assert all(event.data["type"] == event.name for event in told)
    indexes = [event.data["index"] for event in told if "index" in event.data]
    assert indexes == sorted(indexes)


@settings(deadline=None)
@given(BLOCKS)
def test_a_reader_of_the_events_has_the_message(content: list[dict[str, Any]]) -> None:
    """Nothing is lost or doubled on the way, usage neither."""
    whole = message(content)
    assert gathered(events(whole, USAGE)) == whole


@settings(deadline=None)
@given(BLOCKS)
def test_every_event_is_one_the_sdk_knows(content: list[dict[str, Any]]) -> None:
    """By its own types; a ping has none."""
    Message.model_validate(message(content))
    for event in events(message(content), USAGE):
        if event.name != "ping":
            _KNOWN.validate_python(event.data)


def test_the_first_event_knows_the_input_and_only_the_start_of_the_output() -> None:
    """A meter that reads the first event alone undercounts, as with the real API."""
    first, *_, last, _ = events(message([{"type": "text", "text": "x" * 100}]), USAGE)
    started = first.data["message"]
    assert (started["usage"]["input_tokens"], started["usage"]["output_tokens"]) == (7, 1)
    assert (started["content"], started["stop_reason"]) == ([], None)
    assert last.data["usage"]["output_tokens"] == 5
    assert last.data["usage"]["output_tokens_details"] == {"thinking_tokens": 2}


def test_deltas_are_bounded() -> None:
    """A text comes in pieces of at most ``DELTA_CHARS``."""
    told = events(message([{"type": "text", "text": "x" * (2 * DELTA_CHARS + 1)}]), USAGE)
    sizes = [
        len(event.data["delta"]["text"]) for event in told if event.name == "content_block_delta"
    ]
    assert sizes == [DELTA_CHARS, DELTA_CHARS, 1]


def test_an_event_goes_over_the_wire_as_two_lines_and_a_blank_one() -> None:
    """A line break in a text is escaped, or it would end the event."""
    assert Event("ping", {"type": "a\nb"}).encoded() == b'event: ping\ndata: {"type":"a\\nb"}\n\n'
