"""The fake by plain HTTP: what the SDK would not send, and the fake's own paths."""

import asyncio
import json
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

import aiohttp
from msgspec import Struct

HEADERS = {"authorization": "Bearer test-key", "anthropic-version": "2026-10-21"}
DEADLINE_S = 5.0
STREAMS = 4

Json = Any
"""Any JSON value, or what aiohttp makes one of."""


class Answer(Struct):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: Any


def asking(text: str = "How was the hour?", **changes: Json) -> dict[str, Any]:
    """Return a request that is right, with these changes."""
    return {
        "model": "claude-haiku-5-5",
        "max_tokens": 1024,
        "messages": [{"role": "user", "content": text}],
        **changes,
    }


def asking_at_length() -> dict[str, Any]:
    """Return a request for a stream of 2.3 MB."""
    schema = {
        "type": "object",
        "properties": {"text": {"const": "word " * 80_000}},
        "required": ["text"],
        "additionalProperties": False,
    }
    output_format = {"type": "json_schema", "schema": schema}
    return asking(stream=True, max_tokens=128_000, output_config={"format": output_format})


async def half_read(url: str) -> asyncio.StreamWriter:
    """Ask for long streams, read the beginning of the first and no more; return the connection.

    A system's buffers hold 4 MiB: the fake is stopped within one of them.
    """
    connection = socket.create_connection(_address(url))
    reader, writer = await asyncio.open_connection(sock=connection, limit=1_024)
    writer.write(_request(asking_at_length()) * STREAMS)
    assert b" 200 OK" in await reader.readline()
    return writer


def read_and_reset(url: str) -> None:
    """Ask for a long stream, read its first bytes and reset the connection. To be run in a thread."""
    with socket.create_connection(_address(url)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(_request(asking_at_length()))
        assert connection.recv(16)


def _address(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("http://").partition(":")
    return host, int(port)


def _request(body: dict[str, Any]) -> bytes:
    data = json.dumps(body).encode()
    headers = {**HEADERS, "host": "fake", "content-length": str(len(data))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST /v1/messages HTTP/1.1\r\n{lines}\r\n".encode() + data


class Wire:
    """Plain requests to one fake."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def send(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **sending: Json
    ) -> Answer:
        """Send a request and return the answer; its body as JSON where it is."""
        sent = HEADERS if headers is None else headers
        async with self.session.request(method, path, headers=sent, **sending) as response:
            kind = response.content_type
            body = await (response.json() if kind == "application/json" else response.text())
            return Answer(response.status, dict(response.headers), body)

    async def ask(self, **changes: Json) -> Answer:
        """Ask for a message."""
        return await self.send("POST", "/v1/messages", json=asking(**changes))

    async def play(self, *steps: dict[str, Any]) -> None:
        """Have the fake play a script from now on."""
        answer = await self.send("PUT", "/_fake/script", json=steps, headers={})
        assert answer.status == 204, answer.body

    async def spoil_batches(self, **script: Json) -> None:
        """Have this go wrong with batches from now on; nothing: all goes well."""
        answer = await self.send("PUT", "/_fake/batches", json=script, headers={})
        assert answer.status == 204, answer.body

    async def bill(self) -> dict[str, Any]:
        """Return the bill."""
        bill: dict[str, Any] = (await self.send("GET", "/_fake/bill", headers={})).body
        return bill

    async def bill_when(self, settled: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the bill as soon as it is so; fail when it does not become so."""
        deadline_s = time.monotonic() + DEADLINE_S
        while not settled(bill := await self.bill()):
            assert time.monotonic() < deadline_s, bill
            await asyncio.sleep(0.01)
        return bill
