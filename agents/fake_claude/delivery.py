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
from .errors import overloaded
from .events import Event, error_event, events
from .faults import DELAY_S, Step
from .settings import FakeClaudeSettings
from .usage import Usage

_PAGE = "<html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1></body></html>"
_WRONG_SHAPE = b'{"completion": "Simulated.", "stop": "stop_sequence"}'
_JSON = "application/json"
_EVENTS = "text/event-stream; charset=utf-8"

PIECES = 50
"""Of a body that is sent slowly."""


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
    spread_s: float = 0.0
    """How long the sending itself takes."""


def spread_s(step: Step | None) -> float:
    """Return how long the sending of an answer takes."""
    if step is None or step.fault != "slow_stream":
        return 0.0
    return DELAY_S if step.delay_s is None else step.delay_s


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
    fault = parcel.entry.fault
    if fault == "html":
        return web.Response(text=_PAGE, content_type="text/html", headers=parcel.headers)
    if parcel.streams:
        told = events(parcel.message, parcel.usage)
        return await _stream(request, _marred(told, fault, parcel.request_id), parcel)
    body = _encoded(parcel)
    match fault:
        case "slow_stream":
            return await _send_slowly(request, body, parcel)
        case "cut_stream" | "stalled_stream":
            return await _send_half(request, body, parcel)
        case "truncated_json":
            body = _half(body)
        case "wrong_shape":
            body = _WRONG_SHAPE
        case _:
            pass
    return web.Response(body=body, content_type=_JSON, headers=parcel.headers)


def _marred(told: Sequence[Event], fault: str | None, request_id: str) -> list[bytes]:
    """Return a stream's events as bytes, with what a fault does to them."""
    sound = [event.encoded() for event in told]
    match fault:
        case "cut_stream" | "stalled_stream":
            return _first_half(sound)
        case "wrong_shape":
            return [b"event: completion\ndata: %s\n\n" % _WRONG_SHAPE]
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
            await pause(parcel.spread_s / len(chunks))
            await response.write(chunk)
        if parcel.entry.fault == "stalled_stream":
            await pause(None)
        await response.write_eof()
    except ConnectionError:
        parcel.entry.delivered = False
    return response


async def _send_slowly(request: web.Request, body: bytes, parcel: Parcel) -> web.StreamResponse:
    """Send a whole body in small pieces: each read is in time, the whole is not."""
    response = _promising(body, parcel)
    size = -(-len(body) // PIECES)
    try:
        await response.prepare(request)
        for at in range(0, len(body), size):
            await pause(parcel.spread_s / PIECES)
            await response.write(body[at : at + size])
        await response.write_eof()
    except ConnectionError:
        parcel.entry.delivered = False
    return response


async def _send_half(request: web.Request, body: bytes, parcel: Parcel) -> web.StreamResponse:
    """Promise a whole body, send half of it, and drop the connection, or do nothing more."""
    response = _promising(body, parcel)
    response.force_close()
    with suppress(ConnectionError):
        await response.prepare(request)
        await response.write(_half(body))
    if parcel.entry.fault == "stalled_stream":
        await pause(None)
    if request.transport is not None:
        request.transport.close()
    return response


def _promising(body: bytes, parcel: Parcel) -> web.StreamResponse:
    response = web.StreamResponse(headers={**parcel.headers, "Content-Type": _JSON})
    response.content_length = len(body)
    return response


def _encoded(parcel: Parcel) -> bytes:
    return msgspec.json.encode(parcel.message)


def _half(body: bytes) -> bytes:
    return body[: len(body) // 2]


def _first_half(chunks: list[bytes]) -> list[bytes]:
    return chunks[: len(chunks) // 2]
