"""Does this model take this request? What the form cannot say: limits, and what each model refuses."""

from typing import Any

from msgspec import Struct

from . import schemas
from .errors import ApiError, invalid, refuse, refuse_unknown
from .models import EFFORTS, Effort, Model
from .prompt import answer_schema, input_tokens, pieces

BUDGET_TOKENS_MIN = 1_024
"""The least ``thinking.budget_tokens``."""
BREAKPOINTS_MAX = 4
"""Places of one prompt that may have ``cache_control``."""
STOP_SEQUENCES_MAX = 8_191
"""The API's own limit."""


class Asked(Struct, frozen=True):
    """A request the API takes: its body, checked, and what was read from it once."""

    body: dict[str, Any]
    model: Model
    prompt_tokens: int
    max_tokens: int = 0
    """0 also stands for a request that only counts."""

    @property
    def streams(self) -> bool:
        """Whether the answer is wanted as a stream of events."""
        return self.body.get("stream") is True

    @property
    def effort(self) -> Effort:
        """How much the model shall think."""
        return _effort(self.body, self.model)

    @property
    def thinks(self) -> bool:
        """Whether the model thinks before it answers."""
        thinking = self.body.get("thinking")
        if thinking is None:
            return self.model.thinks_unasked
        return thinking["type"] in {"adaptive", "enabled"}

    @property
    def shows_thinking(self) -> bool:
        """Whether the text of its thinking is returned."""
        display = (self.body.get("thinking") or {}).get("display")
        return self.model.shows_thinking if display is None else display == "summarized"

    @property
    def forced_tool(self) -> dict[str, Any] | None:
        """The tool that must be called, or None."""
        choice = self.body.get("tool_choice") or {"type": "auto"}
        tools: list[dict[str, Any]] = self.body.get("tools") or []
        if choice["type"] == "any":
            return tools[0]
        if choice["type"] == "tool":
            return next(tool for tool in tools if tool.get("name") == choice["name"])
        return None


def judge(body: dict[str, Any], models: dict[str, Model], *, counts: bool = False) -> Asked:
    """Return a request that is fit to be answered, or, with ``counts``, to be counted.

    ``body`` is right in form (see ``dialect``).

    Raises:
        ApiError: 404 for a model there is not, else 400.
    """
    model = models.get(body["model"])
    if model is None:
        refuse_unknown(f"model: {body['model']}")
    _check_thinking(body, model)
    _check_tool_choice(body, model)
    _check_output(body, model)
    _check_breakpoints(body)
    if body["messages"][-1]["role"] == "assistant" and not model.prefill:
        refuse(
            "This model does not support assistant message prefill."
            " The conversation must end with a user message."
        )
    asked = Asked(body, model, input_tokens(body), body.get("max_tokens", 0))
    if not counts:
        _check_limits(asked)
    return asked


def _check_thinking(body: dict[str, Any], model: Model) -> None:
    thinking = body.get("thinking")
    if thinking is None:
        return
    kind = thinking["type"]
    if kind not in model.thinking:
        raise _thinking_refused(kind)
    effort = _effort(body, model)
    if kind == "disabled" and EFFORTS.index(effort) > EFFORTS.index(model.disabled_effort_max):
        refuse(f'"thinking.type.disabled" is not supported with effort {effort} for this model.')
    if kind == "enabled":
        budget = thinking["budget_tokens"]
        if budget < BUDGET_TOKENS_MIN:
            refuse(
                "thinking.enabled.budget_tokens: Input should be greater than or equal to"
                f" {BUDGET_TOKENS_MIN}"
            )
        if "max_tokens" in body and body["max_tokens"] <= budget:
            refuse("`max_tokens` must be greater than `thinking.budget_tokens`.")


def _thinking_refused(kind: str) -> ApiError:
    if kind == "adaptive":
        return invalid("adaptive thinking is not supported on this model")
    return invalid(
        f'"thinking.type.{kind}" is not supported for this model. Use "thinking.type.adaptive" and'
        ' "output_config.effort" to control thinking behavior.'
    )


def _check_tool_choice(body: dict[str, Any], model: Model) -> None:
    choice = body.get("tool_choice")
    if choice is None:
        return
    tools = body.get("tools") or []
    if not tools and choice["type"] != "none":
        refuse("tool_choice: may only be specified while providing tools.")
    if choice["type"] in {"any", "tool"} and not model.forced_tools:
        refuse('tool_choice: type "tool" and "any" are not supported for this model.')
    if choice["type"] == "tool" and choice["name"] not in {tool.get("name") for tool in tools}:
        refuse(f"tool_choice: Tool '{choice['name']}' not found in provided tools")


def _check_output(body: dict[str, Any], model: Model) -> None:
    effort = (body.get("output_config") or {}).get("effort")
    if effort is not None and effort not in model.efforts:
        offered = f"It takes {', '.join(model.efforts)}." if model.efforts else "It takes none."
        refuse(f"output_config.effort: {effort} is not supported for this model. {offered}")
    if body.get("speed") == "fast" and not model.fast:
        refuse("speed: fast is not supported for this model.")
    if (schema := answer_schema(body)) is not None:
        schemas.check(schema, "output_config.format.schema")


def _check_breakpoints(body: dict[str, Any]) -> None:
    ttls = [
        piece.cache_control.get("ttl") or "5m"
        for piece in pieces(body)
        if piece.cache_control is not None
    ]
    if len(ttls) > BREAKPOINTS_MAX:
        refuse(
            f"A maximum of {BREAKPOINTS_MAX} blocks with cache_control may be provided. Found {len(ttls)}."
        )
    if "5m" in ttls and "1h" in ttls[ttls.index("5m") :]:
        refuse("cache_control: a ttl='1h' block must not come after a ttl='5m' block.")


def _check_limits(asked: Asked) -> None:
    model = asked.model
    if asked.max_tokens < 0:
        refuse("max_tokens: Input should be greater than or equal to 0")
    if asked.max_tokens > model.output_tokens_max:
        refuse(
            f"max_tokens: {asked.max_tokens} > {model.output_tokens_max}, which is the maximum"
            f" allowed number of output tokens for {model.id}"
        )
    if asked.prompt_tokens > model.input_tokens_max:
        refuse(
            f"prompt is too long: {asked.prompt_tokens} tokens > {model.input_tokens_max} maximum"
        )
    sequences = asked.body.get("stop_sequences") or []
    if len(sequences) > STOP_SEQUENCES_MAX:
        refuse(f"stop_sequences: at most {STOP_SEQUENCES_MAX} are allowed")
    if any(not sequence.strip() for sequence in sequences):
        refuse("stop_sequences: each stop sequence must contain non-whitespace")


def _effort(body: dict[str, Any], model: Model) -> Effort:
    effort: Effort | None = (body.get("output_config") or {}).get("effort")
    return effort or model.effort
