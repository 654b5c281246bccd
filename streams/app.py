"""The streams role put together: folds on the engine, and the worker's life."""

import asyncio
from collections.abc import Callable, Iterable, Mapping

from topics import KINDS, raw_topic
from topics.settings import BrokerSettings

from .alerts.rules import Rule
from .engine.app import EngineApp, create_engine_app
from .engine.checkpoint import Step, no_step
from .engine.ownership import Ownership
from .engine.port import Fatal, Observer
from .processors.aggregate import OUTPUTS, AggregateProgram
from .settings import StreamsSettings

APP = "streams"


def app_id(epoch: int) -> str:
    """Return the app's id before the broker's prefix: each epoch has a group and a state of its own."""
    return f"{APP}-e{epoch}" if epoch else APP


def create_ownership(
    settings: StreamsSettings,
    broker: BrokerSettings,
    *,
    fatal: Fatal,
    observer: Observer,
    rules: Iterable[Rule] = (),
    step: Step = no_step,
) -> Ownership:
    """Return the ownership of the raw topics' partitions, with an `AggregateProgram` for each.

    ``rules`` are those of alerts in force.
    """
    in_force = tuple(rules)

    def program(partition: int, entries: Mapping[bytes, bytes]) -> AggregateProgram:
        return AggregateProgram(
            broker,
            partition,
            entries,
            subjects_max=settings.subjects_max,
            epoch=settings.epoch,
            rules=in_force,
            instances_max=settings.alerts.instances_max,
            kinds_apart_ms=settings.alerts.kinds_apart_s * 1_000,
        )

    sources = [broker.topic(raw_topic(kind)) for kind in KINDS]
    outputs = [broker.topic(name) for name in OUTPUTS]
    return Ownership(
        broker, sources, program, fatal=fatal, observer=observer, outputs=outputs, step=step
    )


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
        broker.topic(app_id(settings.epoch)),
        broker,
        ownership,
        instance_id=instance_id,
        slice_records_max=settings.slice_records_max,
        session_timeout_s=settings.session_timeout_s,
        data_dir=data_dir,
    )


async def run(app: EngineApp, stop: asyncio.Event, *, committed: Callable[[], None]) -> None:
    """Run a worker until it is told to stop. A crash of Faust is fatal.

    ``committed`` is called once everything folded is committed. Faust is ended after that, and may hang: told
    to stop in the middle of a rebalance it waits for its own thread, or blocks the loop by joining it.
    """
    starting = asyncio.create_task(app.start())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        starting.result()
        if await app.wait_for_stopped(stopping):
            app.ownership.fatal("faust stopped by itself", app.crash_reason)
    try:
        await app.ownership.close()
    except Exception as error:  # noqa: BLE001 - Faust's thread would outlive it
        app.ownership.fatal("what was folded last could not be committed", error)
    committed()
    await app.stop()
