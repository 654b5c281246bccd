"""The life of a role's process: one instance, topics checked, probes, status, signals, a clean end."""

import asyncio
import fcntl
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import structlog

from topics import SettingsError
from topics.broker import check_topics
from topics.settings import BrokerSettings

from .probes import Ready, serving_probes
from .reporting import PartsNow, Reporter
from .settings import Settings

PORTS = {"collect": 9101, "streams": 9102, "agent": 9103, "serve": 9104, "notify": 9105}
LIFELINE_S = 4.0
"""Once its parent is gone, a process ends by itself within this time."""
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

log = structlog.get_logger()

Main = Callable[[asyncio.Event], Awaitable[None]]
Check = Callable[[BrokerSettings], list[str]]
"""Returns how topics differ from the catalog, in words, and raises where nothing may run."""


def now_ms() -> int:
    """Return the wall clock in milliseconds."""
    return time.time_ns() // 1_000_000


def state_dir(settings: Settings) -> Path:
    """Return the folder of the settings, from the root on.

    Raises:
        SettingsError: It is in a home that nobody has, as of a container's user without a name.
    """
    try:
        return settings.state_dir.expanduser()
    except RuntimeError as error:
        msg = f"state_dir = {str(settings.state_dir)!r}: {error}"
        raise SettingsError(msg) from None


@contextmanager
def only_instance(settings: Settings, role: str) -> Iterator[IO[str]]:
    """Hold the lock of this role's instance on this machine. It ends with the process, however that ends.

    Two live processes with one instance name are not fenced by Kafka: both rejoin for ever.

    Raises:
        SettingsError: Another process has it, or there is no place for it.
    """
    folder = state_dir(settings)
    path = folder / f"{settings.broker.prefix}{role}-{settings.instance}.lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        opened = path.open("a")
    except OSError as error:
        msg = (
            f"state_dir = {str(settings.state_dir)!r}: no lock file can be there: {error.strerror}"
        )
        raise SettingsError(msg) from None
    with opened as lock:
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
    check: Check = check_topics,
    lifeline: int | None = None,
) -> None:
    """Run a role until it ends by itself or is told to: SIGTERM, SIGINT, or its parent's end.

    Raises:
        SettingsError: Another process has this instance's name, or the probes' address.
        TopicsError: The broker cannot be reached, or its topics are not what the catalog says.
    """
    stop = asyncio.Event()
    with only_instance(settings, role):
        async with ending(stop, lifeline):
            if await _topics_checked(settings.broker, check, stop):
                async with _probes(role, settings, ready):
                    reporter = Reporter(
                        settings.broker, role=role, instance=settings.instance, parts=parts
                    )
                    await _work(main, reporter, stop)
    log.info("stopped")


async def _topics_checked(broker: BrokerSettings, check: Check, stop: asyncio.Event) -> bool:
    """Return whether the topics are well, or False when told to stop before that was known.

    Raises:
        TopicsError: They are not.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[str]] = loop.create_future()

    def settle(differences: list[str], error: Exception | None) -> None:
        if not found.done():
            found.set_result(differences) if error is None else found.set_exception(error)

    def look() -> None:
        differences, failure = [], None
        try:
            differences = check(broker)
        except Exception as error:  # noqa: BLE001 - raised below
            failure = error
        with suppress(RuntimeError):  # nobody waits any more
            loop.call_soon_threadsafe(settle, differences, failure)

    # A daemon: a broker that does not answer holds up neither us nor our end.
    threading.Thread(target=look, name="check-topics", daemon=True).start()
    stopping = asyncio.create_task(stop.wait())
    waited: list[asyncio.Future[Any]] = [found, stopping]
    await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not found.done():
        found.cancel()
        return False
    for difference in found.result():
        log.warning("topic differs from the catalog", difference=difference)
    return True


async def _work(main: Main, reporter: Reporter, stop: asyncio.Event) -> None:
    """Run ``main`` to its end, with its status told meanwhile; what cannot be told ends it."""
    working = asyncio.ensure_future(main(stop))
    reporting = asyncio.create_task(reporter.run())
    try:
        await asyncio.wait([working, reporting], return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        await working
    finally:
        reporting.cancel()
        (outcome,) = await asyncio.gather(reporting, return_exceptions=True)
    if isinstance(outcome, Exception):
        raise outcome


@asynccontextmanager
async def _probes(role: str, settings: Settings, ready: Ready) -> AsyncIterator[None]:
    host, wanted = settings.probes.host, settings.probes.port
    port = PORTS.get(role, 0) if wanted is None else wanted
    async with serving_probes(host, port, ready) as bound:
        log.info("started", probes=f"http://{host}:{bound}")
        yield


def end_within(timeout_s: float) -> None:
    """End the process well after this time at the latest, for one whose work is done: a library may hang."""
    timer = threading.Timer(timeout_s, _leave)
    timer.daemon = True
    timer.start()


def _leave() -> None:
    log.warning("stopped", left="a library's threads or tasks that did not end")
    os._exit(0)


@asynccontextmanager
async def ending(stop: asyncio.Event, lifeline: int | None) -> AsyncIterator[None]:
    """Set ``stop`` when the process is told to end."""
    loop = asyncio.get_running_loop()
    # Under nohup a terminal's end is none of ours.
    heard = [s for s in _SIGNALS if s != signal.SIGHUP or signal.getsignal(s) != signal.SIG_IGN]
    for number in heard:
        loop.add_signal_handler(number, stop.set)
    if lifeline is not None:
        loop.add_reader(lifeline, _orphaned, loop, lifeline, stop)
    try:
        yield
    finally:
        if lifeline is not None:
            loop.remove_reader(lifeline)
        for number in heard:
            loop.remove_signal_handler(number)


def _orphaned(loop: asyncio.AbstractEventLoop, lifeline: int, stop: asyncio.Event) -> None:
    """End, softly and then not: the other end of the pipe closes when the parent dies, however it dies."""
    loop.remove_reader(lifeline)
    stop.set()
    loop.call_later(LIFELINE_S, os._exit, 1)
