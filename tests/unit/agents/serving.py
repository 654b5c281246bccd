"""The fake Claude, and servers worse than it, for the time of a block."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from agents.fake_claude.server import serve
from agents.fake_claude.settings import FakeClaudeSettings
from tests.unit.agents.fake_claude.wire import Wire

READY_S = 20
"""The first start builds the SDK's types."""


@asynccontextmanager
async def fake_claude(**settings: object) -> AsyncIterator[Wire]:
    """Serve a fake with these settings; what it gives has its bill and changes its script."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    made = FakeClaudeSettings.model_validate(settings)
    task = asyncio.create_task(serve(made, ready=ready.set_result))
    try:
        async with asyncio.timeout(READY_S):
            both: list[asyncio.Future[Any]] = [ready, task]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        async with aiohttp.ClientSession(ready.result()) as session:
            yield Wire(session)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def url_of(wire: Wire) -> str:
    """Return the address of a fake."""
    return str(wire.session._base_url)


@asynccontextmanager
async def server(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[str]:
    """Serve whatever is asked by one function, and give the address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
