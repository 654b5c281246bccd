"""uvicorn inside a role: its socket, no signals of its own, and an end within a bounded time."""

import asyncio
import math
import os
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from streams.serving.settings import ServeSettings
from topics import SettingsError

from .impatient import ImpatientProtocol

HEADER_BYTES_MAX = 32 * 1024
"""Of a request's line and headers before they are complete; h11 refuses more with 431 or 400."""
WEBSOCKET_BYTES_MAX = 256 * 1024
"""Of one message from a browser: events of the pages are small."""
BACKLOG = 512
OTHERS_MAX = 250
"""Connections beside live streams and open pages; beyond all of them a request gets 503. With the usual settings this
stays below the 1,024 files that a process may usually open."""


class _Quiet(uvicorn.Server):
    """The role hears signals; two who do would end each other's work half done."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals alone."""
        yield


def bound_socket(settings: ServeSettings) -> socket.socket:
    """Return a socket that listens at the settings' address.

    Raises:
        SettingsError: The address is not to be had.
    """
    host, port = settings.host, settings.port
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, UnicodeError) as error:
        code = getattr(error, "errno", None) or 0
        reason = os.strerror(code) if code > 0 else error
        msg = f"serve.host = {host!r}, serve.port = {port}: {reason}. Set another, or 0 for any free port"
        raise SettingsError(msg) from None


async def serve_http(
    app: ASGIApp,
    settings: ServeSettings,
    listening: socket.socket,
    stop: asyncio.Event,
    *,
    stopping: Callable[[], None],
) -> None:
    """Serve until told to stop; ``stopping`` then ends what would never end by itself, streams above all."""
    config = uvicorn.Config(
        app,
        http=ImpatientProtocol,  # of h11: the one with a bound on headers
        ws="websockets-sansio",
        ws_max_size=WEBSOCKET_BYTES_MAX,
        h11_max_incomplete_event_size=HEADER_BYTES_MAX,
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        limit_concurrency=settings.streams_max + settings.viewers_max + OTHERS_MAX,
        timeout_graceful_shutdown=math.ceil(settings.stop_s),
    )
    server = _Quiet(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    told = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([serving, told], return_when=asyncio.FIRST_COMPLETED)
        stopping()
        server.should_exit = True
        await serving
    finally:
        told.cancel()
