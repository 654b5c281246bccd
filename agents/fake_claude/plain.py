"""A model of somebody's own behind ``/v1/messages``, as a local server has it: what it hears of a request. PURE.

It takes any model's name, knows neither ``output_config`` nor a prompt cache, and costs nothing. Its answer conforms to
a JSON Schema only where the system prompt tells it one, as a model that does as it is told.
"""

import json
from typing import Any

from .models import Model
from .prices import Price
from .prompt import blocks

_UNHEARD = ("output_config", "cache_control", "thinking", "service_tier", "inference_geo")
_NEVER = 10**9


def heard(body: dict[str, Any]) -> dict[str, Any]:
    """Return what such a server makes of a checked request: what it does not know it passes over."""
    kept = {key: value for key, value in body.items() if key not in _UNHEARD}
    if (schema := _schema_told(body)) is not None:
        kept["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
    return kept


def model_of(name: str) -> Model:
    """Return a local model under any name."""
    return Model(
        id=name,
        name=name,
        line="haiku",
        price=Price(0, 0, 0),
        thinking=frozenset(),
        thinks_unasked=False,
        cacheable_tokens_min=_NEVER,
    )


def message_of(message: dict[str, Any]) -> dict[str, Any]:
    """Return an answer as such a server gives it: its usage is two numbers."""
    usage = {key: message["usage"][key] for key in ("input_tokens", "output_tokens")}
    return {**message, "usage": usage}


def _schema_told(body: dict[str, Any]) -> dict[str, Any] | None:
    """Return the first JSON Schema of an object in the system prompt."""
    text = "\n".join(block["text"] for block in blocks(body.get("system", ())))
    decoder = json.JSONDecoder()
    at = text.find("{")
    while at >= 0:
        try:
            found, _ = decoder.raw_decode(text, at)
        except ValueError:
            found = None
        if isinstance(found, dict) and "properties" in found:
            return found
        at = text.find("{", at + 1)
    return None
