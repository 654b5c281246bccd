"""One open websocket as the guard lets it through: for as long as who opened it may come in, and says no more than it may."""

import asyncio
from collections.abc import Callable

from starlette.types import Message, Receive, Send

ENDED_CLOSE_CODE = 1008
"""Policy violation: by its reason a person knows why."""
SEND_S = 30.0
"""For a browser to take a message; one that reads nothing would have its server hold all that comes."""
_GONE: Message = {"type": "websocket.disconnect", "code": ENDED_CLOSE_CODE}


class Socket:
    """Both directions of one websocket. What the application sends after its end is dropped."""

    def __init__(
        self,
        receive: Receive,
        send: Send,
        *,
        holds: Callable[[], bool],
        may_say: Callable[[], bool],
        ended: Callable[[str], None],
    ) -> None:
        """``holds``: may whoever opened it still come in; ``may_say``: is another message within the rate."""
        self._receive, self._send = receive, send
        self._holds, self._may_say, self._told = holds, may_say, ended
        self._over = False

    async def receive(self) -> Message:
        """Return the next message of the browser, or that there will be none."""
        if self._over:
            return _GONE
        message = await self._receive()
        if message["type"] != "websocket.receive":
            return message
        if not self._holds():
            return await self._end("signed_out")
        if not self._may_say():
            return await self._end("rate_limited")
        return message

    async def send(self, message: Message) -> None:
        """Send a message of the application, as long as there is somebody to take it."""
        if self._over:
            return
        if message["type"] == "websocket.send" and not self._holds():
            await self._end("signed_out")
            return
        try:
            async with asyncio.timeout(SEND_S):
                await self._send(message)
        except TimeoutError:
            await self._end("unread")

    async def _end(self, why: str) -> Message:
        if not self._over:
            self._over = True
            self._told(why)
            close = {"type": "websocket.close", "code": ENDED_CLOSE_CODE, "reason": why}
            try:
                async with asyncio.timeout(SEND_S):
                    await self._send(close)
            except (TimeoutError, RuntimeError, OSError):
                pass  # it is gone by itself
        return _GONE
