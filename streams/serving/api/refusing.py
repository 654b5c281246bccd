"""What the API refuses, as problem+json: every error that leaves it is one."""

from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from streams.serving.acts import ActRefusedError, TooManyActsError
from streams.serving.cursor import CursorError
from streams.serving.found import Missing
from streams.serving.guard.problem import Problem, cited
from topics import TopicsError

from .paging import BadCursorError

RETRY_S = 2
"""Where the broker or the view is not there yet."""
SHOWN_ERRORS_MAX = 5

log = structlog.get_logger()


class RefusedError(Exception):
    """A request that is not served, and why."""

    def __init__(self, problem: Problem) -> None:
        """Take why."""
        super().__init__(problem.detail)
        self.problem = problem


def unknown(what: str, given: str, allowed: str = "") -> Problem:
    """Return the problem of an id or a name that nobody knows."""
    detail = f"no {what} {cited(given)!r} is known"
    return Problem(status=404, code="unknown", detail=detail, allowed=allowed)


def missing(what: str, given: str, found: Missing, allowed: str = "") -> Problem:
    """Return the problem of what the log did not give."""
    detail = f"{what} {cited(given)!r}: {found.words}"
    if found.why == "unreachable":
        return Problem(status=503, code="log_away", detail=detail, retry_after_s=RETRY_S)
    if found.why in ("deleted", "unreadable", "not_committed"):
        return Problem(status=410, code="gone", detail=detail, allowed=allowed)
    return Problem(status=404, code="unknown", detail=detail, allowed=allowed)


def bad(detail: str, allowed: str = "") -> Problem:
    """Return the problem of what cannot be understood."""
    return Problem(status=400, code="bad_request", detail=detail, allowed=allowed)


def not_ready(why: str) -> Problem:
    """Return the problem of a view that has not been read yet."""
    return Problem(status=503, code="not_ready", detail=why, retry_after_s=RETRY_S)


def answer(request: Request, problem: Problem) -> Response:
    """Return a problem as a response."""
    response = Response(problem.body(request.url.path), status_code=problem.status)
    for name, value in problem.headers():
        response.headers[name] = value
    return response


BAD_CURSOR = Problem(
    status=400,
    code="bad_cursor",
    detail="this cursor was not given for this question",
    allowed="the `next` of a page of the same question, or the last id of a stream",
)


def install(api: FastAPI) -> None:
    """Have every error of an application leave as a problem."""
    told: list[tuple[type[Exception], Callable[[Request, Any], Problem]]] = [
        (RefusedError, lambda _, error: error.problem),
        (BadCursorError, lambda _, __: BAD_CURSOR),
        (CursorError, lambda _, __: BAD_CURSOR),
        (TooManyActsError, _too_many_acts),
        (ActRefusedError, _act_refused),
        (TopicsError, _log_away),
        (RequestValidationError, _invalid),
        (HTTPException, _of_http),
        (Exception, _defect),
    ]
    for kind, problem_of in told:
        api.add_exception_handler(kind, _answering(problem_of))


def _answering(
    problem_of: Callable[[Request, Any], Problem],
) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer_it(request: Request, error: Exception) -> Response:
        response = answer(request, problem_of(request, error))
        for name, value in (getattr(error, "headers", None) or {}).items():
            response.headers[name] = value
        return response

    return answer_it


def _act_refused(_: Request, error: ActRefusedError) -> Problem:
    return Problem(status=409, code="conflict", detail=f"nothing was written: {error}")


def _too_many_acts(_: Request, error: TooManyActsError) -> Problem:
    return Problem(
        status=429, code="rate_limited", detail=str(error), retry_after_s=error.retry_after_s
    )


def _log_away(_: Request, error: TopicsError) -> Problem:
    return Problem(status=503, code="log_away", detail=str(error), retry_after_s=RETRY_S)


def _invalid(_: Request, error: RequestValidationError) -> Problem:
    told = "; ".join(map(_told, error.errors()[:SHOWN_ERRORS_MAX]))
    return Problem(status=400, code="bad_request", detail=told, allowed="see /api/openapi.json")


def _defect(request: Request, error: Exception) -> Problem:
    log.error("a request failed", path=request.url.path, exc_info=error)
    return Problem(status=500, code="defect", detail="the server's log says more")


def _told(error: dict[str, Any]) -> str:
    """Return one mistake without what was given: a body may hold anything."""
    where = ".".join(str(part) for part in error["loc"])
    return f"{cited(where)}: {error['msg']}"


def _of_http(request: Request, error: HTTPException) -> Problem:
    match error.status_code:
        case 404:
            detail = f"nothing is at {cited(request.url.path)!r}"
            return Problem(
                status=404, code="unknown", detail=detail, allowed="see /api/openapi.json"
            )
        case 405:
            allowed = (error.headers or {}).get("Allow", "")
            return Problem(status=405, code="method", detail=request.method, allowed=allowed)
        case 503:
            return Problem(status=503, code="not_ready", detail=str(error.detail))
        case status if status < 500:  # noqa: PLR2004 - HTTP's
            return Problem(status=status, code="bad_request", detail=str(error.detail))
        case _:
            return Problem(status=500, code="defect", detail="the server's log says more")
