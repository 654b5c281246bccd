"""The fake Claude as a role: the demo's simulated model, or a local server for anybody's tests."""

import asyncio
import json
import sys
from pathlib import Path

from agents.fake_claude.errors import ScriptError
from agents.fake_claude.server import serve
from agents.fake_claude.settings import FakeClaudeSettings
from topics import SettingsError

from .role import ending


async def run_fake_claude(
    *, port: int, script: Path | None, latency_ms: int, lifeline: int | None
) -> None:
    """Serve until told to stop; the address is printed as one JSON line.

    Raises:
        SettingsError: The script cannot be played; the message names its step and key.
        OSError: The port is taken.
    """
    settings = FakeClaudeSettings(
        port=port, script=script, latency_ms=latency_ms, jitter_ms=latency_ms // 2
    )

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
        msg = f"--script {script}: {outcome}"
        raise SettingsError(msg) from None
    if isinstance(outcome, Exception):
        raise outcome
