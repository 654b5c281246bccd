"""A guard before an application that answers everything, and what comes out of it."""

from typing import Any

import httpx
from starlette.types import Receive, Scope, Send

from streams.serving.guard import Access, access_of
from streams.serving.guard.middleware import Guard
from streams.serving.settings import ServeSettings

VIEWER, OPERATOR = "viewer-token-0123456789", "operator-token-0123456789"
TOKENS = {"viewer_tokens": {"vera": VIEWER}, "operator_tokens": {"oscar": OPERATOR}}


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


class Inner:
    """What is guarded: it answers 200, and remembers who came."""

    def __init__(self) -> None:
        self.came: list[tuple[str, Access]] = []
        self.headers: list[tuple[bytes, bytes]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.came.append((scope["path"], access_of(scope)))
        self.headers = scope["headers"]
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"in"})


class Door:
    """A guard with its clock and what stands behind it."""

    def __init__(self, **serve: Any) -> None:
        self.clock, self.inner = Clock(), Inner()
        self.settings = ServeSettings.model_validate(serve)
        self.guard = Guard(
            self.inner,
            self.settings,
            page_policy=lambda nonce: f"script-src 'nonce-{nonce}'",
            monotonic_s=self.clock,
            wall_s=self.clock,
        )

    def client(self, address: str = "127.0.0.1", **more: Any) -> httpx.AsyncClient:
        """Return a client that comes from an address."""
        transport = httpx.ASGITransport(app=self.guard, client=(address, 4711))
        return httpx.AsyncClient(transport=transport, base_url="http://localhost:8080", **more)

    async def websocket(self, **headers: str) -> list[dict[str, Any]]:
        """Return what a websocket with these headers is told."""
        sent: list[dict[str, Any]] = []
        told = {"host": "localhost:8080", **headers}

        async def receive() -> dict[str, Any]:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "websocket",
            "path": "/_nicegui_ws/socket.io/",
            "raw_path": b"/_nicegui_ws/socket.io/",
            "query_string": b"",
            "client": ("127.0.0.1", 4711),
            "headers": [(k.replace("_", "-").encode(), v.encode()) for k, v in told.items()],
            "extensions": {"websocket.http.response": {}},
            "state": {},
        }
        await self.guard(scope, receive, send)
        return sent


def bearer(token: str) -> dict[str, str]:
    """Return the header of a program that has a token."""
    return {"authorization": f"Bearer {token}"}
