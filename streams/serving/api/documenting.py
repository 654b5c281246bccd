"""The OpenAPI document: its schemas are the contracts' own, with the words that stand beside their fields."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from msgspec import Struct

from topics.components import components

from . import deed_shapes, shapes

REPLIES = (*shapes.REPLIES, *deed_shapes.REPLIES)
REFERENCE = "#/components/schemas/"
VERSION = "1.0.0"
"""Of the API. The second number rises with what is added; nothing is taken away under `/v1`."""
_REPLY = {"now_ms": {"type": "integer", "description": "The server's clock, epoch milliseconds."}}
_PROBLEM = {
    "type": "object",
    "description": "What is wrong, and what would be accepted (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "description": "urn:tapereader:problem:CODE"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "allowed": {"type": "string", "description": "What would have been accepted."},
        "instance": {"type": "string", "description": "The path that was asked for."},
        "retry_after_s": {"type": "integer", "description": "When to try again, in seconds."},
    },
}
_WHY = {
    400: "A parameter, a body or a cursor cannot be understood.",
    401: "A token is needed.",
    403: "This token may not do that, or the request comes from another site's page.",
    404: "Nobody knows this id or name.",
    409: "It cannot be done as things are.",
    410: "The log no longer has it.",
    411: "How long the body is was not said.",
    413: "The body is too long.",
    421: "The server is not called by this name.",
    429: "Too many requests; `Retry-After` says when to try again.",
    431: "The headers are too long.",
    503: "The topics have not been read to their ends yet, or the broker does not answer.",
}
_ALWAYS = (400, 401, 403, 421, 429, 431, 503)
_OF_A_BODY = (411, 413)


def replies(told: type[Struct], *problems: int, body: bool = False) -> dict[int | str, Any]:
    """Return what an operation may answer, for FastAPI's ``responses``."""
    codes = sorted({*_ALWAYS, *problems, *(_OF_A_BODY if body else ())})
    good: dict[str, Any] = {
        "description": (told.__doc__ or "").strip(),
        "content": {"application/json": {"schema": {"$ref": REFERENCE + told.__name__}}},
    }
    found: dict[int | str, Any] = {200: good}
    if not body:
        good["headers"] = {
            "ETag": {"schema": {"type": "string"}, "description": "For If-None-Match."}
        }
        found[304] = {"description": "Nothing is different from what this ETag was given for."}
    return found | {code: _problem(code) for code in codes}


def _problem(code: int) -> dict[str, Any]:
    schema = {"$ref": REFERENCE + "Problem"}
    return {
        "description": _WHY[code],
        "content": {"application/problem+json": {"schema": schema}},
    }


def document(api: FastAPI) -> dict[str, Any]:
    """Return the document of an application whose operations are described by `replies`."""
    found = get_openapi(
        title="Tapereader",
        version=VERSION,
        description=(
            "Windows, analyses, alerts and the pipeline's own state, out of Kafka's topics. All times are epoch"
            " milliseconds, UTC. Lists come a page at a time and are stable while data come in. Beside each reply"
            " stands `now_ms`: an age is `now_ms` minus `as_of_ms`. Text may be strangers': show it as plain text."
        ),
        routes=api.routes,
        servers=[{"url": "/api"}],
    )
    schemas = components(REPLIES, REFERENCE)
    for reply in REPLIES:
        schema = schemas[reply.__name__]
        if not reply.__name__.endswith("Item"):
            schema["properties"] = {**_REPLY, **schema["properties"]}
    schemas["Problem"] = _PROBLEM
    found["components"]["schemas"] = found["components"].get("schemas", {}) | schemas
    found["components"]["securitySchemes"] = {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "serve.viewer_tokens, serve.operator_tokens",
        }
    }
    found["security"] = [{"token": []}, {}]
    return found
