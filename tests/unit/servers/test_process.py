"""A guarded process ends with its parent, however that one ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.process import GuardedProcess, free_ports, survivors

ROOT = Path(__file__).parents[3]
PATIENCE_S = 10.0
SLEEP = ["/bin/sleep", "600"]
STUBBORN = ["/bin/sh", "-c", "trap '' HUP INT TERM; while :; do sleep 0.05; done"]


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[GuardedProcess]:
    process = GuardedProcess(SLEEP, folder=tmp_path, log=tmp_path / "log")
    yield process
    process.kill()


def test_a_kill_ends_it_and_its_guard(guarded: GuardedProcess) -> None:
    """Nothing of the group is left; a second kill does nothing."""
    guarded.kill()
    assert not guarded.running
    with pytest.raises(ProcessLookupError):
        os.killpg(guarded.group, 0)
    guarded.kill()


def test_it_ends_when_asked(guarded: GuardedProcess) -> None:
    """An orderly end is reported as one."""
    assert guarded.end(PATIENCE_S)
    assert not guarded.running


def test_a_paused_one_ends_when_asked(guarded: GuardedProcess) -> None:
    """It is woken, for a frozen process does not see the question."""
    guarded.pause()
    assert guarded.end(PATIENCE_S)


def test_one_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    """And the caller is told that it was."""
    process = GuardedProcess(STUBBORN, folder=tmp_path, log=tmp_path / "log")
    time.sleep(0.1)  # Until its trap is set.
    assert not process.end(0.2)
    assert not process.running


def test_one_that_ended_by_itself_is_seen(tmp_path: Path) -> None:
    """Its output is in the log, and ending it again is no error."""
    log = tmp_path / "log"
    process = GuardedProcess(["/bin/sh", "-c", "echo why; exit 3"], folder=tmp_path, log=log)
    deadline_s = time.monotonic() + PATIENCE_S
    while process.running and time.monotonic() < deadline_s:
        time.sleep(0.01)
    assert not process.running
    assert log.read_text() == "why\n"
    assert process.end(PATIENCE_S)


def test_a_program_that_is_not_there_leaves_no_guard(tmp_path: Path) -> None:
    """The start fails as it would without one."""
    with pytest.raises(FileNotFoundError):
        GuardedProcess(["/no/such/program"], folder=tmp_path, log=tmp_path / "log")


PARENT = """
import sys, threading, time
from pathlib import Path
from tests.servers.process import GuardedProcess
folder, way = Path(sys.argv[1]), sys.argv[2]
started = []
def start():
    started.append(GuardedProcess(sys.argv[3:], folder=folder, log=folder / "log"))
thread = threading.Thread(target=start)
thread.start()
thread.join()
if way == "paused":
    started[0].pause()
time.sleep(0.1)
print(started[0].pid, started[0].group, started[0].running, flush=True)
if way == "exits":
    sys.exit()
time.sleep(600)
"""


@pytest.mark.parametrize(
    ("way", "ends_by"),
    [
        ("killed", signal.SIGKILL),
        ("paused", signal.SIGKILL),
        ("hung up", signal.SIGKILL),
        ("term", signal.SIGTERM),
        ("exits", None),
    ],
)
def test_it_ends_with_its_parent(tmp_path: Path, way: str, ends_by: int | None) -> None:
    """By SIGKILL, by SIGTERM, by leaving, after its terminal closed; but not with the thread that started it."""
    with subprocess.Popen(  # noqa: S603  # This interpreter, our script.
        [sys.executable, "-c", PARENT, str(tmp_path), way, *STUBBORN],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        pid, group, running = parent.stdout.readline().split()
        assert running == "True"
        if way == "hung up":
            os.killpg(int(group), signal.SIGHUP)
        if ends_by is not None:
            parent.send_signal(ends_by)
        parent.wait(PATIENCE_S)
    assert survivors([int(pid), int(group)], PATIENCE_S) == []


def test_ports_are_free_and_differ() -> None:
    """They are none that outgoing connections are given."""
    ports = free_ports(20) + free_ports(20)
    assert len(set(ports)) == 40
    assert all(15_000 <= port < 32_000 for port in ports)
