"""The notify role's loop: alerts and analyses in, messages out, offsets committed behind what was told."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, NoOffsetForPartitionError, OffsetOutOfRangeError

from streams.serving.embedded import consumer_class
from topics import PipelineError
from topics.closing import close_within
from topics.outbox import Sender
from topics.settings import BrokerSettings

from .courier import Tally
from .door import Door
from .group import GROUP, OneForAll
from .hearing import Hearing
from .metrics import NOTIFY
from .publishing import Publisher
from .settings import NotifySettings
from .tenure import TOPICS, Tenure
from .topic_log import CLOSE_S, POLL_MS

SESSION_MS = 10_000
COMMIT_S = 1.0
FETCH_WAIT_MS = 50
"""The broker answers as soon as there is something; this is for when there is nothing."""

log = structlog.get_logger()


class Notifier(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """One process of the notify role.

    aiokafka logs what its listener raises and goes on as if nothing had been. So the listener only notes what is
    ours; the reading loop begins and ends the tenure.
    """

    def __init__(
        self,
        settings: NotifySettings,
        broker: BrokerSettings,
        doors: Mapping[str, Door],
        *,
        dashboard: str,
        instance_id: str,
        now_ms: Callable[[], int],
    ) -> None:
        """Prepare; nothing is read before `run`. ``doors`` are the receivers', by name."""
        self.tallies = {name: Tally() for name in settings.receivers}
        self.tenure: Tenure | None = None
        self._settings, self._broker, self._doors = settings, broker, doors
        self._dashboard, self._instance_id, self._now_ms = dashboard, instance_id, now_ms
        self._hearing = Hearing(broker)
        self._sender = Sender(broker)
        self._publisher = Publisher(self._sender)
        self._consumer: AIOKafkaConsumer | None = None
        self._assigned = asyncio.Event()
        self._assignments = 0
        self._ours = False
        self._stands_by = False

    @property
    def ready(self) -> bool:
        """Whether it tells people, or stands by while another does."""
        return self.tenure is not None or self._stands_by

    @property
    def stands_by(self) -> bool:
        """Whether another has the partitions."""
        return self._stands_by

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop; then commit what was told.

        Raises:
            Exception: Whatever went wrong in one of the loops: the process must end too.
        """
        async with AsyncExitStack() as ending:
            for door in self._doors.values():
                ending.push_async_callback(door.close)
            ending.push_async_callback(self._sender.close)
            stopping = asyncio.create_task(stop.wait())
            beside = self._loops(self._hearing.run(), self._publisher.run())
            ending.push_async_callback(_cancel, [stopping, *beside])
            consumer = self._consumer = consumer_class(self._broker)(
                **self._broker.reader_options(),
                group_id=self._broker.topic(GROUP),
                group_instance_id=self._instance_id,
                partition_assignment_strategy=(OneForAll,),
                auto_offset_reset="none",
                session_timeout_ms=SESSION_MS,
                heartbeat_interval_ms=SESSION_MS // 4,
                fetch_max_wait_ms=FETCH_WAIT_MS,
            )
            ending.push_async_callback(close_within, consumer, CLOSE_S)
            consumer.subscribe([self._broker.topic(name) for name in TOPICS], listener=self)
            loops = self._loops(self._work(consumer))
            await asyncio.wait([stopping, *beside, *loops], return_when=asyncio.FIRST_COMPLETED)
            await _cancel(loops)
            if self.tenure is not None:
                await self.tenure.end(consumer)
            for loop in (*beside, *loops):
                if loop.done() and not loop.cancelled():
                    loop.result()

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Tell nobody any more: another begins where we commit."""
        del revoked
        self._assigned.clear()
        tenure, self.tenure = self.tenure, None
        if tenure is not None and self._consumer is not None:
            await tenure.end(self._consumer)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Note whether all are ours, or none."""
        self._assignments += 1
        self._ours = bool(list(assigned))
        self._stands_by = not self._ours
        self._assigned.set()

    def _loops(self, *loops: Coroutine[Any, Any, None]) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(loop) for loop in loops]

    async def _work(self, consumer: AIOKafkaConsumer) -> None:
        await consumer.start()
        await self._hearing.caught_up()
        looked_s = committed_s = 0.0
        while True:
            await self._assigned.wait()
            if not self._ours:
                # Nothing to read; the group is heard of in the background.
                await asyncio.sleep(COMMIT_S)
                continue
            if self.tenure is None and not await self._begin(consumer):
                continue
            now_s = asyncio.get_running_loop().time()
            if (tenure := self.tenure) is not None:
                await self._read(consumer, tenure)
                if now_s - looked_s >= COMMIT_S:
                    looked_s = now_s
                    tenure.look()
                if now_s - committed_s >= COMMIT_S:
                    committed_s = now_s
                    await tenure.commit(consumer)
                self._note(tenure)

    async def _begin(self, consumer: AIOKafkaConsumer) -> bool:
        tenure = Tenure(
            self._settings,
            self._broker,
            self._doors,
            self.tallies,
            hearing=self._hearing,
            publisher=self._publisher,
            dashboard=self._dashboard,
            now_ms=self._now_ms,
        )
        began = self._assignments
        try:
            await tenure.begin(consumer)
        except IllegalStateError:
            return False  # taken away meanwhile
        if not self._assigned.is_set() or self._assignments != began:
            await _cancel(tenure.running)
            return False
        self.tenure = tenure
        return True

    async def _read(self, consumer: AIOKafkaConsumer, tenure: Tenure) -> None:
        try:
            fetched = await consumer.getmany(timeout_ms=POLL_MS)
        except NoOffsetForPartitionError:
            return  # just assigned anew
        except OffsetOutOfRangeError as error:
            msg = f"the log was cut: what was next to be read is not there ({error.args[0]})"
            raise PipelineError(msg) from None
        if self.tenure is not tenure:
            return  # it is another's now, or read again from where we committed
        for place, records in fetched.items():
            tenure.take(place, records)
        if done := [task for task in tenure.running if task.done()]:
            done[0].result()

    def _note(self, tenure: Tenure) -> None:
        NOTIFY.unfinished.set(tenure.unfinished)
        for name, courier in tenure.couriers.items():
            NOTIFY.waiting.labels(name).set(courier.lane.waiting)
            NOTIFY.held.labels(name).set(courier.lane.held)
            NOTIFY.withheld.labels(name).set(tenure.withheld(name))


async def _cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.gather(*tasks, return_exceptions=True)
