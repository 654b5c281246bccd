"""How each platform that offers the models speaks: its paths, its names for them, and how it says no. PURE.

=========  ===================================  ==================================  ==============================
platform   path                                 of a request                        of an error
=========  ===================================  ==================================  ==============================
anthropic  ``/v1/messages``                     ``model`` in the body, key and      ``error.type`` and, of limits,
                                                version in headers                  ``retry-after``
bedrock    ``/model/ID/invoke``                 ``anthropic_version`` in the body,  ``message``, its kind in
                                                a bearer token                      ``x-amzn-errortype``
vertex     ``/v1/projects/.../ID:rawPredict``   the same                            Google's own ``error.status``;
                                                                                    of 400, 413, 529 as anthropic
plain      ``/v1/messages``                     any key or none, any model          ``error.type`` alone
=========  ===================================  ==================================  ==============================

Only anthropic says how much of a limit is left. What the others say is from their public documentation and from answers
that users have reported; what a platform has no word for it says by the nearest it has.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from .errors import ApiError, refuse
from .usage import Usage

Platform = Literal["anthropic", "bedrock", "vertex", "plain"]
VERSIONS = {
    "bedrock": frozenset({"bedrock-2023-05-31", "2026-10-21"}),
    "vertex": frozenset({"vertex-2023-10-16", "2026-10-21"}),
}
"""Values of ``anthropic_version`` in the body: each platform's own, and the one that the SDK sends to all."""
BEDROCK_PATH = "/model/{model}/invoke"
VERTEX_PATH = (
    "/v1/projects/{project}/locations/{region}/publishers/anthropic/models/{model}:rawPredict"
)

_OVERLOADED, _UNAUTHENTICATED = 529, 401
_BEDROCK: dict[int, tuple[int, str]] = {
    400: (400, "ValidationException"),
    401: (403, "UnrecognizedClientException"),
    402: (403, "AccessDeniedException"),
    403: (403, "AccessDeniedException"),
    404: (404, "ResourceNotFoundException"),
    413: (400, "ValidationException"),
    429: (429, "ThrottlingException"),
    500: (500, "InternalServerException"),
    502: (503, "ServiceUnavailableException"),
    503: (503, "ServiceUnavailableException"),
    504: (408, "ModelTimeoutException"),
    _OVERLOADED: (503, "ServiceUnavailableException"),
}
_GOOGLE: dict[int, tuple[int, str]] = {
    401: (401, "UNAUTHENTICATED"),
    402: (403, "PERMISSION_DENIED"),
    403: (403, "PERMISSION_DENIED"),
    404: (404, "NOT_FOUND"),
    429: (429, "RESOURCE_EXHAUSTED"),
    500: (500, "INTERNAL"),
    502: (503, "UNAVAILABLE"),
    503: (503, "UNAVAILABLE"),
    504: (504, "DEADLINE_EXCEEDED"),
}
_AROUND_BEDROCK_NAME = re.compile(r"^(?:[a-z-]+\.)?anthropic\.|-v\d+(?::\d+)?$")
_AFTER_VERTEX_NAME = re.compile(r"@.*$")


class Failure(Struct, frozen=True):
    """An answer that is not 2xx, as a platform gives it."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]


def platform_of(path: str, *, plain: bool) -> Platform:
    """Return whose path it is. ``plain``: the server is one of somebody's own, and all its paths are."""
    if plain:
        return "plain"
    if path.startswith("/model/"):
        return "bedrock"
    return "vertex" if path.startswith("/v1/projects/") else "anthropic"


def name_of(platform: Platform, model_id: str) -> str:
    """Return the model's own name, of what a platform calls it."""
    if platform == "bedrock":
        return _AROUND_BEDROCK_NAME.sub("", model_id)
    return _AFTER_VERTEX_NAME.sub("", model_id) if platform == "vertex" else model_id


def message_body(platform: Platform, body: object, model_id: str | None) -> object:
    """Return the body of a request as the Messages API has it.

    Raises:
        ApiError: 400, where a platform asks for what is not there, or forbids what is.
    """
    if platform not in VERSIONS or model_id is None or not isinstance(body, dict):
        return body
    version = body.get("anthropic_version")
    if version is None:
        refuse("anthropic_version: Field required")
    if version not in VERSIONS[platform]:
        refuse(f"anthropic_version: {version!r} is not a supported version")
    if "model" in body:
        refuse("model: Extra inputs are not permitted")
    rest = {key: value for key, value in body.items() if key != "anthropic_version"}
    return {**rest, "model": name_of(platform, model_id)}


def headers_of(platform: Platform, *, limits: Mapping[str, str], usage: Usage) -> dict[str, str]:
    """Return the headers of an answer, beside those that every one has; ``limits`` are what is left of them."""
    if platform == "anthropic":
        return dict(limits)
    if platform != "bedrock":
        return {}
    return {
        "x-amzn-bedrock-input-token-count": str(usage.total_input_tokens),
        "x-amzn-bedrock-output-token-count": str(usage.output_tokens),
    }


def common_headers(platform: Platform, request_id: str, organization_id: str) -> dict[str, str]:
    """Return the headers that every answer has."""
    if platform == "bedrock":
        return {"x-amzn-requestid": request_id}
    if platform == "anthropic":
        return {"request-id": request_id, "anthropic-organization-id": organization_id}
    return {}


def failure_of(platform: Platform, error: ApiError, request_id: str) -> Failure:
    """Return an error as a platform says it."""
    if platform == "bedrock":
        status, kind = _BEDROCK.get(error.status, (error.status, "ValidationException"))
        return Failure(status, {"message": error.message}, {"x-amzn-errortype": kind})
    if platform == "vertex":
        if error.status in _GOOGLE:
            status, kind = _GOOGLE[error.status]
            told = {"code": status, "message": error.message, "status": kind}
            return Failure(status, {"error": told}, {})
        return Failure(error.status, error.body(f"req_vrtx_{request_id}"), {})
    if platform == "plain":
        status = 503 if error.status == _OVERLOADED else error.status
        told = {"type": error.kind, "message": error.message}
        return Failure(status, {"type": "error", "error": told}, {})
    return Failure(error.status, error.body(request_id), error.headers)


def unauthenticated(platform: Platform) -> ApiError:
    """Return what a request without a key is answered."""
    message = {
        "bedrock": "The security token included in the request is invalid.",
        "vertex": "Request is missing required authentication credential.",
    }.get(platform, "x-api-key header is required")
    return ApiError(_UNAUTHENTICATED, "authentication_error", message)
