"""Runs the fake in a process of its own and prints its base URL: ``python -m tests.sdk.fake_process [MUTANT]``.

With a mutant's name it stands behind a proxy that spoils its answers, to show what the SDK's tests notice.
"""

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any

from aiohttp import ClientSession, web

from agents.fake_claude.server import serve
from agents.fake_claude.settings import FakeClaudeSettings

_HEADERS = ("authorization", "anthropic-version", "content-type")


def _without_output_tokens(message: dict[str, Any]) -> None:
    message.get("usage", {}).pop("output_tokens", None)


def _with_unknown_stop_reason(message: dict[str, Any]) -> None:
    if "stop_reason" in message:
        message["stop_reason"] = "bored"


def _without_created_at(item: dict[str, Any]) -> None:
    item.pop("created_at", None)


MUTANTS: dict[str, Callable[[dict[str, Any]], None]] = {
    "missing_output_tokens": _without_output_tokens,
    "unknown_stop_reason": _with_unknown_stop_reason,
    "missing_created_at": _without_created_at,
}


class Spoiler:
    """A proxy that passes everything on and spoils what is JSON."""

    def __init__(
        self, url: str, session: ClientSession, spoil: Callable[[dict[str, Any]], None]
    ) -> None:
        self._url = url
        self._session = session
        self._spoil = spoil

    async def answer(self, request: web.Request) -> web.Response:
        """Ask the fake and return what it says, spoilt."""
        headers = {name: request.headers[name] for name in _HEADERS if name in request.headers}
        async with self._session.request(
            request.method, self._url + request.path_qs, headers=headers, data=await request.read()
        ) as response:
            body, kind = await response.read(), response.content_type
        if kind == "application/json":
            spoilt = json.loads(body)
            self._spoil(spoilt)
            body = json.dumps(spoilt).encode()
        return web.Response(status=response.status, body=body, content_type=kind)


async def _serve_spoilt(mutant: str) -> None:
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    settings = FakeClaudeSettings(sdk_examples=True)
    fake = asyncio.create_task(serve(settings, ready=ready.set_result))
    async with ClientSession() as session:
        app = web.Application()
        app.router.add_route(
            "*", "/{path:.*}", Spoiler(await ready, session, MUTANTS[mutant]).answer
        )
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        _say(f"http://127.0.0.1:{runner.addresses[0][1]}")
        await fake


def _say(url: str) -> None:
    sys.stdout.write(f"{url}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(
        _serve_spoilt(sys.argv[1])
        if sys.argv[1:]
        else serve(FakeClaudeSettings(sdk_examples=True), ready=_say)
    )
