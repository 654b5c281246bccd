"""The serve role's shell: its address, its market's time, what a broken broker means."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import connect

from deploy.settings import load
from deploy.wiring import impatient
from deploy.wiring import serve_http as serve_http_of
from deploy.wiring.serve import market_of
from deploy.wiring.serve_http import bound_socket, serve_http
from streams.serving.settings import ServeSettings
from topics import SettingsError


def test_an_address_that_is_taken_is_refused_by_its_key() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = ServeSettings(port=taken.getsockname()[1])
        with pytest.raises(SettingsError, match=r"serve\.port = \d+: Address already in use"):
            bound_socket(settings)


def test_any_free_port_is_found() -> None:
    with bound_socket(ServeSettings(port=0)) as listening:
        assert listening.getsockname()[0] == "127.0.0.1"
        assert listening.getsockname()[1]


def test_the_markets_time_is_that_of_the_sources() -> None:
    assert market_of(load({})) is None
    pace = {"event_ms": 1_000, "wall_ms": 500, "speed": 10.0}
    market = market_of(load({}, collect={"pace": pace}))
    assert market is not None
    assert (market.time_ms(600), market.speed) == (2_000, 10.0)


async def _well(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the whole request, and say that all is well."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        await receive()
        while (await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": "well"})
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await asyncio.sleep(0.3 if scope["path"] == "/slow" else 0)
    await PlainTextResponse("well")(scope, receive, send)


@asynccontextmanager
async def _serving(**serve: Any) -> AsyncIterator[int]:
    settings, stop = ServeSettings(port=0, **serve), asyncio.Event()
    with bound_socket(settings) as listening:
        answering = asyncio.create_task(
            serve_http(_well, settings, listening, stop, stopping=lambda: None)
        )
        yield listening.getsockname()[1]
        stop.set()
        await answering


async def _said(port: int, *parts: bytes) -> bytes:
    """Return what is answered until the connection is closed, which it must soon be."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await asyncio.sleep(0.03)
        async with asyncio.timeout(2):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


GET = b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
HALVES: dict[str, tuple[bytes, ...]] = {
    "nothing": (),
    "half a line": (b"GET / HT",),
    "a little now and then": (b"GET", b" /", b" HTTP/1.1\r\n", b"Host"),
    "half a body": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n{",),
    "a second one, half": (GET.replace(b"close", b"keep-alive") % b"/", b"GET /"),
}


async def test_a_request_that_never_becomes_whole_is_let_go_and_a_slow_answer_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever half of it came: a caller that dawdles holds a connection no longer than it may."""
    monkeypatch.setattr(impatient, "REQUEST_S", 0.15)
    async with _serving() as port:
        asked = [_said(port, *half) for half in HALVES.values()]
        slow, *halves = await asyncio.gather(_said(port, GET % b"/slow"), *asked)
    assert slow.endswith(b"well")
    assert [b"200 OK" in half for half in halves] == [False, False, False, False, True]


async def test_a_websocket_lasts_longer_than_a_request_may_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(impatient, "REQUEST_S", 0.05)
    async with _serving() as port, connect(f"ws://127.0.0.1:{port}/") as page:
        await asyncio.sleep(0.15)
        await page.send("how is it?")
        assert await asyncio.wait_for(page.recv(), 2) == "well"


async def test_connections_beyond_the_bound_are_told_to_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those of streams, of pages, and some others."""
    monkeypatch.setattr(serve_http_of, "OTHERS_MAX", 1)
    async with _serving(streams_max=1, viewers_max=1) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        refused = await _said(port, GET % b"/")
        held[0][1].close()
        await held[0][1].wait_closed()
        await asyncio.sleep(0.05)
        let_in = await _said(port, GET % b"/")
        held[1][1].close()
    assert refused.startswith(b"HTTP/1.1 503")
    assert let_in.endswith(b"well")
