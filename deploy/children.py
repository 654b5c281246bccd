"""Processes that live no longer than this one: each holds the other end of a pipe that closes with us."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from topics import PipelineError

STOP_S = 4.0
"""After a request to end, before a process is killed."""
SAID_LINES = 12
"""Of a log, in an error."""


class ChildError(PipelineError):
    """A process we started ended by itself; the message has the end of what it said."""


class Child:
    """One role as a process of its own session, so that a Ctrl-C reaches us alone."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        """Take a started process."""
        self.name, self.process, self._log = name, process, log
        self._asked = self._swept = False

    @property
    def pid(self) -> int:
        """The process id, which is also that of its session and group."""
        return self.process.pid

    @property
    def status(self) -> int | None:
        """Its exit status, less than 0 for a signal; None while it runs."""
        status = self.process.poll()
        if status is not None and not self._swept:
            self._swept = True
            self._kill()  # what it started and did not end itself
        return status

    def check(self) -> None:
        """Raise if it has ended without being asked to.

        Raises:
            ChildError: It has; the message holds the last lines of its log.
        """
        status = self.status
        if status is not None and not self._asked:
            said = self._log.read_text(errors="replace").strip().splitlines()[-SAID_LINES:]
            how = signal.Signals(-status).name if status < 0 else f"status {status}"
            head = f"{self.name} ended by itself with {how}"
            msg = "\n  ".join([f"{head}; it said last:", *said] if said else [head])
            raise ChildError(msg)

    async def first_line(self) -> bytes:
        """Return the first line it prints, for a process whose output is read; empty if it ends before."""
        out = self.process.stdout
        return await asyncio.to_thread(out.readline) if out else b""

    async def stop(self, timeout_s: float = STOP_S) -> int:
        """Ask it to end, wait, and kill it if it does not; return its exit status."""
        self._asked = True
        if self.status is None:
            self.process.send_signal(signal.SIGTERM)
        return await self.ended(timeout_s)

    async def ended(self, timeout_s: float) -> int:
        """Wait until it has ended, and kill it if it does not; return its exit status."""
        loop = asyncio.get_running_loop()
        give_up_s = loop.time() + timeout_s
        while self.status is None and loop.time() < give_up_s:  # noqa: ASYNC110 - no event to wait for
            await asyncio.sleep(0.02)
        return self.close()

    def close(self) -> int:
        """End it and everything it started, at once, and return its exit status."""
        if self.status is None:
            self._kill()
        if self.process.stdout:
            self.process.stdout.close()
        return self.process.wait()

    def _kill(self) -> None:
        # A group of none but a dead leader is not there on Linux, and forbidden on macOS.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


class Children:
    """Starts roles and ends all of them, however this process ends."""

    def __init__(self, folder: Path) -> None:
        """Keep their logs under ``folder``."""
        self._folder = folder
        self._lifeline, self._held = os.pipe()
        self.all: list[Child] = []

    def __enter__(self) -> Self:
        """Begin without any."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave no process behind."""
        for child in self.all:
            child.close()
        os.close(self._held)
        os.close(self._lifeline)

    def start(
        self,
        name: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        *,
        piped: bool = False,
    ) -> Child:
        """Start `tapereader ARGUMENTS` as a process; ``piped`` lets us read its standard output."""
        log = self._folder / f"{name}.log"
        with log.open("ab") as out:
            process = subprocess.Popen(  # noqa: S603 - our own command
                [
                    # -P: a folder `agents` where the user happens to stand is none of ours.
                    *(sys.executable, "-P", "-m", "deploy"),
                    *arguments,
                    *("--lifeline", str(self._lifeline)),
                ],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if piped else out,
                stderr=out,
                pass_fds=(self._lifeline,),
                start_new_session=True,
            )
        child = Child(name, process, log)
        self.all.append(child)
        return child

    def check(self) -> None:
        """Raise if any has ended without being asked to.

        Raises:
            ChildError: One has.
        """
        for child in self.all:
            child.check()
