"""The topics of a range, read for an evaluation: journal, analyses, decisions, and then the marks out of aggregates."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord
from msgspec import Struct

from agents.evaluation.evidence import Evidence
from agents.evaluation.marks import Marks
from deploy.replay.tape import Tape
from topics import BY_NAME, ContractError, PipelineError
from topics.analysis import Product
from topics.broker import check_topics
from topics.settings import BrokerSettings

READ = ("journal", "analyses", "decisions", "aggregates")

Told = Callable[[str, int], None]
"""Told the topic, and how many of its records have been read."""


class EvaluateError(PipelineError):
    """An evaluation that cannot be begun, or was not finished; the message says what to do."""


class Range(Struct, frozen=True):
    """Log times: from the first at or after one on, to before the first at or after the other; None is no bound."""

    from_ms: int | None
    to_ms: int | None

    def holds(self, record: ConsumerRecord) -> bool:
        """Return whether a record was logged in it."""
        after = self.from_ms is None or record.timestamp >= self.from_ms
        return after and (self.to_ms is None or record.timestamp < self.to_ms)


class Read(Struct, frozen=True):
    """What was read."""

    evidence: Evidence
    marks: Marks
    unreadable: Counter[str]
    """By topic."""


async def read_range(
    broker: BrokerSettings,
    span: Range,
    *,
    stop: asyncio.Event,
    told: Told,
    narratives_of: Product | None = None,
) -> Read:
    """Read what stands in the topics up to their present ends: committed records only, and no group is joined.

    Where only the narratives of a product are asked for, no marks are read.

    Raises:
        TopicsError: The broker cannot be reached, or a topic is missing.
        EvaluateError: It was broken off.
        EvidenceError: There is more than is held.
    """
    await asyncio.to_thread(check_topics, broker, [BY_NAME[name] for name in READ])
    tape = Tape(broker, stop)
    try:
        await tape.start()
        return await _Reader(broker, tape, span, told).read(narratives_of)
    except KafkaError as error:
        msg = f"the evaluation was broken off: {error!r}"
        raise EvaluateError(msg) from error
    finally:
        await tape.stop()


async def read_marks(
    broker: BrokerSettings, tape: Tape, span: Range, evidence: Evidence, told: Told
) -> Marks:
    """Read the marks that forecasts ask for."""
    return await _Reader(broker, tape, span, told).marks(evidence)


def _ignore(event: object) -> None:
    """Take what is outside of the range."""
    del event


class _Reader:
    def __init__(self, broker: BrokerSettings, tape: Tape, span: Range, told: Told) -> None:
        self._broker, self._tape, self._span, self._told = broker, tape, span, told
        self._unreadable = Counter[str]()

    async def read(self, narratives_of: Product | None) -> Read:
        """Read one topic after the other: what is wanted of aggregates is known last."""
        evidence, from_ms = Evidence(narratives_of or "state"), self._span.from_ms
        # The journal whole: how many prompts were ever tried is not a matter of the range.
        await self._each("journal", evidence.drift.take_entry, outside=evidence.drift.note)
        await self._each("analyses", evidence.take_analysis, from_ms=from_ms)
        await self._each("decisions", evidence.take_decision, from_ms=from_ms)
        marks = Marks(evidence.wanted()) if narratives_of else await self.marks(evidence)
        return Read(evidence, marks, self._unreadable)

    async def marks(self, evidence: Evidence) -> Marks:
        """Read the marks that are asked for."""
        marks = Marks(evidence.wanted())
        keys = frozenset(asset.encode() for asset in evidence.assets())
        take, from_ms = marks.take, self._span.from_ms
        await self._each("aggregates", take, outside=take, from_ms=from_ms, keys=keys)
        return marks

    async def _each(
        self,
        name: str,
        inside: Callable[[Any], None],
        *,
        outside: Callable[[Any], None] = _ignore,
        from_ms: int | None = None,
        keys: frozenset[bytes] | None = None,
    ) -> None:
        """Hand over what a topic holds since a log time, a partition after the other, by whether it is in the range.

        Of ``keys`` only, if told. What cannot be read is counted, and passed over.
        """
        decode = BY_NAME[name].decoder().decode
        async for record in self._records(name, from_ms):
            if keys is not None and record.key not in keys:
                continue
            try:
                event = decode(record.value or b"")
            except ContractError:
                self._unreadable[name] += 1
            else:
                (inside if self._span.holds(record) else outside)(event)

    async def _records(self, name: str, from_ms: int | None) -> AsyncIterator[ConsumerRecord]:
        read = 0
        # The demo's own broker cannot find a record by its time: it is read from its begin.
        since_ms = None if self._broker.embedded else from_ms
        for partition in range(self._broker.partitions):
            async for batch in self._tape.since(name, partition, since_ms):
                read += len(batch)
                self._told(name, read)
                for record in batch:
                    yield record
