"""How long a death lasts: `python -m tests.kills.recovery`, or with `--small` in about two minutes.

*Restart*: SIGKILL of the only worker to the moment a reader of committed records sees the first checkpoint that
holds an event written after the kill; the supervisor's own delay is part of it. *Failover*: the same for all
partitions when another worker takes over and the dead one is not started again.
"""

import argparse
import asyncio
import logging
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.engine.store import load as load_changelog
from streams.windows.state import Meta
from tests.integration.roles import Pipeline, pipeline
from tests.servers import KafkaServer, provide
from topics import raw_topic
from topics.broker import BrokerSettings

from .crew import Crew, Step, Worker
from .figures import spread
from .load import ENTRIES_A_SUBJECT, Load

WORK_S = 90.0
CHANGELOG = "streams-state-changelog"
PARTS = (
    ("process start", "killed", "started"),
    ("join the group", "started", "assigned, not fenced"),
    ("fence", "assigned, not fenced", "fenced, not loaded"),
    ("load", "fenced, not loaded", "loaded"),
    ("first slice folded", "loaded", "begun"),
    ("first commit", "begun", "committed, not acknowledged"),
    ("seen by a reader", "committed, not acknowledged", "seen"),
)
FAILOVER_PARTS = (
    ("session, rebalance", "killed", "assigned, not fenced"),
    ("fence", "assigned, not fenced", "fenced, not loaded"),
    ("load", "fenced, not loaded", "loaded"),
    ("all seen by a reader", "loaded", "seen"),
)
"""The session time-out runs from the dead one's last heartbeat, the rebalance from the survivor's next."""

Parts = tuple[tuple[str, str, str], ...]


class Watch:
    """Sees commits as any reader does."""

    def __init__(self, broker: BrokerSettings) -> None:
        self._places = [
            TopicPartition(broker.topic(CHANGELOG), p) for p in range(broker.partitions)
        ]
        self._raw = [
            TopicPartition(broker.topic(raw_topic("market")), p) for p in range(broker.partitions)
        ]
        self._consumer = AIOKafkaConsumer(**broker.reader_options(), fetch_max_wait_ms=20)

    async def start(self) -> None:
        await self._consumer.start()
        self._consumer.assign(self._places)

    async def stop(self) -> None:
        await self._consumer.stop()

    async def mark(self) -> dict[int, int]:
        """Look from now on, and return the ends of the raw partitions."""
        await self._consumer.seek_to_end(*self._places)
        for place in self._places:
            await self._consumer.position(place)
        return {
            tp.partition: end for tp, end in (await self._consumer.end_offsets(self._raw)).items()
        }

    async def passed(self, ends: dict[int, int], *, every: bool) -> float:
        """Return when a checkpoint with an event past these ends was seen: the first, or in every partition."""
        left = dict(ends)
        async with asyncio.timeout(WORK_S):
            while True:
                for place, records in (await self._consumer.getmany(timeout_ms=20)).items():
                    for record in records:
                        if record.key.endswith(b"|market|meta"):
                            meta = msgspec.json.decode(record.value, type=Meta)
                            if (meta.next_offset or 0) > left.get(place.partition, 1 << 62):
                                left.pop(place.partition)
                                if not every or not left:
                                    return time.time()


def _parts(parts: Parts, steps: Iterable[Step], killed_s: float, seen_s: float) -> dict[str, float]:
    """Return how long each part took whose steps came."""
    moments = {"killed": killed_s, "seen": seen_s}
    for step in steps:
        moments.setdefault(step.what, step.at_s)
    return {name: moments[to] - moments[of] for name, of, to in parts if {of, to} <= moments.keys()}


async def _at_work(crew: Crew) -> None:
    async with asyncio.timeout(WORK_S):
        while not all(worker.working for worker in crew.workers if worker.wanted):
            await asyncio.sleep(0.05)


