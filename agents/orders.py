"""What operators have ordered: the `control` topic, read whole at the start and followed.

Who heeds an act is given all orders of it that stand, whenever that changes: the newest of each subject that has
not expired. So it does not matter how often a record is read, or in how many pieces.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from topics import BY_NAME, ContractError, Control, TopicsError
from topics.closing import close_within
from topics.record import LogRecord
from topics.settings import BrokerSettings

from .metrics import AGENT

POLL_MS = 200
RECORDS_MAX = 500
"""Taken in one go: others have work too."""
ORDERS_MAX = 1_000
"""Orders kept. They are people's; beyond this the oldest are dropped, and counted."""
START_S = 5.0
"""How long a start waits for the orders given before it."""
READ_S = 30.0
"""How long the topic may take to be read, before it is tried again from its beginning."""
AGAIN_S = 2.0
"""Until it is tried again."""
CLOSE_S = 2.0
"""For a consumer to end; without a broker it may wait longer."""

Heed = Callable[[tuple[Control, ...], float], None]
"""Is given all orders of an act that stand, oldest first, and the monotonic time."""

log = structlog.get_logger()


class StandingOrders:
    """The newest order of each (act, subject) that has not expired. Time is an argument.

    The newest is the last in the log, as it is for compaction: readers of any time come to the same.
    """

    def __init__(self, acts: Iterable[str], orders_max: int = ORDERS_MAX) -> None:
        """Keep orders of these acts, and at most so many."""
        self._acts = frozenset(acts)
        self._orders_max = orders_max
        self._orders: dict[tuple[str, str], Control] = {}

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._orders)

    def take(self, order: Control, now_ms: int) -> str | None:
        """Take the next order of the log and return what became of it; None: nobody here heeds such an act."""
        if order.act not in self._acts:
            return None
        place = (order.act, order.subject)
        known = self._orders.get(place)
        if known is not None and known.control_id == order.control_id:
            return "known"
        self._orders.pop(place, None)  # whatever it said, a newer word has been said
        if _expired(order, now_ms):
            return "expired"
        dropped = len(self._orders) >= self._orders_max
        if dropped:
            del self._orders[next(iter(self._orders))]
        self._orders[place] = order
        return "dropped" if dropped else "kept"

    def delete(self, subject: str) -> None:
        """Forget what was ordered of a subject: its record was deleted from the log."""
        for place in [place for place in self._orders if place[1] == subject]:
            del self._orders[place]

    def of(self, act: str, now_ms: int) -> tuple[Control, ...]:
        """Return the orders of one act that stand, oldest first; forget what has expired."""
        for place, order in list(self._orders.items()):
            if _expired(order, now_ms):
                del self._orders[place]
        return tuple(order for (kind, _), order in self._orders.items() if kind == act)


def _expired(order: Control, now_ms: int) -> bool:
    return order.expires_ms is not None and order.expires_ms <= now_ms


