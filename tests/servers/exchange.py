"""A venue for tests that trades as it is told: websocket and REST on loopback, in the venue's own dialect.

A market does not wait for its listeners: what trades while nobody is connected is missed, and stays in the market's
past, which REST hands out.
"""

import asyncio
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import Self

import trustme
from aiohttp import WSMsgType, web

from .dialects import Dialect, Market, Row
from .dialects.dialect import compact
from .dialects.market import wall_ms
from .web import WebServer


class ExchangeServer:
    """One venue."""

    def __init__(
        self,
        dialect: Dialect,
        symbols: tuple[str, ...],
        *,
        skew_ms: int = 0,
        authority: trustme.CA | None = None,
        market: Market | None = None,
    ) -> None:
        """Nothing listens before it is entered. ``market`` is one that has gone on before."""
        self.dialect = dialect
        self.market = market or Market(symbols, now_ms=lambda: wall_ms() + skew_ms)
        dialect.now_ms = self.market.now_ms
        self.first = {symbol: rows[-1].number + 1 for symbol, rows in self.market.rows.items()}
        """The number of the first trade after the market's past."""
        self.connections = 0
        self.pings = 0
        self.texts: list[str] = []
        """What clients sent."""
        self.frames: list[str] = []
        """What was sent of trades, in order, once however many heard it."""
        self.rest = WebServer(self._page, authority=authority)
        self.silent = False
        """Send no data, though pings are answered."""
        self.deaf = False
        """Answer nothing at all."""
        self.refusing: str | None = None
        """An instrument whose subscriptions end the connection."""
        self._heard: dict[web.WebSocketResponse, set[str]] = {}
        self._requests: dict[web.WebSocketResponse, web.Request] = {}
        app = web.Application()
        app.router.add_get("/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        self._port = 0

    @property
    def url(self) -> str:
        """What stands in the settings' `url`."""
        if self.dialect.by_token:
            return self.rest.url
        scheme = "ws" if self.rest.authority is None else "wss"
        return f"{scheme}://127.0.0.1:{self._port}{self.dialect.path}"

    @property
    def rest_url(self) -> str:
        """What stands in the settings' `rest_url`."""
        return self.rest.url

    @property
    def open(self) -> int:
        """How many connections there are."""
        return len(self._heard)

    async def __aenter__(self) -> Self:
        await self.rest.__aenter__()
        await self._runner.setup()
        listener = socket.create_server(("127.0.0.1", 0))
        self._port = listener.getsockname()[1]
        await web.SockSite(self._runner, listener, ssl_context=self.rest.context()).start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._break_off()
        await self._runner.cleanup()
        await self.rest.__aexit__(kind, error, trace)

    # What happens at the market

    async def trade(self, count: int, symbol: str | None = None) -> list[Row]:
        """Let trades happen, and send them; return them."""
        rows = self.miss(count, symbol)
        for row in rows:
            await self.send(self.dialect.frame(row, self.market.now_ms()), row.symbol)
        return rows

    def miss(self, count: int, symbol: str | None = None) -> list[Row]:
        """Let trades happen that nobody is told of."""
        symbols = [symbol] if symbol is not None else list(self.market.rows)
        return [self.market.trade(symbols[at % len(symbols)]) for at in range(count)]

    async def send(self, frame: str, symbol: str | None = None) -> None:
        """Send a frame to all who subscribed to a symbol; to all there are if it is of none."""
        self.frames.append(frame)
        for ws, heard in list(self._heard.items()):
            if not self.silent and (symbol in heard if symbol is not None else heard):
                with suppress(ConnectionError):
                    await ws.send_str(frame)

    async def close(self, code: int = 1001) -> None:
        """End all connections in good order."""
        await asyncio.gather(*(ws.close(code=code) for ws in list(self._heard)))
        await self._none_left()

    async def abort(self) -> None:
        """Break all connections off, once what was sent is there."""
        await asyncio.sleep(0.1)
        self._break_off()
        await self._none_left()

    async def break_off_one(self, *, refuse: bool = False) -> str:
        """Break one connection off, for good if told so; return an instrument of it."""
        await asyncio.sleep(0.1)
        ws = next(iter(self._heard))
        symbol = min(self._heard[ws])
        self.refusing = symbol if refuse else None
        self._cut(ws)
        await self.until(lambda: ws not in self._heard)
        return symbol

    async def subscribed(self, connections: int = 1) -> None:
        """Return when so many connections have subscribed to all there is (in parts, where there are several)."""
        await self.until(lambda: sum(bool(heard) for heard in self._heard.values()) >= connections)
        everything = set(self.market.rows)
        await self.until(lambda: set().union(*self._heard.values()) >= everything)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return when that holds."""
        while not holds():
            await asyncio.sleep(0.01)

    # The protocols

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(autoping=False, autoclose=False, compress=False)
        await ws.prepare(request)
        self.connections += 1
        self._heard[ws], self._requests[ws] = set(), request
        try:
            await self._say(ws, *self.dialect.opened(request.query))
            async for message in ws:
                if message.type is WSMsgType.PING and not self.deaf:
                    self.pings += 1
                    await ws.pong(message.data)
                elif message.type is WSMsgType.TEXT and not self.deaf:
                    await self._answer(ws, message.data)
            await ws.close()
        except ConnectionError:
            pass
        finally:
            del self._heard[ws], self._requests[ws]
        return ws

    async def _answer(self, ws: web.WebSocketResponse, text: str) -> None:
        self.texts.append(text)
        answers, names = self.dialect.answer(text)
        if self.refusing is not None and self.dialect.name(self.refusing) in names:
            await ws.close(code=1008)
        else:
            await self._say(ws, answers, names)

    async def _say(
        self, ws: web.WebSocketResponse, answers: Iterable[str], names: Iterable[str]
    ) -> None:
        for answer in answers:
            await ws.send_str(answer)
        for name in names:
            symbol = self.dialect.symbol(name, list(self.market.rows))
            # No trade may happen between the snapshot and what follows: nothing is awaited.
            latest = self.market.rows[symbol][-self.dialect.snapshot :]
            self._heard[ws].add(symbol)
            if self.dialect.snapshot and not self.silent:
                await ws.send_str(self.dialect.latest(latest, self.market.now_ms()))

    async def _page(self, request: web.Request) -> web.Response:
        if request.method == "POST":
            return web.Response(text=self._token(), content_type="application/json")
        status, body = self.dialect.rest(request.path, request.query, self.market.rows)
        return web.Response(status=status, text=body, content_type="application/json")

    def _token(self) -> str:
        server = {
            "endpoint": f"ws://127.0.0.1:{self._port}/",
            "encrypt": False,
            "protocol": "websocket",
            "pingInterval": 18_000,
            "pingTimeout": 10_000,
        }
        data = {"token": "T-o-k-e-n", "instanceServers": [server]}
        return compact({"code": "200000", "data": data})

    async def _none_left(self) -> None:
        await self.until(lambda: not self._heard)

    def _break_off(self) -> None:
        for ws in list(self._heard):
            self._cut(ws)

    def _cut(self, ws: web.WebSocketResponse) -> None:
        transport = self._requests[ws].transport
        if transport is not None:
            transport.abort()
