"""A Jetstream for tests: both endpoints, with replay, a window, and the faults it is told to have.

Written after the service's lexicon and its published sources (bluesky-social/jetstream, August 2026).
"""

import asyncio
import json
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from .web import WebServer

V1, V2 = "/subscribe", "/xrpc/network.bsky.jetstream.subscribeEvents"
COLLECTION = "app.bsky.feed.post"
SEQ_MAX = 10**15
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Trouble:
    """What happens to one connection, after so many frames."""

    after: int = 0
    what: str = "cut"
    """cut: without goodbye; close: with it; silence: pings are answered, and nothing comes; error: a v2 error frame."""
    slow_s: float = 0.0
    """Before each frame."""
    twice: bool = False
    """Each frame comes twice."""


@dataclass
class Logged:
    """One event as both endpoints send it."""

    seq: int
    time_us: int
    v1: str
    v2: str


@dataclass
class JetstreamServer:
    """One host. What is appended is sent to whoever listens, and replayed to whoever asks."""

    first_seq: int = 1
    tls: bool = False
    log: list[Logged] = field(default_factory=list)
    troubles: deque[Trouble] = field(default_factory=deque)
    """Of the next connections; when there are none left, all is well."""
    floor: int = 0
    """How many of the first events it does not have any more."""
    asked: list[str] = field(default_factory=list)
    """Cursors of the connections; "" for none."""

    def __post_init__(self) -> None:
        self.web = WebServer(self._serve, tls=self.tls)
        self._news = asyncio.Condition()

    async def __aenter__(self) -> Self:
        await self.web.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.web.__aexit__(kind, error, trace)

    @property
    def v1(self) -> str:
        """The address of the old endpoint."""
        return self.web.url.replace("http", "ws", 1) + V1

    @property
    def v2(self) -> str:
        """The address of the new one."""
        return self.web.url.replace("http", "ws", 1) + V2

    def post(
        self, rkey: str, text: Any, at_us: int, *, did: str = "did:plc:ann", **more: Any
    ) -> None:
        """Append a post."""
        created = more.pop("createdAt", _written(at_us))
        record = {"$type": COLLECTION, "text": text, "createdAt": created, **more}
        self.commit("create", rkey, at_us, did=did, record=record)

    def commit(
        self, operation: str, rkey: str, at_us: int, *, did: str = "did:plc:ann", record: Any = None
    ) -> None:
        """Append a change of a record."""
        changed: dict[str, Any] = {"rev": "3mm", "operation": operation, "collection": COLLECTION}
        changed["rkey"] = rkey
        if record is not None:
            changed |= {"record": record, "cid": "bafy"}
        self._append("commit", did, at_us, {"commit": changed}, changed)

    def account(self, did: str, at_us: int, *, active: bool, status: str = "") -> None:
        """Append a change of an account."""
        told = {"account": {"active": active, "did": did, "seq": 9, "status": status}}
        self._append("account", did, at_us, told, told)

    def frame(self, text: str, at_us: int) -> None:
        """Append something else, as it is."""
        self.log.append(Logged(self.first_seq + len(self.log), at_us, text, text))

    async def tell(self) -> None:
        """Wake who listens."""
        async with self._news:
            self._news.notify_all()

    def _append(self, kind: str, did: str, at_us: int, v1: Any, v2: Any) -> None:
        seq = self.first_seq + len(self.log)
        old = json.dumps({"did": did, "time_us": at_us, "kind": kind, **v1})
        head = {"$type": f"network.bsky.jetstream.subscribeEvents#{kind}", "seq": seq, "did": did}
        new = {"$type": "message", "payload": {**head, "time": _written(at_us), **v2}}
        self.log.append(Logged(seq, at_us, old, json.dumps(new)))

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        cursor = request.query.get("cursor", "")
        new = request.path == V2
        start, clamped = self._start(cursor)
        if start is None:
            return web.json_response({"error": "CursorTooOld", "message": "below"}, status=400)
        if "upgrade" not in request.headers.get("Connection", "").lower():
            return web.Response(status=426)
        self.asked.append(cursor)
        trouble = self.troubles.popleft() if self.troubles else Trouble(after=10**9)
        socket = web.WebSocketResponse(protocols=("xrpc.v1.json",) if new else ())
        await socket.prepare(request)
        if new and clamped:
            info = {
                "$type": "network.bsky.jetstream.subscribeEvents#info",
                "name": "OutdatedCursor",
            }
            await socket.send_json({"$type": "message", "payload": info})
        with suppress(ConnectionError):
            await self._send(socket, request, start, trouble)
        return socket

    def _start(self, cursor: str) -> tuple[int | None, bool]:
        """Return which event a connection begins with, None if it is too old, and whether it was moved up."""
        if not cursor:
            return len(self.log), False
        asked = int(cursor)
        if asked < SEQ_MAX:
            at = asked - self.first_seq
            if at >= len(self.log):
                return len(self.log), False  # one of the future is as good as none
            return (None if at < self.floor else at), False
        at = next((i for i, e in enumerate(self.log) if e.time_us >= asked), len(self.log))
        return max(at, self.floor), at < self.floor

    async def _send(
        self, socket: web.WebSocketResponse, request: web.Request, at: int, trouble: Trouble
    ) -> None:
        listening = asyncio.create_task(_listen(socket))
        sent = 0
        new = request.path == V2
        while not listening.done():
            while at < len(self.log) and sent < trouble.after:
                logged = self.log[at]
                await asyncio.sleep(trouble.slow_s)
                for _ in range(1 + trouble.twice):
                    await socket.send_str(logged.v2 if new else logged.v1)
                at, sent = at + 1, sent + 1
            if sent >= trouble.after and trouble.what != "silence":
                await self._trouble(socket, request, trouble)
                break
            with suppress(TimeoutError):
                async with asyncio.timeout(0.01), self._news:
                    await self._news.wait()
        listening.cancel()

    async def _trouble(
        self, socket: web.WebSocketResponse, request: web.Request, trouble: Trouble
    ) -> None:
        if trouble.what == "error" and request.path == V2:
            await socket.send_json(
                {"$type": "error", "error": "ConsumerTooSlow", "message": "slow"}
            )
        if trouble.what == "cut" and request.transport is not None:
            request.transport.abort()
        else:
            await socket.close()


async def _listen(socket: web.WebSocketResponse) -> None:
    with suppress(RuntimeError):
        async for _ in socket:
            pass


def _written(at_us: int) -> str:
    told = _EPOCH + timedelta(microseconds=at_us)
    return told.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
