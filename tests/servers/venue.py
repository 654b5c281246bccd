"""A venue for tests: Binance's websocket streams on loopback, playing a script.

The protocol: a client opens ``/ws`` (or ``/stream``, for combined frames), sends ``{"method": "SUBSCRIBE", "params":
[...], "id": n}``, is answered ``{"result": null, "id": n}``, and gets frames. Here they come from the script,
which goes on where it stopped when the connection ended: a market does not wait for its listeners.
"""

import asyncio
import json
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from aiohttp import WSMsgType, web

_SEND_BUFFER_BYTES = 64 * 1024
"""Of the server's socket: small, so that a client that does not read is felt soon. Nor are frames compressed."""


class Step:
    """One thing the venue does."""


@dataclass(frozen=True)
class Wait(Step):
    """Send nothing for so long; pings are answered."""

    seconds: float


@dataclass(frozen=True)
class Close(Step):
    """End the connection in good order."""

    code: int = 1001


@dataclass(frozen=True)
class Abort(Step):
    """Break the connection off."""


@dataclass(frozen=True)
class Deaf(Step):
    """Answer neither pings nor goodbyes any more, on any connection."""


@dataclass(frozen=True)
class Refuse(Step):
    """End the connection, and answer the next subscription with an error."""

    code: int
    msg: str


@dataclass(frozen=True)
class Send(Step):
    """One text frame."""

    text: str


class VenueServer:
    """One venue. ``script`` begins with the first subscription and is played once."""

    def __init__(self, script: Iterable[Step] = ()) -> None:
        """Nothing listens before it is entered."""
        self.connections = 0
        self.sent = 0
        """Frames of the script handed to a socket."""
        self.pings = 0
        self.subscriptions: list[list[str]] = []
        self.played = asyncio.Event()
        """Set when nothing of the script is left."""
        self._script: Iterator[Step] = iter(script)
        self._refusal: Refuse | None = None
        self._deaf = False
        self._open: dict[web.WebSocketResponse, web.Request] = {}
        app = web.Application()
        app.router.add_get("/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        self._address: tuple[str, int] | None = None

    @property
    def url(self) -> str:
        """The address for spot markets. (ccxt tells them from futures by ``/stream`` in it.)"""
        return f"ws://127.0.0.1:{self.port}/stream/ws"

    @property
    def open(self) -> int:
        """How many connections there are."""
        return len(self._open)

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._address is not None, "the server is not entered"
        return self._address[1]

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        self._address = listener.getsockname()
        await web.SockSite(self._runner, listener).start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for ws in list(self._open):
            self._break_off(ws)
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(autoping=False, autoclose=False, compress=False)
        await ws.prepare(request)
        self.connections += 1
        self._open[ws] = request
        player: asyncio.Task[None] | None = None
        try:
            async for message in ws:
                if message.type is WSMsgType.PING:
                    self.pings += 1
                    if not self._deaf:
                        await ws.pong(message.data)
                elif message.type is WSMsgType.TEXT and await self._answer(ws, message.data):
                    player = player or asyncio.create_task(self._play(ws))
            if self._deaf:
                await asyncio.Event().wait()
            await ws.close()
        finally:
            del self._open[ws]
            if player is not None:
                player.cancel()
                await asyncio.gather(player, return_exceptions=True)
        return ws

    async def _answer(self, ws: web.WebSocketResponse, text: str) -> bool:
        """Answer a request, and return whether it was a subscription that we took."""
        request = json.loads(text)
        taken: bool = request["method"] == "SUBSCRIBE"
        refusal: Refuse | None = None
        if taken:
            self.subscriptions.append(request["params"])
            refusal, self._refusal = self._refusal, None
        if refusal is not None:
            error = {"code": refusal.code, "msg": refusal.msg}
            await ws.send_json({"error": error, "id": request["id"]})
            return False
        await ws.send_json({"result": None, "id": request["id"]})
        return taken

    async def _play(self, ws: web.WebSocketResponse) -> None:
        with suppress(ConnectionResetError):  # The client has gone; the next one hears the rest.
            for step in self._script:
                if not await self._do(ws, step):
                    return
            self.played.set()

    async def _do(self, ws: web.WebSocketResponse, step: Step) -> bool:
        """Do one step and return whether the connection goes on."""
        match step:
            case Send():
                await ws.send_str(step.text)
                self.sent += 1
            case Wait():
                await asyncio.sleep(step.seconds)
            case Deaf():
                self._deaf = True
            case Close():
                await ws.close(code=step.code)
                return False
            case Refuse():
                self._refusal = step
                await ws.close()
                return False
            case Abort():
                self._break_off(ws)
                return False
        return True

    def _break_off(self, ws: web.WebSocketResponse) -> None:
        transport = self._open[ws].transport
        if transport is not None:
            transport.abort()


def sends(frames: Iterable[str]) -> list[Step]:
    """Return the script that sends these frames."""
    return [Send(frame) for frame in frames]
