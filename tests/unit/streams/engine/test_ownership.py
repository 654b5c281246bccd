"""What an owner does when it is told to end: it commits, or leaves it, and waits for nobody."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn

from streams.engine.checkpoint import Writer
from streams.engine.ownership import Ownership
from streams.engine.port import Checkpoint
from topics.record import LogRecord
from topics.settings import BrokerSettings

BROKER = BrokerSettings(bootstrap="127.0.0.1:1")
CHANGELOG = "state"


class Silent:
    """Observes nothing."""

    def checkpointed(self, partition: int, *, took_s: float, entries: int, outputs: int) -> None:
        """Do nothing."""

    def assigned(self, partitions: Sequence[int], *, loaded_s: float, entries: int) -> None:
        """Do nothing."""


class Empty:
    """A program without changes, that counts what it is fed."""

    def __init__(self) -> None:
        self.fed = 0

    def feed(self, topic: str, records: Iterable[LogRecord]) -> bool:
        """Count."""
        del topic, records
        self.fed += 1
        return False

    def next_offsets(self) -> Mapping[str, int]:
        """Nothing was read."""
        return {}

    def take(self) -> Checkpoint | None:
        """Nothing has changed."""
        return None


def fatal(reason: str, error: BaseException | None = None) -> NoReturn:
    raise AssertionError(reason) from error


def owner() -> tuple[Ownership, Empty]:
    """Return an owner of partition 0, at work."""
    owned = Ownership(
        BROKER, ["raw"], lambda *_: Empty(), fatal=fatal, observer=Silent(), outputs=["out"]
    )
    writer = Writer(BROKER, 0, CHANGELOG, fatal=fatal, observer=Silent())
    program = Empty()
    writer.run(program)
    owned.writers[0] = writer
    return owned, program


async def test_told_to_end_it_owns_nothing_and_folds_nothing() -> None:
    """The checkpoints' task has ended too."""
    owned, program = owner()
    was_loaded = owned.loaded
    assert owned.feed("raw", 0, []) is not None
    async with asyncio.timeout(5):
        await owned.close()
    assert (was_loaded, owned.loaded) == (True, False)
    assert owned.feed("raw", 0, []) is None
    assert program.fed == 1
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "checkpoint-0"]


async def test_told_to_end_in_a_rebalance_it_waits_for_no_assignment() -> None:
    """What it holds may be another's by now; one that comes all the same is not taken."""
    owned, _ = owner()
    await owned.hold()
    assert not owned.loaded
    async with asyncio.timeout(5):
        await owned.close()
        assert await owned.take(CHANGELOG, {0}, {("raw", 0)}, 2) == {}
    assert owned.writers == {}


async def test_a_rebalance_that_begins_at_the_end_takes_no_lock() -> None:
    """The last commit needs it."""
    owned, _ = owner()
    writer = owned.writers[0]
    await owned.close()
    await owned.hold()
    assert not writer.lock.locked()


async def test_an_end_that_meets_a_request_for_a_checkpoint_is_not_lost() -> None:
    """Both in one step of the loop, over and over: `wait_for` on 3.11 loses the cancellation."""
    for _ in range(20):
        owned, _ = owner()
        writer = owned.writers[0]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        writer.hurry()
        async with asyncio.timeout(5):
            await writer.close()
