"""One question is answered at most a few times a second, however many ask it: what was replied a moment ago is replied again.

A reply does not depend on who asks, but on the view and the clock, and its `now_ms` says when it was made.
"""

from collections.abc import Callable
from typing import NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .replying import has

FRESH_MS = 250
"""How long a reply is given again; the dashboard paints no oftener."""
REPLIES_MAX = 256
REPLY_BYTES_MAX = 256 * 1024
"""Of one that is kept: all together are at most 64 MiB."""
_NEVER = ("/stream", "/ready")


class _Kept(NamedTuple):
    made_ms: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    tag: str


class KeptReplies:
    """Stands before the API. What GET answers, HEAD answers without a body."""

    def __init__(self, app: ASGIApp, *, now_ms: Callable[[], int]) -> None:
        """Keep nothing yet."""
        self._app, self._now_ms = app, now_ms
        self._kept: dict[tuple[str, bytes], _Kept] = {}
        self.again = 0
        """Replies given again."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Reply as a moment ago, or have a reply made and keep it."""
        if scope["type"] != "http" or scope["path"].endswith(_NEVER):
            await self._app(scope, receive, send)
        elif scope["method"] == "HEAD":
            await self._reply({**scope, "method": "GET"}, receive, _Bodiless(send).send)
        elif scope["method"] == "GET":
            await self._reply(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _reply(self, scope: Scope, receive: Receive, send: Send) -> None:
        question = scope["path"], scope["query_string"]
        kept = self._kept.get(question)
        if kept is not None and 0 <= self._now_ms() - kept.made_ms < FRESH_MS:
            self.again += 1
            await _give(kept, _known(scope), send)
            return
        await self._app(scope, receive, _Keeping(self, question, send).send)

    def keep(self, question: tuple[str, bytes], start: Message, body: bytes) -> None:
        """Keep a reply, unless it is a refusal, or says that the reader has it."""
        headers = list(start.get("headers", ()))
        tags = [value.decode("latin-1") for name, value in headers if name == b"etag"]
        if start["status"] != 200 or not tags or len(body) > REPLY_BYTES_MAX:  # noqa: PLR2004 - HTTP's
            return
        self._kept.pop(question, None)
        if len(self._kept) >= REPLIES_MAX:
            del self._kept[next(iter(self._kept))]
        self._kept[question] = _Kept(self._now_ms(), headers, body, tags[0])


class _Bodiless:
    """The sending side of a request for the headers alone."""

    def __init__(self, send: Send) -> None:
        self._send = send

    async def send(self, message: Message) -> None:
        """Send on, without what a `HEAD` does not get."""
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)


class _Keeping:
    """The sending side of one request."""

    def __init__(self, kept: KeptReplies, question: tuple[str, bytes], send: Send) -> None:
        self._kept, self._question, self._send = kept, question, send
        self._start: Message | None = None

    async def send(self, message: Message) -> None:
        """Send on, and keep what comes in one piece."""
        if message["type"] == "http.response.start":
            self._start = message
        elif self._start is not None and not message.get("more_body", False):
            self._kept.keep(self._question, self._start, bytes(message.get("body", b"")))
            self._start = None
        else:
            self._start = None
        await self._send(message)


def _known(scope: Scope) -> str:
    found = [value for name, value in scope["headers"] if name == b"if-none-match"]
    return b", ".join(found).decode("latin-1")


async def _give(kept: _Kept, known: str, send: Send) -> None:
    if has(known, kept.tag):
        bare = (b"content-length", b"content-type")
        headers = [(name, value) for name, value in kept.headers if name not in bare]
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    await send({"type": "http.response.start", "status": 200, "headers": kept.headers})
    await send({"type": "http.response.body", "body": kept.body})
