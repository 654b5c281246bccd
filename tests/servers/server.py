"""What Kafka and Redis have in common when we run them ourselves."""

import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from .process import GuardedProcess
from .requirement import ServerError

_PAUSE_S = 0.02
_LOG_TAIL_BYTES = 2_000


class OwnServer(ABC):
    """A server of our own on loopback. Ports and data stay the same from start to start.

    ``folder`` holds its data and ``server.log``, the output of all its starts.
    """

    ready_s = 60.0
    """Seconds it may take to answer; on a busy machine ten times what it needs on an idle one."""
    stop_s = 30.0
    """Seconds it may take to end in good order."""

    def __init__(self, folder: Path) -> None:
        """Nothing is written or started yet."""
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "server.log"
        self._process: GuardedProcess | None = None

    @property
    @abstractmethod
    def address(self) -> str:
        """Where clients find it."""

    @abstractmethod
    def _prepare(self) -> list[str]:
        """Write what a start needs and return the command."""

    @abstractmethod
    def _ask(self) -> Callable[[], bool]:
        """Return a question that is true once it serves clients."""

    @property
    def running(self) -> bool:
        """Whether its process lives; a paused one does."""
        return self._process is not None and self._process.running

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._started().pid

    def start(self) -> None:
        """Start it and return when it answers.

        Raises:
            ServerError: it was started before, ended at once or did not answer in time.
        """
        if self._process is not None:
            message = f"the server at {self.address} was started before"
            raise ServerError(message)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._process = process = GuardedProcess(self._prepare(), folder=self.folder, log=self.log)
        try:
            wait_until(self._ask(), self.address, self.ready_s, lives=lambda: process.running)
        except BaseException as error:
            self.kill()
            error.add_note(f"{self.log} ends:\n{self._log_tail()}")
            raise

    def stop(self) -> None:
        """End it in good order, if it was started.

        Raises:
            ServerError: it had to be killed.
        """
        process, self._process = self._process, None
        if process is not None and not process.end(self.stop_s):
            message = f"the server at {self.address} did not end in {self.stop_s:.0f} s"
            error = ServerError(message)
            error.add_note(f"{self.log} ends:\n{self._log_tail()}")
            raise error

    def kill(self) -> None:
        """End it by SIGKILL, if it was started."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()

    def restart(self) -> None:
        """Stop it if it was started, and start it again."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze it (SIGSTOP): its connections stay open and nothing answers."""
        self._started().pause()

    def resume(self) -> None:
        """Let a frozen one go on (SIGCONT)."""
        self._started().resume()

    def close(self) -> None:
        """End it at once and remove its data; its log stays."""
        self.kill()
        shutil.rmtree(self.data, ignore_errors=True)

    def _started(self) -> GuardedProcess:
        if self._process is None:
            message = f"the server at {self.address} was not started"
            raise ServerError(message)
        return self._process

    def _log_tail(self) -> str:
        if not self.log.exists():
            return "(nothing)"
        return self.log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace")


def wait_until(
    answers: Callable[[], bool],
    address: str,
    patience_s: float,
    *,
    lives: Callable[[], bool] = lambda: True,
) -> None:
    """Return when ``answers`` is true.

    Raises:
        ServerError: the server's process does not live, or time is up.
    """
    deadline_s = time.monotonic() + patience_s
    while time.monotonic() < deadline_s:
        if not lives():
            message = f"the server at {address} ended while it started"
            raise ServerError(message)
        if answers():
            return
        time.sleep(_PAUSE_S)
    message = f"the server at {address} did not answer in {patience_s:.0f} s"
    raise ServerError(message)
