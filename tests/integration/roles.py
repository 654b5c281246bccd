"""The roles as processes, against a real broker, and what they leave in the topics."""

import asyncio
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import ConsumerRecord

from deploy.children import Child, Children
from deploy.settings import environment_of
from tests.measured import PROCESSES
from topics import KINDS, raw_topic
from topics.broker import BrokerSettings, apply_topics
from topics.catalog import state_topic
from topics.outbox import OutRecord, send

from .records import PATIENCE_S

PARTITIONS = 4


def free_port() -> int:
    """Return a port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Pipeline:
    """One prefix on one broker, and the roles that were started on it."""

    def __init__(
        self,
        bootstrap: str,
        prefix: str,
        folder: Path,
        children: Children,
        *,
        partitions: int = PARTITIONS,
    ) -> None:
        self.broker = BrokerSettings(bootstrap=bootstrap, prefix=prefix, partitions=partitions)
        self.folder, self.children = folder, children
        self.measured = False
        """Whether coverage is measured in its roles: two tests do, as it makes them three times as slow."""
        self._ports: dict[str, int] = {}
        self._make_topics()

    def _make_topics(self) -> None:
        apply_topics(self.broker)

    def first_line(self, child: Child) -> bytes:
        """Return the first line a child prints."""
        out = child.process.stdout
        return out.readline() if out else b""

    def start(self, role: str, *arguments: str, instance: str = "0", **settings: Any) -> Child:
        """Start a role; ``settings`` are branches of the settings tree."""
        name = f"{role}-{instance}"
        self._ports[name] = free_port()
        tree = {
            "instance": instance,
            "state_dir": str(self.folder),
            "broker": self.broker.model_dump(mode="json"),
            "probes": {"port": self._ports[name]},
            "streams": {"session_timeout_s": 2.0},  # a member that is gone is not waited for
            **settings,
        }
        environment = environment_of(tree, os.environ)
        if not self.measured:
            environment.pop(PROCESSES, None)
        piped = role == "fake-claude"
        return self.children.start(name, [role, *arguments], environment, piped=piped)

    async def ready(self, child: Child) -> None:
        """Return when a role says that it may be relied on."""
        async with asyncio.timeout(PATIENCE_S):
            while self.page(child, "readyz")[0] != 200:
                child.check()
                await asyncio.sleep(0.05)

    def page(self, child: Child, path: str) -> tuple[int, str]:
        """Return status and text of one of a role's probes; 0 when nobody answers."""
        url = f"http://127.0.0.1:{self._ports[child.name]}/{path}"
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()
        except OSError:
            return 0, ""

    async def write(self, records: Sequence[OutRecord]) -> None:
        """Write records as a collector does."""
        async with AIOKafkaProducer(
            **self.broker.client_options(), acks="all", enable_idempotence=True
        ) as producer:
            await send(producer, records)

    def raw(self, kind: str, partition: int, key: bytes | None, value: bytes) -> OutRecord:
        """Return a record for a raw topic."""
        return OutRecord(self.broker.topic(raw_topic(kind)), partition, key, value)  # type: ignore[arg-type]

    async def read(self, name: str) -> list[list[ConsumerRecord]]:
        """Return a topic's committed records, by partition."""
        async with self._reader(name) as (consumer, places):
            ends = await consumer.end_offsets(places)
            found: dict[int, list[ConsumerRecord]] = {place.partition: [] for place in places}
            left = {place for place in places if ends[place]}
            async with asyncio.timeout(PATIENCE_S) as patience:
                while left:
                    for place, records in (await consumer.getmany(timeout_ms=100)).items():
                        found[place.partition] += records
                        patience.reschedule(asyncio.get_running_loop().time() + PATIENCE_S)
                    left = {p for p in left if await consumer.position(p) < ends[p]}
        return [found[partition] for partition in sorted(found)]

    async def read_until(self, name: str, at_least: int) -> list[list[ConsumerRecord]]:
        """Return a topic's records once there are so many."""
        async with asyncio.timeout(PATIENCE_S):
            while sum(map(len, found := await self.read(name))) < at_least:
                await asyncio.sleep(0.1)
        return found

    async def folded(self, epoch: int = 0) -> None:
        """Return when the streams role has committed everything the raw topics hold."""
        async with asyncio.timeout(PATIENCE_S):
            while not await self._all_folded(epoch):
                await asyncio.sleep(0.1)

    async def _all_folded(self, epoch: int) -> bool:
        import msgspec  # noqa: PLC0415

        from streams.windows.state import Meta  # noqa: PLC0415

        metas: dict[tuple[str, int], Meta] = {}
        for partition, records in enumerate(await self.read(state_topic(epoch).name)):
            for record in records:
                if record.key.endswith(b"|meta") and record.value:
                    kind = record.key.decode().split("|")[1]
                    metas[kind, partition] = msgspec.json.decode(record.value, type=Meta)
        for kind in KINDS:
            async with self._reader(raw_topic(kind)) as (consumer, places):
                for place, end in (await consumer.end_offsets(places)).items():
                    meta = metas.get((kind, place.partition))
                    if end and (meta is None or meta.next_offset != end):
                        return False
        return True

    @asynccontextmanager
    async def _reader(
        self, name: str
    ) -> AsyncIterator[tuple[AIOKafkaConsumer, list[TopicPartition]]]:
        places = [TopicPartition(self.broker.topic(name), p) for p in range(self.broker.partitions)]
        consumer = AIOKafkaConsumer(**self.broker.reader_options(), auto_offset_reset="earliest")
        async with consumer:
            consumer.assign(places)
            yield consumer, places


class Copy(Pipeline):
    """A pipeline whose topics another makes."""

    def _make_topics(self) -> None:
        pass


@contextmanager
def pipeline(bootstrap: str, prefix: str, folder: Path) -> Iterator[Pipeline]:
    """Give an empty pipeline; every role started on it ends with it."""
    with Children(folder) as children:
        yield Pipeline(bootstrap, prefix, folder, children)


def copy_of(line: Pipeline, prefix: str) -> Copy:
    """Return another prefix on the same broker, with roles that end with the line's."""
    return Copy(line.broker.bootstrap, prefix, line.folder, line.children)


def command(line: Pipeline, *arguments: str, **settings: Any) -> "subprocess.CompletedProcess[str]":
    """Run a command on a pipeline as an operator does."""
    tree = {
        "state_dir": str(line.folder),
        "broker": line.broker.model_dump(mode="json"),
        "probes": {"port": 0},
        **settings,
    }
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-P", "-m", "deploy", *arguments],
        env=environment_of(tree, os.environ),
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE_S,
        check=False,
    )


def values(found: Mapping[int, list[ConsumerRecord]] | list[list[ConsumerRecord]]) -> list[bytes]:
    """Return all values, partition by partition."""
    parts = found if isinstance(found, list) else list(found.values())
    return [record.value for records in parts for record in records]
