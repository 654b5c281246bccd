"""What people said of alerts: the `control` topic, read whole at the start and followed."""

import asyncio

import structlog
from aiokafka.errors import KafkaError

from streams.serving.acts.standing import StandingActs
from topics import BY_NAME, ContractError, TopicsError
from topics.record import LogRecord
from topics.settings import BrokerSettings

from .metrics import NOTIFY
from .topic_log import POLL_MS, RECORDS_MAX, reader, up_to

READ_S = 30.0
"""How long the topic may take to be read, before it is tried again from its beginning."""
AGAIN_S = 2.0
START_S = 5.0
"""How long a start waits for what was said before it; an alert is not held back for longer than that."""

log = structlog.get_logger()


class Hearing:
    """Follows the `control` topic without a group."""

    def __init__(self, broker: BrokerSettings) -> None:
        """Prepare; nothing is read before `run`."""
        self.acts = StandingActs()
        """What stands; another object after the topic had to be read anew."""
        self._broker = broker
        self._decode = BY_NAME["control"].decoder().decode
        self._read = asyncio.Event()

    async def caught_up(self) -> None:
        """Return as soon as all that was said so far is known, or it is time to go on without."""
        try:
            async with asyncio.timeout(START_S):
                await self._read.wait()
        except TimeoutError:
            log.warning("what people muted is not known yet", waited_s=START_S)

    async def run(self) -> None:
        """Read and follow until cancelled. A broker that goes away is waited for: what was said stands."""
        while True:
            try:
                await self._follow()
            except (KafkaError, OSError, TopicsError, TimeoutError) as error:
                log.warning("what people mute cannot be read", error=str(error) or repr(error))
            await asyncio.sleep(AGAIN_S)

    async def _follow(self) -> None:
        # Only all of it together is better than what is known: read from the beginning, it goes through the past.
        fresh = StandingActs()
        async with reader(self._broker, "control") as (consumer, places):
            async with asyncio.timeout(READ_S):
                async for record in up_to(consumer, await consumer.end_offsets(places)):
                    self._take(fresh, record)
            self.acts = fresh
            self._read.set()
            while True:
                fetched = await consumer.getmany(timeout_ms=POLL_MS, max_records=RECORDS_MAX)
                for records in fetched.values():
                    for record in records:
                        self._take(fresh, record)
                await asyncio.sleep(0)

    def _take(self, acts: StandingActs, record: LogRecord) -> None:
        if record.value is None:
            acts.delete((record.key or b"").decode(errors="replace"))
            return
        try:
            acts.take(self._decode(record.value))
        except ContractError as refused:
            NOTIFY.unreadable.labels("control").inc()
            log.warning("an act cannot be read", offset=record.offset, error=str(refused))
