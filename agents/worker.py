"""The agent role's loop: aggregates in, analyses and decisions out, offsets committed when all is acknowledged.

The inbox holds one candidate an asset, so a slow model never stops reading. Reading pauses only when the
outputs cannot be acknowledged; polling goes on, so the group does not take the partitions away.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any

from aiokafka.errors import NoOffsetForPartitionError, OffsetOutOfRangeError
from aiokafka.structs import ConsumerRecord

from topics import BY_NAME, Aggregate, Alert, ContractError
from topics.outbox import Sender
from topics.settings import BrokerSettings

from .analyst import Analyst
from .answering import POLL_MS, Answering
from .assignment import Assignment
from .decide.inbox import Inbox
from .decide.partition import PartitionDecider
from .decide.sound import unsound
from .metrics import AGENT
from .publisher import Publisher
from .settings import AgentSettings
from .tails import AlertReader
from .trail import Trail

COMMIT_S = 1.0
BACKLOG_MAX = 2_000
"""Outputs that wait to be acknowledged; beyond it reading pauses, and goes on at half."""
UNFINISHED_MAX = 100_000
"""Aggregates read and not finished; beyond it too. Tallies hold their offsets until they are acknowledged."""
REVOKE_S = 3.0
"""How long a revocation waits for what has been said to be acknowledged."""
DRAIN_S = 10.0
"""How long a clean end waits for it."""
CALL_GRACE_S = 2.0
"""What a call takes beside the model's own time: the ledger, twice."""


