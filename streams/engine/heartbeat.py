"""Heartbeats to the group while an assignment is taken."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def heartbeating(thread: Any) -> AsyncIterator[None]:  # noqa: ANN401 - Faust's, without types
    """Keep this member in the group meanwhile; ``thread`` is the one that owns the consumer.

    aiokafka begins its heartbeats when the assignment has been taken. Where that takes longer than a session, the
    group puts the member out, and it would load, join and be put out for ever.
    """
    coordinator = thread._consumer._coordinator  # noqa: SLF001 - aiokafka has no other way to ask for it

    async def begin() -> None:
        coordinator._start_heartbeat_task()  # noqa: SLF001

    await thread.call_thread(begin)
    try:
        yield
    finally:
        await thread.call_thread(coordinator._stop_heartbeat_task)  # noqa: SLF001 - it begins another
