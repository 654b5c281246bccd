"""A service for tests: HTTP on loopback that answers as it is told, and fails as it is told."""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import trustme
from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Fault:
    """One thing that goes wrong with one answer."""


@dataclass(frozen=True)
class Well(Fault):
    """None: the answer that is due, before another's fault."""


@dataclass(frozen=True)
class Status(Fault):
    """Another answer than the one that was due."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Cut(Fault):
    """The connection breaks off in the middle of the body."""


@dataclass(frozen=True)
class Slow(Fault):
    """The body comes byte by byte, so long apart."""

    seconds: float = 0.05


@dataclass(frozen=True)
class Hang(Fault):
    """No answer at all."""


@dataclass(frozen=True)
class Body(Fault):
    """Well delivered, and something else: malformed, hostile, too large."""

    body: bytes
    content_type: str = "application/json"


class WebServer:
    """One service; ``handler`` answers what no fault that was planted takes. TLS with an authority of its own."""

    def __init__(
        self, handler: Handler, *, tls: bool = False, authority: trustme.CA | None = None
    ) -> None:
        """Nothing listens before it is entered."""
        self.requests: list[web.Request] = []
        self.faults: deque[Fault] = deque()
        """What becomes of the next answers; when there are none left, all is well."""
        self.authority = authority or (trustme.CA() if tls else None)
        self._handler = handler
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        self._port = 0

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        scheme = "http" if self.authority is None else "https"
        return f"{scheme}://127.0.0.1:{self._port}"

    @property
    def paths(self) -> list[str]:
        """What was asked for, queries included."""
        return [request.path_qs for request in self.requests]

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        listener = socket.create_server(("127.0.0.1", self._port))
        self._port = listener.getsockname()[1]
        await web.SockSite(self._runner, listener, ssl_context=self.context()).start()
        return self

    def context(self) -> ssl.SSLContext | None:
        """Return what TLS needs, with a certificate of the authority; None without one."""
        if self.authority is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.authority.issue_cert("127.0.0.1").configure_cert(context)
        return context

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        match self.faults.popleft() if self.faults else None:
            case Status(status=status, headers=headers, body=body):
                return web.Response(status=status, headers=headers, body=body)
            case Body(body=body, content_type=content_type):
                return web.Response(body=body, content_type=content_type)
            case Hang():
                await asyncio.Event().wait()
            case Cut():
                return await self._cut(request)
            case Slow(seconds=seconds):
                return await _slowly(request, await self._handler(request), seconds)
        return await self._handler(request)

    async def _cut(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"[1, 2")
        if request.transport is not None:
            request.transport.abort()
        return response


async def _slowly(
    request: web.Request, whole: web.StreamResponse, seconds: float
) -> web.StreamResponse:
    body = whole.body if isinstance(whole, web.Response) else b""
    assert isinstance(body, bytes | None), "only what is whole in memory can be slow"
    response = web.StreamResponse()
    await response.prepare(request)
    with suppress(ConnectionError):
        for byte in body or b"":
            await response.write(bytes([byte]))
            await asyncio.sleep(seconds)
    return response
