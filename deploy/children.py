"""Processes that live no longer than this one: each holds the other end of a pipe that closes with us."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from topics import PipelineError

STOP_S = 4.0
"""After a request to end, before a process is killed."""


class ChildError(PipelineError):
    """A process we started ended by itself; the message has the end of what it said."""


class Child:
    """One role as a process of its own session, so that a Ctrl-C reaches us alone."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        """Take a started process."""
        self.name, self.process, self._log = name, process, log

    @property
    def pid(self) -> int:
        """The process id, which is also that of its session."""
        return self.process.pid

    def check(self) -> None:
        """Raise if it has ended.

        Raises:
            ChildError: It has; the message holds the last lines of its log.
        """
        code = self.process.poll()
        if code is not None:
            said = self._log.read_text(errors="replace").strip().splitlines()[-12:]
            msg = "\n  ".join([f"{self.name} ended with status {code}; it said last:", *said])
            raise ChildError(msg)

    async def stop(self, timeout_s: float = STOP_S) -> int:
        """Ask it to end, wait, and kill it if it does not; return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return await self.ended(timeout_s)

    async def ended(self, timeout_s: float) -> int:
        """Wait until it has ended, and kill it if it does not; return its exit status."""
        loop = asyncio.get_running_loop()
        give_up_s = loop.time() + timeout_s
        while self.process.poll() is None and loop.time() < give_up_s:  # noqa: ASYNC110 - no event to wait for
            await asyncio.sleep(0.02)
        if self.process.poll() is None:
            self.kill()
        return self.process.wait()

    def kill(self) -> None:
        """End it and everything it started, at once."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


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
            if child.process.poll() is None:
                child.kill()
                child.process.wait()
            if child.process.stdout:
                child.process.stdout.close()
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
                    *(sys.executable, "-m", "deploy"),
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
        """Raise if any has ended.

        Raises:
            ChildError: One has.
        """
        for child in self.all:
            child.check()
