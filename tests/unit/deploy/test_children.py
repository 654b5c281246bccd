"""Processes of ours and of theirs: what dies says so, what is told to end ends, and nothing is left over."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.children import SAID_LINES, Child, ChildError, Children
from deploy.settings import environment_of
from tests.measured import PROCESSES
from tests.servers.process import lives, members, survivors

PATIENCE_S = 20.0
"""Longer than a process takes to start on a busy machine."""
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(99)"
FAMILY = (
    "import subprocess, sys, time;"
    " child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)']);"
    " print(child.pid, flush=True); time.sleep(99)"
)
PARENT = """
import sys, time
from pathlib import Path
from deploy.children import Children
from deploy.settings import environment_of
import os
with Children(Path(sys.argv[1])) as children:
    for role in ("embedded", "fake-claude"):
        children.start(role, [role], environment_of({}, os.environ), piped=True)
    for child in children.all:
        child.process.stdout.readline()
        print(child.pid, flush=True)
    time.sleep(99)
"""

Run = Callable[..., Child]


@pytest.fixture(autouse=True)
def _unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the roles here run is measured where it is tested, and takes twice the time."""
    monkeypatch.delenv(PROCESSES, raising=False)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Start a program of a line or two as a child."""
    children: list[Child] = []

    def start(program: str, name: str = "role") -> Child:
        log = tmp_path / f"{name}.log"
        with log.open("ab") as out:
            process = subprocess.Popen(  # noqa: S603 - a constant of this file
                [sys.executable, "-c", program],
                stdout=subprocess.PIPE,
                stderr=out,
                start_new_session=True,
            )
        children.append(Child(name, process, log))
        return children[-1]

    yield start
    for child in children:
        child.close()


@pytest.fixture
def children(tmp_path: Path) -> Iterator[Children]:
    with Children(tmp_path) as made:
        yield made


def died(child: Child) -> list[str]:
    """Wait for a child's own end, and return the lines in which it is told."""
    child.process.wait(PATIENCE_S)
    with pytest.raises(ChildError) as told:
        child.check()
    return [line.strip() for line in str(told.value).splitlines()]


def test_a_role_that_dies_names_itself_and_says_what_it_said(children: Children) -> None:
    """A real role that refuses its settings: its name, its status and its own words; the others are looked at too."""
    environment = environment_of({"log": {"level": "loud"}}, os.environ)
    alive = children.start("fake-claude", ["fake-claude"], environment_of({}, os.environ))
    children.check()
    dead = children.start("streams-0", ["streams"], environment)
    assert died(dead) == [
        "streams-0 ended by itself with status 2; it said last:",
        "tapereader: settings refused:",
        "log.level = 'loud': String should match pattern '^(debug|info|warning|error)$'",
    ]
    with pytest.raises(ChildError, match="streams-0"):
        children.check()
    alive.check()


def test_of_a_long_log_only_the_end_is_told(run: Run) -> None:
    """Whatever bytes are in it."""
    program = (
        "import os, sys; [os.write(2, b'line %d \\xff\\n' % n) for n in range(1000)]; sys.exit(3)"
    )
    told = died(run(program))
    assert told[0] == "role ended by itself with status 3; it said last:"
    assert told[1:] == [f"line {n} \ufffd" for n in range(1000 - SAID_LINES, 1000)]


def test_what_was_killed_is_told_by_its_signal(run: Run) -> None:
    """Without any last words there are none."""
    child = run("import time; time.sleep(99)")
    child.check()
    child.process.kill()
    assert died(child) == ["role ended by itself with SIGKILL"]


def test_an_end_without_being_asked_is_an_error_even_if_clean(run: Run) -> None:
    """Half a pipeline is none."""
    assert died(run("print('done')")) == ["role ended by itself with status 0"]


async def test_a_child_that_was_asked_to_end_has_not_died(children: Children) -> None:
    """Its status is what it makes of the request; asked twice, it is the same."""
    child = children.start(
        "fake-claude", ["fake-claude"], environment_of({}, os.environ), piped=True
    )
    assert "base_url" in json.loads(await child.first_line())
    assert child.status is None
    assert await child.stop() == 0
    assert await child.stop() == 0
    child.check()


async def test_a_child_that_ignores_the_request_is_killed(run: Run) -> None:
    """When its time is over, and not before."""
    child = run(STUBBORN)
    assert await child.first_line() == b"up\n"
    begun_s = time.monotonic()
    assert await child.stop(0.3) == -signal.SIGKILL
    assert 0.3 <= time.monotonic() - begun_s < 3.0
    assert not lives(child.pid)
    child.check()


async def test_waiting_for_an_end_ends_what_does_not(run: Run) -> None:
    """Without a request: its own status if it makes it in time."""
    assert await run("import sys; sys.exit(7)").ended(PATIENCE_S) == 7
    assert await run("import time; time.sleep(99)", "slow").ended(0.2) == -signal.SIGKILL


@pytest.mark.parametrize("how", ["kill", "stop", "close", "dies"])
async def test_what_a_child_started_dies_with_it(run: Run, how: str) -> None:
    """However the child ends: there is nobody else who would end it."""
    child = run(FAMILY)
    grandchild = int(await child.first_line())
    assert lives(grandchild)
    match how:
        case "kill":
            child.process.kill()
            await child.ended(PATIENCE_S)
        case "stop":
            await child.stop()
        case "close":
            child.close()
        case _:
            child.process.terminate()
            died(child)
    assert survivors([child.pid, grandchild], 5.0) == []


def test_the_end_of_the_context_leaves_nothing(tmp_path: Path) -> None:
    """Neither processes nor open pipes."""
    before = _open_files()
    with Children(tmp_path) as children:
        for name in ("one", "two"):
            children.start(name, ["fake-claude"], environment_of({}, os.environ), piped=True)
    assert survivors([child.pid for child in children.all], 0.0) == []
    assert _open_files() == before


def test_nothing_survives_the_kill_of_its_parent(tmp_path: Path) -> None:
    """Each role notices by its end of a pipe, and ends what it has started: here Redis."""
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(  # noqa: S603 - a constant of this file
        [sys.executable, "-P", "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, env=environment
    ) as parent:
        assert parent.stdout
        roles = [int(parent.stdout.readline()) for _ in range(2)]
        family = members(roles)
        assert len(family) >= 3  # and Redis
        parent.kill()
    assert survivors(family, 8.0) == []
    assert [found.name for found in tmp_path.iterdir() if "redis" in found.name] == []


def test_the_log_is_kept_over_a_restart(children: Children, tmp_path: Path) -> None:
    """What the first said is often why the second fails."""
    for _ in range(2):
        child = children.start("one", ["no-such-role"], environment_of({}, os.environ))
        assert child.process.wait(PATIENCE_S) == 2
    assert (tmp_path / "one.log").read_text().count("No such command 'no-such-role'") == 2


async def test_a_child_that_says_nothing_gives_an_empty_line(run: Run) -> None:
    """It has ended before it was up."""
    assert await asyncio.wait_for(run("pass").first_line(), PATIENCE_S) == b""


def _open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))
