"""Where coverage looks away, and that it looks again: seen by what processes would be told. What else tests are spared."""

import gc
import os
import sys
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from coverage import Coverage

from tests.measured import EXAMPLES, PROCESSES, first_examples_measured, unmeasured

IMPORTED_TRACED = sys.gettrace() is not None


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As under coverage."""
    monkeypatch.setenv(PROCESSES, "how")


def looks() -> bool:
    return os.environ.get(PROCESSES) == "how"


def test_nothing_is_measured_in_the_block_and_all_after_it() -> None:
    """Also where the block fails, and where it is in another."""

    def fail() -> None:
        with unmeasured():
            with unmeasured():
                assert not looks()
            assert not looks()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert looks()


def test_in_the_block_nothing_is_traced() -> None:
    """Nor by a measurement that was begun before the one that pauses: it costs the same and nobody reads it."""
    with unmeasured():
        assert sys.gettrace() is None


def test_what_importing_runs_is_measured_by_one_worker(worker_id: str) -> None:
    """It is the same in all of them; a run without workers measures it too."""
    measures = Coverage.current() is not None
    assert (measures and worker_id in ("gw0", "master")) == IMPORTED_TRACED


def property_of(seen: list[bool]) -> tuple[SimpleNamespace, Callable[[], None]]:
    def inner() -> None:
        seen.append(looks())

    return SimpleNamespace(hypothesis=SimpleNamespace(inner_test=inner)), inner


def test_the_first_examples_are_measured() -> None:
    """So many and no more; then the property is as it was, and what follows is measured."""
    seen: list[bool] = []
    test, inner = property_of(seen)
    with first_examples_measured(test):
        for _ in range(EXAMPLES + 2):
            test.hypothesis.inner_test()
    assert seen == [True] * EXAMPLES + [False] * 2
    assert test.hypothesis.inner_test is inner
    assert looks()


def test_what_fails_is_put_back_too() -> None:
    """Or all that comes after the failure would go unmeasured."""
    test, inner = property_of([])

    def fail() -> None:
        with first_examples_measured(test):
            for _ in range(EXAMPLES + 1):
                test.hypothesis.inner_test()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert test.hypothesis.inner_test is inner
    assert looks()


def test_of_a_state_machine_nothing_is_measured() -> None:
    """It has no examples that could be counted."""
    with first_examples_measured(SimpleNamespace()):
        assert not looks()
    assert looks()


def test_garbage_is_not_looked_for_in_what_all_tests_share() -> None:
    """Modules and tests stay until the end."""
    assert gc.get_freeze_count() > len(sys.modules)
