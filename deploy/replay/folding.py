"""The copy folded at once: the streams role as a child, until its state says that it has read all of it."""

import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from msgspec import Struct

from deploy.children import Child, Children
from deploy.settings import PREFIX
from streams.engine.fatal import EXIT_FATAL
from topics.catalog import state_topic
from topics.settings import BrokerSettings

from .request import ReplayError
from .source import Span

POLL_MS = 200
RESTARTS_MAX = 2
"""Without a checkpoint between them."""
STOP_S = 15.0
"""For the role to commit and end."""


class _Meta(Struct):
    next_offset: int | None = None


async def fold(
    spans: list[Span],
    target: BrokerSettings,
    *,
    epoch: int,
    stop: asyncio.Event,
    told: Callable[[int], None],
) -> float:
    """Return once the streams role has folded the copy and ended: after how many seconds.

    ``told`` is told how many records are folded and committed.

    Raises:
        ChildError: The role ended by itself.
        ReplayError: Told to stop, or the role did not end well.
    """
    began_s = time.monotonic()
    wanted = {f"{span.partition}|{span.kind}|meta": span.records for span in spans if span.records}
    topic = target.topic(state_topic(epoch).name)
    with (
        tempfile.TemporaryDirectory(prefix="tapereader-replay-") as folder,
        Children(Path(folder)) as children,
    ):
        role = _Role(children, environment(target.prefix, os.environ))

        def look(records: int) -> None:
            if stop.is_set():
                msg = "told to stop"
                raise ReplayError(msg)
            role.keep(records)
            told(records)

        await _until_folded(target, topic, wanted, look)
        if status := await role.child.stop(STOP_S):
            msg = f"the streams role did not end well: status {status}"
            raise ReplayError(msg)
    return time.monotonic() - began_s


class _Role:
    """The role under a supervisor: it may end itself, and goes on from its last checkpoint when started again."""

    def __init__(self, children: Children, environment: Mapping[str, str]) -> None:
        self._children, self._environment = children, environment
        self._restarts, self._folded = 0, 0
        self.child = self._start()

    def keep(self, folded: int) -> None:
        """Start it again if it has ended, a few times without any progress.

        Raises:
            ChildError: It ended once too often; or as none does that may be started again.
        """
        if folded > self._folded:
            self._folded, self._restarts = folded, 0
        if self.child.status == EXIT_FATAL and self._restarts < RESTARTS_MAX:
            self._restarts += 1
            self.child = self._start()
        self.child.check()

    def _start(self) -> Child:
        return self._children.start("streams", ["streams"], self._environment)


def environment(prefix: str, around: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a role on the copy: as a person would set it, and any free port for probes."""
    over = {f"{PREFIX}BROKER__PREFIX": prefix, f"{PREFIX}PROBES__PORT": "0"}
    return {key: value for key, value in around.items() if key.upper() not in over} | over


async def _until_folded(
    target: BrokerSettings, topic: str, wanted: Mapping[str, int], look: Callable[[int], None]
) -> None:
    """Read the state until it has every partition's end; ``look`` is told of each poll, and may raise."""
    folded = dict.fromkeys(wanted, 0)
    consumer = AIOKafkaConsumer(
        **target.reader_options(), group_id=None, auto_offset_reset="earliest"
    )
    async with consumer:
        consumer.assign([TopicPartition(topic, p) for p in range(target.partitions)])
        while folded != wanted:
            look(sum(folded.values()))
            for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                for record in records:
                    key = (record.key or b"").decode()
                    if key in wanted and record.value:
                        meta = msgspec.json.decode(record.value, type=_Meta)
                        folded[key] = meta.next_offset or 0
        look(sum(folded.values()))
