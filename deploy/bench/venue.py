"""A venue that prints trades as fast as it is asked to: Binance's combined streams on loopback, in a process of its own.

It speaks as much of websockets (RFC 6455) as that takes, so that it costs little beside what is measured: frames are
made in chunks and written as bytes; pings are answered.
"""

import asyncio
import struct
import time
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha1
from json import loads

from msgspec import Struct

from deploy.role import ending

CHUNK_MS = 5
"""Between two writes at a pace."""
CHUNK = 200
"""Frames of one write at no pace."""
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_SHORT, _MEDIUM = 125, 126


class Printing(Struct, frozen=True, kw_only=True):
    """What each connection is sent."""

    trades: int
    rate: int = 0
    """Trades a second; 0: as fast as they are taken."""


class _Peer:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def greet(self) -> None:
        request = await self._reader.readuntil(b"\r\n\r\n")
        headers = dict(line.split(b":", 1) for line in request.split(b"\r\n")[1:] if b":" in line)
        key = next(v.strip() for k, v in headers.items() if k.lower() == b"sec-websocket-key")
        accept = b64encode(sha1(key + _GUID).digest())  # noqa: S324 - the protocol's
        self._writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )

    async def frame(self) -> tuple[int, bytes]:
        """Return the next frame of the client: its kind and content."""
        head, length = await self._reader.readexactly(2)
        length &= 0x7F
        if length == _MEDIUM:
            (length,) = struct.unpack(">H", await self._reader.readexactly(2))
        elif length > _MEDIUM:
            (length,) = struct.unpack(">Q", await self._reader.readexactly(8))
        mask = await self._reader.readexactly(4)
        data = await self._reader.readexactly(length)
        return head & 0x0F, bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    async def drain(self) -> None:
        await self._writer.drain()


def framed(kind: int, data: bytes) -> bytes:
    """Return what a server sends for one frame."""
    if len(data) <= _SHORT:
        return bytes((0x80 | kind, len(data))) + data
    return bytes((0x80 | kind, _MEDIUM)) + struct.pack(">H", len(data)) + data


def trade_frame(symbol: str, number: int, time_ms: int) -> bytes:
    """Return the text of one aggregate trade, in the venue's form."""
    return (
        b'{"stream":"%b@aggTrade","data":{"e":"aggTrade","E":%d,"s":"%b","a":%d,"p":"%d.%04d0000",'
        b'"q":"0.%08d","f":%d,"l":%d,"T":%d,"m":%b,"M":true}}'
        % (
            symbol.lower().encode(),
            time_ms,
            symbol.encode(),
            number,
            100 + number % 7,
            number % 10_000,
            1 + number % 99_999_999,
            number,
            number,
            time_ms,
            b"true" if number % 3 else b"false",
        )
    )


async def run_venue(
    printing: Printing, tell: Callable[[str], None], *, lifeline: int | None
) -> None:
    """Serve until told to stop; ``tell`` gets the port. Each connection is sent its trades once it has subscribed."""
    stop = asyncio.Event()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = _Peer(reader, writer)
        try:
            await peer.greet()
            while True:
                kind, data = await peer.frame()
                if kind == _CLOSE:
                    peer.write(framed(_CLOSE, data))
                    break
                if kind == _PING:
                    peer.write(framed(_PONG, data))
                if kind == _TEXT and (symbols := _asked(peer, data)):
                    task = asyncio.create_task(_print(peer, symbols, printing))
                    tasks.add(task)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    tell(str(server.sockets[0].getsockname()[1]))
    async with ending(stop, lifeline):
        await stop.wait()
    for task in tasks:
        task.cancel()
    server.close()


def _asked(peer: _Peer, data: bytes) -> list[str]:
    """Answer a request, and return the symbols that it subscribes to."""
    request = loads(data)
    peer.write(framed(_TEXT, b'{"result":null,"id":%d}' % request["id"]))
    if request["method"] != "SUBSCRIBE":
        return []
    return [stream.partition("@")[0].upper() for stream in request["params"]]


async def _print(peer: _Peer, symbols: list[str], printing: Printing) -> None:
    begun_s, sent = time.monotonic(), 0
    while sent < printing.trades:
        passed_s = time.monotonic() - begun_s
        due = int(passed_s * printing.rate) - sent if printing.rate else CHUNK
        count = min(due, printing.trades - sent)
        now_ms = time.time_ns() // 1_000_000
        peer.write(
            b"".join(
                framed(_TEXT, trade_frame(symbols[n % len(symbols)], 1 + n // len(symbols), now_ms))
                for n in range(sent, sent + count)
            )
        )
        sent += count
        await peer.drain()
        await asyncio.sleep(CHUNK_MS / 1_000 if printing.rate else 0)