class Orders:
    """Follows the `control` topic, without a group, and tells who heeds an act what stands."""

    def __init__(
        self, broker: BrokerSettings, heed: Mapping[str, Heed], *, now_ms: Callable[[], int]
    ) -> None:
        """Prepare; nothing is read before `run`. ``heed`` has one listener for each act."""
        self._broker, self._heed, self._now_ms = broker, dict(heed), now_ms
        self._decode = BY_NAME["control"].decoder().decode
        self._standing = StandingOrders(self._heed)
        self._told: dict[str, tuple[Control, ...]] = dict.fromkeys(self._heed, ())
        self._read = asyncio.Event()

    @property
    def read(self) -> bool:
        """Whether the topic has been read to its end, once at least."""
        return self._read.is_set()

    async def caught_up(self, stop: asyncio.Event, within_s: float = START_S) -> bool:
        """Return whether all orders given so far are known, as soon as that is so, or it is time to go on."""
        waits = [asyncio.create_task(event.wait()) for event in (self._read, stop)]
        try:
            await asyncio.wait(waits, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if not self.read and not stop.is_set():
            log.warning("operators' orders are not known yet", waited_s=within_s)
        return self.read

    async def run(self) -> None:
        """Read and follow until cancelled. A broker that goes away is waited for: what was ordered stands."""
        while True:
            try:
                await self._follow()
            except (KafkaError, OSError, TopicsError, TimeoutError) as error:
                AGENT.orders_lost.inc()
                log.warning("operators' orders cannot be read", error=str(error) or repr(error))
            self._tell()  # meanwhile too, time goes by
            await asyncio.sleep(AGAIN_S)

    async def _follow(self) -> None:
        # Only all of it together is better than what is known: read from the beginning, it goes through the past.
        fresh = StandingOrders(self._heed)
        async with reader(self._broker, "control") as (consumer, places):
            async with asyncio.timeout(READ_S):
                async for record in to_end(consumer, places):
                    self._take(fresh, record)
            self._standing = fresh
            self._tell()
            self._read.set()
            while True:
                fetched = await consumer.getmany(timeout_ms=POLL_MS, max_records=RECORDS_MAX)
                for records in fetched.values():
                    for record in records:
                        self._take(fresh, record)
                self._tell()
                await asyncio.sleep(0)

    def _take(self, standing: StandingOrders, record: LogRecord) -> None:
        if record.value is None:
            standing.delete((record.key or b"").decode(errors="replace"))
            AGENT.orders.labels("deleted").inc()
            return
        try:
            order = self._decode(record.value)
        except ContractError as refused:
            # It stays in the log for whoever audits it, and each role reads it: no dead letter for every one.
            AGENT.orders.labels("unreadable").inc()
            log.warning("an order cannot be read", offset=record.offset, error=str(refused))
            return
        if not isinstance(order, Control):
            return  # feedback and redrives order nothing
        outcome = standing.take(order, self._now_ms())
        if outcome is not None:
            AGENT.orders.labels(outcome).inc()

    def _tell(self) -> None:
        now_ms = self._now_ms()
        for act, heed in self._heed.items():
            orders = self._standing.of(act, now_ms)
            if orders != self._told[act]:
                self._told[act] = orders
                log.info("orders", act=act, standing=len(orders))
                heed(orders, time.monotonic())
        AGENT.orders_standing.set(len(self._standing))


@asynccontextmanager
async def reader(
    broker: BrokerSettings, name: str
) -> AsyncIterator[tuple[AIOKafkaConsumer, list[TopicPartition]]]:
    """Give a consumer of a whole topic of the catalog from its beginning, without a group.

    Raises:
        aiokafka.errors.KafkaError: No broker answers.
        TopicsError: There is no such topic; asking for it would make one on some brokers.
    """
    topic = broker.topic(name)
    consumer = AIOKafkaConsumer(
        **broker.reader_options(),
        group_id=None,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=100,
    )
    try:
        await consumer.start()
        if topic not in await consumer.topics():
            msg = f"missing on {broker.bootstrap}: {topic}. `tapereader topics apply` creates it"
            raise TopicsError(msg)
        places = [TopicPartition(topic, partition) for partition in range(broker.partitions)]
        consumer.assign(places)
        yield consumer, places
    finally:
        await close_within(consumer, CLOSE_S)


async def to_end(
    consumer: AIOKafkaConsumer, places: list[TopicPartition]
) -> AsyncIterator[LogRecord]:
    """Give every record up to where the partitions end now."""
    left = {place: end for place, end in (await consumer.end_offsets(places)).items() if end}
    while left:
        fetched = await consumer.getmany(*left, timeout_ms=POLL_MS, max_records=RECORDS_MAX)
        for records in fetched.values():
            for record in records:
                yield record
        left = {p: end for p, end in left.items() if await consumer.position(p) < end}
