"""Sends an answer over HTTP, well or badly, and says on the bill whether the client was still there."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec
from aiohttp import web
from msgspec import Struct

from .bill import Entry
from .dice import Dice
from .errors import ApiError, overloaded
from .events import Event, error_event, events
from .faults import DELAY_S, RETRY_AFTER_S, Step
from .settings import FakeClaudeSettings
from .usage import Usage

_PAGE = "<html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1></body></html>"
_JSON = "application/json"
_EVENTS = "text/event-stream; charset=utf-8"


class Parcel(Struct, frozen=True):
    """An answer that is ready, with all that sending it needs."""

    message: dict[str, Any]
    usage: Usage
    entry: Entry
    headers: dict[str, str]
    request_id: str
    wait_s: float | None
    """How long the client waits for the first byte; None for ever."""
    streams: bool


def refusal_of(step: Step | None, *, streams: bool) -> ApiError | None:
    """Return the error a step answers a request with before the model sees it, or None."""
    match step.fault if step else None:
        case "overloaded":
            return overloaded()
        case "overloaded_stream" if not streams:
            return overloaded()
        case "rate_limited":
            after_s = (
                RETRY_AFTER_S if step is None or step.retry_after_s is None else step.retry_after_s
            )
            return ApiError(
                429,
                "rate_limit_error",
                "This request would exceed your organization's rate limit",
                headers={"retry-after": str(after_s)},
            )
        case "error":
            return ApiError(500, "api_error", "Internal server error")
        case _:
            return None


def wait_s(settings: FakeClaudeSettings, number: int, step: Step | None) -> float | None:
    """Return the seconds before an answer's first byte, or None for ever."""
    jitter_ms = settings.jitter_ms
    dice = Dice(settings.seed.to_bytes(32, "big", signed=True))
    thrown_ms = dice.throw(f"latency/{number}", 2 * jitter_ms + 1) - jitter_ms
    latency_s = max(settings.latency_ms + thrown_ms, 0) / 1000
    match step:
        case Step(fault="hang"):
            return None
        case Step(fault="slow"):
            return latency_s + (DELAY_S if step.delay_s is None else step.delay_s)
        case _:
            return latency_s


async def deliver(request: web.Request, parcel: Parcel) -> web.StreamResponse:
    """Wait, send, and note on the entry whether the client was still there, to a stream's end."""
    try:
        await pause(parcel.wait_s)
        parcel.entry.delivered = not _has_left(request)
        return await _send(request, parcel)
    except asyncio.CancelledError:
        parcel.entry.delivered = False
        raise


async def pause(seconds: float | None) -> None:
    """Wait; for ever if None."""
    await (asyncio.Event().wait() if seconds is None else asyncio.sleep(seconds))


def _has_left(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


async def _send(request: web.Request, parcel: Parcel) -> web.StreamResponse:
    match parcel.entry.fault:
        case "html":
            return web.Response(text=_PAGE, content_type="text/html", headers=parcel.headers)
        case "truncated_json" if not parcel.streams:
            return _whole(_half(_encoded(parcel)), parcel)
        case "cut_stream" if not parcel.streams:
            return await _send_half(request, parcel)
        case _ if not parcel.streams:
            return _whole(_encoded(parcel), parcel)
        case fault:
            told = events(parcel.message, parcel.usage)
            return await _stream(request, _marred(told, fault, parcel.request_id), parcel)


def _marred(told: Sequence[Event], fault: str | None, request_id: str) -> list[bytes]:
    """Return a stream's events as bytes, with what a fault does to them."""
    sound = [event.encoded() for event in told]
    match fault:
        case "cut_stream":
            return _first_half(sound)
        case "overloaded_stream":
            return [*_first_half(sound), error_event(overloaded().body(request_id)).encoded()]
        case "truncated_json":
            *most, last = _first_half(sound)
            return [*most, last[: len(last) // 2] + b"\n\n"]
        case _:
            return sound


async def _stream(
    request: web.Request, chunks: Sequence[bytes], parcel: Parcel
) -> web.StreamResponse:
    response = web.StreamResponse(
        headers={**parcel.headers, "Content-Type": _EVENTS, "Cache-Control": "no-cache"}
    )
    try:
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
        await response.write_eof()
    except ConnectionError:
        parcel.entry.delivered = False
    return response


async def _send_half(request: web.Request, parcel: Parcel) -> web.StreamResponse:
    """Promise a whole body, send half of it, and drop the connection."""
    body = _encoded(parcel)
    response = web.StreamResponse(headers={**parcel.headers, "Content-Type": _JSON})
    response.content_length = len(body)
    response.force_close()
    with suppress(ConnectionError):
        await response.prepare(request)
        await response.write(_half(body))
    if request.transport is not None:
        request.transport.close()
    return response


def _whole(body: bytes, parcel: Parcel) -> web.Response:
    return web.Response(body=body, content_type=_JSON, headers=parcel.headers)


def _encoded(parcel: Parcel) -> bytes:
    return msgspec.json.encode(parcel.message)


def _half(body: bytes) -> bytes:
    return body[: len(body) // 2]


def _first_half(chunks: list[bytes]) -> list[bytes]:
    return chunks[: len(chunks) // 2]
