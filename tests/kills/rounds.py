"""One round: a market that runs, workers that are harmed by a plan, and the verdict."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from aiokafka import AIOKafkaProducer
from msgspec import Struct, field

from tests.integration.roles import Pipeline, pipeline
from tests.servers import KafkaServer
from topics.outbox import send

from .crew import Crew, Worker
from .faults import BROKER, FAULTS, FREEZE_S, Scene, plan
from .judge import Verdict, judge
from .tape import TICK_S, Tape

WORK_S = 45.0
"""For a worker to commit again after a fault; longer is a hang, and fails the round."""
DRAIN_S = 120.0
"""For everything to be folded once nothing is harmed any more."""


class Report(Struct):
    """What a round did and found."""

    seed: str
    workers: int
    faults: Counter[str] = field(default_factory=Counter)
    unreached: int = 0
    """Faults whose step did not come."""
    statuses: Counter[int] = field(default_factory=Counter)
    ends: list[int | None] = field(default_factory=list)
    """Exit statuses of the last processes, asked to end."""
    restarts_s: list[float] = field(default_factory=list)
    seconds: float = 0.0
    verdict: Verdict = field(default_factory=Verdict)

    @property
    def kills(self) -> int:
        """Faults of workers that took place."""
        return sum(n for name, n in self.faults.items() if name not in BROKER)

    @property
    def well(self) -> bool:
        """Whether nothing is wrong, and all ended well when asked."""
        return self.verdict.faultless and set(self.ends) == {0}


class HangError(Exception):
    """A worker did not come back to work."""


class Round:
    """The means of one round."""

    def __init__(
        self, seed: str, bootstrap: str, folder: Path, *, workers: int, server: KafkaServer | None
    ) -> None:
        """``server`` is a broker that may be harmed, or None."""
        self._seed, self._bootstrap, self._folder = seed, bootstrap, folder
        self._server, self._rnd = server, random.Random(f"faults {seed}")
        self._workers = workers
        self.defect = ""
        """Planted in every worker, by `worker.py`'s names."""
        self.report = Report(seed, workers)

    async def run(self, faults: Sequence[str] | int) -> Report:
        """Carry out these faults, or so many of the seeded plan, and judge."""
        names = (
            plan(self._rnd, faults, pair=self._workers > 1) if isinstance(faults, int) else faults
        )
        began_s = time.monotonic()
        prefix = f"kills.{self._seed.replace('/', '-')}.{int(time.time())}."
        with pipeline(self._bootstrap, prefix, self._folder) as line:
            await self._harm(line, names)
            self.report.verdict = await judge(line)
        self.report.seconds = time.monotonic() - began_s
        return self.report

    async def _harm(self, line: Pipeline, names: Sequence[str]) -> None:
        # One that is alone has nobody to take over, and the session time-out of production.
        session_s = 2.0 if self._workers > 1 else 6.0
        assert session_s < FREEZE_S or self._workers == 1
        crew = Crew(
            Worker(f"w{n}", line.broker, self._folder, session_timeout_s=session_s)
            for n in range(self._workers)
        )
        for worker in crew.workers:
            worker.defect = self.defect
        tape, over = Tape(line.broker, self._seed), asyncio.Event()
        async with crew:
            playing = asyncio.create_task(_play(line, tape, over))
            try:
                await self._carry_out(Scene(crew, self._server, self._rnd), names, playing)
            finally:
                over.set()
                await playing
            await self._drained(line)
            await self._all(crew, "loaded")
            self.report.restarts_s = crew.restarts_s()
            self.report.ends = await crew.leave()
        for worker in crew.workers:
            self.report.statuses.update(death.status for death in worker.deaths)

    async def _carry_out(
        self, scene: Scene, names: Sequence[str], playing: asyncio.Task[None]
    ) -> None:
        for name in names:
            await self._at_work(scene.crew)
            if playing.done():
                playing.result()
            await asyncio.sleep(self._rnd.uniform(0.1, 1.5))
            if await FAULTS[name](scene):
                self.report.faults[name] += 1
            else:
                self.report.unreached += 1
        await self._at_work(scene.crew)

    async def _at_work(self, crew: Crew) -> None:
        """Wait until somebody works; now and then, until all do."""
        every = self._rnd.random() < 0.6
        await self._all(crew, "committed, not acknowledged", every=every)

    async def _all(self, crew: Crew, step: str, *, every: bool = True) -> None:
        """Wait until the processes that run now have come to a step."""
        enough = all if every else any
        with suppress(TimeoutError):
            async with asyncio.timeout(WORK_S):
                while not enough([worker.came_to(step) for worker in crew.workers]):
                    await asyncio.sleep(0.05)
                return
        words = [worker.said()[-2_000:] for worker in crew.workers]
        msg = f"not {step!r} within {WORK_S:.0f} s:\n" + "\n---\n".join(words)
        raise HangError(msg)

    async def _drained(self, line: Pipeline) -> None:
        try:
            async with asyncio.timeout(DRAIN_S):
                while not await line._all_folded(0):
                    await asyncio.sleep(0.3)
        except TimeoutError:
            msg = f"not everything was folded within {DRAIN_S:.0f} s"
            raise HangError(msg) from None


async def _play(line: Pipeline, tape: Tape, over: asyncio.Event) -> None:
    """Write the tape at its pace until it is over, then its last promises. A broker that is away is waited for."""
    options = line.broker.client_options()
    async with AIOKafkaProducer(**options, acks="all", enable_idempotence=True) as producer:
        due_s = time.monotonic()
        while not over.is_set():
            await send(producer, tape.tick())
            due_s += TICK_S
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        await send(producer, tape.close())
