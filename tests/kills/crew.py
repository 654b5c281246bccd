"""Workers as processes, and a supervisor that starts whatever ends."""

import asyncio
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import msgspec
from msgspec import Struct

from tests.servers.process import GuardedProcess, free_ports
from topics.broker import BrokerSettings

from .worker import Briefing

ROOT = Path(__file__).parents[2]
LOOK_S = 0.02


class Death(Struct):
    """The end of a worker, and the one after it."""

    worker: str
    status: int
    at_s: float
    next_pid: int = 0


class Step(Struct):
    """What a worker told of itself."""

    at_s: float
    pid: int
    what: str


class Worker:
    """One instance: the same name after each restart."""

    MODULE = "tests.kills.worker"
    """The program of its processes."""

    def __init__(self, name: str, broker: BrokerSettings, folder: Path, **streams: Any) -> None:
        self.name, self.wanted = name, True
        self.deaths: list[Death] = []
        self._log, self.told = folder / f"{name}.log", folder / f"{name}.told"
        self._order, self._file = folder / f"{name}.order", folder / f"{name}.json"
        self._settings: dict[str, Any] = {
            "instance": name,
            "state_dir": str(folder),
            "broker": broker.model_dump(mode="json"),
            "probes": {"port": free_ports(1)[0]},
            "streams": streams,
        }
        self.defect = ""
        """Planted in every process of it, by `worker.py`'s names."""
        self._process: GuardedProcess | None = None
        self._hurt_s: float | None = None
        self._frozen_s: float | None = None

    def start(self) -> None:
        """Start a process, which the next death tells of."""
        self._file.write_bytes(msgspec.json.encode(self._briefing()))
        command = [sys.executable, "-m", self.MODULE, str(self._file)]
        self._process = GuardedProcess(command, folder=ROOT, log=self._log)
        self._hurt_s = self._frozen_s = None
        if self.deaths and not self.deaths[-1].next_pid:
            self.deaths[-1].next_pid = self._process.pid

    def _briefing(self) -> Struct:
        """Return what its next process is given."""
        return Briefing(self._settings, str(self.told), str(self._order), self.defect)

    @property
    def pid(self) -> int:
        """Of the process that runs or ran last."""
        return self._process.pid if self._process else 0

    def steps(self) -> list[Step]:
        """Return all that its processes told."""
        if not self.told.exists():
            return []
        lines = (line.split(" ", 2) for line in self.told.read_text().splitlines())
        return [Step(float(at), int(pid), what) for at, pid, what in lines]

    @property
    def working(self) -> bool:
        """Whether the process that runs now has committed something."""
        return self.came_to("committed, not acknowledged")

    def came_to(self, step: str) -> bool:
        """Whether the process that runs now has told this step."""
        told = any(s.what == step for s in self.steps() if s.pid == self.pid)
        return self.running and told

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    def said(self) -> str:
        """Return its processes' log."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def kill(self) -> None:
        """End it by SIGKILL."""
        self._hurt_s = time.time()
        if self._process:
            self._process.kill()

    def ask(self) -> None:
        """Ask it to end by SIGTERM."""
        self._hurt_s = time.time()
        if self._process:
            self._process.ask()

    def freeze(self) -> None:
        """Stop it from being scheduled (SIGSTOP)."""
        if self._process and self.running:
            self._process.pause()

    def thaw(self) -> None:
        """Let it go on."""
        if self._process and self.running:
            self._process.resume()

    def order(self, what: str, step: str) -> None:
        """Let it `exit` or `freeze` at its next step of that name."""
        new = self._order.with_suffix(".new")
        new.write_text(f"{what} {step}")
        new.rename(self._order)

    @property
    def obeyed(self) -> bool:
        """Whether there is no order left."""
        return not self._order.exists()

    def forgive(self) -> None:
        """Take an order back."""
        self._order.unlink(missing_ok=True)

    def look(self) -> None:
        """Start it again if it has ended, and note that."""
        status = self._process.status if self._process else None
        if self._process is None or status is None:
            return
        self.deaths.append(Death(self.name, status, self._hurt_s or time.time()))
        self._process.kill()  # its guard
        self._process = None
        if self.wanted:
            self.start()

    def close(self) -> int | None:
        """End it, asked first, and return its status; None if it did not end by itself."""
        self.wanted = False
        self.forgive()
        process, self._process = self._process, None
        if process is None:
            return 0
        ended = process.end(15.0)
        return process.status if ended else None


class Crew:
    """Some workers of one pipeline under one supervisor."""

    def __init__(self, workers: Iterable[Worker]) -> None:
        self.workers = list(workers)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        for worker in self.workers:
            worker.start()
        self._task = asyncio.create_task(self._supervise())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.leave()

    async def _supervise(self) -> None:
        while True:
            for worker in self.workers:
                worker.look()
            await asyncio.sleep(LOOK_S)

    async def leave(self) -> list[int | None]:
        """End all of them in good order and return their exit statuses."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._task = None
        return [await asyncio.to_thread(worker.close) for worker in self.workers]

    def restarts_s(self) -> list[float]:
        """Return, for each death whose successor came to commit something, the time between the two."""
        found = []
        for worker in self.workers:
            commits: dict[int, float] = {}
            for step in worker.steps():
                if step.what.startswith("committed"):
                    commits.setdefault(step.pid, step.at_s)
            found += [
                commits[death.next_pid] - death.at_s
                for death in worker.deaths
                if death.next_pid in commits
            ]
        return found
