"""One round: a market that runs, agents that are harmed by a plan, and the verdict."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from agents.account.connection import LedgerError
from agents.account.ledger import Ledger
from agents.account.terms import Terms
from agents.decide.alerts import candidate_id_of
from agents.settings import AgentSettings
from tests.integration.agent_runs import committed, now_ms
from tests.integration.roles import Pipeline, pipeline
from tests.kills.crew import Crew
from tests.kills.rounds import HangError
from tests.unit.agents.fake_claude.wire import Wire
from tests.unit.agents.serving import fake_claude, url_of
from topics import Alert, Decision

from .crew import Agent
from .faults import LEASE_S, Fault, Scene, carry_out
from .judge import Paid, Verdict, ends_of, final, heirs, judge
from .logs import control_of, read_logs
from .market import Market

CONCURRENCY = 2
"""Calls of one agent at once."""
IN_FLIGHT_MAX = 2 * CONCURRENCY
"""Calls that a death or a revocation may waste: as many again may be answered and not acknowledged yet."""
LATENCY_MS = 150
WORK_S = 180.0
"""For the agents to commit again after a fault; longer is a hang, and fails the round."""
DRAIN_S = 180.0
"""For everything to be finished once nothing is harmed any more."""


class Report(Struct):
    """What a round did and found."""

    seed: str
    agents: int
    faults: Counter[str] = field(default_factory=Counter)
    unreached: list[str] = field(default_factory=list)
    """Faults whose step did not come."""
    ends: list[int | None] = field(default_factory=list)
    """Exit statuses of the last processes, asked to end."""
    deaths: int = 0
    revocations: int = 0
    """Times at which an agent lost its partitions, all of them at once."""
    restarts_s: list[float] = field(default_factory=list)
    seconds: float = 0.0
    verdict: Verdict = field(default_factory=Verdict)

    @property
    def harmed(self) -> int:
        """Faults that took place."""
        return self.faults.total()

    @property
    def zombies(self) -> int:
        """Faults after which somebody may write whose partitions are another's."""
        return sum(n for name, n in self.faults.items() if not name.startswith("kill"))

    @property
    def wasted_max(self) -> int:
        """Calls that may have been paid for nothing: those in flight."""
        return IN_FLIGHT_MAX * (self.deaths + self.revocations)

    @property
    def well(self) -> bool:
        """Whether nothing is wrong, and all ended well when asked."""
        verdict = self.verdict
        return (
            verdict.faultless
            and verdict.wasted <= self.wasted_max
            and (self.zombies > 0 or verdict.differing == 0)
            and set(self.ends) == {0}
        )


def settings_of(fake: Wire, redis_url: str, **changes: Any) -> dict[str, Any]:
    """Return the agent's branch: a model that is asked about whatever falls, and money enough."""
    return {
        "gate": {"cool_down_s": 0},
        "model": {
            "base_url": url_of(fake),
            "api_key": "test",
            "simulated": True,
            "concurrency": CONCURRENCY,
            "timeout_s": 3.0,
        },
        # What is harmed is the agent: its calls that fail say nothing of the model.
        "breaker": {"calls_min": 1_000_000},
        "budget": {"redis_url": redis_url, "usd_per_day": 10_000, "lease_s": LEASE_S},
        "deadline_s": 6.0,
        "tally_s": 0.5,
        **changes,
    }


