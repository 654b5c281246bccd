"""A message as the stream of server-sent events that carries it.

message_start, then for each block content_block_start, its deltas and content_block_stop (a ping follows the first
start), then message_delta with the reason it ended and the last count, then message_stop.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from .usage import Usage

DELTA_CHARS = 24
"""Characters of one delta: about six tokens."""


class Event(Struct, frozen=True):
    """One server-sent event."""

    name: str
    data: dict[str, Any]

    def encoded(self) -> bytes:
        """Return it as it goes over the wire."""
        return b"event: %s\ndata: %s\n\n" % (self.name.encode(), msgspec.json.encode(self.data))


def events(message: dict[str, Any], usage: Usage) -> list[Event]:
    """Return the events of a message."""
    started = {
        **message,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
        "usage": usage.of_start(),
    }
    told = [_event("message_start", message=started)]
    for index, block in enumerate(message["content"]):
        told += _block_events(index, block)
    ended = {key: message[key] for key in ("stop_reason", "stop_sequence", "stop_details")}
    told.append(_event("message_delta", delta=ended, usage=usage.of_end()))
    told.append(_event("message_stop"))
    return told


def error_event(body: dict[str, Any]) -> Event:
    """Return the event that ends a stream with an error."""
    return Event("error", body)


def _block_events(index: int, block: dict[str, Any]) -> Iterator[Event]:
    empty, deltas = _opened(block)
    yield _event("content_block_start", index=index, content_block=empty)
    if index == 0:
        yield _event("ping")
    for delta in deltas:
        yield _event("content_block_delta", index=index, delta=delta)
    yield _event("content_block_stop", index=index)


def _opened(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a block as it begins, and the deltas that complete it."""
    match block["type"]:
        case "thinking":
            thoughts = _deltas("thinking", block["thinking"])
            signed = {"type": "signature_delta", "signature": block["signature"]}
            return {**block, "thinking": "", "signature": ""}, [*thoughts, signed]
        case "tool_use":
            parts = _chunks(msgspec.json.encode(block["input"]).decode())
            deltas = [{"type": "input_json_delta", "partial_json": part} for part in ("", *parts)]
            return {**block, "input": {}}, deltas
        case _:
            return {**block, "text": ""}, _deltas("text", block["text"])


def _deltas(kind: str, text: str) -> list[dict[str, Any]]:
    return [{"type": f"{kind}_delta", kind: part} for part in _chunks(text)]


def _chunks(text: str) -> list[str]:
    return [text[at : at + DELTA_CHARS] for at in range(0, len(text), DELTA_CHARS)]


def _event(name: str, **data: object) -> Event:
    return Event(name, {"type": name, **data})
