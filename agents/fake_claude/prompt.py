"""What of a request the model reads, in the order it reads it, and how many tokens that is.

The rule: a piece of text has its UTF-8 bytes divided by four tokens, rounded up; a request has the sum over its
pieces. Pieces are, in order: each tool, the answer's schema, each block of ``system``, each block of each message.
What is not text (tools, schemas, images, tool results) counts as its canonical JSON. The real tokenizer differs;
what matters here is that both sides of a test can count the same.
"""

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any, Literal

import msgspec
from msgspec import Struct, structs

BYTES_PER_TOKEN = 4
"""English text has about four bytes a token."""

Section = Literal["tools", "system", "messages"]

_READ = ("messages", "model", "output_config", "system", "thinking", "tool_choice", "tools")
_ENCODE = msgspec.json.Encoder(order="sorted").encode


class Piece(Struct, frozen=True):
    """A part of the prompt that is counted, and can be cached, by itself."""

    section: Section
    text: str
    cache_control: Mapping[str, str] | None = None
    """The breakpoint set on it, as sent."""


def tokens_of(text: str) -> int:
    """Return how many tokens a text has: its UTF-8 bytes by four, rounded up."""
    return -(-len(text.encode()) // BYTES_PER_TOKEN)


def input_tokens(body: Mapping[str, Any]) -> int:
    """Return how many tokens a request's prompt has."""
    return sum(tokens_of(piece.text) for piece in pieces(body))


def pieces(body: Mapping[str, Any]) -> list[Piece]:
    """Return the prompt of a checked request in the order the model reads it.

    ``cache_control`` of the request itself stands for one on its last piece.
    """
    found = list(_pieces(body))
    if found and (whole := body.get("cache_control")) and found[-1].cache_control is None:
        found[-1] = structs.replace(found[-1], cache_control=whole)
    return found


def _pieces(body: Mapping[str, Any]) -> Iterator[Piece]:
    for tool in body.get("tools", ()):
        yield _piece("tools", tool)
    if schema := answer_schema(body):
        yield Piece("system", canonical(schema))
    for block in blocks(body.get("system", ())):
        yield _piece("system", block)
    for message in body["messages"]:
        for block in blocks(message["content"]):
            yield _piece("messages", block)


def blocks(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return content as a list of blocks; a string is short for one text block."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def answer_schema(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the JSON Schema the answer must follow, or None."""
    output_format = (body.get("output_config") or {}).get("format")
    return output_format["schema"] if output_format else None


def digest(body: Mapping[str, Any]) -> bytes:
    """Return the seed of the answer: 32 bytes of all the model reads.

    How an answer is carried (``stream``), cut (``max_tokens``, ``stop_sequences``) or labelled (``metadata``)
    does not change its words.
    """
    return blake2b(
        canonical({key: body.get(key) for key in _READ}).encode(), digest_size=32
    ).digest()


def canonical(value: object) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces."""
    return _ENCODE(value).decode()


def _piece(section: Section, block: Mapping[str, Any]) -> Piece:
    cache_control = block.get("cache_control")
    if block.get("type") == "text":
        return Piece(section, block["text"], cache_control)
    counted = {key: value for key, value in block.items() if key != "cache_control"}
    return Piece(section, canonical(counted), cache_control)
