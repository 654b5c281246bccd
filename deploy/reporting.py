"""Each role's own account of itself, written to the `status` topic."""

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from importlib.metadata import version

import structlog
from msgspec import Struct

from topics import Status, encode, partition_of
from topics.envelope import headers
from topics.outbox import OutRecord, Sender
from topics.settings import BrokerSettings

LOOK_S = 0.25
"""How often the parts are looked at, so that a new state is told soon."""
CHANGED_S, EVERY_S = 1.0, 10.0
"""A part that changed is told at most this often, and every part at least this often."""
EXPIRES_S = 30.0
"""A part that was not told again for this long belongs to a process that is gone."""
WORDS_CHARS_MAX = 300
NAME_CHARS_MAX = 64
"""The contract's limits."""
_DIGEST_CHARS = 8
_NO_NAME = re.compile(r"[^a-z0-9._/-]")

log = structlog.get_logger()


class Part(Struct, frozen=True):
    """How one part of a role is."""

    part: str
    state: str
    words: str = ""
    measures: dict[str, float] = {}


PartsNow = Callable[[], Sequence[Part]]


class Account:
    """What is due to be told of the parts, and as what record. Time is an argument."""

    def __init__(self, broker: BrokerSettings, *, role: str, instance: str, build: str) -> None:
        """Begin with nothing told."""
        self._broker, self._role, self._instance, self._build = broker, role, instance, build
        self._told: dict[str, tuple[Part, float]] = {}
        self._since_ms: dict[str, tuple[str, int]] = {}

    def due(self, parts: Sequence[Part], *, now_s: float, now_ms: int) -> list[OutRecord]:
        """Return a record of each part that is due: monotonic seconds and wall milliseconds of now."""
        records = []
        for part in parts:
            since_ms = self._since(part, now_ms)
            told, told_s = self._told.get(part.part, (None, now_s))
            if told is None or now_s - told_s >= (EVERY_S if told == part else CHANGED_S):
                self._told[part.part] = (part, now_s)
                records.append(self._record(part, since_ms, now_ms))
        return records

    def _since(self, part: Part, now_ms: int) -> int:
        """Return since when a part is in its state, as far as it was looked at."""
        state, since_ms = self._since_ms.get(part.part, ("", now_ms))
        if state != part.state:
            since_ms = now_ms
            self._since_ms[part.part] = (part.state, now_ms)
            log.info("status", part=part.part, state=part.state, words=part.words)
        return since_ms

    def _record(self, part: Part, since_ms: int, now_ms: int) -> OutRecord:
        name = part_name(part.part)
        status = Status(
            role=self._role,
            instance=self._instance,
            part=name,
            state=part.state,
            words=part.words[:WORDS_CHARS_MAX],
            at_ms=now_ms,
            since_ms=since_ms,
            expires_ms=now_ms + int(EXPIRES_S * 1000),
            build=self._build,
            measures=part.measures,
        )
        key = f"{self._role}/{self._instance}/{name}"
        return OutRecord(
            self._broker.topic("status"),
            partition_of(key, self._broker.partitions),
            key.encode(),
            encode(status),
            headers(
                event_id=f"{key}/{now_ms}", event_type="status", source=self._role, time_ms=now_ms
            ),
        )


def part_name(part: str) -> str:
    """Return a part's name as the contract takes it: a model's name may have capitals, a source's be too long.

    What was changed gets a digest, so that no two parts are told as one.
    """
    fit = _NO_NAME.sub("-", part.lower())
    if fit == part and len(part) <= NAME_CHARS_MAX:
        return part
    digest = sha256(part.encode()).hexdigest()[:_DIGEST_CHARS]
    return f"{fit[: NAME_CHARS_MAX - _DIGEST_CHARS - 1]}-{digest}"


class Reporter:
    """Writes what the parts are, when it changes and now and then."""

    def __init__(
        self, broker: BrokerSettings, *, role: str, instance: str, parts: PartsNow
    ) -> None:
        """Prepare; nothing is written before `run`."""
        self._broker, self._parts = broker, parts
        build = version("tapereader")
        self._account = Account(broker, role=role, instance=instance, build=build)

    async def run(self) -> None:
        """Write until cancelled. The parts are looked at, for the metrics' sake, while Kafka does not answer too.

        Raises:
            Exception: A part cannot be told: a defect.
        """
        sender = Sender(self._broker)
        sending: asyncio.Task[None] | None = None
        try:
            while True:
                parts = self._parts()
                if sending is None or sending.done():
                    if sending is not None:
                        sending.result()
                    now_ms = time.time_ns() // 1_000_000
                    due = self._account.due(parts, now_s=time.monotonic(), now_ms=now_ms)
                    sending = asyncio.create_task(sender.deliver(due)) if due else None
                await asyncio.sleep(LOOK_S)
        finally:
            if sending is not None:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
            await sender.close()
