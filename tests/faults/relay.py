"""The witness on the wire: passes every byte on between one agent and the fake, and notes each request.

It trusts neither side: what the agent says of its calls, and what the fake says of its requests, are held against it.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from math import inf

from msgspec import Struct

from .evidence import Send

CHUNK = 65_536
_HEAD = b"POST /v1/messages HTTP/1.1"
_NAME = re.compile(rb'"user_id":\s*"([^"]*)"')


class Listener:
    """Finds the requests in what one connection carries to the fake."""

    def __init__(self, note: Callable[[float, str], None]) -> None:
        """``note`` is told when a request's first bytes came, and the name it carries."""
        self._note = note
        self._held = b""
        self._since_s: float | None = None

    def hear(self, data: bytes, now_s: float) -> None:
        """Take the next bytes."""
        self._held += data
        while True:
            if self._since_s is None:
                before, head, rest = self._held.partition(_HEAD)
                if not head:
                    self._held = before[-len(_HEAD) :]
                    return
                self._held, self._since_s = rest, now_s
            found = _NAME.search(self._held)
            if found is None:
                return
            self._note(self._since_s, found[1].decode())
            self._held, self._since_s = self._held[found.end() :], None

    def end(self) -> None:
        """Note a request that was begun and left before its name came."""
        if self._since_s is not None:
            self._note(self._since_s, "")


class _Noted(Struct):
    at_s: float
    attempt_id: str
    ended_s: float = inf


class _Connection:
    """What is known of the requests of one connection, the last of which is under way."""

    def __init__(self, noted: list[_Noted]) -> None:
        self._noted = noted
        self._last: _Noted | None = None
        self._listener = Listener(self._note)

    def asks(self, data: bytes) -> None:
        """Take bytes for the fake."""
        self._listener.hear(data, time.time())

    def answers(self, _: bytes) -> None:
        """Take bytes of an answer."""
        if self._last is not None:
            self._last.ended_s = time.time()

    def end(self) -> None:
        """Note that it is closed."""
        self._listener.end()
        if self._last is not None:
            self._last.ended_s = min(self._last.ended_s, time.time())

    def _note(self, at_s: float, name: str) -> None:
        self._last = _Noted(at_s, name)
        self._noted.append(self._last)


class Relay:
    """One agent's way to the fake."""

    def __init__(self, agent: str, port: int) -> None:
        """``port`` is the fake's, on loopback."""
        self._agent, self._port = agent, port
        self._noted: list[_Noted] = []
        self._open: set[asyncio.Task[None]] = set()

    @property
    def sends(self) -> list[Send]:
        """Every request so far."""
        return [
            Send(agent=self._agent, at_s=n.at_s, ended_s=n.ended_s, attempt_id=n.attempt_id)
            for n in self._noted
        ]

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Give the address for the agent, while the block lasts."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            for task in self._open:
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._relay(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on both ways until one side closes; then close the other as abruptly."""
        known = _Connection(self._noted)
        try:
            answers, asks = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            writer.close()
            return
        ways = [
            asyncio.create_task(_pump(reader, asks, known.asks)),
            asyncio.create_task(_pump(answers, writer, known.answers)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            known.end()
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for side in (asks, writer):
                side.close()
                with suppress(OSError):
                    await side.wait_closed()


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heard: Callable[[bytes], None]
) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(CHUNK):
            heard(data)
            writer.write(data)
            await writer.drain()
