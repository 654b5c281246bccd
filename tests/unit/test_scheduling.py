"""Who runs what: two lanes for what starts servers, unit tests for all, what is timed behind them."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.scheduling import HARM, LAST, PATIENT, UNIT, Scheduling, sort_of

TESTS = [
    *(f"tests/kills/test_{n}.py::test_a" for n in range(3)),
    *(f"tests/integration/test_{n}.py::test_{t}" for n in range(5) for t in "ab"),
    *(f"tests/unit/test_{n}.py::test_a[{t}]" for n in range(4) for t in range(10)),
    "tests/integration/test_bench.py::test_a",
    "tests/integration/test_demo.py::test_a",
]


class Worker:
    """A worker that notes what it was given, and runs a test only when it knows of another, as xdist's do."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.given: list[int] = []
        self.done = 0
        self.shutting_down = False
        self.gateway = self
        self.id = name

    def send_runtest_some(self, indices: list[int]) -> None:
        self.given += indices

    def shutdown(self) -> None:
        self.shutting_down = True

    @property
    def next(self) -> int | None:
        ready = self.done + 1 < len(self.given) or (
            self.shutting_down and self.done < len(self.given)
        )
        return self.given[self.done] if ready else None


@pytest.fixture
def config(pytestconfig: pytest.Config) -> Iterator[Any]:
    """Three workers, whatever this run has."""
    before = pytestconfig.option.tx, pytestconfig.option.loadscopereorder
    pytestconfig.option.tx, pytestconfig.option.loadscopereorder = ["3*popen"], False
    yield pytestconfig
    pytestconfig.option.tx, pytestconfig.option.loadscopereorder = before


def begun(config: Any, tests: list[str]) -> tuple[Scheduling, list[Worker]]:
    """Return a schedule of three workers that have all found the tests."""
    scheduling = Scheduling(config)
    workers = [Worker(f"gw{n}") for n in range(3)]
    for worker in workers:
        scheduling.add_node(worker)
    for worker in workers:
        scheduling.add_node_collection(worker, tests)
    scheduling.schedule()
    return scheduling, workers


def played(scheduling: Scheduling, workers: list[Worker], turns: Counter[str]) -> list[list[str]]:
    """Let workers run, each with so many turns a round, and return what each ran, in order."""
    ran: list[list[str]] = [[] for _ in workers]
    for _ in range(10 * len(TESTS)):
        for worker, mine in zip(workers, ran, strict=True):
            for _turn in range(turns[worker.name] or 1):
                if worker.next is None:
                    break
                index = worker.next
                worker.done += 1
                mine.append(TESTS[index])
                scheduling.mark_test_complete(worker, index)
    return ran


@pytest.mark.parametrize("fast", ["gw0", "gw1", "gw2", ""])
def test_every_test_is_run_once_whoever_is_fast(config: Any, fast: str) -> None:
    """And every worker is told that there is no more."""
    scheduling, workers = begun(config, TESTS)
    ran = played(scheduling, workers, Counter({fast: 5}))
    assert sorted(sum(ran, [])) == sorted(TESTS)  # noqa: RUF017 - short
    assert scheduling.tests_finished
    assert all(worker.shutting_down for worker in workers)


@pytest.mark.parametrize("fast", ["gw0", "gw1", "gw2", ""])
def test_the_third_worker_has_unit_tests_alone(config: Any, fast: str) -> None:
    """A module stays with one worker, and both lanes begin with a sort of their own."""
    scheduling, workers = begun(config, TESTS)
    first, second, third = played(scheduling, workers, Counter({fast: 5}))
    assert {sort_of(test) for test in third} == {UNIT}
    assert (sort_of(first[0]), sort_of(second[0])) == (HARM, PATIENT)
    of: dict[str, set[int]] = {}
    for number, ran in enumerate((first, second)):
        for test in ran:
            if sort_of(test) != UNIT:
                of.setdefault(test.partition("::")[0], set()).add(number)
    assert all(len(workers_of) == 1 for workers_of in of.values())


@pytest.mark.parametrize("fast", ["gw0", "gw1", "gw2", ""])
def test_what_is_timed_comes_behind_all_that_starts_servers_with_one_worker(
    config: Any, fast: str
) -> None:
    """None of that is waiting any more; at most the other lane's last goes on beside it."""
    scheduling, workers = begun(config, TESTS)
    ran = played(scheduling, workers, Counter({fast: 5}))
    (one,) = [mine for mine in ran if any(sort_of(test) == LAST for test in mine)]
    sorts = [sort_of(test) for test in one]
    assert sorts.count(LAST) == 2
    assert not {HARM, PATIENT} & set(sorts[sorts.index(LAST) :])


def test_a_lane_that_is_through_helps_the_other(config: Any) -> None:
    """So that neither waits while the other has modules left."""
    scheduling, workers = begun(config, TESTS)
    ran = played(scheduling, workers, Counter({"gw0": 5}))
    assert PATIENT in {sort_of(test) for test in ran[0]}


def test_what_a_dead_worker_had_is_done_by_others(config: Any) -> None:
    """Also when its sort was thought to be through."""
    tests = ["tests/kills/test_0.py::test_a", "tests/kills/test_0.py::test_b", *TESTS[13:53]]
    scheduling, workers = begun(config, tests)
    assert scheduling.remove_node(workers[0]) == tests[0]
    scheduling.mark_test_complete(workers[1], workers[1].given[0])
    given = {tests[n] for worker in workers[1:] for n in worker.given}
    assert tests[1] in given
