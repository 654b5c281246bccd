"""The models the fake knows, and what each of them permits.

Ids are those of the ``anthropic`` SDK 2.12.0. What thinking a model accepts and does by default, forced tools,
prefill and efforts are from the vendor's public documentation as of October 2026; claude-fable-5-2 and
claude-mythos-5-2, which it did not yet describe, are taken to be as their 5.1 forerunners. What rests on less is
marked unverified. Prices of the Mythos models but 5.2 are taken to be those of their Fable namesakes.
"""

from typing import Any, Literal

from msgspec import Struct, structs

from .prices import Price

Effort = Literal["low", "medium", "high", "xhigh", "max"]
ThinkingType = Literal["adaptive", "enabled", "disabled", "between_tools"]
Line = Literal["haiku", "sonnet", "opus", "fable", "mythos"]

EFFORTS: tuple[Effort, ...] = ("low", "medium", "high", "xhigh", "max")
THINKING_TYPES: tuple[ThinkingType, ...] = ("adaptive", "enabled", "disabled", "between_tools")
DATE_UNKNOWN = "1970-01-01T00:00:00Z"
"""The API's own way to say that a date is not known."""


class Model(Struct, frozen=True, kw_only=True):
    """One model: its limits, and what of a request it takes."""

    id: str
    name: str
    line: Line
    price: Price
    thinking: frozenset[ThinkingType]
    """The values of ``thinking.type`` it accepts."""
    thinks_unasked: bool
    """Whether it thinks when the request does not mention thinking."""
    shows_thinking: bool = False
    """Whether the text of its thinking is returned when the request does not say."""
    efforts: tuple[Effort, ...] = EFFORTS
    """None: the parameter is refused."""
    effort: Effort = "high"
    """What it takes when the request does not say."""
    disabled_effort_max: Effort = "max"
    """The greatest effort with which thinking may be off."""
    forced_tools: bool = True
    """Whether ``tool_choice`` may be ``any`` or ``tool``."""
    prefill: bool = False
    """Whether the last message may be the assistant's."""
    fast: bool = False
    """Whether ``speed`` may be ``fast``."""
    input_tokens_max: int = 1_000_000
    output_tokens_max: int = 128_000
    cacheable_tokens_min: int = 512
    """A shorter prefix is never cached."""
    created_at: str = DATE_UNKNOWN
    retires_at: str | None = None
    """Of a deprecated model: when it is announced to retire."""


_ALWAYS: frozenset[ThinkingType] = frozenset({"adaptive"})
_USUALLY: frozenset[ThinkingType] = frozenset({"adaptive", "disabled"})
_EITHER: frozenset[ThinkingType] = frozenset({"adaptive", "enabled", "disabled"})
_BY_BUDGET: frozenset[ThinkingType] = frozenset({"enabled", "disabled"})

_OPUS_PRICE = Price(5_000, 25_000, 500)
_SONNET_PRICE = Price(3_000, 15_000, 300)
_FABLE_5_2_PRICE = Price(8_000, 40_000, 200)

_HAIKU_4_5 = Model(
    id="claude-haiku-4-5",
    name="Claude Haiku 4.5",
    line="haiku",
    price=Price(1_000, 5_000, 100),
    thinking=_BY_BUDGET,
    thinks_unasked=False,
    shows_thinking=True,
    efforts=(),
    prefill=True,
    input_tokens_max=200_000,
    output_tokens_max=64_000,
    cacheable_tokens_min=4_096,
    created_at="2025-10-01T00:00:00Z",
)
_OPUS_4_5 = structs.replace(
    _HAIKU_4_5,
    id="claude-opus-4-5",
    name="Claude Opus 4.5",
    line="opus",
    price=_OPUS_PRICE,
    efforts=("low", "medium", "high"),
    created_at="2025-11-01T00:00:00Z",
)
_SONNET_4_5 = structs.replace(
    _HAIKU_4_5,
    id="claude-sonnet-4-5",
    name="Claude Sonnet 4.5",
    line="sonnet",
    price=_SONNET_PRICE,
    cacheable_tokens_min=1_024,
    created_at="2025-09-29T00:00:00Z",
    retires_at="2026-11-30T00:00:00Z",
)
_OPUS_4_6 = Model(
    id="claude-opus-4-6",
    name="Claude Opus 4.6",
    line="opus",
    price=_OPUS_PRICE,
    thinking=_EITHER,
    thinks_unasked=False,
    shows_thinking=True,
    efforts=("low", "medium", "high", "max"),
)
_OPUS_4_7 = Model(
    id="claude-opus-4-7",
    name="Claude Opus 4.7",
    line="opus",
    price=_OPUS_PRICE,
    thinking=_USUALLY,
    thinks_unasked=False,
)
_OPUS_5 = Model(
    id="claude-opus-5",
    name="Claude Opus 5",
    line="opus",
    price=_OPUS_PRICE,
    thinking=_USUALLY,
    thinks_unasked=True,
    disabled_effort_max="high",
    created_at="2026-07-24T00:00:00Z",
)
_FABLE_5 = Model(
    id="claude-fable-5",
    name="Claude Fable 5",
    line="fable",
    price=Price(10_000, 50_000, 1_000),
    thinking=_ALWAYS,
    thinks_unasked=True,
)
_FABLE_5_1 = structs.replace(
    _FABLE_5,
    id="claude-fable-5-1",
    name="Claude Fable 5.1",
    price=Price(10_000, 50_000, 250),
    forced_tools=False,
)


