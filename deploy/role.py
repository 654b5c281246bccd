"""The life of a role's process: settings checked, one instance, probes, status, signals, a clean end."""

import asyncio
import fcntl
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import IO

import structlog

from topics import SettingsError
from topics.broker import check_topics

from . import logs
from .probes import Ready, serving_probes
from .reporting import PartsNow, Reporter
from .settings import Settings

PORTS = {"collect": 9101, "streams": 9102, "agent": 9103}
LIFELINE_S = 4.0
"""Once its parent is gone, a process ends by itself within this time."""

log = structlog.get_logger()

Main = Callable[[asyncio.Event], Awaitable[None]]


@contextmanager
def only_instance(settings: Settings, role: str) -> Iterator[IO[str]]:
    """Hold the lock of this role's instance on this machine.

    Two live processes with one instance name are not fenced by Kafka: both rejoin for ever.

    Raises:
        SettingsError: Another process has it.
    """
    folder = settings.state_dir.expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{settings.broker.prefix}{role}-{settings.instance}.lock"
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            msg = (
                f"instance = {settings.instance!r}: another {role} process of this name runs here ({path})."
                " Give each its own: --instance NAME"
            )
            raise SettingsError(msg) from None
        yield lock


async def run_role(
    role: str,
    settings: Settings,
    main: Main,
    *,
    parts: PartsNow,
    ready: Ready,
    lifeline: int | None = None,
) -> None:
    """Run a role until it ends by itself or is told to: SIGTERM, SIGINT, or its parent's end.

    Raises:
        TopicsError: The broker cannot be reached, or its topics are not what the catalog says.
        OSError: The probes' port is taken.
    """
    logs.configure(settings.log, role=role, instance=settings.instance)
    for difference in await asyncio.to_thread(check_topics, settings.broker):
        log.warning("topic differs from the catalog", difference=difference)
    stop = asyncio.Event()
    with only_instance(settings, role):
        async with ending(stop, lifeline), _probes(role, settings, ready):
            reporter = Reporter(settings.broker, role=role, instance=settings.instance, parts=parts)
            reporting = asyncio.create_task(reporter.run())
            try:
                await main(stop)
            finally:
                reporting.cancel()
                await asyncio.gather(reporting, return_exceptions=True)
    log.info("stopped")


@asynccontextmanager
async def _probes(role: str, settings: Settings, ready: Ready) -> AsyncIterator[None]:
    wanted = settings.probes.port
    port = PORTS.get(role, 0) if wanted is None else wanted
    async with serving_probes(settings.probes.host, port, ready) as bound:
        log.info("started", probes=f"http://{settings.probes.host}:{bound}")
        yield


@asynccontextmanager
async def ending(stop: asyncio.Event, lifeline: int | None) -> AsyncIterator[None]:
    """Set ``stop`` when the process is told to end."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if lifeline is not None:
        loop.add_reader(lifeline, _orphaned, loop, lifeline, stop)
    try:
        yield
    finally:
        if lifeline is not None:
            loop.remove_reader(lifeline)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _orphaned(loop: asyncio.AbstractEventLoop, lifeline: int, stop: asyncio.Event) -> None:
    """End, softly and then not: the other end of the pipe closes when the parent dies, however it dies."""
    loop.remove_reader(lifeline)
    stop.set()
    loop.call_later(LIFELINE_S, os._exit, 1)
    sys.stderr.flush()
