"""The audit of what stands in Kafka: partition by partition, kind by kind."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from topics.catalog import KINDS, STATE, raw_topic

from .compare import Found
from .partition import PartitionAudit, Rule, Told
from .report import Report
from .topic_log import PartitionLog, logs

OUTPUTS = ("aggregates", "late", "deadletters")
AHEAD_MAX = 20_000
"""Records of the outputs read before what they came of; beyond it the raw log goes first."""
PAUSE_MS = 2_000
"""A pause of the writer: a restart takes longer."""

NOTHING_FOLDED = Told(first_offset=None, next_offset=None, counters={})

Progress = Callable[[str, int, int], None]
"""Called with what is read, how many of its records have been, and how many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What to audit, and where it stands."""

    options: Mapping[str, Any]
    """Of an aiokafka reader of committed records."""
    prefix: str
    """Before every topic's name."""
    kinds: Sequence[str] = KINDS
    partitions: Sequence[int] = ()
    state_topic: str = STATE.name


async def audited(place: Place, rule: Rule, progress: Progress) -> Report:
    """Recompute and compare everything at a place.

    Raises:
        LogError: A log cannot be read.
    """
    report = Report()
    async with logs(place.options, 1 + len(OUTPUTS)) as (raw, *outputs):
        for partition in place.partitions:
            # The state first, then the outputs' ends, then the raw log's: what is written meanwhile is recomputed.
            told = await _state(raw, place.prefix + place.state_topic, partition)
            for kind in place.kinds:
                readers = [_Outputs(log, name) for log, name in zip(outputs, OUTPUTS, strict=True)]
                for reader in readers:
                    await reader.open(place.prefix, partition)
                await raw.open(place.prefix + raw_topic(kind), partition)  # type: ignore[arg-type]
                one = PartitionAudit(
                    kind,
                    partition,
                    rule,
                    first_offset=raw.begin,
                    told=told.get(kind, NOTHING_FOLDED),
                    cut=frozenset(reader.name for reader in readers if reader.is_cut),
                    strays=kind == place.kinds[0],
                )
                async for done in _feed(one, raw, readers):
                    progress(f"{raw_topic(kind)}/{partition}", done, raw.end - raw.begin)  # type: ignore[arg-type]
                report.add_all(one.finish())
    return report


class _Outputs:
    """One topic of outputs, in one partition."""

    def __init__(self, log: PartitionLog, name: str) -> None:
        self.name = name
        self.at_end = False
        self._log = log
        self._last_ms: int | None = None

    @property
    def is_cut(self) -> bool:
        """Whether its first records have been deleted."""
        return self._log.begin > 0

    async def open(self, prefix: str, partition: int) -> None:
        """Go to its first record."""
        await self._log.open(prefix + self.name, partition)

    async def give(self, one: PartitionAudit) -> None:
        """Give its next records to an audit."""
        records = await self._log.read()
        self.at_end = not records
        for record in records:
            paused = self._last_ms is None or record.timestamp > self._last_ms + PAUSE_MS
            self._last_ms = record.timestamp
            one.find(
                Found(
                    topic=self.name,
                    partition=record.partition,
                    offset=record.offset,
                    key=record.key,
                    value=record.value or b"",
                    headers=[(name, text or b"") for name, text in record.headers],
                    after_pause=paused,
                )
            )


async def _feed(
    one: PartitionAudit, raw: PartitionLog, outputs: Sequence[_Outputs]
) -> AsyncIterator[int]:
    """Give both sides to the audit as they come along; yield how many raw records it has had."""
    while records := await raw.read():
        for record in records:
            value = record.value or b""
            one.feed(record.offset, record.timestamp, record.key, value, record.headers)
        yield one.part.records
        for reader in outputs:
            while one.waits and one.ahead < AHEAD_MAX and not reader.at_end:
                await reader.give(one)
    for reader in outputs:
        while not reader.at_end:
            await reader.give(one)


async def _state(log: PartitionLog, topic: str, partition: int) -> dict[str, Told]:
    """Return by kind what the streams role's state says of one partition number; nothing if it has none."""
    await log.open(topic, partition)
    told: dict[str, Told] = {}
    while records := await log.read():
        for record in records:
            owner, _, name = (record.key or b"").decode().partition("|")
            kind, _, what = name.partition("|")
            if owner == str(partition) and what == "meta" and record.value:
                meta = json.loads(record.value)
                told[kind] = Told(
                    first_offset=meta["first_offset"],
                    next_offset=meta["next_offset"],
                    counters=meta["counters"],
                )
    return told
