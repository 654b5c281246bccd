"""The streams role's objects."""

import asyncio

from deploy.role import end_within, now_ms, run_role, state_dir
from deploy.settings import Settings
from streams import app as streams_app
from streams.engine.checkpoint import Step, no_step
from streams.engine.fatal import end_process
from streams.engine.port import Observer
from streams.engine.watchdog import watch
from streams.metrics import STREAMS

from .streams_parts import streams_parts

LEAVE_S = 2.0
"""For Faust to end, once all is committed."""


async def run_streams(
    settings: Settings,
    *,
    lifeline: int | None,
    step: Step = no_step,
    observer: Observer = STREAMS,
) -> None:
    """Fold raw events into windows until told to stop."""
    ownership = streams_app.create_ownership(
        settings.streams, settings.broker, fatal=end_process, observer=observer, step=step
    )
    app = streams_app.create_app(
        settings.streams,
        settings.broker,
        ownership,
        instance_id=f"streams-{settings.instance}",
        data_dir=str(state_dir(settings)),
    )

    def ready() -> str | None:
        return None if ownership.loaded else "no partitions are assigned and loaded yet"

    async def main(stop: asyncio.Event) -> None:
        stalled_s = settings.streams.stalled_s
        watching = asyncio.create_task(
            watch(ownership, settings.broker, stalled_s=stalled_s, told=STREAMS.watched)
        )
        try:
            await streams_app.run(app, stop, committed=lambda: end_within(LEAVE_S))
        finally:
            watching.cancel()

    await run_role(
        "streams",
        settings,
        main,
        parts=lambda: streams_parts(ownership, now_ms()),
        ready=ready,
        lifeline=lifeline,
    )
