"""Runs sources under the real supervisor into a real Kafka."""

import asyncio
import time
from collections.abc import Sequence

from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from streams.collectors.entry import Entry
from streams.collectors.past import Pasts
from streams.collectors.supervisor import SENDERS_MAX, Supervised, Surroundings
from topics.broker import BrokerSettings, apply_topics
from topics.outbox import Sender

from .clock import wall_ms
from .scene import Expected, Running, Scene

TOPICS = ("raw.market", "raw.volume", "raw.social", "raw.development", "deadletters")
WAIT_S = 0.2
"""Before a source with a defect is begun again."""


def prepared(bootstrap: str, prefix: str) -> BrokerSettings:
    """Return topics of one's own, whose records have the broker's time."""
    broker = BrokerSettings(bootstrap=bootstrap, prefix=prefix, partitions=2)
    apply_topics(broker)
    client = AdminClient({"bootstrap.servers": bootstrap})
    entry = ConfigEntry(
        "message.timestamp.type", "LogAppendTime", incremental_operation=AlterConfigOpType.SET
    )
    asked = client.incremental_alter_configs(
        [
            ConfigResource(ResourceType.TOPIC, broker.topic(name), incremental_configs=[entry])
            for name in TOPICS
        ]
    )
    for done in asked.values():
        done.result(timeout=30)
    return broker


async def staged(scenes: Sequence[Scene], broker: BrokerSettings) -> list[Expected | Exception]:
    """Play all scenes at once, each to its own source under one supervisor; return what has to come of each."""
    around = Surroundings(
        broker=broker,
        now_ms=wall_ms,
        monotonic_s=time.monotonic,
        senders=[Sender(broker) for _ in range(min(len(scenes), SENDERS_MAX))],
        wait_s=WAIT_S,
    )
    pasts = Pasts(broker, wall_ms)
    entries, running = [], []
    for number, scene in enumerate(scenes):
        supervised = Supervised(scene.make(), scene.make, around, number)
        entries.append(Entry(scene.name, [supervised], around, pasts, epoch=1, leadership=None))
        running.append(Running(supervised, scene.clock))
    parts = zip(scenes, entries, running, strict=True)
    outcomes = await asyncio.gather(*(_played(*part) for part in parts), return_exceptions=True)
    for sender in around.senders:
        await sender.close()
    await pasts.close()
    return [_settled(outcome) for outcome in outcomes]


def _settled(outcome: Expected | BaseException) -> Expected | Exception:
    if isinstance(outcome, Expected | Exception):
        return outcome
    raise outcome


async def _played(scene: Scene, entry: Entry, running: Running) -> Expected:
    """Play a scene to its source, and stop that as soon as it is over."""
    stop = asyncio.Event()
    collecting = asyncio.create_task(entry.run(stop))
    try:
        return await scene.play(running)
    finally:
        stop.set()
        await collecting
