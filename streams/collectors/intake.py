"""Asks a source for its observations again and again, and waits longer the sooner it fails."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import stamina
import structlog

from .metrics import SourceMetrics
from .port import Link, Source, SourceError
from .waiting import Waiting

WORKED_S = 10.0
"""A source that lasted this long has worked: its next failure begins the waits anew. One that yields something
and fails at once, over and over, must be waited for ever longer: venues ban who dials too often."""
WAIT_S_MAX = 3_600.0
"""Of what the other side asks us to wait; the next try tells it again if it meant more."""
GIVE_WAY_EVERY = 256
"""Observations between two chances for other tasks, where the source always has one more at hand."""

log = structlog.get_logger()


async def read_source(
    source: Source, waiting: Waiting, metrics: SourceMetrics, monotonic_s: Callable[[], float]
) -> None:
    """Put what the source sees into the queue, until it is finished.

    Raises:
        Exception: Whatever the source raised that is no `SourceError`: a defect.
    """
    while not await _until_it_has_worked(source, waiting, metrics, monotonic_s):
        pass


async def _until_it_has_worked(
    source: Source, waiting: Waiting, metrics: SourceMetrics, monotonic_s: Callable[[], float]
) -> bool:
    """Read until the source is finished (True), or fails after it has worked (False: begin the waits anew)."""
    async for attempt in stamina.retry_context(
        on=SourceError, attempts=None, timeout=None, wait_initial=0.2, wait_max=30.0
    ):
        with attempt:
            begun_s = monotonic_s()
            try:
                await _session(source, waiting)
            except SourceError as error:
                metrics.failures.inc()
                log.warning("source failed", source=source.name, error=str(error))
                await waiting.put(Link(state="disconnected", reason=str(error)[:200]))
                if error.wait_s is not None:
                    await asyncio.sleep(min(error.wait_s, WAIT_S_MAX))
                if monotonic_s() - begun_s >= WORKED_S:
                    return False
                raise
    return True


async def _session(source: Source, waiting: Waiting) -> None:
    put, since_wait = waiting.put_nowait, 0
    async with aclosing(source.observations()) as observations:  # type: ignore[type-var]
        async for observation in observations:
            since_wait += 1
            if since_wait >= GIVE_WAY_EVERY:
                since_wait = 0
                await asyncio.sleep(0)
            if not put(observation):
                await waiting.put(observation)


async def again(
    work: Callable[[], Awaitable[None]], on: type[Exception], *, wait_max_s: float
) -> None:
    """Do something until it does not fail in this way any more, with longer and longer waits."""
    async for attempt in stamina.retry_context(
        on=on, attempts=None, timeout=None, wait_initial=0.2, wait_max=wait_max_s
    ):
        with attempt:
            await work()