class Trial:
    """The figures of one run."""

    def __init__(self, line: Pipeline, folder: Path, arguments: argparse.Namespace) -> None:
        self._line, self._folder, self._arguments = line, folder, arguments
        self._rnd = random.Random(arguments.seed)
        subjects = max(1, arguments.entries // ENTRIES_A_SUBJECT)
        self._load = Load(line.broker, subjects, arguments.seed)
        self._watch = Watch(line.broker)
        self.restarts_s: list[float] = []
        self.failovers_s: list[float] = []
        self.parts: list[dict[str, float]] = []
        self.failover_parts: list[dict[str, float]] = []

    async def run(self) -> None:
        """Fill the state, load it, and kill."""
        workers = [Worker(f"w{n}", self._line.broker, self._folder) for n in range(2)]
        await self._watch.start()
        try:
            async with Crew(workers[:1]) as crew:
                await asyncio.to_thread(self._load.past)
                async with asyncio.timeout(600):
                    while not await self._line._all_folded(0):
                        await asyncio.sleep(1)
                await self.tell_state("after the past")
                self._load.begin(self._arguments.load)
                await asyncio.sleep(self._arguments.warm_s)
                await self.tell_state("when the kills begin")
                for _ in range(self._arguments.kills):
                    await self._restart(crew)
                if self._arguments.failovers:
                    crew.workers.append(workers[1])
                    workers[1].start()
                for _ in range(self._arguments.failovers):
                    await self._failover(crew)
        finally:
            await asyncio.to_thread(self._load.end)
            await self._watch.stop()

    async def _restart(self, crew: Crew) -> None:
        worker = crew.workers[0]
        await _at_work(crew)
        await asyncio.sleep(self._rnd.uniform(2, 4))
        ends, killed_s = await self._watch.mark(), time.time()
        worker.kill()
        seen_s = await self._watch.passed(ends, every=False)
        self.restarts_s.append(seen_s - killed_s)
        steps = (step for step in worker.steps() if step.pid == worker.pid)
        self.parts.append(_parts(PARTS, steps, killed_s, seen_s))

    async def _failover(self, crew: Crew) -> None:
        await _at_work(crew)
        # The group has to be quiet: both have what is theirs, and go on with it.
        await asyncio.sleep(self._rnd.uniform(4, 6))
        worker = self._rnd.choice(crew.workers)
        ends, killed_s = await self._watch.mark(), time.time()
        worker.wanted = False
        worker.kill()
        seen_s = await self._watch.passed(ends, every=True)
        self.failovers_s.append(seen_s - killed_s)
        (other,) = (w for w in crew.workers if w is not worker)
        steps = (step for step in other.steps() if step.at_s > killed_s)
        self.failover_parts.append(_parts(FAILOVER_PARTS, steps, killed_s, seen_s))
        worker.wanted = True
        worker.start()

    async def tell_state(self, when: str) -> None:
        """Print how much there is to load."""
        broker = self._line.broker
        began_s = time.monotonic()
        loaded = await load_changelog(broker, broker.topic(CHANGELOG), range(broker.partitions))
        took_s = time.monotonic() - began_s
        entries = sum(map(len, loaded.values()))
        size = sum(len(k) + len(v) for part in loaded.values() for k, v in part.items())
        records = sum(len(part) for part in await self._line.read(CHANGELOG))
        say(
            f"{when}: {entries} live entries, {size} bytes ({size / max(1, entries):.0f} each), in"
            f" {records} records; {self._load.written} raw records written; bulk load here {took_s:.2f} s"
        )


def say(words: str) -> None:
    """Print at once."""
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


async def run(arguments: argparse.Namespace, folder: Path) -> None:
    """Run on a broker of its own, and print the figures."""
    server = KafkaServer(provide(os.environ), folder / "kafka")
    await asyncio.to_thread(server.start)
    try:
        with pipeline(server.bootstrap, "recovery.", folder) as line:
            trial = Trial(line, folder, arguments)
            try:
                await trial.run()
            finally:
                tell(trial)
    finally:
        server.close()


def tell(trial: Trial) -> None:
    """Print the figures."""
    say(f"restarts {len(trial.restarts_s)}: s p50/p95/max {spread(trial.restarts_s)}")
    _tell_parts(PARTS, trial.parts)
    say(f"failovers {len(trial.failovers_s)}: s p50/p95/max {spread(trial.failovers_s)}")
    _tell_parts(FAILOVER_PARTS, trial.failover_parts)


def _tell_parts(parts: Parts, took: list[dict[str, float]]) -> None:
    for name, _, _ in parts:
        say(f"  {name:20} {spread([one[name] for one in took if name in one])}")


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills.recovery", description=__doc__)
    parser.add_argument("--small", action="store_true", help="5,000 entries, 500 events/s, 3 kills")
    parser.add_argument("--entries", type=int, default=100_000, help="live state entries (100,000)")
    parser.add_argument("--load", type=int, default=5_000, help="events/s (5,000)")
    parser.add_argument("--warm-s", type=float, default=600.0, help="of load before a kill (600)")
    parser.add_argument("--kills", type=int, default=30, help="restarts (30)")
    parser.add_argument("--failovers", type=int, default=20, help="failovers (20)")
    parser.add_argument("--seed", type=int, default=1, help="of the records and the pauses")
    arguments = parser.parse_args()
    if arguments.small:
        arguments.entries, arguments.load, arguments.warm_s = 5_000, 500, 5.0
        arguments.kills, arguments.failovers = 3, 2
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it speaks of each reconnect
    folder = Path(tempfile.mkdtemp(prefix="tapereader-recovery-"))
    say(f"in {folder}: {vars(arguments)}")
    asyncio.run(run(arguments, folder))
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
