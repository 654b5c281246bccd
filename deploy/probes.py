"""What a monitor asks a role: /metrics, /healthz (is it alive), /readyz (may it be relied on)."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from topics import SettingsError

Ready = Callable[[], str | None]
"""None when ready, else why not, in words."""


@asynccontextmanager
async def serving_probes(host: str, port: int, ready: Ready) -> AsyncIterator[int]:
    """Serve the three pages while the context lasts, and give the port.

    Raises:
        SettingsError: The address is not to be had.
    """
    app = web.Application()
    app.add_routes(
        [
            web.get("/metrics", _metrics),
            web.get("/healthz", _healthz),
            web.get("/readyz", _readyz(ready)),
        ]
    )
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except (OSError, UnicodeError) as error:  # what no name can be does not come as the former
            code = getattr(error, "errno", None) or 0
            reason = os.strerror(code) if code > 0 else error
            msg = f"probes.host = {host!r}, probes.port = {port}: {reason}. Set another, or 0 for any free port"
            raise SettingsError(msg) from None
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def _metrics(_: web.Request) -> web.Response:
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _healthz(_: web.Request) -> web.Response:
    """Answer at all: then the event loop lives."""
    return web.Response(text="ok\n")


def _readyz(ready: Ready) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        why_not = ready()
        return web.Response(text=f"{why_not or 'ok'}\n", status=200 if why_not is None else 503)

    return answer
