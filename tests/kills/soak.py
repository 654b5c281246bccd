"""A long run: `python -m tests.kills.soak --minutes 60`, or `make soak`; `--minutes 2` to see it work.

Two workers fold a steady market. One is harmed at random intervals, the other never: it takes the partitions over and
gives them back, and its memory must come to rest. At the end every output is judged. State still fills in the first
minutes, so that a short run says little of memory. Linux only (`/proc`). The judge holds all of the run's records in
memory: some 2 GB for an hour.
"""

import argparse
import asyncio
import logging
import os
import shutil
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct, field

from tests.servers import KafkaServer, provide

from .crew import Worker
from .faults import BROKER, FAULTS, Scene, plan
from .figures import spread
from .nightly import say
from .rounds import HangError, Round

PAUSE_S = (5.0, 25.0)
"""Between two faults."""
GROWTH_MAX = 0.25
"""Of the spared worker's memory, from half of the time to its end; state has filled by then."""
WHEN = ("start", "quarter", "half", "end")
_SHARES = (0.0, 0.25, 0.5, 1.0)
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024
_KB_A_MB = 1024


class Memory(Struct):
    """Resident memory of one worker over the run, in MB."""

    seconds: float
    """How long the run is to last."""
    marks: list[float] = field(default_factory=list)
    """At `WHEN`, as far as it has come."""

    def due(self, passed_s: float) -> bool:
        """Return whether the next mark's time has come."""
        return (
            len(self.marks) < len(_SHARES) and passed_s >= _SHARES[len(self.marks)] * self.seconds
        )

    @property
    def bounded(self) -> bool:
        """Whether it was marked to the end and grew no more than it may."""
        if len(self.marks) < len(WHEN):
            return False
        half, end = self.marks[-2:]
        return end <= half * (1 + GROWTH_MAX)


class Soak(Round):
    """A round that lasts as long as it is told to, and spares one worker."""

    def __init__(self, seed: str, bootstrap: str, folder: Path, *, seconds: float) -> None:
        super().__init__(seed, bootstrap, folder, workers=2, server=None)
        self.memory = Memory(seconds)
        self.names = [n for n in plan(self._rnd, 100, pair=True) if n not in (*BROKER, "kill all")]
        """A broker that is away ends the spared one too; `nightly` has those."""
        self.deaths: dict[str, int] = {}

    async def _carry_out(
        self, scene: Scene, names: Sequence[str], playing: asyncio.Task[None]
    ) -> None:
        spared, harmed = scene.crew.workers
        scene.victims = [harmed]
        await self._all(scene.crew, "committed, not acknowledged")
        began_s, left = time.monotonic(), deque(names)
        due_s = began_s + self._rnd.uniform(*PAUSE_S)
        while len(self.memory.marks) < len(WHEN):
            if playing.done():
                playing.result()
            if self.memory.due(time.monotonic() - began_s):
                self._mark(spared)
            if time.monotonic() < due_s:
                await asyncio.sleep(0.2)
                continue
            await self._at_work(scene.crew)
            name = left.popleft()
            left.append(name)
            took_place = await FAULTS[name](scene)
            self.report.faults[name] += took_place
            self.report.unreached += not took_place
            due_s = time.monotonic() + self._rnd.uniform(*PAUSE_S)
        await self._at_work(scene.crew)
        self.deaths = {worker.name: len(worker.deaths) for worker in scene.crew.workers}

    def _mark(self, worker: Worker) -> None:
        self.memory.marks.append(rss_mb(worker.pid))
        when = WHEN[len(self.memory.marks) - 1]
        say(f"{when:8} {self.memory.marks[-1]:7.1f} MB, {self.report.kills} faults so far")


def rss_mb(pid: int) -> float:
    """Return a process's resident memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * _PAGE_KB / _KB_A_MB


async def run(soak: Soak) -> bool:
    """Run it, print what it gave, and return whether all is well."""
    try:
        report = await soak.run(soak.names)
    except HangError as error:
        say(f"HANG {error}")
        return False
    memory, v = soak.memory, report.verdict
    say(
        "MB at "
        + ", ".join(f"{w} {m:.1f}" for w, m in zip(WHEN, memory.marks, strict=True))
        + f": {'bounded' if memory.bounded else 'GROWS'}"
    )
    restarts = ", ".join(f"{name} {count}" for name, count in sorted(soak.deaths.items()))
    say(
        f"{report.kills} faults ({report.unreached} did not come about); restarts: {restarts} (w0 is spared;"
        f" its memory begins anew with each), exit statuses {dict(sorted(report.statuses.items()))},"
        f" s p50/p95/max {spread(report.restarts_s)}"
    )
    say(
        f"{v.records} raw records, {v.outputs} aggregates ({v.revisions} corrections), {v.late} late,"
        f" {v.letters} dead letters, {v.aborted} records aborted"
    )
    faults = ("missing", "wrong", "extra", "doubled", "disordered", "contradicted", "uncounted")
    say(", ".join(f"{getattr(v, name)} {name}" for name in faults))
    say("\n".join(v.examples))
    return report.well and memory.bounded


async def on_a_broker(arguments: argparse.Namespace, folder: Path) -> bool:
    """Run on a broker of its own."""
    server = KafkaServer(provide(os.environ), folder / "kafka")
    await asyncio.to_thread(server.start)
    try:
        soak = Soak(arguments.seed, server.bootstrap, folder, seconds=arguments.minutes * 60)
        return await run(soak)
    finally:
        server.close()


def main() -> int:
    """Parse, run, tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="how long (60)")
    parser.add_argument("--seed", default=str(int(time.time())), help="of market and faults")
    arguments = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it speaks of each reconnect
    folder = Path(tempfile.mkdtemp(prefix="tapereader-soak-"))
    say(f"{arguments.minutes:g} minutes, seed {arguments.seed}, in {folder}")
    well = asyncio.run(on_a_broker(arguments, folder))
    say("all is well" if well else f"FAILED; logs and data are kept in {folder}")
    if well:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
