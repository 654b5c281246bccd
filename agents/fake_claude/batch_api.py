"""``/v1/messages/batches`` on HTTP, and ``/_fake/batches``, which says what goes wrong with them."""

import time
from collections.abc import Iterable
from contextlib import suppress

import msgspec
from aiohttp import web

from .batch_faults import BatchFaults, load
from .batches import Batch, Batches
from .bill import Bill, Entry
from .delivery import pause
from .envelope import read_json, reply_json
from .errors import ApiError, overloaded, refuse_unknown
from .pages import page

_ONE = "/v1/messages/batches/{id}"


class BatchApi:
    """Takes batches, ends them when they are due, and bills them then."""

    def __init__(self, batches: Batches, bill: Bill) -> None:
        """Take what it shares with the other paths."""
        self._batches = batches
        self._bill = bill
        self._faults = BatchFaults()

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the paths and who answers them."""
        return [
            web.post("/v1/messages/batches", self._create),
            web.get("/v1/messages/batches", self._list),
            web.get(_ONE, self._find),
            web.delete(_ONE, self._delete),
            web.post(f"{_ONE}/cancel", self._cancel),
            web.get(f"{_ONE}/results", self._results),
            web.put("/_fake/batches", self._play),
        ]

    def end_due(self) -> float:
        """End the batches whose time has come, bill them, and return that time in seconds."""
        now_s = time.time()
        for batch in self._batches.end(now_s):
            for used in batch.used:
                entry = Entry(
                    at_ms=int(now_s * 1000),
                    model=used.model,
                    usage=used.usage,
                    cost_nano_usd=used.cost_nano_usd,
                    message_id=used.message_id,
                    charged=used.charged,
                    delivered=True,
                    batch_id=batch.id,
                    custom_id=used.custom_id,
                    user_id=used.user_id,
                )
                self._bill.charge(entry)
        return now_s

    async def _create(self, request: web.Request) -> web.Response:
        body, fault = await read_json(request), self._faults.next_create()
        if fault == "dropped":
            return _dropped(request)
        if fault == "refused":
            raise overloaded()
        batch = self._batches.create(body, self.end_due(), self._faults.requests)
        match fault:
            case "taken_and_dropped":
                return _dropped(request)
            case "taken_and_failed":
                raise ApiError(500, "api_error", "Internal server error")
            case "taken_and_hung":
                await pause(None)
        return _reply(request, batch)

    async def _list(self, request: web.Request) -> web.Response:
        self.end_due()
        origin = _origin(request)
        views = [batch.view(origin) for batch in self._batches.newest_first()]
        return reply_json(page(views, request.query))

    async def _find(self, request: web.Request) -> web.Response:
        return _reply(request, self._due(request))

    async def _cancel(self, request: web.Request) -> web.Response:
        now_s = self.end_due()
        return _reply(request, self._batches.cancel(request.match_info["id"], now_s))

    async def _delete(self, request: web.Request) -> web.Response:
        now_s = self.end_due()
        return reply_json(self._batches.delete(request.match_info["id"], now_s))

    async def _results(self, request: web.Request) -> web.StreamResponse:
        batch = self._due(request)
        if batch.results is None:
            refuse_unknown(f"Message batch {batch.id} has not ended: it has no results yet")
        lines = b"".join(msgspec.json.encode(result) + b"\n" for result in batch.results)
        if self._faults.next_read() == "cut":
            return await _half(request, lines)
        return web.Response(body=lines, content_type="application/x-jsonl")

    async def _play(self, request: web.Request) -> web.Response:
        self._faults.play(load(await request.read()))
        return web.Response(status=204)

    def _due(self, request: web.Request) -> Batch:
        """Return the batch a path names, ended if its time has come."""
        return self._batches.find(request.match_info["id"], self.end_due())


def _dropped(request: web.Request) -> web.Response:
    """Drop the connection; what is returned reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _half(request: web.Request, lines: bytes) -> web.StreamResponse:
    """Promise a whole body, send half of it, and drop the connection."""
    response = web.StreamResponse(headers={"Content-Type": "application/x-jsonl"})
    response.content_length = len(lines)
    response.force_close()
    with suppress(ConnectionError):
        await response.prepare(request)
        await response.write(lines[: len(lines) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


def _reply(request: web.Request, batch: Batch) -> web.Response:
    return reply_json(batch.view(_origin(request)))


def _origin(request: web.Request) -> str:
    return str(request.url.origin())
