"""The one way onto the `control` topic: every act of every operator is written here."""

import asyncio

from aiokafka.errors import KafkaError

from topics import BY_NAME, TopicsError, encode, partition_of
from topics.broker import check_topics
from topics.codec import tag_of
from topics.envelope import headers
from topics.outbox import Sender
from topics.record import OutRecord
from topics.settings import BrokerSettings

from .making import Act, id_of

WRITE_S = 10.0
"""For the broker to acknowledge an act. Whoever waits is a person."""


def record_of(broker: BrokerSettings, act: Act) -> OutRecord:
    """Return the record of an act: by its subject, so that a later one takes its place."""
    return OutRecord(
        broker.topic("control"),
        partition_of(act.subject, broker.partitions),
        act.subject.encode(),
        encode(act),
        headers(
            event_id=id_of(act),
            event_type=tag_of(type(act)),
            source="people",
            time_ms=act.at_ms,
        ),
    )


class ControlWriter:
    """Writes acts; several may use one."""

    def __init__(self, broker: BrokerSettings, *, write_s: float = WRITE_S) -> None:
        """Connect with the first act."""
        self._broker, self._write_s = broker, write_s
        self._sender = Sender(broker)
        self._checked = False

    async def write(self, act: Act) -> None:
        """Return when all replicas have acknowledged an act.

        Raises:
            TopicsError: The broker did not acknowledge it in time, or has no such topic. It may have been
                written all the same; sent again it is the same act.
        """
        broker = self._broker
        try:
            async with asyncio.timeout(self._write_s):
                if not self._checked:
                    # Asked for a topic that is missing, some brokers would make one.
                    await asyncio.to_thread(check_topics, broker, [BY_NAME["control"]])
                    self._checked = True
                await self._sender.deliver([record_of(broker, act)])
        except (KafkaError, TimeoutError) as error:
            why = str(error) or f"no acknowledgement in {self._write_s:g} s"
            msg = f"{broker.bootstrap} did not take the act: {why}. It may stand all the same; to send it again does no harm"
            raise TopicsError(msg) from None

    async def close(self) -> None:
        """Disconnect, in a bounded time."""
        await self._sender.close()
