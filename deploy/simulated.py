"""The fake Claude as a role: the demo's simulated model, or a local server for anybody's tests."""

import asyncio
import json
import sys

from agents.fake_claude.errors import ScriptError
from agents.fake_claude.server import serve
from agents.fake_claude.settings import FakeClaudeSettings
from topics import SettingsError

from .role import ending


async def run_fake_claude(settings: FakeClaudeSettings, *, lifeline: int | None) -> None:
    """Serve until told to stop; the address is printed as one JSON line.

    Raises:
        SettingsError: The script cannot be played; the message names its step and key.
        OSError: The port is taken.
    """

    def ready(url: str) -> None:
        sys.stdout.write(json.dumps({"base_url": url}) + "\n")
        sys.stdout.flush()

    stop = asyncio.Event()
    async with ending(stop, lifeline):
        serving = asyncio.create_task(serve(settings, ready=ready))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
        for task in (serving, stopping):
            task.cancel()
        outcome, _ = await asyncio.gather(serving, stopping, return_exceptions=True)
    if isinstance(outcome, ScriptError):
        msg = f"--script {settings.script}: {outcome}"
        raise SettingsError(msg) from None
    if isinstance(outcome, Exception):
        raise outcome
