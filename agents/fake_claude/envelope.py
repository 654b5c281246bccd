"""What every request goes through: an id, a key, a version, a place; and the API's form for what goes wrong."""

from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from . import platforms
from .errors import ApiError, invalid, overloaded, refuse
from .ids import Ids
from .platforms import Platform

VERSIONS = frozenset({"2023-06-01", "2026-10-21"})
"""Values of ``anthropic-version`` there are."""
ORGANIZATION_ID = "00000000-0000-4000-8000-00000000fa4e"
OWN = "/_fake/"
"""Paths that are the fake's own begin so: they ask for no key, no version and no room."""
TOO_LARGE = 413
MISSING = 404

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]

_ID = web.RequestKey("request_id", str)
_PLATFORM: web.RequestKey[Platform] = web.RequestKey("platform", str)  # type: ignore[arg-type]  # has no class


class Envelope:
    """Lets requests in and keeps those that are being answered."""

    def __init__(self, ids: Ids, in_flight_max: int, *, plain: bool = False) -> None:
        """Begin with none. ``in_flight_max`` requests of the API are answered at a time."""
        self._ids, self._plain = ids, plain
        self._in_flight_max = in_flight_max
        self._count = 0
        self._in_flight: dict[str, web.Request] = {}

    async def wrap(self, request: web.Request, respond: Respond) -> web.StreamResponse:
        """Answer a request, whatever becomes of it, in the API's form."""
        self._count += 1
        request[_ID] = self._ids.make("req", self._count)
        request[_PLATFORM] = platforms.platform_of(request.path, plain=self._plain)
        try:
            response = await self._admitted(request, respond)
        except ApiError as error:
            response = _failure(request, error)
        except RecursionError:
            response = _failure(request, invalid("The request body is nested too deeply"))
        except web.HTTPException as error:
            response = _failure(request, _translated(error))
        if not response.prepared:
            response.headers.update(headers_of(request))
        return response

    async def hang_up(self, _: web.Application) -> None:
        """Drop every request still open: one that hangs would hold the server for ever."""
        for request in self._in_flight.values():
            if request.transport is not None:
                request.transport.abort()

    async def _admitted(self, request: web.Request, respond: Respond) -> web.StreamResponse:
        if request.path.startswith(OWN):
            return await respond(request)
        _check_headers(request)
        if len(self._in_flight) >= self._in_flight_max:
            raise overloaded()
        self._in_flight[id_of(request)] = request
        try:
            return await respond(request)
        finally:
            del self._in_flight[id_of(request)]


def id_of(request: web.Request) -> str:
    """Return the id the request was given."""
    return request[_ID]


def platform_of(request: web.Request) -> Platform:
    """Return whose path was asked."""
    return request[_PLATFORM]


def headers_of(request: web.Request) -> dict[str, str]:
    """Return the headers every answer to a request carries."""
    return platforms.common_headers(platform_of(request), id_of(request), ORGANIZATION_ID)


async def read_json(request: web.Request) -> object:
    """Return the body.

    Raises:
        ApiError: 400, where it is not JSON.
    """
    try:
        return msgspec.json.decode(await request.read())
    except msgspec.DecodeError as error:
        refuse(f"The request body is not valid JSON: {error}")


def reply_json(value: object, status: int = 200) -> web.Response:
    """Return an answer whose body is JSON."""
    body = msgspec.json.encode(value)
    return web.Response(body=body, status=status, content_type="application/json")


def _check_headers(request: web.Request) -> None:
    platform = platform_of(request)
    if platform == "plain":
        return
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    has_key = platform == "anthropic" and request.headers.get("x-api-key", "").strip()
    if not bearer and not has_key:
        raise platforms.unauthenticated(platform)
    if platform != "anthropic":
        return
    version = request.headers.get("anthropic-version")
    if version is None:
        refuse("anthropic-version: header is required")
    if version not in VERSIONS:
        refuse(f'anthropic-version: "{version}" is not a valid version')


def _translated(error: web.HTTPException) -> ApiError:
    """Return an error of the HTTP library as the API's."""
    if error.status == TOO_LARGE:
        message = "Request exceeds the maximum allowed number of bytes"
        return ApiError(TOO_LARGE, "request_too_large", message)
    kind = "not_found_error" if error.status == MISSING else "invalid_request_error"
    return ApiError(error.status, kind, error.reason)


def _failure(request: web.Request, error: ApiError) -> web.Response:
    failure = platforms.failure_of(platform_of(request), error, id_of(request))
    response = reply_json(failure.body, failure.status)
    response.headers.update(failure.headers)
    return response
