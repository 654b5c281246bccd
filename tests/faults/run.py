"""Everything fails in turn: `python -m tests.faults.run --minutes 3 --seed 1`, or `make soak`; `--json FILE` for machines.

Two agents read 200 aggregates a second from a real Kafka, spend a budget in a real Redis, and ask a fake Claude that
fails in all its ways by a seeded script. At the end the fake heals. Then everything is judged, from the topics, the
requests on the wire, the fake's bill and the ledger. Exit 1 when anything is wrong. Linux only (`/proc`).
"""

import argparse
import asyncio
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer

from agents.account.connection import LedgerError
from agents.account.ledger import Ledger
from agents.account.terms import terms_of
from tests.integration.agent_runs import committed, now_ms
from tests.integration.roles import Pipeline, pipeline
from tests.kills.nightly import say
from tests.kills.soak import WHEN, Memory
from tests.servers import KafkaServer, RedisServer, find_binary, provide
from topics import partition_of

from .collected import account_of, billed, letters_of, rows_of, sample_of
from .evidence import Evidence, Sample, Terms
from .judge import judge
from .report import table
from .stage import SCOPE, Agent, Stage, staged
from .tape import Tape
from .verdict import Verdict
from .weather import HEALED_S, forecast

RATE = 200
"""Aggregates a second."""
TICK_S = 0.05
SAMPLE_S = 0.1
DRAIN_S = 90.0
"""For everything that was written to be answered, once no more is."""
RECOVERY_S = 5.0
"""Aimed at. The settings bound it by `open_s_max`, 3 s, and the next candidates' turn."""
ALERTS_S = 3.0
"""For the last alerts, which no offset tells of, to be read and answered."""


class Run:
    """One run, and what it leaves behind."""

    def __init__(
        self, *, seed: int, seconds: float, recovery_s: float = RECOVERY_S, defect: str = ""
    ) -> None:
        """Prepare; ``recovery_s`` is what recovery is held to, ``defect`` is planted in the agents."""
        self._seed, self._seconds, self._defect = seed, seconds, defect
        self._recovery_s = recovery_s
        self._samples: list[Sample] = []
        self._memory: dict[str, Memory] = {}
        self._healed_s = 0.0
        self.statuses: list[int | None] = []

    async def go(self, bootstrap: str, redis_url: str, folder: Path) -> Verdict:
        """Do it on these servers, and judge."""
        prefix = f"faults.{self._seed}.{int(time.time())}."
        with pipeline(bootstrap, prefix, folder) as line:
            async with staged(line, redis_url, seed=self._seed, defect=self._defect) as stage:
                await self._play(line, stage)
                self.statuses = [await asyncio.to_thread(agent.end) for agent in stage.agents]
                evidence = await self._evidence(line, stage)
        verdict = judge(evidence)
        verdict.figures |= {"exit_statuses": self.statuses, "seconds": self._seconds}
        return verdict

    async def _play(self, line: Pipeline, stage: Stage) -> None:
        terms = stage.settings
        ledger = Ledger(
            terms.budget.redis_url or "",
            prefix=line.broker.prefix,
            scope=SCOPE,
            terms=terms_of(terms.budget, terms.pacing, []),
        )
        over = asyncio.Event()
        beside = [
            asyncio.create_task(self._write(line, over)),
            asyncio.create_task(self._sample(ledger)),
            asyncio.create_task(self._weigh(stage.agents)),
        ]
        try:
            await _while_well(self._storm(stage), beside)
            over.set()
            await beside[0]
            await _drained(line, stage.agents)
            for agent in stage.agents:
                self._memory[agent.name].marks.append(agent.rss_mb)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await ledger.close()

    async def _write(self, line: Pipeline, over: asyncio.Event) -> None:
        """Write the market at its pace, until it is over."""
        records, broker = Tape(str(self._seed)).records(), line.broker
        began_s, written = time.monotonic(), 0
        async with AIOKafkaProducer(**broker.client_options(), acks="all") as producer:
            while not over.is_set():
                while written < (time.monotonic() - began_s) * RATE:
                    planted = next(records)
                    await producer.send(
                        broker.topic(planted.topic),
                        planted.value,
                        key=planted.key.encode(),
                        partition=partition_of(planted.asset, broker.partitions),
                    )
                    written += planted.topic == "aggregates"
                await asyncio.sleep(TICK_S)
            await producer.flush()

    async def _storm(self, stage: Stage) -> None:
        """Let the fake fail as the forecast says."""
        began_s = time.monotonic()
        for span in forecast(str(self._seed), self._seconds):
            passed_s = time.monotonic() - began_s
            say(f"{passed_s:7.1f} s  {len(stage.sends):5} requests  {span.words}")
            await stage.fake.play(*span.steps)
            if span.seconds == HEALED_S and not span.steps:
                self._healed_s = time.time()
            await asyncio.sleep(span.seconds)
            for agent in stage.agents:
                agent.check()

    async def _sample(self, ledger: Ledger) -> None:
        """Look at the books again and again."""
        while True:
            with suppress(LedgerError):  # it does not answer: the agents stand still as well
                if (sample := sample_of(await ledger.show(now_ms()))) is not None:
                    self._samples.append(sample)
            await asyncio.sleep(SAMPLE_S)

    async def _weigh(self, agents: list[Agent]) -> None:
        """Mark the agents' memory at its times; the end's is taken when all is answered."""
        began_s = time.monotonic()
        self._memory = {agent.name: Memory(self._seconds) for agent in agents}
        while True:
            for agent in agents:
                marks = self._memory[agent.name]
                if len(marks.marks) < len(WHEN) - 1 and marks.due(time.monotonic() - began_s):
                    marks.marks.append(agent.rss_mb)
            await asyncio.sleep(SAMPLE_S)

    async def _evidence(self, line: Pipeline, stage: Stage) -> Evidence:
        settings = stage.settings
        evidence = Evidence(
            terms=Terms(
                deadline_s=settings.deadline_s,
                probes=settings.breaker.probes,
                recovery_s=self._recovery_s,
            ),
            letters=letters_of(await line.read("deadletters")),
            bill=billed((await stage.fake.bill())["entries"]),
            samples=self._samples,
            changes=[change for agent in stage.agents for change in agent.changes()],
            sends=stage.sends,
            healed_s=self._healed_s,
            memory_mb={name: memory.marks for name, memory in self._memory.items()},
        )
        for name in ("aggregates", "analyses", "decisions", "journal", "alerts"):
            setattr(evidence, name, rows_of(await line.read(name)))
        terms = terms_of(settings.budget, settings.pacing, [])
        ledger = Ledger(
            settings.budget.redis_url or "", prefix=line.broker.prefix, scope=SCOPE, terms=terms
        )
        try:
            evidence.booked = await account_of(ledger, evidence.journal)
        finally:
            await ledger.close()
        return evidence


