"""What roles tell of themselves on the broker, as it stands now."""

import asyncio
from collections.abc import Mapping
from typing import TypeVar

from aiokafka.errors import KafkaError
from msgspec import Struct

from agents.orders import reader, to_end
from topics import BY_NAME, ContractError, TopicsError
from topics.settings import BrokerSettings

ANSWER_S = 30.0
"""For the broker to be read or to acknowledge."""

S = TypeVar("S", bound=Struct)


async def latest(broker: BrokerSettings, topic: str, contract: type[S]) -> Mapping[bytes, S]:
    """Return the latest event of each key of one of our compacted topics, of one contract.

    Raises:
        TopicsError: The broker does not answer, or has no such topic.
    """
    decode = BY_NAME[topic].decoder().decode
    found: dict[bytes, S] = {}
    try:
        async with asyncio.timeout(ANSWER_S), reader(broker, topic) as (consumer, places):
            async for record in to_end(consumer, places):
                key = record.key or b""
                try:
                    event = decode(record.value or b"")
                except ContractError:
                    found.pop(key, None)  # a later version's, or a tombstone: nothing to show
                    continue
                if isinstance(event, contract):
                    found[key] = event
    except (KafkaError, TimeoutError) as error:
        raise TopicsError(no_answer(broker, error)) from None
    return found


def no_answer(broker: BrokerSettings, error: Exception) -> str:
    """Return in words that the broker does not answer."""
    return f"no Kafka broker answers at {broker.bootstrap}: {str(error) or 'in time'}"
