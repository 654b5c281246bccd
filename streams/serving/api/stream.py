"""One live stream as an ASGI response: what was missed, then what comes, until the reader or the server ends."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

from starlette.types import Receive, Scope, Send

from streams.serving.cursor import Positions
from topics import TopicsError

from . import events
from .hub import Hub, Subscription
from .resuming import Hole, Log, Return, cut

BATCH_MAX = 200
"""Events written at once."""
KEEP_ALIVE_S = 10.0
"""Proxies close what is silent for longer, and a reader learns that the server is gone."""
SEND_S = 30.0
"""For a reader to take what was written; one that reads nothing holds a connection no longer than this."""
AHEAD_S = 5.0
"""For this process to read as far as another replica had that gave the cursor."""
AHEAD_LOOK_S = 0.05
LINES_BYTES = 64 * 1024
"""Written at once while what was missed is sent."""
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class Wanted(NamedTuple):
    """What a reader asked for."""

    topics: frozenset[str]
    assets: frozenset[str]
    at: Positions | None
    """Where it was; None: it begins now."""
    client: str
    holds: Callable[[], bool] = lambda: True
    """Whether the reader may still come in."""


class EventStream:
    """The response. It is its reader's for as long as both want."""

    def __init__(self, hub: Hub, log: Log, wanted: Wanted) -> None:
        """Prepare; the stream begins with the call."""
        self._hub, self._log, self._wanted = hub, log, wanted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the reader goes, is too slow, or the server stops."""
        del scope
        with self._hub.seat(self._wanted.client):
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            streaming = asyncio.create_task(self._stream(send))
            leaving = asyncio.create_task(_left(receive))
            try:
                await asyncio.wait([streaming, leaving], return_when=asyncio.FIRST_COMPLETED)
            finally:
                streaming.cancel()
                leaving.cancel()
                outcome, _ = await asyncio.gather(streaming, leaving, return_exceptions=True)
        if isinstance(outcome, Exception):
            raise outcome

    async def _stream(self, send: Send) -> None:
        at = self._wanted.at or {}
        ahead = await self._behind_a_reader(at)
        # Between these there is no await: nothing comes that is in neither.
        subscription = self._hub.subscribe(self._wanted.topics, self._wanted.assets)
        back = Return(self._hub.tail, subscription, at)
        try:
            async for lines in self._all(subscription, back, ahead):
                await _sent(send, lines, more=True)
            await _sent(send, b"", more=False)
        except TimeoutError:
            self._hub.counts["unread"] += 1
        finally:
            self._hub.leave(subscription)

    async def _all(
        self, subscription: Subscription, back: Return, ahead: list[Hole]
    ) -> AsyncIterator[bytes]:
        yield f"retry: {events.RETRY_MS}\n".encode() + events.moved(subscription.cursor)
        for hole in ahead:
            self._hub.counts["gaps"] += 1
            yield back.hole(hole)
        try:
            async for lines in self._missed(back):
                yield lines
        except TopicsError as error:
            # Nothing is passed over: the reader comes again with the last id it has.
            yield events.told(events.DROPPED, why=f"the log does not answer: {error}")
            return
        back.arrive()
        while not subscription.is_over:
            await subscription.wait(KEEP_ALIVE_S)
            taken = subscription.take(BATCH_MAX)
            if not self._wanted.holds():
                break
            if taken:
                yield b"".join(events.with_id(h.data, cursor) for h, cursor in taken)
            elif not subscription.is_over:
                yield events.moved(subscription.cursor)
        yield _farewell(subscription, holds=self._wanted.holds())

    async def _missed(self, back: Return) -> AsyncIterator[bytes]:
        if not back.spans:
            return
        if back.remembered is not None:
            self._hub.counts["resumed_from_memory"] += 1
            yield b"".join(map(back.record, back.remembered))
            return
        self._hub.counts["resumed_from_log"] += 1
        begins = await self._log.begins([(span.topic, span.partition) for span in back.spans])
        spans, holes = cut(back.spans, begins)
        for hole in holes:
            self._hub.counts["gaps"] += 1
            yield back.hole(hole)
        lines = b""
        async for happening in self._log.records(spans):
            lines += back.record(happening)
            if len(lines) >= LINES_BYTES:
                yield lines
                lines = b""
        yield lines

    async def _behind_a_reader(self, at: Positions) -> list[Hole]:
        """Read as far as the reader had, from another replica; what is further still is in no log of ours."""
        tail = self._hub.tail
        for _ in range(int(AHEAD_S / AHEAD_LOOK_S)):
            if all(offset <= tail.position(log) for log, offset in at.items()):
                return []
            await asyncio.sleep(AHEAD_LOOK_S)
        return [
            Hole(*log, tail.position(log), offset, "the log ends before: it is another log now")
            for log, offset in sorted(at.items())
            if offset > tail.position(log)
        ]


def _farewell(subscription: Subscription, *, holds: bool) -> bytes:
    if not holds:
        return events.told(events.END, why="you are signed out, or your session has expired")
    if subscription.too_slow:
        why = "too slow: too many events waited. Come again with the last id, and ask for less"
        return events.told(events.DROPPED, why=why)
    return events.told(events.END, why="the server stops. Come again with the last id")


async def _sent(send: Send, lines: bytes, *, more: bool) -> None:
    if lines or not more:
        async with asyncio.timeout(SEND_S):
            await send({"type": "http.response.body", "body": lines, "more_body": more})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
