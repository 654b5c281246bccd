"""Whoever wrote an entry goes on when it is acknowledged, and not before."""

import asyncio

import pytest

from agents.journal import Journal, entry_record
from tests.unit.agents.entries import intent, result
from tests.unit.agents.test_publisher import SlowOutlet
from topics import BY_NAME, partition_of
from topics.record import OutRecord
from topics.settings import BrokerSettings

BROKER = BrokerSettings(prefix="test.")


class Refusing:
    """An outlet whose broker takes nothing."""

    async def deliver(self, records: list[OutRecord]) -> None:
        """Refuse."""
        raise ValueError(len(records))


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_writer_waits_until_its_entry_is_acknowledged() -> None:
    outlet = SlowOutlet()
    journal = Journal(BROKER, outlet)
    writing = asyncio.create_task(journal.write(intent(1)))
    await settle()
    assert not writing.done()
    outlet.may.release()
    await asyncio.wait_for(writing, 1)
    assert [BY_NAME["journal"].decoder().decode(value) for value in outlet.got[0]] == [intent(1)]


async def test_entries_written_meanwhile_travel_together_and_each_in_its_round() -> None:
    outlet = SlowOutlet()
    journal = Journal(BROKER, outlet)
    writing = [asyncio.create_task(journal.write(intent(n))) for n in range(1)]
    await settle()
    writing += [asyncio.create_task(journal.write(intent(n))) for n in range(1, 4)]
    await settle()
    assert [len(got) for got in outlet.got] == [1]
    outlet.may.release()
    await settle()
    assert [len(got) for got in outlet.got] == [1, 3]
    assert [task.done() for task in writing] == [True, False, False, False]
    outlet.may.release()
    await asyncio.wait_for(asyncio.gather(*writing), 1)


async def test_a_cancelled_writer_takes_nobody_with_it_and_its_entry_is_written() -> None:
    outlet = SlowOutlet()
    journal = Journal(BROKER, outlet)
    writing = [asyncio.create_task(journal.write(intent(n))) for n in range(2)]
    await settle()
    writing[0].cancel()
    outlet.may.release()
    outlet.may.release()
    await asyncio.wait_for(writing[1], 1)
    assert sum(map(len, outlet.got)) == 2


async def test_what_is_refused_is_told_to_every_writer_of_the_round() -> None:
    journal = Journal(BROKER, Refusing())
    told = await asyncio.gather(
        *(journal.write(intent(n)) for n in range(2)), return_exceptions=True
    )
    assert [type(error) for error in told] == [ValueError, ValueError]
    with pytest.raises(ValueError, match="1"):  # and the next one is tried again
        await journal.write(intent(9))


async def test_the_end_does_not_wait_for_a_broker_that_is_away() -> None:
    journal = Journal(BROKER, SlowOutlet())
    writing = asyncio.create_task(journal.write(intent(1)))
    await settle()
    await asyncio.wait_for(journal.close(), 1)
    with pytest.raises(asyncio.CancelledError):
        await writing


def test_intents_and_results_of_all_attempts_have_keys_of_their_own() -> None:
    """The topic is compacted: of two records with one key it would keep one."""
    records = [entry_record(BROKER, e) for e in (intent(1), intent(2), result(1), result(2))]
    assert len({record.key for record in records}) == 4
    assert {(record.topic, record.partition) for record in records} == {
        ("test.journal", partition_of("BTC", BROKER.partitions))
    }
