"""What the simulated model says to a request, and what that used.

The same request has the same answer. Thinking takes a number of tokens that grows with the effort; it is spent
first, within ``max_tokens``, and what is left cuts the answer.
"""

from typing import Any, Literal

import msgspec
from msgspec import Struct

from . import prices, prose, states
from .dice import Dice
from .instances import Write, instance
from .models import Effort
from .prompt import BYTES_PER_TOKEN, answer_schema, digest, tokens_of
from .rules import Asked
from .spoiling import Spoiling, spoilt
from .usage import Usage

THINKING_TOKENS: dict[Effort, int] = {
    "low": 32,
    "medium": 128,
    "high": 512,
    "xhigh": 2_048,
    "max": 4_096,
}
"""The least tokens of thinking at an effort; chance adds less than as many again."""

RefusalCategory = Literal["cyber", "bio", "frontier_llm", "reasoning_extraction", "general_harms"]
CHARGED_REFUSALS: frozenset[str] = frozenset({"bio", "frontier_llm", "reasoning_extraction"})
"""Refusals before any output that are billed; others are not (vendor's documentation, September 2026)."""

StopReason = Literal["end_turn", "max_tokens", "stop_sequence", "tool_use", "refusal"]

_THOUGHT = "The request asks for words and slots; I take the facts given and write nothing else."


class Answer(Struct, frozen=True, kw_only=True):
    """What a message holds, apart from its id."""

    content: list[dict[str, Any]]
    stop_reason: StopReason
    usage: Usage
    stop_sequence: str | None = None
    stop_details: dict[str, Any] | None = None
    charged: bool = True
    """Whether it goes on the bill's totals."""


class _Said(Struct, frozen=True):
    """The answer proper, after any thinking."""

    content: list[dict[str, Any]]
    tokens: int
    stop_reason: StopReason
    stop_sequence: str | None = None


def answer(asked: Asked, spoiling: Spoiling | None = None) -> Answer:
    """Return the answer to a request, its words spoilt by a fault or not."""
    dice = Dice(digest(asked.body))
    thinking = min(_thinking_tokens(asked, dice), asked.max_tokens)
    room = asked.max_tokens - thinking
    thoughts = [_thought(asked)] if thinking else []
    said = _said(asked, dice, room, spoiling) if room else _Said([], 0, "max_tokens")
    return Answer(
        content=thoughts + said.content,
        stop_reason=said.stop_reason,
        stop_sequence=said.stop_sequence,
        usage=_usage(asked, said.tokens + thinking, thinking),
    )


def refusal(asked: Asked, category: RefusalCategory | None) -> Answer:
    """Return a refusal that came before any output: no content, a usage that may not be charged."""
    details = {
        "type": "refusal",
        "category": category,
        "explanation": "This request was refused by a script of faults.",
    }
    return Answer(
        content=[],
        stop_reason="refusal",
        stop_details=details,
        usage=_usage(asked, 0, 0),
        charged=category in CHARGED_REFUSALS,
    )


def cost_nano_usd(reply: Answer, asked: Asked) -> int:
    """Return what an answer is charged."""
    return prices.cost_nano_usd(asked.model.price, reply.usage) if reply.charged else 0


def message(reply: Answer, asked: Asked, message_id: str) -> dict[str, Any]:
    """Return an answer as the API's ``Message``."""
    return {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": asked.model.id,
        "content": reply.content,
        "stop_reason": reply.stop_reason,
        "stop_sequence": reply.stop_sequence,
        "stop_details": reply.stop_details,
        "container": None,
        "diagnostics": _diagnostics(asked.body),
        "usage": reply.usage.of_message(),
    }


def _said(asked: Asked, dice: Dice, room: int, spoiling: Spoiling | None) -> _Said:
    if (tool := asked.forced_tool) is not None:
        return _call(tool, asked, dice, room)
    text = _text(asked, dice)
    if spoiling is not None:
        text = spoilt(text, spoiling, asked, room)
    text, sequence = _stopped(text, asked.body.get("stop_sequences") or [])
    cut = _cut(text, room)
    content = [{"type": "text", "text": cut, "citations": None}] if cut else []
    if cut != text:
        return _Said(content, room, "max_tokens")
    reason: StopReason = "end_turn" if sequence is None else "stop_sequence"
    return _Said(content, tokens_of(cut), reason, sequence)


def _text(asked: Asked, dice: Dice) -> str:
    schema = answer_schema(asked.body)
    if schema is None:
        return prose.text(prose.facts_of(asked.body), dice, prose.missing_of(asked.body))
    return msgspec.json.encode(instance(schema, dice, _writer(asked, dice))).decode()


def _writer(asked: Asked, dice: Dice) -> Write:
    """Return what writes the fields of an answer: of the state in the prompt, or of its facts."""
    if (state := states.state_of(asked.body)) is not None:
        return lambda path: states.write(path, state, dice)
    facts = prose.facts_of(asked.body)
    missing = prose.missing_of(asked.body)
    return lambda path: prose.write(path, facts, dice, missing)


def _call(tool: dict[str, Any], asked: Asked, dice: Dice, room: int) -> _Said:
    made = instance(tool.get("input_schema", {}), dice, _writer(asked, dice))
    tokens = tokens_of(msgspec.json.encode(made).decode())
    call = {
        "type": "tool_use",
        "id": f"toolu_{dice.throw('tool', 2**63):020d}",
        "name": tool.get("name", tool.get("type")),
        "input": made if tokens <= room else {},
    }
    return _Said([call], min(tokens, room), "tool_use" if tokens <= room else "max_tokens")


def _stopped(text: str, sequences: list[str]) -> tuple[str, str | None]:
    """Cut a text before the first stop sequence in it."""
    found = [(text.index(sequence), sequence) for sequence in sequences if sequence in text]
    if not found:
        return text, None
    at, sequence = min(found)
    return text[:at], sequence


def _cut(text: str, tokens: int) -> str:
    """Return as much of a text as so many tokens hold, never half a character."""
    return text.encode()[: tokens * BYTES_PER_TOKEN].decode(errors="ignore")


def _thinking_tokens(asked: Asked, dice: Dice) -> int:
    if not asked.thinks:
        return 0
    least = THINKING_TOKENS[asked.effort]
    wanted = least + dice.throw("thinking", least)
    budget: int = (asked.body.get("thinking") or {}).get("budget_tokens", wanted)
    return min(wanted, budget)


def _thought(asked: Asked) -> dict[str, Any]:
    return {
        "type": "thinking",
        "thinking": _THOUGHT if asked.shows_thinking else "",
        "signature": digest(asked.body).hex(),
    }


def _usage(asked: Asked, output_tokens: int, thinking_tokens: int) -> Usage:
    return Usage(
        input_tokens=asked.prompt_tokens,
        output_tokens=output_tokens,
        thinking_tokens=thinking_tokens,
        speed=asked.body.get("speed") or "standard",
        inference_geo=asked.body.get("inference_geo") or "global",
    )


def _diagnostics(body: dict[str, Any]) -> dict[str, Any] | None:
    """Say of a miss that its cause is not known: the fake does not keep what it was asked before."""
    if (body.get("diagnostics") or {}).get("previous_message_id") is None:
        return None
    return {"cache_miss_reason": {"type": "unavailable"}}
