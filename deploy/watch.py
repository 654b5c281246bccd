"""`tapereader watch`: the terminal view of a pipeline that runs somewhere."""

import asyncio
import time

from streams.serving.feed import Feed
from streams.serving.view import View

from .role import ending
from .screen import Screen
from .settings import Settings

LOOK_BACK_MS = 600_000


async def run_watch(settings: Settings) -> None:
    """Show the last minutes and what follows, until Ctrl-C."""
    view = View()
    since_ms = time.time_ns() // 1_000_000 - LOOK_BACK_MS
    feed = Feed(settings.broker, view, since_ms=since_ms)
    screen = Screen(
        view,
        title=f"Tapereader at {settings.broker.bootstrap}",
        hint="Ctrl-C ends the view, not the pipeline.",
        event_now_ms=lambda now_ms: now_ms,
    )
    stop = asyncio.Event()
    async with ending(stop, None):
        tasks = [asyncio.create_task(feed.run()), asyncio.create_task(screen.run())]
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
        for task in (*tasks, stopping):
            task.cancel()
        outcomes = await asyncio.gather(*tasks, stopping, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
