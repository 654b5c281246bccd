"""The agent's partitions replayed: what is recorded is read, said again, and written where it agrees."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from agents.cache.lifetime import kept_s_max
from agents.decide.sound import unsound
from agents.publisher import analysis_record, decision_record, tally_record
from agents.replay.recorded import Recorded, Span
from agents.replay.strict import Again, Miss, PartitionReplay
from agents.settings import AgentSettings
from topics import BY_NAME, Aggregate, ContractError
from topics.broker import apply_topics, check_topics, filled_topics, partition_counts
from topics.outbox import Sender
from topics.record import OutRecord
from topics.settings import BrokerSettings

from .agreement import Agreement
from .request import ReplayError, Request
from .tape import Reach, Tape

READ = ("aggregates", "decisions", "analyses", "journal")
WRITTEN = ("analyses", "decisions")
ROUND_MAX = 500
"""Records of one delivery."""

DECIDED_S = 1.0
"""After its analysis is acknowledged, a decision is written within this."""

Told = Callable[[int, int | None], None]
"""Told how many aggregates have been read, and the log time of the last one."""


async def replay_strictly(
    broker: BrokerSettings,
    target: BrokerSettings,
    settings: AgentSettings,
    request: Request,
    *,
    stop: asyncio.Event,
    begun: Callable[[int], None],
    told: Told,
) -> Agreement:
    """Say the analyses of a range again, write those that are equal for the target, and return what agrees.

    ``begun`` is told how many aggregates will be read.

    Raises:
        TopicsError: The broker cannot be reached, or its topics are not what the catalog says.
        ReplayError: The range or the target is refused; or it was broken off.
        RecordedError: The range is too long.
    """
    if broker.embedded:
        msg = "the demo's own broker cannot be asked for offsets by time: replay from a Kafka"
        raise ReplayError(msg)
    await asyncio.to_thread(check_topics, broker, [BY_NAME[name] for name in READ])
    tape, sender = Tape(broker, stop), Sender(target)
    replaying = _Replaying(tape, settings, request, target, Agreement())
    try:
        await tape.start()
        reaches = [
            await tape.reach(partition, settings.warm_up_s, request)
            for partition in range(broker.partitions)
        ]
        if not any(reach.end > reach.begin for reach in reaches):
            msg = "the range is empty: no record in aggregates"
            raise ReplayError(msg)
        await asyncio.to_thread(make_target, target)
        begun(sum(reach.end - reach.read_from for reach in reaches))
        read = 0
        for reach in reaches:
            async for records, batch in replaying.partition(reach):
                await sender.deliver(records)
                read += len(batch)
                told(read, batch[-1].timestamp if batch else None)
    except KafkaError as error:
        msg = f"the replay was broken off: {error!r}"
        raise ReplayError(msg) from error
    finally:
        await sender.close()
        await tape.stop()
    return replaying.agreement


def make_target(target: BrokerSettings) -> None:
    """Create the topics that are written.

    Raises:
        TopicsError: They cannot be created.
        ReplayError: Something was written there before.
    """
    counts = partition_counts(target)
    if filled := filled_topics(target, {name: counts[name] for name in WRITTEN if name in counts}):
        listed = ", ".join(target.topic(name) for name in filled)
        msg = f"--into {target.prefix}: not empty: {listed}. Choose another prefix, or delete its topics"
        raise ReplayError(msg)
    apply_topics(target, [BY_NAME[name] for name in WRITTEN])


@dataclass(frozen=True)
class _Replaying:
    """What every partition's replay needs."""

    tape: Tape
    settings: AgentSettings
    request: Request
    target: BrokerSettings
    agreement: Agreement

    async def partition(
        self, reach: Reach
    ) -> AsyncIterator[tuple[list[OutRecord], list[ConsumerRecord]]]:
        """Replay one partition; yield what is to be written, and of which aggregates it came."""
        if reach.end <= reach.begin:
            return
        recorded = await self._recorded(reach)
        replay = PartitionReplay(self.settings, recorded, read_from=reach.read_from)
        decode = BY_NAME["aggregates"].decoder().decode
        async for batch in self.tape.between(
            "aggregates", reach.partition, reach.read_from, reach.end
        ):
            out: list[OutRecord] = []
            for record in batch:
                aggregate = _usable(decode, record)
                if record.offset >= reach.begin:
                    self.agreement.aggregates += 1
                    self.agreement.unreadable += aggregate is None
                out += self._written(replay.take(record.offset, aggregate))
            yield out, batch
        out = [*self._written(replay.finish())]
        out += [tally_record(self.target, tally) for tally in recorded.tallies]
        for begin in range(0, len(out), ROUND_MAX):
            yield out[begin : begin + ROUND_MAX], []

    async def _recorded(self, reach: Reach) -> Recorded:
        """Read what stands in the topics of a span, up to their present ends: what came late is there."""
        recorded = Recorded(Span(partition=reach.partition, begin=reach.begin, end=reach.end))
        began_ms = time.time_ns() // 1_000_000
        takes: dict[str, Callable[[Any, bytes], None]] = {
            "decisions": lambda told, _: recorded.take_told(told),
            "analyses": recorded.take_analysis,
            "journal": lambda entry, _: recorded.take_entry(entry),
        }
        # An analysis may be told against an earlier one, or say again what was said then.
        before_ms = round(max(self.settings.warm_up_s, kept_s_max(self.settings.cache)) * 1000)
        from_ms = self.request.from_ms and max(0, self.request.from_ms - before_ms)
        for name, take in takes.items():
            await self._read(name, reach.partition, from_ms, take)
        for partition in range(self.tape.partitions):
            if partition != reach.partition and recorded.unfound:
                await self._read("journal", partition, from_ms, takes["journal"])
        # An agent that works meanwhile has written analyses since the decisions were read, and decides on each at once.
        for wait_s in (0.0, DECIDED_S):
            if not any(recorded.strays):
                break
            await asyncio.sleep(wait_s)
            await self._read(
                "decisions", reach.partition, began_ms, lambda told, _: recorded.take_late(told)
            )
        return recorded

    async def _read(
        self, name: str, partition: int, from_ms: int | None, take: Callable[[Any, bytes], None]
    ) -> None:
        """Hand over what a topic's partition holds since a log time, up to its present end."""
        decode = BY_NAME[name].decoder().decode
        async for batch in self.tape.since(name, partition, from_ms):
            for record in batch:
                try:
                    event = decode(record.value or b"")
                except ContractError as refused:
                    place = f"{name}/{record.partition} offset {record.offset}"
                    msg = f"{place} cannot be read: {refused}"
                    raise ReplayError(msg) from None
                take(event, record.value)

    def _written(self, told: Iterable[Again | Miss]) -> Iterator[OutRecord]:
        """Count what a replay says, and yield the records of what agrees: an analysis before its decision."""
        for one in told:
            self.agreement.take(one)
            if isinstance(one, Miss):
                continue
            if one.analysis is not None:
                partition = one.decision.aggregates_partition
                yield analysis_record(self.target, one.analysis, partition)
            yield decision_record(self.target, one.decision)


def _usable(decode: Callable[[bytes], Aggregate], record: ConsumerRecord) -> Aggregate | None:
    """Return an aggregate; None of a record that the agent could not use either, and wrote a dead letter for."""
    try:
        aggregate = decode(record.value or b"")
    except ContractError:
        return None
    return None if unsound(aggregate) else aggregate
