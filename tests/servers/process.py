"""A server of a test that cannot outlive the process that started it."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path

from .requirement import ServerError

# Its input ends when we end, by exit or by SIGKILL. It leads the server's process group and kills
# that, itself included.
_GUARD = ["/bin/sh", "-c", "trap '' HUP INT TERM; read -r _; kill -9 0"]

# Below the usual ranges for outgoing connections. There, a client that keeps asking a dead server's
# port can be given that port as its own, connect to itself, and keep the server from coming back.
_PORT_FIRST, _PORT_LAST = 15_000, 31_999
_PAUSE_S = 0.02
_PROC = Path("/proc")
_turns = count()


class GuardedProcess:
    """A process that dies with its parent, however that one ends.

    A guard is started first and the server joins its process group, so there is no instant at which the
    server runs unguarded. A parent-death signal (``PR_SET_PDEATHSIG``) would not do: it is Linux only and
    fires when the *thread* that started the server ends.

    A child forked without exec (``multiprocessing`` by fork) holds the guard's input open as well.
    """

    def __init__(self, command: Sequence[str], *, folder: Path, log: Path) -> None:
        """Start ``command`` in ``folder``; both its outputs are appended to ``log``."""
        self._guard = subprocess.Popen(  # noqa: S603  # A constant.
            _GUARD,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
        try:
            with log.open("ab") as output:
                self._server = subprocess.Popen(  # noqa: S603  # A server of tests/servers.
                    command,
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    process_group=self._guard.pid,
                )
        except BaseException:
            self._end_guard()
            raise

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._server.pid

    @property
    def group(self) -> int:
        """The process group of server and guard; the guard's process id."""
        return self._guard.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet; a paused one runs."""
        return self._server.poll() is None

    @property
    def status(self) -> int | None:
        """Its exit status, less than 0 for a signal; None while it runs."""
        return self._server.poll()

    def pause(self) -> None:
        """Stop it from being scheduled (SIGSTOP): connections stay open and nothing answers."""
        self._server.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused one go on (SIGCONT)."""
        self._server.send_signal(signal.SIGCONT)

    def ask(self) -> None:
        """Ask it to end (SIGTERM) and wait for nothing."""
        self._server.terminate()

    def end(self, patience_s: float) -> bool:
        """Ask it to end (SIGTERM); kill it after ``patience_s``. Return whether it ended by itself."""
        self.resume()
        self._server.terminate()
        try:
            self._server.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        self._end_guard()
        return True

    def kill(self) -> None:
        """End it at once (SIGKILL), and all it started. Nothing happens to one that has ended."""
        self._server.kill()
        self._end_guard()
        self._server.wait()

    def _end_guard(self) -> None:
        # Not reaped before this line, so its group's number cannot belong to anybody else.
        if self._guard.returncode is None:
            os.killpg(self._guard.pid, signal.SIGKILL)
            self._guard.wait()
        if self._guard.stdin is not None:
            self._guard.stdin.close()


def free_ports(number: int) -> list[int]:
    """Return loopback ports that nobody listens on. Runs side by side search from different places."""
    found: list[int] = []
    span = _PORT_LAST - _PORT_FIRST + 1
    for _ in range(span):
        port = _PORT_FIRST + (os.getpid() * 64 + next(_turns)) % span
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == number:
            return found
    message = f"no {number} free ports between {_PORT_FIRST} and {_PORT_LAST}"
    raise ServerError(message)


def lives(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent to notice does not."""
    return pid in _running()


def members(leaders: Iterable[int]) -> list[int]:
    """Return the running processes of these groups."""
    wanted = set(leaders)
    return [pid for pid, group in _running().items() if group in wanted]


def _running() -> dict[int, int]:
    """Return every process that runs with its group. A bare container has no ps, macOS no /proc."""
    if not (_PROC / "self").exists():
        told = subprocess.run(
            ["/bin/ps", "-A", "-o", "pid=,pgid=,stat="], capture_output=True, text=True, check=True
        ).stdout
        rows = [line.split() for line in told.splitlines()]
        return {int(pid): int(group) for pid, group, state in rows if state[0] != "Z"}
    found = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with suppress(FileNotFoundError, ProcessLookupError):
                state, _, group, *_ = (entry / "stat").read_text().rpartition(")")[2].split()
                if state not in "ZX":
                    found[int(entry.name)] = int(group)
    return found


def survivors(pids: Iterable[int], patience_s: float) -> list[int]:
    """Wait until none of the processes runs and return those that still do, killed by then."""
    left, deadline_s = list(pids), time.monotonic() + patience_s
    while left := [pid for pid in left if lives(pid)]:
        if time.monotonic() > deadline_s:
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            break
        time.sleep(_PAUSE_S)
    return left
