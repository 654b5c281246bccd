"""When reading pauses, and that a rebalance cannot fail in silence. All else of the worker runs on real servers."""

from collections.abc import Sequence

import pytest
from aiokafka import TopicPartition

from agents.analyst import Analyst
from agents.assignment import Assignment
from agents.decide.partition import PartitionDecider
from agents.publisher import Outgoing
from agents.settings import AgentSettings
from agents.worker import BACKLOG_MAX, UNFINISHED_MAX, Worker
from topics.settings import BrokerSettings

SETTINGS, BROKER = AgentSettings(), BrokerSettings(prefix="test.")
ONE, TWO = (TopicPartition("test.aggregates", number) for number in range(2))


class PausingConsumer:
    """The part of a consumer that pauses: an assignment begins with nothing paused, as aiokafka's does."""

    def __init__(self) -> None:
        self.assign({ONE})

    def assign(self, places: set[TopicPartition]) -> None:
        """Take other partitions."""
        self._places, self._paused = frozenset(places), set[TopicPartition]()

    def assignment(self) -> frozenset[TopicPartition]:
        """Return the partitions."""
        return self._places

    def paused(self) -> set[TopicPartition]:
        """Return those that are paused."""
        return set(self._paused)

    def pause(self, *places: TopicPartition) -> None:
        """Pause these, which are ours."""
        assert set(places) <= self._places
        self._paused |= set(places)

    def resume(self, *places: TopicPartition) -> None:
        """Resume these, which are ours."""
        assert set(places) <= self._places
        self._paused -= set(places)


def worker(consumer: PausingConsumer) -> Worker:
    """Return a worker that reads by this consumer, and does not run."""
    made = Worker(
        SETTINGS,
        BROKER,
        Analyst(SETTINGS, None, now_ms=lambda: 0),
        instance_id="one",
        now_ms=lambda: 0,
    )
    made.assignment._consumer = consumer
    return made


def pile_up(ours: Worker, count: int) -> None:
    """Let so many outputs wait."""
    queue = ours._publisher._queue
    while queue.qsize() > count:
        queue.get_nowait()
    while queue.qsize() < count:
        queue.put_nowait(Outgoing([], [], lambda: None))


def test_reading_pauses_at_the_bound_and_goes_on_at_half() -> None:
    """Of outputs that wait; between the two it stays as it is."""
    consumer = PausingConsumer()
    ours, paused = worker(consumer), []
    counts = (BACKLOG_MAX, BACKLOG_MAX + 1, BACKLOG_MAX // 2, BACKLOG_MAX // 2 - 1, BACKLOG_MAX)
    for count in counts:
        pile_up(ours, count)
        ours._pause_or_resume()
        paused.append(consumer.paused() == {ONE})
    assert paused == [False, True, True, False, False]


def test_reading_pauses_when_too_much_is_unfinished() -> None:
    """Tallies hold their offsets until they are acknowledged, however few they are."""
    consumer = PausingConsumer()
    ours = worker(consumer)
    decider = PartitionDecider(SETTINGS, 0, read_from=0, decide_from=0)
    ours.assignment.deciders[0] = decider
    decider.offsets.read(0)
    for offset in range(1, UNFINISHED_MAX + 1):
        decider.offsets.read(offset)
    ours._pause_or_resume()
    assert consumer.paused() == {ONE}
    for offset in range(UNFINISHED_MAX // 2 + 2):
        decider.offsets.finish(offset)
    ours._pause_or_resume()
    assert consumer.paused() == set()


def test_a_new_assignment_is_paused_too() -> None:
    """Its partitions begin unpaused, though what waits is as much as before."""
    consumer = PausingConsumer()
    ours = worker(consumer)
    pile_up(ours, BACKLOG_MAX + 1)
    ours._pause_or_resume()
    consumer.assign({ONE, TWO})
    ours._pause_or_resume()
    assert consumer.paused() == {ONE, TWO}
    pile_up(ours, 0)
    ours._pause_or_resume()
    assert consumer.paused() == set()


def assignment(failures: list[Exception], left: list[int], error: Exception | None) -> Assignment:
    """Return an assignment that tells of its failures; ``error`` is what letting go raises."""

    async def let_go(leaving: Sequence[PartitionDecider]) -> None:
        left.extend(decider.partition for decider in leaving)
        if error is not None:
            raise error

    return Assignment(
        SETTINGS,
        BROKER,
        instance_id="one",
        now_ms=lambda: 0,
        on_revoked=let_go,
        on_failed=failures.append,
    )


async def test_a_rebalance_that_fails_is_told() -> None:
    """aiokafka would log it and go on without the partition; and nothing is raised into aiokafka."""
    failures: list[Exception] = []
    ours = assignment(failures, [], None)
    await ours.on_partitions_assigned([ONE])  # there is no consumer to ask
    assert [type(error) for error in failures] == [RuntimeError]
    assert not ours.warm
    ours = assignment(failures, [], ValueError("could not let go"))
    await ours.on_partitions_revoked([ONE])
    assert str(failures[-1]) == "could not let go"


async def test_what_is_revoked_is_nobodys_before_anything_is_awaited() -> None:
    """No answer that comes meanwhile is told for it; what was not ours is passed."""
    failures: list[Exception] = []
    left: list[int] = []
    ours = assignment(failures, left, None)
    decider = PartitionDecider(SETTINGS, 0, read_from=0, decide_from=0)
    decider.offsets.commit(0)
    ours.deciders[0] = decider
    await ours.on_partitions_revoked([ONE, TWO])
    assert (left, ours.deciders, failures) == ([0], {}, [])


def test_it_is_not_ready_before_partitions_are_there() -> None:
    """And says so without a consumer."""
    ours = assignment([], [], None)
    assert not ours.warm
    with pytest.raises(RuntimeError, match="start comes first"):
        _ = ours.consumer
