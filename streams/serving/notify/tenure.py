"""The time in which the partitions are ours: where reading goes on, what is known, and who is told."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError

from topics import BY_NAME, ContractError
from topics.record import LogRecord
from topics.settings import BrokerSettings

from .account import Account
from .courier import Courier, Tally
from .desk import Desk
from .door import Door
from .hearing import Hearing
from .lane import Lane
from .metrics import NOTIFY
from .notice import Place
from .outcome import Outcome, records_of
from .pacing import HOUR_MS
from .past import Past, read_past
from .publishing import Publisher
from .routing import Routes
from .settings import NotifySettings
from .topic_log import offsets_at
from .withholding import Withholding

TOPICS = ("alerts", "analyses")
COMMIT_WAIT_S = 3.0
"""aiokafka itself asks again for ever; what is not committed by then is committed the next time."""
LEAVE_S = 3.0
"""How long an end waits for what was told to be acknowledged."""

log = structlog.get_logger()


class Tenure:
    """One assignment of all partitions, from its beginning to its end."""

    def __init__(
        self,
        settings: NotifySettings,
        broker: BrokerSettings,
        doors: Mapping[str, Door],
        tallies: Mapping[str, Tally],
        *,
        hearing: Hearing,
        publisher: Publisher,
        dashboard: str,
        now_ms: Callable[[], int],
    ) -> None:
        """Know nothing yet; `begin` comes first."""
        self.couriers: dict[str, Courier] = {}
        self._settings, self._broker, self._doors, self._tallies = settings, broker, doors, tallies
        self._hearing, self._publisher = hearing, publisher
        self._dashboard, self._now_ms = dashboard, now_ms
        self._names = {broker.topic(name): name for name in TOPICS}
        self._decoders = {name: BY_NAME[name].decoder() for name in TOPICS}
        self._account = Account({})
        self._desk: Desk | None = None
        self._running: list[asyncio.Task[None]] = []

    @property
    def unfinished(self) -> int:
        """How many records are not done with."""
        return len(self._account)

    @property
    def running(self) -> list[asyncio.Task[None]]:
        """The couriers' loops: none of them ends by itself but by a defect."""
        return self._running

    def withheld(self, receiver: str) -> int:
        """Return how many alerts wait for what their analysis finds before a receiver is told."""
        return 0 if self._desk is None else self._desk.withheld(receiver)

    async def begin(self, consumer: AIOKafkaConsumer) -> None:
        """Find out what was before, and tell what comes.

        Raises:
            aiokafka.errors.KafkaError: The broker cannot be reached.
            IllegalStateError: The partitions were taken away meanwhile.
        """
        begins = await self._begins(consumer)
        past = await read_past(self._broker, begins, self._now_ms())
        self._account = Account({(self._names[p.topic], p.partition): o for p, o in begins.items()})
        desk = Desk(
            self._account,
            Routes(self._settings),
            self.couriers,
            past,
            withholdings=_withholdings(self._settings, past),
            hearing=self._hearing,
            now_ms=self._now_ms,
        )
        for name, receiver in self._settings.receivers.items():
            self.couriers[name] = Courier(
                name,
                self._doors[name],
                Lane(receiver.per_hour, past.begun_ms.get(name, ())),
                self._settings,
                tally=self._tallies[name],
                dashboard=self._dashboard,
                silenced=desk.silenced,
                firing=lambda name=name: desk.firing_for(name),  # type: ignore[misc]
                fires=past.book.fires,
                done=self._done,
                now_ms=self._now_ms,
            )
        desk.recall_mutes(self._now_ms() - HOUR_MS)
        self._desk = desk
        for place, offset in begins.items():
            consumer.seek(place, offset)
        self._running = [asyncio.create_task(courier.run()) for courier in self.couriers.values()]

    def take(self, place: TopicPartition, records: list[LogRecord]) -> None:
        """Take records of one partition, in their order."""
        desk, name = self._desk, self._names[place.topic]
        if desk is None:
            return
        for record in records:
            where = Place(name, place.partition, record.offset)
            value = record.value
            if value is None:
                desk.pass_over(where)
                continue
            try:
                event = self._decoders[name].decode(value)
            except ContractError as refused:
                # The role that wrote it is at fault; it stays in the log for whoever looks into that.
                NOTIFY.unreadable.labels(name).inc()
                log.warning(
                    "a record cannot be read", topic=name, offset=record.offset, why=str(refused)
                )
                desk.pass_over(where)
                continue
            take = desk.take_alert if name == "alerts" else desk.take_analysis
            take(event, where, record.timestamp, value)

    def look(self) -> None:
        """Tell what time has made due."""
        if self._desk is not None:
            self._desk.look()

    async def commit(self, consumer: AIOKafkaConsumer) -> None:
        """Commit what is done with; what fails is committed the next time."""
        if self._desk is None:
            return
        with suppress(IllegalStateError):  # revoked meanwhile
            for place in consumer.assignment():
                position = await consumer.position(place)
                self._account.pass_to(self._names[place.topic], place.partition, position)
        if not (moved := self._account.moved()):
            return
        offsets = {TopicPartition(self._broker.topic(t), p): o for (t, p), o in moved.items()}
        try:
            async with asyncio.timeout(COMMIT_WAIT_S):
                await consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError):
            return  # no longer ours: read again elsewhere
        except TimeoutError:
            log.warning("offsets could not be committed", within_s=COMMIT_WAIT_S)
            return
        self._account.commit(moved)

    async def end(self, consumer: AIOKafkaConsumer) -> None:
        """Tell nobody any more, and commit what was told."""
        for courier in self.couriers.values():
            courier.leave()
        if self._running:  # what a receiver takes now need not be told twice
            await asyncio.wait(self._running, timeout=LEAVE_S)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_S):
                await self._publisher.drained()
        await self.commit(consumer)

    def _done(self, outcome: Outcome) -> None:
        place = outcome.entry.notice.place
        records = records_of(self._broker, outcome)
        self._publisher.put(records, lambda: self._account.settle(place))

    async def _begins(self, consumer: AIOKafkaConsumer) -> dict[TopicPartition, int]:
        """Return where each partition goes on: where it was committed, or a little before now."""
        places = sorted(consumer.assignment())
        first = await consumer.beginning_offsets(places)
        ends = await consumer.end_offsets(places)
        fresh = await offsets_at(
            consumer, places, self._now_ms() - int(self._settings.fresh_s * 1000)
        )
        begins = {}
        for place in places:
            committed = await consumer.committed(place)
            if committed is not None and committed > ends[place]:
                log.warning("the log ends before the committed offset", topic=place.topic)
                committed = None
            offset = fresh[place] if committed is None else committed
            if offset < first[place]:
                NOTIFY.cut.inc(first[place] - offset)
                log.error(
                    "records were deleted before they were read",
                    topic=place.topic,
                    partition=place.partition,
                )
            begins[place] = max(offset, first[place])
        return begins


def _withholdings(settings: NotifySettings, past: Past) -> dict[str, Withholding]:
    return {
        name: Withholding(
            receiver.analysis_severity_min,
            int(receiver.analysis_wait_s * 1000),
            left_out=frozenset(alert_id for of, alert_id in past.left_out if of == name),
        )
        for name, receiver in settings.receivers.items()
        if receiver.analysis_severity_min is not None
    }
