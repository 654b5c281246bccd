"""Each role's own account of itself, written to the `status` topic."""

import asyncio
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version

import structlog
from msgspec import Struct

from topics import Status, encode, partition_of
from topics.envelope import headers
from topics.outbox import OutRecord, Sender
from topics.settings import BrokerSettings

CHANGED_S, EVERY_S = 1.0, 10.0
"""A part that changed is told at most this often, and every part at least this often."""
EXPIRES_S = 30.0
"""A part that was not told again for this long belongs to a process that is gone."""

log = structlog.get_logger()


class Part(Struct, frozen=True):
    """How one part of a role is."""

    part: str
    state: str
    words: str = ""
    measures: dict[str, float] = {}


PartsNow = Callable[[], Sequence[Part]]


class Reporter:
    """Writes what the parts are, when it changes and now and then."""

    def __init__(
        self, broker: BrokerSettings, *, role: str, instance: str, parts: PartsNow
    ) -> None:
        """Prepare; nothing is written before `run`."""
        self._broker, self._role, self._instance, self._parts = broker, role, instance, parts
        self._build = version("tapereader")
        self._told: dict[str, tuple[Part, float]] = {}
        self._since_ms: dict[str, tuple[str, int]] = {}

    async def run(self) -> None:
        """Write until cancelled."""
        sender = Sender(self._broker)
        try:
            while True:
                await sender.deliver(self._due())
                await asyncio.sleep(CHANGED_S)
        finally:
            await sender.close()

    def _due(self) -> list[OutRecord]:
        now_s, now_ms = time.monotonic(), time.time_ns() // 1_000_000
        records = []
        for part in self._parts():
            told = self._told.get(part.part)
            if told is not None and told[0] == part and now_s - told[1] < EVERY_S:
                continue
            self._told[part.part] = (part, now_s)
            records.append(self._record(part, now_ms))
        return records

    def _record(self, part: Part, now_ms: int) -> OutRecord:
        state, since_ms = self._since_ms.get(part.part, ("", now_ms))
        if state != part.state:
            since_ms = now_ms
            self._since_ms[part.part] = (part.state, now_ms)
            log.info("status", part=part.part, state=part.state, words=part.words)
        status = Status(
            role=self._role,
            instance=self._instance,
            part=part.part,
            state=part.state,
            words=part.words,
            at_ms=now_ms,
            since_ms=since_ms,
            expires_ms=now_ms + int(EXPIRES_S * 1000),
            build=self._build,
            measures=part.measures,
        )
        key = f"{self._role}/{self._instance}/{part.part}"
        return OutRecord(
            self._broker.topic("status"),
            partition_of(key, self._broker.partitions),
            key.encode(),
            encode(status),
            headers(
                event_id=f"{key}/{now_ms}", event_type="status", source=self._role, time_ms=now_ms
            ),
        )
