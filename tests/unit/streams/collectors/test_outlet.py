"""Rounds reach Kafka in order, by whichever way; and while Kafka is away the source goes on, up to the bound."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from streams.collectors import outlet as module
from streams.collectors.metrics import COLLECT
from streams.collectors.outlet import Outlet
from streams.collectors.spill import Room, Spill
from topics.record import OutRecord

LARGE = 2**40


class Broker:
    """Takes records, or lets one wait."""

    def __init__(self) -> None:
        self.log: list[int] = []
        self.there = asyncio.Event()
        self.there.set()
        self.refuses: Exception | None = None

    async def deliver(self, records: list[OutRecord]) -> None:
        await asyncio.sleep(0)
        await self.there.wait()
        if self.refuses is not None:
            raise self.refuses
        self.log += [int(record.value or b"") for record in records]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SPILL_AFTER_S", 0.05)
    monkeypatch.setattr(module, "ROOM_S", 0.01)


def round_of(*numbers: int) -> list[OutRecord]:
    return [OutRecord("t", number % 4, b"k", b"%d" % number) for number in numbers]


def outlet(broker: Broker, spill: Spill | None = None) -> Outlet:
    def old(record: OutRecord) -> bool:
        return record.value == b"-1"

    return Outlet(broker.deliver, COLLECT.of("outlet", "market"), spill, unspilt=old)


async def within(work: Awaitable[None]) -> None:
    async with asyncio.timeout(5):
        await work


async def waits(work: Callable[[], Awaitable[None]]) -> None:
    """The round is not taken: its source is held."""
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(work(), timeout=0.5)


async def test_without_a_disk_a_slow_broker_holds_the_source() -> None:
    """One round under way, the next waits."""
    broker = Broker()
    broker.there.clear()
    way = outlet(broker)
    await within(way.send(round_of(1)))
    await waits(lambda: way.send(round_of(2)))
    broker.there.set()
    await within(way.send(round_of(2)))
    await within(way.flush())
    assert broker.log == [1, 2]
    await way.close()


async def test_rounds_go_by_the_disk_while_kafka_is_away(tmp_path: Path) -> None:
    """With the one under way, in order, once each; then straight again. Old statuses are not kept."""
    broker = Broker()
    way = outlet(broker, Spill(tmp_path, room := Room(LARGE)))
    await within(way.send(round_of(0)))
    await asyncio.sleep(0.01)
    broker.there.clear()
    for number in range(1, 50):
        await within(way.send(round_of(number, -1)))
    assert way.spill_bytes > 0
    assert [int(r.value or b"") for r in Spill(tmp_path, Room(LARGE)).records()] == list(
        range(1, 50)
    )
    broker.there.set()
    await within(way.flush())
    assert not way.spilling
    await within(way.send(round_of(50)))
    await within(way.flush())
    assert [number for number in broker.log if number >= 0] == list(range(51))
    assert room.used == 0
    await way.close()


async def test_kafka_may_go_away_again_while_the_disk_is_read(tmp_path: Path) -> None:
    """New rounds go behind those on the disk; nothing overtakes."""
    broker = Broker()
    way = outlet(broker, Spill(tmp_path, Room(LARGE), segment_bytes=100))
    for number in range(300):
        if number % 40 == 5:
            broker.there.clear()
        if number % 40 == 25:
            broker.there.set()
            await asyncio.sleep(0.002)
        await within(way.send(round_of(number)))
    broker.there.set()
    await within(way.flush())
    await within(way.flush())
    assert broker.log == list(range(300))
    assert not way.spilling
    await way.close()


async def test_at_the_bound_the_source_is_held(tmp_path: Path) -> None:
    """And goes on when Kafka has taken something."""
    broker = Broker()
    broker.there.clear()
    way = outlet(broker, Spill(tmp_path, Room(300), segment_bytes=50))
    taken = 0

    async def flood() -> None:
        nonlocal taken
        for number in range(100):
            await way.send(round_of(number))
            taken += 1

    await waits(flood)
    assert 3 <= taken <= 15
    broker.there.set()
    for number in range(taken, taken + 20):
        await within(way.send(round_of(number)))
    await within(way.flush())
    assert broker.log == list(range(taken + 20))
    await way.close()


async def test_a_bound_below_a_round_holds_the_source(tmp_path: Path) -> None:
    """There is no way but Kafka's."""
    broker = Broker()
    broker.there.clear()
    way = outlet(broker, Spill(tmp_path, Room(1)))
    await within(way.send(round_of(1)))
    await waits(lambda: way.send(round_of(2)))
    broker.there.set()
    await within(way.send(round_of(2)))
    await within(way.flush())
    assert broker.log == [1, 2]
    await way.close()


async def test_the_next_process_sends_first_what_is_on_the_disk(tmp_path: Path) -> None:
    """What was under way when the first one was killed too."""
    broker = Broker()
    broker.there.clear()
    way = outlet(broker, Spill(tmp_path, Room(LARGE)))
    for number in range(5):
        await within(way.send(round_of(number)))
    broker.there = asyncio.Event()  # the first process's way is cut for good
    broker.there.set()
    after = outlet(broker, Spill(tmp_path, Room(LARGE)))
    after.begin()
    await within(after.send(round_of(5)))
    await within(after.flush())
    assert broker.log == list(range(6))
    await after.close()
    await way.close()


async def test_a_stop_parks_what_is_left(tmp_path: Path) -> None:
    """On the disk, if there is one."""
    broker = Broker()
    broker.there.clear()
    assert not outlet(broker).park(round_of(1))
    way = outlet(broker, Spill(tmp_path, Room(LARGE)))
    await within(way.send(round_of(1)))
    assert way.park(round_of(2, -1))
    await way.close()
    assert [int(r.value or b"") for r in Spill(tmp_path, Room(LARGE)).records()] == [1, 2]


async def test_what_kafka_never_takes_is_told(tmp_path: Path) -> None:
    """By the next round, from the disk too."""
    broker = Broker()
    broker.there.clear()
    way = outlet(broker, Spill(tmp_path, Room(LARGE)))
    await within(way.send(round_of(1)))
    await within(way.send(round_of(2)))
    broker.refuses = ValueError("too large")
    broker.there.set()
    await asyncio.sleep(0.05)
    with pytest.raises(ValueError, match="too large"):
        await within(way.send(round_of(3)))
    await way.close()
