"""What the API answers instead of a message, and what a script of faults can get wrong.

ApiError        an answer of the API that is not 2xx, as status, type and message
ScriptError     a script that cannot be played: names its step and key
"""

from typing import Any, NoReturn


class ApiError(Exception):
    """An answer that is not 2xx. ``kind`` is the body's ``error.type``."""

    def __init__(
        self, status: int, kind: str, message: str, *, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.headers = headers or {}

    def body(self, request_id: str) -> dict[str, Any]:
        """Return the answer's JSON."""
        return {
            "type": "error",
            "error": {"type": self.kind, "message": self.message},
            "request_id": request_id,
        }


class ScriptError(ValueError):
    """A script of faults is refused; the message names the step, the key and what is allowed."""


def invalid(message: str) -> ApiError:
    """Return a 400 that says what of the request is wrong."""
    return ApiError(400, "invalid_request_error", message)


def overloaded() -> ApiError:
    """Return a 529: the API has no room, whoever asks."""
    return ApiError(529, "overloaded_error", "Overloaded")


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