class Worker:
    """One process of the agent role."""

    def __init__(
        self,
        settings: AgentSettings,
        broker: BrokerSettings,
        analyst: Analyst,
        *,
        instance_id: str,
        now_ms: Callable[[], int],
    ) -> None:
        """Prepare; nothing is read before `run`."""
        self.analyst = analyst
        self.inbox = Inbox(settings.inbox_max, analyst.waits_for_model)
        self.assignment = Assignment(
            settings,
            broker,
            instance_id=instance_id,
            now_ms=now_ms,
            paid=None if analyst.desk is None else analyst.paid,
            on_revoked=self._leave,
            on_failed=self._fail,
        )
        self._settings = settings
        self._sender = Sender(broker)
        self._publisher = Publisher(self._sender)
        self._trail = Trail(
            broker,
            self._publisher,
            self.assignment.deciders,
            now_ms=now_ms,
            correct=analyst.corrected,
        )
        self._alerts = AlertReader(broker, reach_s=settings.alerts_reach_s, now_ms=now_ms)
        self._answering = Answering(self.inbox, analyst, self._trail, self._fail)
        self._decode = BY_NAME["aggregates"].decoder().decode
        self._failed = asyncio.Event()
        self._failure: Exception | None = None
        self._paused = False

    @property
    def ready(self) -> bool:
        """Whether partitions are assigned and folded up to where it decides."""
        return self.assignment.warm

    @property
    def calls_in_flight(self) -> int:
        """Calls to models that have not ended; who waits for the words of another's is in none."""
        desk = self.analyst.desk
        return 0 if desk is None else sum(seat.slots.in_flight for seat in desk.seats)

    @property
    def unfinished(self) -> int:
        """Aggregates read whose outcome is not acknowledged yet."""
        return sum(d.offsets.unfinished for d in self.assignment.deciders.values())

    @property
    def backlog(self) -> int:
        """Outputs that wait to be written."""
        return len(self._publisher)

    @property
    def paused(self) -> bool:
        """Whether reading waits for outputs to be acknowledged."""
        return self._paused

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop; then finish what is being answered, and commit.

        Raises:
            Exception: Whatever went wrong in one of the loops, a call or a rebalance: the process must end too.
        """
        async with AsyncExitStack() as ending:
            ending.push_async_callback(self.assignment.stop)
            ending.push_async_callback(self._sender.close)
            ending.push_async_callback(self._alerts.stop)
            signals = [asyncio.create_task(event.wait()) for event in (stop, self._failed)]
            ending.push_async_callback(self._cancel, signals)
            starting = asyncio.create_task(self.assignment.start(), name="start")
            ending.push_async_callback(self._cancel, [starting])
            await asyncio.wait([starting, *signals], return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await self._work(signals)
            if self._failure is not None:
                raise self._failure

    async def _work(self, signals: Sequence[asyncio.Task[Any]]) -> None:
        taking = self._loops(
            self._read(),
            self._alerts.run(self.assignment.deciders, self._take_alert),
            self._answering.run(),
            self._tally(),
        )
        giving = self._loops(self._publisher.run(), self._commit())
        try:
            await asyncio.wait([*taking, *giving, *signals], return_when=asyncio.FIRST_COMPLETED)
            if not any(loop.done() for loop in (*taking, *giving)) and self._failure is None:
                await self._cancel(taking)
                await self._finish()
        finally:
            await self._cancel([*taking, *giving, *self._answering.calls])
        for loop in (*taking, *giving):
            if not loop.cancelled():
                loop.result()

    def _loops(self, *loops: Coroutine[Any, Any, None]) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(loop) for loop in loops]

    async def _cancel(self, tasks: Sequence[asyncio.Task[Any]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _finish(self) -> None:
        """End cleanly, reading no more: answer what waits, tally, commit."""
        await self._answering.finish(self._settings.model.timeout_s + CALL_GRACE_S)
        self._trail.tell_tallies(self.assignment.deciders.values())
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await self._publisher.drained()
        await self.assignment.commit()

    def _fail(self, error: Exception) -> None:
        """Note what ends the worker; the first counts."""
        self._failure = self._failure or error
        self._failed.set()

    # Reading

    async def _read(self) -> None:
        consumer = self.assignment.consumer
        while True:
            self._pause_or_resume()
            try:
                batches = await consumer.getmany(timeout_ms=POLL_MS)
            except NoOffsetForPartitionError:
                continue  # just assigned: where to begin is being found out
            except OffsetOutOfRangeError as error:
                await self.assignment.refuse_cut(error.args[0])
                continue
            for place, records in batches.items():
                decider = self.assignment.deciders.get(place.partition)
                if decider is not None:
                    self._take(decider, records)
            await asyncio.sleep(0)

    def _pause_or_resume(self) -> None:
        consumer, backlog, unfinished = (
            self.assignment.consumer,
            len(self._publisher),
            self.unfinished,
        )
        if backlog > BACKLOG_MAX or unfinished > UNFINISHED_MAX:
            self._paused = True
        elif backlog < BACKLOG_MAX // 2 and unfinished < UNFINISHED_MAX // 2:
            self._paused = False
        paused = consumer.paused()
        if self._paused:  # an assignment's partitions begin unpaused, whatever was before
            consumer.pause(*(consumer.assignment() - paused))
        else:
            consumer.resume(*paused)

    def _take(self, decider: PartitionDecider, records: Sequence[ConsumerRecord]) -> None:
        for record in records:
            if record.offset < decider.next_offset:
                continue
            AGENT.aggregates.inc()
            try:
                aggregate = self._read_one(record)
            except ContractError as refused:
                if decider.skip(record.offset):
                    self._trail.tell_refused(decider, record, refused)
                continue
            candidate = decider.take(record.offset, aggregate, time.monotonic())
            if candidate is not None:
                self._answering.offer(decider, candidate)
            self._trail.tell_superseding(decider)

    def _take_alert(self, decider: PartitionDecider, alert: Alert) -> None:
        """Let a firing alert ask; one that fires no more ends what still waits for it."""
        if alert.state != "firing":
            AGENT.alerts.labels("ended").inc()
            if (gone := self.inbox.end_alert(alert.asset, alert.alert_id)) is not None:
                self._trail.tell_ended(gone, alert.state)
            if alert.state == "retracted":
                decider.corrections.retract(alert)
                self._trail.tell_superseding(decider)
            return
        candidate = decider.take_alert(alert, time.monotonic())
        AGENT.alerts.labels("known" if candidate is None else "taken").inc()
        if candidate is not None:
            self._answering.offer(decider, candidate)

    def _read_one(self, record: ConsumerRecord) -> Aggregate:
        aggregate: Aggregate = self._decode(record.value or b"")
        if (lack := unsound(aggregate)) is not None:
            raise ContractError(lack, reason="invalid")
        return aggregate

    async def _tally(self) -> None:
        while True:
            await asyncio.sleep(self._settings.tally_s)
            self._trail.tell_tallies(self.assignment.deciders.values())
            forgotten = sum(d.forgotten for d in self.assignment.deciders.values())
            AGENT.forgotten.set(forgotten + self.analyst.forgotten)

    # Commits and revocation

    async def _commit(self) -> None:
        while True:
            await asyncio.sleep(COMMIT_S)
            await self.assignment.commit()
            await self.assignment.follow()

    async def _leave(self, leaving: Sequence[PartitionDecider]) -> None:
        """Take in nothing more of these partitions, and let what has been said of them be acknowledged."""
        self._trail.tell_tallies(leaving)
        for decider in leaving:
            self.inbox.remove_partition(decider.partition)
        with suppress(TimeoutError):
            async with asyncio.timeout(REVOKE_S):
                await self._publisher.drained()
