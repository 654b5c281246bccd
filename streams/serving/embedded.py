"""A consumer for either broker: the demo's own cannot be asked for offsets by time."""

from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndTimestamp

from topics.settings import BrokerSettings


class _SinceTheBegin(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka is untyped
    """Of a log that is an hour old at most, everything is since any time."""

    async def offsets_for_times(
        self, timestamps: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, OffsetAndTimestamp | None]:
        """Return where each log begins; nothing of one that is empty, as of a real broker."""
        begins = await self.beginning_offsets(list(timestamps))
        ends = await self.end_offsets(list(timestamps))
        return {
            place: OffsetAndTimestamp(begin, 0) if begin < ends[place] else None
            for place, begin in begins.items()
        }


def consumer_class(broker: BrokerSettings) -> type[AIOKafkaConsumer]:
    """Return the class of a consumer that may be asked for offsets by time."""
    return _SinceTheBegin if broker.embedded else AIOKafkaConsumer