def _like(model: Model, model_id: str, name: str, **changes: object) -> Model:
    return structs.replace(model, id=model_id, name=name, **changes)


MODELS: dict[str, Model] = {
    model.id: model
    for model in (
        _like(
            _FABLE_5_1, "claude-fable-5-2", "Claude Fable 5.2", price=_FABLE_5_2_PRICE, fast=True
        ),
        _like(
            _FABLE_5_1,
            "claude-mythos-5-2",
            "Claude Mythos 5.2",
            line="mythos",
            price=_FABLE_5_2_PRICE,
            fast=True,
        ),
        _like(
            _OPUS_5,  # that effort bounds `disabled` here too is unverified
            "claude-haiku-5-5",
            "Claude Haiku 5.5",
            line="haiku",
            price=Price(100, 500, 10, long_prompt_tokens=100_000, long_factor=5),
            effort="medium",
            created_at=DATE_UNKNOWN,
        ),
        Model(
            id="claude-sonnet-5-5",
            name="Claude Sonnet 5.5",
            line="sonnet",
            price=Price(2_000, 10_000, 100),
            thinking=frozenset({"adaptive", "between_tools"}),
            thinks_unasked=True,
            forced_tools=False,
        ),
        _FABLE_5_1,
        Model(
            id="claude-opus-5-5",
            name="Claude Opus 5.5",
            line="opus",
            price=Price(4_000, 20_000, 200),
            thinking=_ALWAYS,
            thinks_unasked=True,
            effort="medium",
            forced_tools=False,
            fast=True,
            created_at="2026-09-22T00:00:00Z",
        ),
        _like(_FABLE_5_1, "claude-mythos-5-1", "Claude Mythos 5.1", line="mythos"),
        Model(
            id="claude-sonnet-5",
            name="Claude Sonnet 5",
            line="sonnet",
            price=Price(2_000, 10_000, 200),
            thinking=_USUALLY,
            thinks_unasked=True,
            cacheable_tokens_min=1_024,
        ),
        _FABLE_5,
        _like(_FABLE_5, "claude-mythos-5", "Claude Mythos 5", line="mythos"),
        _OPUS_5,
        _like(_OPUS_4_7, "claude-opus-4-8", "Claude Opus 4.8"),
        _OPUS_4_7,
        Model(
            id="claude-mythos-preview",
            name="Claude Mythos Preview",
            line="mythos",
            price=Price(10_000, 50_000, 1_000),
            thinking=frozenset({"adaptive", "enabled"}),
            thinks_unasked=True,
            efforts=("low", "medium", "high", "max"),
            retires_at="2026-06-30T00:00:00Z",
        ),
        _OPUS_4_6,
        _like(
            _OPUS_4_6, "claude-sonnet-4-6", "Claude Sonnet 4.6", line="sonnet", price=_SONNET_PRICE
        ),
        _HAIKU_4_5,
        _like(_HAIKU_4_5, "claude-haiku-4-5-20251001", "Claude Haiku 4.5"),
        _OPUS_4_5,
        _like(_OPUS_4_5, "claude-opus-4-5-20251101", "Claude Opus 4.5"),
        _SONNET_4_5,
        _like(_SONNET_4_5, "claude-sonnet-4-5-20250929", "Claude Sonnet 4.5"),
    )
}
"""Every model by id, newest first."""


def model_info(model: Model) -> dict[str, Any]:
    """Return a model as ``GET /v1/models`` shows it: the SDK's ``ModelInfo``."""
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.name,
        "created_at": model.created_at,
        "lifecycle": lifecycle(model),
        "deprecated_at": DATE_UNKNOWN if model.retires_at else None,
        "retires_at": model.retires_at,
        "line": model.line,
        "max_input_tokens": model.input_tokens_max,
        "max_tokens": model.output_tokens_max,
        "capabilities": _capabilities(model),
    }


def lifecycle(model: Model) -> Literal["active", "deprecated"]:
    """Return the stage of a model. Retired ones are not known at all."""
    return "deprecated" if model.retires_at else "active"


def _capabilities(model: Model) -> dict[str, Any]:
    no, yes = {"supported": False}, {"supported": True}
    efforts = {effort: {"supported": effort in model.efforts} for effort in EFFORTS}
    thinking = {kind: {"supported": kind in model.thinking} for kind in THINKING_TYPES}
    return {
        "batch": yes,
        "citations": no,
        "code_execution": no,
        "context_management": no,
        "effort": {"supported": bool(model.efforts), **efforts},
        "image_input": yes,
        "pdf_input": yes,
        "server_tools": {"supported": False, "code_execution": no, "web_search": no},
        "structured_outputs": yes,
        "thinking": {"supported": True, "types": thinking},
    }
