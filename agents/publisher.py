"""What the agent writes, and what is finished once it is acknowledged."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from topics import Analysis, DeadLetter, Decision, Tally, encode
from topics.deadletter import to_record
from topics.envelope import headers
from topics.record import OutRecord
from topics.settings import BrokerSettings

ROLE = "agent"
ROUND_MAX = 500


class Outlet(Protocol):
    """Where records go."""

    async def deliver(self, records: list[OutRecord]) -> None:
        """Return when all are acknowledged."""


class Outgoing(NamedTuple):
    """Records that belong together; ``done`` is called when all are acknowledged."""

    first: Sequence[OutRecord]
    then: Sequence[OutRecord]
    """Sent when the first are acknowledged: a decision never names an analysis that is not there."""
    done: Callable[[], None]


class Publisher:
    """Writes in rounds, each acknowledged before the next, so that nothing is finished too early."""

    def __init__(self, outlet: Outlet) -> None:
        """Begin with nothing to write."""
        self._outlet = outlet
        self._queue: asyncio.Queue[Outgoing] = asyncio.Queue()
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        """How many wait to be written; the worker stops reading when they are too many."""
        return self._queue.qsize()

    def put(self, outgoing: Outgoing) -> None:
        """Write this in its turn."""
        self._idle.clear()
        self._queue.put_nowait(outgoing)

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            taken = [await self._queue.get()]
            while len(taken) < ROUND_MAX and not self._queue.empty():
                taken.append(self._queue.get_nowait())
            await self._outlet.deliver([record for item in taken for record in item.first])
            await self._outlet.deliver([record for item in taken for record in item.then])
            for item in taken:
                item.done()
            if self._queue.empty():
                self._idle.set()

    async def drained(self) -> None:
        """Return when everything put so far is acknowledged."""
        await self._idle.wait()


def analysis_record(broker: BrokerSettings, analysis: Analysis, partition: int) -> OutRecord:
    """Return the record of an analysis, in the partition of the aggregates it speaks of."""
    told = headers(
        event_id=analysis.analysis_id,
        event_type="analysis",
        source=ROLE,
        time_ms=analysis.as_of_ms,
    )
    key = analysis.asset.encode()
    return OutRecord(broker.topic("analyses"), partition, key, encode(analysis), told)


def decision_record(broker: BrokerSettings, decision: Decision) -> OutRecord:
    """Return the record of a decision."""
    told = headers(
        event_id=f"{decision.decision_id}/{decision.outcome}",
        event_type="decision",
        source=ROLE,
        time_ms=decision.as_of_ms,
    )
    partition, key = decision.aggregates_partition, decision.asset.encode()
    return OutRecord(broker.topic("decisions"), partition, key, encode(decision), told)


def tally_record(broker: BrokerSettings, tally: Tally) -> OutRecord:
    """Return the record of a tally."""
    told = headers(
        event_id=tally.tally_id,
        event_type="decision.tally",
        source=ROLE,
        time_ms=tally.decided_ms,
    )
    partition = tally.aggregates_partition
    return OutRecord(broker.topic("decisions"), partition, None, encode(tally), told)


def letter_record(broker: BrokerSettings, letter: DeadLetter, partition: int) -> OutRecord:
    """Return the record of a dead letter."""
    key, value, told = to_record(letter)
    return OutRecord(broker.topic("deadletters"), partition, key, value, told)
