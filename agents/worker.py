"""The agent role's loop: aggregates in, analyses and decisions out, offsets committed when all is acknowledged.

The inbox holds one candidate an asset, so a slow model never stops reading. Reading pauses only when the
outputs cannot be acknowledged; polling goes on, so the group does not take the partitions away.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError
from aiokafka.structs import ConsumerRecord

from topics import BY_NAME, Analysis, ContractError, DeadLetter, Decision
from topics.broker import BrokerSettings
from topics.outbox import OutRecord, Sender

from .analyst import Analyst, Answered
from .assignment import Assignment
from .decide.candidate import Candidate
from .decide.inbox import Inbox, Put
from .decide.partition import PartitionDecider
from .metrics import AGENT
from .publisher import (
    ROLE,
    Outgoing,
    Publisher,
    analysis_record,
    decision_record,
    letter_record,
    tally_record,
)
from .settings import AgentSettings

POLL_MS = 200
COMMIT_S = 1.0
BACKLOG_MAX = 2_000
"""Outputs that wait to be acknowledged; beyond it reading pauses, and goes on at half."""

log = structlog.get_logger()


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
        self.inbox = Inbox(settings.inbox_max)
        self.assignment = Assignment(settings, broker, instance_id=instance_id, now_ms=now_ms)
        self.assignment.on_revoked = self._drop
        self._settings, self._broker, self._now_ms = settings, broker, now_ms
        self._sender = Sender(broker)
        self._publisher = Publisher(self._sender)
        self._decode = BY_NAME["aggregates"].decoder().decode
        self._changed = asyncio.Event()
        self._calls: set[asyncio.Task[None]] = set()
        self._free = settings.model.concurrency
        self._paused = False

    @property
    def ready(self) -> bool:
        """Whether partitions are assigned and folded up to where it decides."""
        return self.assignment.warm

    @property
    def calls_in_flight(self) -> int:
        """Calls to the model that have not ended."""
        return len(self._calls)

    @property
    def unfinished(self) -> int:
        """Aggregates read whose outcome is not acknowledged yet."""
        return sum(d.offsets.unfinished for d in self.assignment.deciders.values())

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop; then finish what is being answered, and commit.

        Raises:
            Exception: Whatever ended one of the loops: the process must end too.
        """
        consumer = await self.assignment.start()
        loops = [
            asyncio.create_task(loop, name=name)
            for name, loop in (
                ("read", self._read(consumer)),
                ("answer", self._answer_all()),
                ("publish", self._publisher.run()),
                ("tally", self._tally()),
                ("commit", self._commit(consumer)),
            )
        ]
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([*loops, stopping], return_when=asyncio.FIRST_COMPLETED)
            for loop in loops:
                if loop.done():
                    loop.result()
            await self._finish(consumer)
        finally:
            for task in (*loops, *self._calls, stopping):
                task.cancel()
            await asyncio.gather(*loops, *self._calls, stopping, return_exceptions=True)
            await self._sender.close()
            await consumer.stop()

    async def _finish(self, consumer: AIOKafkaConsumer) -> None:
        """End cleanly: let calls in flight end, answer nothing new, tally, commit."""
        if self._calls:
            await asyncio.wait(self._calls, timeout=self._settings.model.timeout_s)
        self._put_tallies()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._publisher.drained(), 10)
        await self._commit_once(consumer)

    # Reading

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            self._pause_or_resume(consumer)
            for place, records in (await consumer.getmany(timeout_ms=POLL_MS)).items():
                decider = self.assignment.deciders.get(place.partition)
                if decider is not None:
                    self._take(decider, records)
            await asyncio.sleep(0)

    def _pause_or_resume(self, consumer: AIOKafkaConsumer) -> None:
        backlog = len(self._publisher)
        with suppress(IllegalStateError):  # a partition was revoked meanwhile
            if not self._paused and backlog > BACKLOG_MAX:
                consumer.pause(*consumer.assignment())
                self._paused = True
            elif self._paused and backlog < BACKLOG_MAX // 2:
                consumer.resume(*consumer.paused())
                self._paused = False

    def _take(self, decider: PartitionDecider, records: Sequence[ConsumerRecord]) -> None:
        for record in records:
            if record.offset < decider.next_offset:
                continue
            AGENT.aggregates.inc()
            try:
                aggregate = self._decode(record.value or b"")
            except ContractError as refused:
                self._refuse(decider, record, refused)
                continue
            candidate = decider.take(record.offset, aggregate, time.monotonic())
            if candidate is not None:
                AGENT.candidates.labels(candidate.product).inc()
                self._settle_put(self.inbox.put(candidate))
                self._changed.set()

    def _refuse(
        self, decider: PartitionDecider, record: ConsumerRecord, refused: ContractError
    ) -> None:
        decider.skip(record.offset)
        AGENT.dead_letters.inc()
        letter = DeadLetter(
            reason=refused.reason,
            message=str(refused),
            stage="analyse",
            role=ROLE,
            key=record.key,
            value=record.value or b"",
            time_ms=record.timestamp,
            topic="aggregates",
            partition=record.partition,
            offset=record.offset,
        )
        records = [letter_record(self._broker, letter, record.partition)]
        self._put(records, [], decider, (record.offset,))

    def _settle_put(self, put: Put) -> None:
        if put.absorbed is not None:
            # Its offsets go on in the survivor: after a crash both are read again, and no reason is lost.
            decision = self._decision(put.absorbed, "coalesced", "newer_candidate", put.waiting)
            self._publish([], decision, ())
        if put.shed is not None:
            self._publish([], self._decision(put.shed, "shed", "inbox_full"), put.shed.offsets)

    # Answering

    async def _answer_all(self) -> None:
        while True:
            with suppress(TimeoutError):  # deadlines pass without anybody saying so
                await asyncio.wait_for(self._changed.wait(), POLL_MS / 1000)
            self._changed.clear()
            while (candidate := self.inbox.take(self._can_answer)) is not None:
                if self.analyst.asks_model(candidate, time.monotonic()):
                    self._free -= 1
                    task = asyncio.create_task(self._call(candidate))
                    self._calls.add(task)
                    task.add_done_callback(self._calls.discard)
                else:
                    await self._answer(candidate)
            AGENT.waiting.set(len(self.inbox))

    def _can_answer(self, candidate: Candidate) -> bool:
        return self._free > 0 or not self.analyst.asks_model(candidate, time.monotonic())

    async def _call(self, candidate: Candidate) -> None:
        try:
            await self._answer(candidate)
        finally:
            self._free += 1
            self._changed.set()

    async def _answer(self, candidate: Candidate) -> None:
        analysis, answered = await self.analyst.answer(candidate)
        AGENT.analyses.labels(analysis.product, analysis.origin).inc()
        record = analysis_record(self._broker, analysis, candidate.partition)
        self._publish([record], self._said(candidate, analysis, answered), candidate.offsets)

    # Writing

    def _said(self, candidate: Candidate, analysis: Analysis, answered: Answered) -> Decision:
        outcome = "rules" if answered.origin == "rules" else "called"
        return self._decision(
            candidate, outcome, answered.reason, analysis_id=analysis.analysis_id, answered=answered
        )

    def _decision(
        self,
        candidate: Candidate,
        outcome: str,
        reason: str,
        survivor: Candidate | None = None,
        *,
        analysis_id: str | None = None,
        answered: Answered | None = None,
    ) -> Decision:
        AGENT.decisions.labels(outcome, reason).inc()
        return Decision(
            decision_id=candidate.candidate_id,
            asset=candidate.asset,
            product=candidate.product,
            as_of_ms=candidate.as_of_ms,
            outcome=outcome,  # type: ignore[arg-type]  # one of the contract's words
            reason=reason,
            survivor_id=None if survivor is None else survivor.candidate_id,
            analysis_id=analysis_id,
            item_key=None if answered is None else answered.item_key,
            severity=candidate.severity,
            reasons=list(candidate.reasons),
            aggregate_ids=list(candidate.aggregate_ids),
            aggregates_partition=candidate.partition,
            first_offset=candidate.offsets[0],
            last_offset=candidate.offsets[-1],
            decided_ms=self._now_ms(),
        )

    def _publish(self, first: list[OutRecord], decision: Decision, offsets: Sequence[int]) -> None:
        decider = self.assignment.deciders.get(decision.aggregates_partition)
        if (
            decider is not None
        ):  # else the partition is another's now, who reads the aggregates again
            self._put(first, [decision_record(self._broker, decision)], decider, offsets)

    def _put(
        self,
        first: list[OutRecord],
        then: list[OutRecord],
        decider: PartitionDecider,
        offsets: Sequence[int],
    ) -> None:
        def done() -> None:
            for offset in offsets:
                decider.offsets.finish(offset)

        self._publisher.put(Outgoing(first, then, done))

    async def _tally(self) -> None:
        while True:
            await asyncio.sleep(self._settings.tally_s)
            self._put_tallies()

    def _put_tallies(self) -> None:
        for decider in self.assignment.deciders.values():
            taken = decider.take_tally(self._now_ms())
            if taken is not None:
                tally, offsets = taken
                self._put([], [tally_record(self._broker, tally)], decider, offsets)

    # Commits and revocation

    async def _commit(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            await asyncio.sleep(COMMIT_S)
            await self._commit_once(consumer)
            await self.assignment.check_logs()

    async def _commit_once(self, consumer: AIOKafkaConsumer) -> None:
        offsets = self.assignment.take_committable()
        if offsets:
            with suppress(
                CommitFailedError, IllegalStateError
            ):  # no longer ours: read again elsewhere
                await consumer.commit(offsets)

    def _drop(self, places: Sequence[TopicPartition]) -> None:
        for place in places:
            self.inbox.remove_partition(place.partition)
