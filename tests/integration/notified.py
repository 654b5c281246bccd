"""The notify role in this process: alerts written, a receiver on loopback, and what the log says of both."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiohttp import web
from aiokafka import AIOKafkaProducer
from msgspec import Struct

from deploy.settings import Settings
from deploy.wiring.notify import open_doors
from streams.serving.notify.notifier import Notifier
from tests.servers.web import WebServer
from topics import Alert, Analysis, Notification, encode, partition_of
from topics.alert import alert_key
from topics.outbox import OutRecord, send
from topics.settings import BrokerSettings

from .log import decoded, read_log

PATIENCE_S = 60.0
_KEYS = re.compile(r"^ref (.*)$", re.MULTILINE)


def now_ms() -> int:
    """Return the wall clock."""
    return time.time_ns() // 1_000_000


async def until(holds: Callable[[], bool]) -> None:
    """Return when something is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await asyncio.sleep(0.02)


class Heard(NamedTuple):
    """A message as the receiver got it."""

    at_ms: int
    title: str
    text: str

    @property
    def keys(self) -> list[str]:
        """The dedupe keys in it."""
        found = _KEYS.search(self.text)
        return found[1].split() if found else []


class Phone:
    """A receiver: a web hook on loopback."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.silent = False
        """Whether it takes messages and never says so."""
        self.server = WebServer(self._take)

    @property
    def url(self) -> str:
        """Its address, as apprise writes it."""
        return self.server.url.replace("http://", "json://") + "/hook"

    @property
    def titles(self) -> list[str]:
        """The titles of what it heard."""
        return [heard.title for heard in self.heard]

    @property
    def keys(self) -> list[str]:
        """Every key it heard, in order."""
        return [key for heard in self.heard for key in heard.keys]

    async def _take(self, request: web.Request) -> web.Response:
        body = json.loads(await request.read())
        self.heard.append(Heard(now_ms(), body["title"], body["message"]))
        if self.silent:
            await asyncio.Event().wait()
        return web.Response(text="ok")


def record_of(broker: BrokerSettings, event: Alert | Analysis) -> OutRecord:
    """Return the record of an alert or an analysis, where its writer puts it."""
    name = "alerts" if isinstance(event, Alert) else "analyses"
    key = alert_key(event) if isinstance(event, Alert) else event.asset
    partition = partition_of(event.asset, broker.partitions)
    return OutRecord(broker.topic(name), partition, key.encode(), encode(event))


def writer(broker: BrokerSettings) -> AIOKafkaProducer:
    """Return a producer like the streams role's: what it writes is seen once its transaction is committed."""
    return AIOKafkaProducer(
        **broker.client_options(), transactional_id=broker.topic("writer"), linger_ms=0
    )


async def write_by(
    producer: AIOKafkaProducer, broker: BrokerSettings, *events: Struct | OutRecord
) -> None:
    """Write records in one transaction."""
    records = [
        event if isinstance(event, OutRecord) else record_of(broker, event)  # type: ignore[arg-type]
        for event in events
    ]
    async with producer.transaction():
        await send(producer, records)


async def write(broker: BrokerSettings, *events: Struct | OutRecord) -> None:
    """Write records in one transaction, as somebody who comes and goes."""
    async with writer(broker) as producer:
        await write_by(producer, broker, *events)


def settings_of(
    broker: BrokerSettings, receivers: Mapping[str, Mapping[str, Any]], **notify: Any
) -> Settings:
    """Return settings with these receivers."""
    branch = {"receivers": receivers, "fresh_s": 3_600, "wait_initial_s": 0.05} | notify
    return Settings(broker=broker, notify=branch)  # type: ignore[arg-type]


@asynccontextmanager
async def notifying(settings: Settings, instance: str = "0") -> AsyncIterator[Notifier]:
    """Run the role, and give it once it tells or stands by."""
    notifier = Notifier(
        settings.notify,
        settings.broker,
        open_doors(settings),
        dashboard="http://127.0.0.1:8080",
        instance_id=f"notify-{instance}",
        now_ms=now_ms,
    )
    stop = asyncio.Event()
    task = asyncio.create_task(notifier.run(stop))
    try:
        await until(lambda: notifier.ready or task.done())
        yield notifier
    finally:
        stop.set()
        await task


async def told(broker: BrokerSettings) -> list[Notification]:
    """Return what the log says was told, oldest first."""
    found = decoded(await read_log(broker, "notifications"), Notification)
    return sorted((one for _, one in found), key=lambda one: one.at_ms)


async def told_until(broker: BrokerSettings, at_least: int) -> list[Notification]:
    """Return what the log says was told, once it says so much."""
    async with asyncio.timeout(PATIENCE_S):
        while len(found := await told(broker)) < at_least:
            await asyncio.sleep(0.1)
    return found