async def _while_well(storm: Coroutine[Any, Any, None], beside: list[asyncio.Task[None]]) -> None:
    """Wait for the storm's end; raise what anything beside it has ended with."""
    raging = asyncio.create_task(storm)
    try:
        await asyncio.wait([raging, *beside], return_when=asyncio.FIRST_COMPLETED)
        for task in (raging, *beside):
            if task.done():
                task.result()
    finally:
        raging.cancel()
        await asyncio.gather(raging, return_exceptions=True)


async def _drained(line: Pipeline, agents: list[Agent]) -> None:
    """Return when the agents have finished everything that was written."""
    await asyncio.sleep(ALERTS_S)
    async with asyncio.timeout(DRAIN_S), line._reader("aggregates") as (consumer, places):
        ends = await consumer.end_offsets(places)
        while True:
            found = await committed(line.broker)
            if all(found.get(place.partition, 0) >= end for place, end in ends.items()):
                return
            for agent in agents:
                agent.check()
            await asyncio.sleep(0.5)


async def on_own_servers(arguments: argparse.Namespace, folder: Path) -> tuple[Verdict, bool]:
    """Run on a broker and a Redis of its own; return the verdict, and whether all is well."""
    kafka = KafkaServer(provide(os.environ), folder / "kafka")
    redis = RedisServer(find_binary(os.environ), folder / "redis")
    run = Run(seed=arguments.seed, seconds=arguments.minutes * 60, defect=arguments.defect)
    try:
        await asyncio.to_thread(kafka.start)
        await asyncio.to_thread(redis.start)
        verdict = await run.go(kafka.bootstrap, redis.url, folder)
        return verdict, verdict.faultless and set(run.statuses) == {0}
    finally:
        redis.close()
        kafka.close()


def main() -> int:
    """Parse, run, tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.run", description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0, help="how long (3)")
    parser.add_argument("--seed", type=int, default=1, help="of market and faults (1)")
    parser.add_argument("--json", type=Path, help="write verdict and figures here")
    parser.add_argument("--defect", default="", help="plant `asks while open` or `leaks`")
    arguments = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it speaks of each reconnect
    folder = Path(tempfile.mkdtemp(prefix="tapereader-faults-"))
    say(f"{arguments.minutes:g} minutes, seed {arguments.seed}, in {folder}")
    verdict, well = asyncio.run(on_own_servers(arguments, folder))
    say(table(verdict))
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(verdict)) + b"\n")
    say("all is well" if well else f"FAILED; logs and data are kept in {folder}")
    if well:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
