"""The soak's own measure: a worker that leaks is found, one that fills and comes to rest is not."""

import os
from pathlib import Path

import pytest

from tests.servers import SharedKafka

from .soak import Memory, Soak, rss_mb


@pytest.mark.parametrize(
    ("marks", "bounded"),
    [
        ((90.0, 150.0, 200.0, 250.0), True),  # most of it before half of the time, and 25 % after
        ((90.0, 90.0, 90.0, 60.0), True),
        ((90.0, 150.0, 200.0, 251.0), False),
        ((90.0, 90.0, 90.0), False),  # it has not come to the end
    ],
)
def test_memory_is_bounded_when_the_second_half_adds_little(
    marks: tuple[float, ...], bounded: bool
) -> None:
    assert Memory(60.0, list(marks)).bounded is bounded


def test_marks_are_due_at_the_start_a_quarter_a_half_and_the_end() -> None:
    """Each once, and none after the last."""
    memory, taken = Memory(60.0), []
    for second in range(90):
        if memory.due(second):
            taken.append(second)
            memory.marks.append(1.0)
    assert taken == [0, 15, 30, 60]


def test_resident_memory_is_that_of_the_process() -> None:
    """What it allocates and touches is seen."""
    before = rss_mb(os.getpid())
    held = bytearray(b"x" * 64 * 1024 * 1024)
    assert 56 < rss_mb(os.getpid()) - before < 80
    del held


@pytest.mark.integration
@pytest.mark.nightly
async def test_a_leak_is_found_and_nothing_else(kafka: SharedKafka, tmp_path: Path) -> None:
    """A worker that keeps something of every slice: its windows are all right, its memory is not."""
    soak = Soak("leak/1", kafka.bootstrap, tmp_path, seconds=40.0)
    soak.defect = "leaks"
    report = await soak.run(soak.names)
    assert report.verdict.faultless, report.verdict.examples
    assert not soak.memory.bounded, soak.memory