class Round:
    """The means of one round."""

    def __init__(
        self, seed: str, bootstrap: str, redis_url: str, folder: Path, *, agents: int
    ) -> None:
        self._seed, self._bootstrap, self._redis_url = seed, bootstrap, redis_url
        self._folder, self._agents = folder, agents
        self._rnd = random.Random(f"victims {seed}")
        self.defect = ""
        """Planted in every agent, by `agent.py`'s names."""
        self.report = Report(seed, agents)

    async def run(self, faults: Sequence[Fault]) -> Report:
        """Carry out these faults, and judge."""
        began_s = time.monotonic()
        prefix = f"agentkills.{self._seed.replace('/', '-')}.{int(time.time())}."
        async with fake_claude(latency_ms=LATENCY_MS, jitter_ms=LATENCY_MS // 3) as fake:
            with pipeline(self._bootstrap, prefix, self._folder) as line:
                settings = settings_of(fake, self._redis_url)
                await self._harm(line, settings, faults)
                self.report.verdict = await verdict_on(line, settings, fake, self._redis_url)
        self.report.seconds = time.monotonic() - began_s
        return self.report

    async def _harm(
        self, line: Pipeline, settings: dict[str, Any], faults: Sequence[Fault]
    ) -> None:
        made = [
            Agent(f"a{n}", line.broker, self._folder, settings) for n in range(self._agents + 1)
        ]
        for agent in made:
            agent.defect = self.defect
        *agents, guest = made
        crew, over = Crew(agents), asyncio.Event()
        async with crew:
            crew.workers.append(guest)
            playing = asyncio.create_task(Market(line.broker, self._seed).play(over))
            try:
                await self._carry_out(Scene(agents, guest, self._rnd), faults, playing)
            finally:
                over.set()
                await playing
            with suppress(TimeoutError):
                await finished(line)
            self.report.restarts_s = Crew(agents).restarts_s()
            self.report.ends = await crew.leave()
        self.report.deaths = sum(d.status != 0 for agent in made for d in agent.deaths)
        self.report.revocations = sum(len(agent.times("revoked")) for agent in made)

    async def _carry_out(
        self, scene: Scene, faults: Sequence[Fault], playing: asyncio.Task[None]
    ) -> None:
        for fault in faults:
            await self._at_work(scene.agents)
            if playing.done():
                playing.result()
            await asyncio.sleep(self._rnd.uniform(0.1, 0.8))
            if await carry_out(scene, fault):
                self.report.faults[str(fault)] += 1
            else:
                self.report.unreached.append(str(fault))
        await self._at_work(scene.agents)

    async def _at_work(self, agents: Sequence[Agent]) -> None:
        """Wait until all are in the group, and somebody has finished something more."""
        since_s = time.time()
        with suppress(TimeoutError):
            async with asyncio.timeout(WORK_S):
                while not (
                    all(agent.running and agent.working for agent in agents)
                    and any(agent.has_since("committed", since_s) for agent in agents)
                ):
                    await asyncio.sleep(0.05)
                return
        words = [agent.said()[-2_000:] for agent in agents]
        msg = f"not at work within {WORK_S:.0f} s:\n" + "\n---\n".join(words)
        raise HangError(msg)


async def finished(line: Pipeline, patience_s: float = DRAIN_S) -> None:
    """Return when the group has committed to the ends of the aggregates, and every alert has its end.

    Raises:
        TimeoutError: It did not come to that.
    """
    async with asyncio.timeout(patience_s):
        ends: dict[int, int] = {}
        async with line._reader("aggregates") as (consumer, places):
            ends = {p.partition: end for p, end in (await consumer.end_offsets(places)).items()}
        while True:
            found = await committed(line.broker)
            if all(found.get(partition, 0) >= end for partition, end in ends.items() if end):
                break
            await asyncio.sleep(0.2)
        while not await _alerts_ended(line):
            await asyncio.sleep(0.3)


async def _alerts_ended(line: Pipeline) -> bool:
    logs = await read_logs(line)
    decisions = logs.of(Decision)
    ended, survivors = final(decisions), heirs(decisions)
    return all(
        ends_of(candidate_id_of(alert.alert_id), survivors, ended) for _, alert in logs.of(Alert)
    )


async def verdict_on(
    line: Pipeline, settings: dict[str, Any], fake: Wire, redis_url: str
) -> Verdict:
    """Judge what a pipeline holds, once no attempt is open any more."""
    logs = await read_logs(line)
    control = control_of(AgentSettings.model_validate(settings), logs)
    ledger = Ledger(redis_url, prefix=line.broker.prefix, scope="default", terms=Terms(caps={}))
    try:
        async with asyncio.timeout(WORK_S):
            while (shown := await ledger.show(now_ms())).open_attempts:
                with suppress(LedgerError):
                    await ledger.sweep(now_ms())
                await asyncio.sleep(0.2)
        paid = [await _paid(ledger, entry) for entry in (await fake.bill())["entries"]]
    finally:
        await ledger.close()
    return judge(logs, control, paid, shown.spend.settled + shown.spend.charged)


async def _paid(ledger: Ledger, entry: dict[str, Any]) -> Paid:
    attempt_id = entry["user_id"]
    state, _, booked = await ledger.find(attempt_id) or (None, 0, 0)
    return Paid(attempt_id, entry["cost_nano_usd"], state, booked)
