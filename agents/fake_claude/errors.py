"""What the API answers instead of a message, and what a script of faults can get wrong.

ApiError        an answer of the API that is not 2xx, as status, type and message
ScriptError     a script that cannot be played: names its step and key
"""

from typing import Any, Literal, NoReturn

LimitCode = Literal[
    "enforced_spend_limit_reached",
    "contract_spend_limit_reached",
    "linked_organization_spend_limit_reached",
    "linked_organization_billing_unavailable",
    "organization_on_hold",
    "usage_limits",
]
"""Why an organization may spend no more: ``error.details.error_code``, but for ``usage_limits``, which has none."""


class ApiError(Exception):
    """An answer that is not 2xx. ``kind`` is the body's ``error.type``, ``code`` the code in its details."""

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        *,
        headers: dict[str, str] | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.headers = headers or {}
        self.code = code

    def body(self, request_id: str) -> dict[str, Any]:
        """Return the answer's JSON."""
        error: dict[str, Any] = {"type": self.kind, "message": self.message}
        if self.code is not None:
            error["details"] = {"error_code": self.code}
        return {"type": "error", "error": error, "request_id": request_id}


class ScriptError(ValueError):
    """A script of faults is refused; the message names the step, the key and what is allowed."""


def invalid(message: str) -> ApiError:
    """Return a 400 that says what of the request is wrong."""
    return ApiError(400, "invalid_request_error", message)


def overloaded() -> ApiError:
    """Return a 529: the API has no room, whoever asks."""
    return ApiError(529, "overloaded_error", "Overloaded")


def rate_limited(
    message: str,
    retry_after_s: int,
    *,
    headers: dict[str, str] | None = None,
    code: str | None = None,
) -> ApiError:
    """Return a 429 that says when to come back, in whole seconds."""
    told = (headers or {}) | {"retry-after": str(retry_after_s)}
    return ApiError(429, "rate_limit_error", message, headers=told, code=code)


def spend_limited(code: LimitCode, retry_after_s: int) -> ApiError:
    """Return the answer to an organization that may spend no more; its status depends on the limit."""
    match code:
        case "enforced_spend_limit_reached" | "contract_spend_limit_reached":
            message = "Your organization has reached its spend limit"
            return rate_limited(message, retry_after_s, code=code)
        case "linked_organization_spend_limit_reached" | "linked_organization_billing_unavailable":
            return ApiError(402, "billing_error", "The linked organization cannot pay", code=code)
        case "organization_on_hold":
            message = "Your organization is on hold"
            return ApiError(400, "invalid_request_error", message, code=code)
        case "usage_limits":  # as public reports show it: a 400 without any code
            return invalid("You have reached your specified API usage limits.")


def refuse(message: str) -> NoReturn:
    """Refuse a request as not right.

    Raises:
        ApiError: 400.
    """
    raise invalid(message)


def refuse_unknown(message: str) -> NoReturn:
    """Refuse a request for something there is not.

    Raises:
        ApiError: 404.
    """
    raise ApiError(404, "not_found_error", message)
