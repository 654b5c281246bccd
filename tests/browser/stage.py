"""The real `serve` role before a log that tests write: a broker, real or embedded, and the role as a process."""

import asyncio
import os
import re
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import ConsumerRecord
from msgspec import Struct

from deploy.children import Child, Children
from deploy.demo.embedded import PARTITIONS, embedded_kafka
from deploy.settings import environment_of
from tests.measured import PROCESSES
from tests.servers.process import free_ports
from topics import BY_NAME, KINDS, asset_of, partition_of, raw_topic
from topics.broker import apply_topics
from topics.codec import encode, tag_of
from topics.deadletter import DeadLetter, to_record
from topics.envelope import headers
from topics.outbox import OutRecord, send
from topics.settings import BrokerSettings

START_S = 60.0
"""Longer than the role takes to be ready on a busy machine: importing the dashboard alone takes 4 s."""
_NAMES = {
    event: topic.name
    for topic in BY_NAME.values()
    if topic.name not in map(raw_topic, KINDS)
    for event in topic.events
}
_RAW = {
    event: raw_topic(kind) for kind in reversed(KINDS) for event in BY_NAME[raw_topic(kind)].events
}
_SAID = 4_000


class Stage:
    """One log, and the role that serves it."""

    def __init__(self, broker: BrokerSettings, folder: Path, children: Children) -> None:
        """Make the topics; nothing is served before `start`."""
        self.broker = broker
        self.folder, self._children = folder, children
        self._child: Child | None = None
        self.port, self._probe = free_ports(2)
        self.begun_ms = 0
        """When its scene was written."""
        apply_topics(self.broker)

    @property
    def base_url(self) -> str:
        """Where a browser goes."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, **serve: Any) -> None:
        """Start the role on our port; ``serve`` is its branch of the settings."""
        tree = {
            "instance": "stage",
            "state_dir": str(self.folder),
            "broker": self.broker.model_dump(mode="json"),
            "probes": {"port": self._probe},
            "serve": {"port": self.port, **serve},
        }
        environment = environment_of(tree, os.environ)
        environment.pop(PROCESSES, None)
        self._child = self._children.start("serve", ["serve"], environment)

    async def ready(self, patience_s: float = START_S) -> None:
        """Return when the role has read all there was, and answers."""
        deadline_s = time.monotonic() + patience_s
        while not await asyncio.to_thread(self._is_ready):
            self._children.check()
            assert time.monotonic() < deadline_s, f"not ready: {self.said()}"
            await asyncio.sleep(0.05)

    def _is_ready(self) -> bool:
        try:
            return self._probed("readyz") is not None
        except (urllib.error.URLError, OSError):
            return False

    async def metrics(self) -> dict[str, float]:
        """Return what a monitor scrapes, by name and labels."""
        text = await asyncio.to_thread(self._probed, "metrics")
        told = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in told}

    def _probed(self, path: str) -> str:
        """Return what a probe says; one that is not well is an error."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._probe}/{path}", timeout=5) as got:
            return str(got.read().decode())

    @property
    def pid(self) -> int:
        """The role's process."""
        assert self._child
        return self._child.pid

    def said(self) -> str:
        """Return the end of what the role said."""
        return (self.folder / "serve.log").read_text(errors="replace")[-_SAID:]

    def pause(self) -> None:
        """Stop the role from being scheduled: connections stay open, and nothing comes through them."""
        assert self._child
        os.kill(self._child.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self._child
        os.kill(self._child.pid, signal.SIGCONT)

    async def end(self) -> int:
        """End the role as its supervisor does, and return its status."""
        assert self._child
        return await self._child.stop(timeout_s=10.0)

    async def write(self, *events: Struct | OutRecord) -> None:
        """Return when every event is acknowledged, on the topic that its contract belongs to."""
        async with AIOKafkaProducer(**self.broker.client_options(), acks="all") as producer:
            await send(producer, [self.record(event) for event in events])

    def record(self, event: Struct | OutRecord) -> OutRecord:
        """Return the record of an event as its role would write it."""
        if isinstance(event, OutRecord):
            return event
        if isinstance(event, DeadLetter):
            key, value, told = to_record(event)
            return OutRecord(
                self.broker.topic("deadletters"), event.partition or 0, key, value, told
            )
        tag = tag_of(type(event))
        topic = _NAMES.get(type(event)) or _RAW[type(event)]
        asset = _asset(event)
        partition = 0 if asset is None else partition_of(asset, self.broker.partitions)
        told = [] if topic.startswith("raw.") else _envelope(event, tag)
        return OutRecord(
            self.broker.topic(topic), partition, _key(event, asset), encode(event), told
        )

    async def read(self, name: str, at_least: int = 0) -> list[ConsumerRecord]:
        """Return a topic's records, once there are so many."""
        places = [TopicPartition(self.broker.topic(name), p) for p in range(PARTITIONS)]
        consumer = AIOKafkaConsumer(**self.broker.reader_options(), auto_offset_reset="earliest")
        found: list[ConsumerRecord] = []
        async with consumer, asyncio.timeout(START_S):
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            while len(found) < max(at_least, sum(ends.values())):
                for records in (await consumer.getmany(timeout_ms=50)).values():
                    found += records
        return found


def _asset(event: Struct) -> str | None:
    asset = getattr(event, "asset", None)
    if asset is None and (subject := getattr(event, "subject", None)) is not None:
        found = re.fullmatch(r"[A-Z0-9][A-Z0-9._-]{0,23}", asset_of(subject))
        asset = found and found[0]
    return asset


def _key(event: Struct, asset: str | None) -> bytes | None:
    match tag_of(type(event)):
        case "status":
            words = [event.role, event.instance, event.part]  # type: ignore[attr-defined]
        case "feed.status":
            words = [event.venue, event.subject]  # type: ignore[attr-defined]
        case "alert":
            words = [event.rule, event.subject]  # type: ignore[attr-defined]
        case "control":
            words = [event.subject]  # type: ignore[attr-defined]
        case _:
            return None if asset is None else asset.encode()
    return "/".join(words).encode(errors="replace")


def _envelope(event: Struct, tag: str) -> list[tuple[str, bytes]]:
    made = next(
        (getattr(event, name) for name in type(event).__struct_fields__ if name.endswith("_id")),
        tag,
    )
    return headers(event_id=str(made), event_type=tag, source="test", time_ms=0)


@contextmanager
def staged(folder: Path, prefix: str = "stage.", kafka: str | None = None) -> Iterator[Stage]:
    """Give a stage with an empty log: on the Kafka at an address, or on an embedded broker that ends with it."""
    with embedded_kafka() if kafka is None else nullcontext(kafka) as bootstrap:
        broker = BrokerSettings(
            bootstrap=bootstrap, prefix=prefix, partitions=PARTITIONS, embedded=kafka is None
        )
        with Children(folder) as children:
            yield Stage(broker, folder, children)


def now_ms() -> int:
    """Return the wall clock in milliseconds."""
    return time.time_ns() // 1_000_000


async def until(holds: Callable[[], Any], patience_s: float = 15.0) -> Any:
    """Return what ``holds`` gives once it is true."""
    deadline_s = time.monotonic() + patience_s
    while not (found := holds()):
        assert time.monotonic() < deadline_s, "it never came"
        await asyncio.sleep(0.02)
    return found
