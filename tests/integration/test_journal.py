"""What was written to the journal is read back, from a time on, and a record that is none is no small matter."""

import asyncio
import time

import pytest

from agents.journal import Entry, Journal, JournalError, entries_since, entry_record
from tests.servers import SharedKafka
from tests.unit.agents.entries import intent, result
from topics.outbox import Sender
from topics.record import OutRecord
from topics.settings import BrokerSettings

from .records import create_topic

pytestmark = pytest.mark.integration


@pytest.fixture
def broker(kafka: SharedKafka, topic_prefix: str) -> BrokerSettings:
    settings = BrokerSettings(bootstrap=kafka.bootstrap, prefix=topic_prefix, partitions=2)
    create_topic(kafka.bootstrap, settings.topic("journal"), 2)
    return settings


async def read(broker: BrokerSettings, since_ms: int = 0) -> list[Entry]:
    return [found async for found in entries_since(broker, since_ms)]


async def test_what_is_written_is_read_back_from_a_time_on(broker: BrokerSettings) -> None:
    sender = Sender(broker)
    journal = Journal(broker, sender)
    await journal.write(intent(1))
    await journal.write(result(1))
    assert await read(broker) == [intent(1), result(1)]
    await asyncio.sleep(0.01)
    since_ms = time.time_ns() // 1_000_000
    await journal.write(intent(2))
    assert await read(broker, since_ms) == [intent(2)]
    assert await read(broker, since_ms + 3_600_000) == []
    await journal.close()
    await sender.close()


async def test_a_record_that_is_no_entry_is_an_error_that_names_its_place(
    broker: BrokerSettings,
) -> None:
    """To leave it out would be to forget what was spent."""
    sender = Sender(broker)
    good = entry_record(broker, intent(1))
    await sender.deliver([good, OutRecord(good.topic, good.partition, b"k", b'{"type":"odd"}', [])])
    with pytest.raises(JournalError, match="offset 1 cannot be read"):
        await read(broker)
    await sender.close()
