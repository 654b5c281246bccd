"""The streams role put together: folds on the engine, and the worker's life."""

import asyncio
from collections.abc import Mapping

from topics import KINDS, raw_topic
from topics.settings import BrokerSettings

from .engine.app import EngineApp, create_engine_app
from .engine.checkpoint import Step, no_step
from .engine.ownership import Ownership
from .engine.port import Fatal, Observer
from .processors.aggregate import AggregateProgram
from .settings import StreamsSettings

APP = "streams"


def create_ownership(
    settings: StreamsSettings,
    broker: BrokerSettings,
    *,
    fatal: Fatal,
    observer: Observer,
    step: Step = no_step,
) -> Ownership:
    """Return the ownership of the raw topics' partitions, with an `AggregateProgram` for each."""

    def program(partition: int, entries: Mapping[bytes, bytes]) -> AggregateProgram:
        return AggregateProgram(broker, partition, entries, subjects_max=settings.subjects_max)

    sources = [broker.topic(raw_topic(kind)) for kind in KINDS]
    return Ownership(broker, sources, program, fatal=fatal, observer=observer, step=step)


def create_app(
    settings: StreamsSettings,
    broker: BrokerSettings,
    ownership: Ownership,
    *,
    instance_id: str,
    data_dir: str,
) -> EngineApp:
    """Return the Faust app. Its id and its table's name make the state topic's name."""
    return create_engine_app(
        broker.topic(APP),
        broker,
        ownership,
        instance_id=instance_id,
        slice_records_max=settings.slice_records_max,
        session_timeout_s=settings.session_timeout_s,
        data_dir=data_dir,
    )


async def run(app: EngineApp, stop: asyncio.Event) -> None:
    """Run a worker until it is told to stop; then commit what it has folded. A crash of Faust is fatal."""
    await app.start()
    if await app.wait_for_stopped(stop.wait()):
        app.ownership.fatal("faust stopped by itself", app.crash_reason)
    await app.stop()
    await app.ownership.flush()
    await app.ownership.close()
