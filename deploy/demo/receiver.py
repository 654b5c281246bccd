"""The demo's own receiver of notifications, in its own process: what a pager would get."""

import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from aiohttp import web
from msgspec import Struct

MESSAGES_MAX = 1_000
"""Remembered; the bound on messages an hour is far below."""
BODY_BYTES_MAX = 256 * 1024


class Message(Struct, frozen=True):
    """One message as it came."""

    received_ms: int
    title: str
    text: str


class _Posted(Struct):
    title: str = ""
    message: str = ""


_decode = msgspec.json.Decoder(_Posted).decode


class Receiver:
    """Takes whatever is posted, and says where to post it."""

    def __init__(self) -> None:
        """Begin with nothing received."""
        self.messages: deque[Message] = deque(maxlen=MESSAGES_MAX)
        self.address = ""
        """host:port, once it listens."""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen on a free port of this machine."""
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        app.router.add_post("/{anything:.*}", self._take)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            host, port = runner.addresses[0][:2]
            self.address = f"{host}:{port}"
            yield
        finally:
            await runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        try:
            told = _decode(await request.read())
        except msgspec.DecodeError:
            return web.Response(status=400)
        now_ms = time.time_ns() // 1_000_000
        self.messages.append(Message(now_ms, told.title, told.message))
        return web.Response(status=204)
