"""How much of a run coverage looks at: in Python 3.11 what is traced takes more than twice its time."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from itertools import count
from typing import Any

from coverage import Coverage

EXAMPLES = 3
"""Examples of each property that are looked at: the others take the same lines, nearly all."""
PROCESSES = "COVERAGE_PROCESS_CONFIG"
"""Tells processes that they are looked at."""


class Measurement:
    """That of this process; there may be none."""

    def __init__(self) -> None:
        self._coverage = Coverage.current()
        self._processes = os.environ.get(PROCESSES)

    def pause(self) -> None:
        """Look away, also from processes that are started meanwhile."""
        if self._coverage is not None:
            self._coverage.stop()
        os.environ.pop(PROCESSES, None)

    def resume(self) -> None:
        """Look again, where it was paused."""
        if self._coverage is not None and Coverage.current() is not self._coverage:
            self._coverage.start()
        if self._processes is not None:
            os.environ[PROCESSES] = self._processes


def end_earlier_measurements() -> None:
    """End those that a worker's process begins with, before pytest-cov begins the one that counts.

    Their data are thrown away, but each goes on where the one above it pauses: nothing would go unmeasured.
    """
    while (earlier := Coverage.current()) is not None:
        earlier.stop()


@contextmanager
def unmeasured() -> Iterator[None]:
    """Look at nothing that happens meanwhile."""
    measurement = Measurement()
    measurement.pause()
    try:
        yield
    finally:
        measurement.resume()


@contextmanager
def first_examples_measured(test: Any) -> Iterator[None]:
    """Look at the first ``EXAMPLES`` of a property that is run meanwhile; at none of a state machine's."""
    handle = getattr(test, "hypothesis", None)
    if handle is None:
        with unmeasured():
            yield
        return
    measurement, inner = Measurement(), handle.inner_test
    handle.inner_test = _counted(inner, measurement)
    try:
        yield
    finally:
        handle.inner_test = inner
        measurement.resume()


def _counted(inner: Callable[..., Any], measurement: Measurement) -> Callable[..., Any]:
    calls = count()

    @wraps(inner)
    def counted(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == EXAMPLES:
            measurement.pause()
        return inner(*args, **kwargs)

    return counted
