"""The streams role's objects."""

import asyncio
import gc

import faust

from deploy.alerting.reading import rules_in_force
from deploy.epochs import check_epoch
from deploy.role import end_within, now_ms, run_role, state_dir
from deploy.settings import Settings
from streams import app as streams_app
from streams.engine.checkpoint import Step, no_step
from streams.engine.fatal import end_process
from streams.engine.port import Observer
from streams.engine.watchdog import watch
from streams.metrics import STREAMS

from .streams_parts import streams_parts

GC_THRESHOLD = (200_000, 50, 1_000)
LEAVE_S = 2.0
"""For Faust to end, once all is committed."""


def in_epoch(settings: Settings, epoch: int) -> Settings:
    """Return the settings with another epoch of the streams role."""
    streams = settings.streams.model_copy(update={"epoch": epoch})
    return settings.model_copy(update={"streams": streams})


async def run_streams(
    settings: Settings,
    *,
    lifeline: int | None,
    step: Step = no_step,
    observer: Observer = STREAMS,
    sensor: faust.Sensor | None = None,
) -> None:
    """Fold raw events into windows until told to stop; a bench watches.

    Raises:
        EpochError: The state of a later epoch is begun.
        SettingsError: A rule of alerts is refused.
    """
    ownership = streams_app.create_ownership(
        settings.streams,
        settings.broker,
        fatal=end_process,
        observer=observer,
        rules=rules_in_force(settings.streams.alerts),
        step=step,
    )
    app = streams_app.create_app(
        settings.streams,
        settings.broker,
        ownership,
        instance_id=f"streams-{settings.instance}",
        data_dir=str(state_dir(settings)),
    )
    if sensor is not None:
        app.sensors.add(sensor)

    def ready() -> str | None:
        return None if ownership.loaded else "no partitions are assigned and loaded yet"

    async def main(stop: asyncio.Event) -> None:
        # A fetch holds thousands of objects, none of them in a cycle: full collections walk all of them, often.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLD)
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
        check=lambda broker: check_epoch(broker, settings.streams.epoch),
        lifeline=lifeline,
    )
