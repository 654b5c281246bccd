"""Two stalls that evict nobody and lose nothing: the model hangs, the brokers refuse writes.

In both, one agent works on a market before, while and after. What it owes is read off the topics, and that the group
knew it all the time off its one assignment.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from agents.assignment import FETCH_BYTES
from agents.decide.gate import FIRST_EDITION
from agents.settings import AgentSettings
from tests.integration.agent_runs import Place
from tests.integration.roles import Pipeline
from tests.kills.crew import Crew
from tests.unit.agents.fake_claude.wire import Wire
from topics import BY_NAME, Aggregate, Analysis, Decision, Tally

from .crew import Agent
from .judge import Verdict, ends_of, final, heirs
from .logs import Control, Logs, control_of, read_logs
from .market import ASSETS, Market
from .rounds import finished, verdict_on

LATE_S_MAX = 5.0
"""Beyond a deadline, from the cause in its log to the analysis in its own: reading, rules, acknowledgements."""
PATIENCE_S = 120.0
"""For what must come in the end."""


class Watched(Struct):
    """What both stalls are judged by."""

    assigned: int = 0
    """Assignments of its one process; each begins a generation of the group."""
    generations: list[int] = field(default_factory=list)
    deaths: int = 0
    ends: list[int | None] = field(default_factory=list)
    verdict: Verdict = field(default_factory=Verdict)

    @property
    def held(self) -> bool:
        """Whether nobody was evicted, and nothing lost."""
        return (
            (self.assigned, self.deaths) == (1, 0)
            and len(set(self.generations)) == 1
            and self.verdict.faultless
            and self.verdict.differing == 0
            and self.ends == [0]
        )


class ModelStall(Watched):
    """A model that hung."""

    candidates: int = 0
    """Of the time of the hang, states included."""
    alerts: int = 0
    by_model: int = 0
    """Of these candidates, answered by the model all the same."""
    late_s: float = 0.0
    """The longest from a candidate's cause to its analysis, less the deadline; below 0, all were in time."""
    tally_late_s: float = 0.0
    """The longest from a window that made no candidate to its tally, less the time it may take."""
    recovered_s: float = float("inf")
    """From its healing to the next analysis by the model."""


class BrokerStall(Watched):
    """Brokers that refused."""

    paused_s: float = float("inf")
    """From the beginning to the bound, where reading pauses."""
    resumed_s: float = float("inf")
    """From the healing until reading goes on."""
    behind: int = 0
    """Records that were not read meanwhile."""
    candidates: int = 0
    """Of these."""
    judged: Counter[str] = field(default_factory=Counter)
    """Decisions on these that are not `coalesced`, by asset."""
    fetches: int = 0
    """In how many at most the records of one partition came."""

    @property
    def judged_max(self) -> int:
        """Of one asset: once in each fetch, and once in what had been fetched before the pause."""
        return self.fetches + 1


@asynccontextmanager
async def at_work(
    line: Pipeline, folder: Path, settings: dict[str, Any], seed: str, watched: Watched, **how: Any
) -> AsyncIterator[Agent]:
    """Have an agent at work on a market in a block; then everything is finished, and it leaves."""
    agent, over = Agent("a0", line.broker, folder, settings, **how), asyncio.Event()
    async with Crew([agent]) as crew:
        playing = asyncio.create_task(Market(line.broker, seed).play(over))
        try:
            await until(lambda: agent.came_to("committed"), "the agent works")
            yield agent
        finally:
            over.set()
            await playing
        await finished(line)
        watched.ends = await crew.leave()
    watched.assigned = len(agent.times("assigned"))
    watched.generations = [
        int(told.what.split()[1]) for told in agent.steps() if told.what.startswith("generation")
    ]
    watched.deaths = len([death for death in agent.deaths if death.status != 0])


async def until(holds: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    """Return when something is so.

    Raises:
        TimeoutError: It does not become so.
    """
    until_s = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > until_s:
            msg = f"not within {patience_s:.0f} s: {what}"
            raise TimeoutError(msg)
        await asyncio.sleep(0.05)


async def hang_model(
    line: Pipeline,
    folder: Path,
    settings: dict[str, Any],
    fake: Wire,
    *,
    stall_s: float,
    recover_s: float,
    seed: str = "hang",
) -> ModelStall:
    """Let the model hang for a time, and wait up to ``recover_s`` until it is asked again with success."""
    report = ModelStall()
    async with at_work(line, folder, settings, seed, report):
        await _model_answers(line, 0.0, PATIENCE_S)
        await fake.play({"requests": [1, None], "fault": "hang"})
        began_s = time.time()
        await asyncio.sleep(stall_s)
        await fake.play()
        healed_s = time.time()
        report.recovered_s = await _model_answers(line, healed_s, recover_s) - healed_s
    redis_url = settings["budget"]["redis_url"]
    report.verdict = await verdict_on(line, settings, fake, redis_url)
    agent = AgentSettings.model_validate(settings)
    measure_lateness(report, await read_logs(line), agent, began_s, healed_s)
    return report


async def _model_answers(line: Pipeline, since_s: float, patience_s: float) -> float:
    """Return when the first analysis by the model since a time was made."""
    async with asyncio.timeout(patience_s):
        while True:
            logs = await read_logs(line)
            made = [a.produced_ms / 1000 for _, a in logs.of(Analysis) if a.origin == "model"]
            if later := [at_s for at_s in made if at_s > since_s]:
                return min(later)
            await asyncio.sleep(0.5)


def measure_lateness(
    report: ModelStall, logs: Logs, settings: AgentSettings, began_s: float, healed_s: float
) -> None:
    """Measure how long what came while the model hung waited for its end."""
    control, decisions = control_of(settings, logs), logs.of(Decision)
    ended, survivors = final(decisions), heirs(decisions)
    said: dict[str, tuple[int, str]] = {}
    for told, analysis in logs.of(Analysis):
        said.setdefault(analysis.analysis_id, (told.logged_ms, analysis.origin))
    waited_s = []
    for candidate_id, cause_ms in control.logged_ms.items():
        if not began_s * 1000 < cause_ms < healed_s * 1000 - settings.deadline_s * 1000:
            continue
        ends = [said[end] for end in ends_of(candidate_id, survivors, ended) if end in said]
        at_ms, origin = min(ends, default=(float("inf"), "none"))
        waited_s.append((at_ms - cause_ms) / 1000)
        report.by_model += origin == "model"
        report.alerts += candidate_id in control.alerts
    report.candidates = len(waited_s)
    report.late_s = max(waited_s) - settings.deadline_s
    report.tally_late_s = _tally_late_s(logs, control, settings, began_s, healed_s)


def _tally_late_s(
    logs: Logs, control: Control, settings: AgentSettings, began_s: float, healed_s: float
) -> float:
    """Return the longest from a window that made no candidate to where it is accounted for, less what it may take.

    A revision waits for the answers that it may correct. Where it corrects one, that decision accounts for it.
    """
    decode = BY_NAME["aggregates"].decoder().decode
    tallies = [(told.logged_ms, tally) for told, tally in logs.of(Tally)]
    decided_ms: dict[Place, int] = {}
    for told, decision in logs.of(Decision):
        place = Place(decision.aggregates_partition, decision.last_offset)
        decided_ms.setdefault(place, told.logged_ms)
    longest_s = -settings.tally_s
    for partition, records in enumerate(logs.aggregates):
        for record in records:
            came = began_s * 1000 < record.timestamp < healed_s * 1000
            place = Place(partition, record.offset)
            if not came or place not in control.tallied:
                continue
            spoken_ms = (
                at_ms
                for at_ms, tally in tallies
                if tally.aggregates_partition == partition
                and tally.first_offset <= record.offset <= tally.last_offset
            )
            told_ms = min((*spoken_ms, decided_ms.get(place, float("inf"))))
            waited_s = (told_ms - record.timestamp) / 1000
            aggregate: Aggregate = decode(record.value or b"")
            revises = aggregate.edition != FIRST_EDITION
            may_s = settings.tally_s + (settings.deadline_s if revises else 0.0)
            longest_s = max(longest_s, waited_s - may_s)
    return longest_s


async def refuse_writes(
    line: Pipeline,
    folder: Path,
    settings: dict[str, Any],
    fake: Wire,
    *,
    stall_s: float,
    fail: Callable[[], None],
    heal: Callable[[], None],
    backlog_max: int | None = None,
    seed: str = "refuse",
) -> BrokerStall:
    """Have the brokers refuse what the agent writes for a time; ``fail`` and ``heal`` are theirs."""
    report = BrokerStall()
    async with at_work(line, folder, settings, seed, report, backlog_max=backlog_max) as agent:
        await _model_answers(line, 0.0, PATIENCE_S)
        await asyncio.to_thread(fail)
        began_s = time.time()
        await until(
            lambda: agent.has_since("paused", began_s), "reading pauses", max(stall_s, PATIENCE_S)
        )
        paused_s = next(at_s for at_s in agent.times("paused") if at_s > began_s)
        await asyncio.sleep(max(0.0, began_s + stall_s - time.time()))
        await asyncio.to_thread(heal)
        healed_s = time.time()
        await until(lambda: agent.has_since("resumed", healed_s), "reading goes on")
        resumed_s = next(at_s for at_s in agent.times("resumed") if at_s > healed_s)
    report.paused_s, report.resumed_s = paused_s - began_s, resumed_s - healed_s
    report.verdict = await verdict_on(line, settings, fake, settings["budget"]["redis_url"])
    logs = await read_logs(line)
    control = control_of(AgentSettings.model_validate(settings), logs)
    measure_coalescing(report, logs, control, paused_s, resumed_s)
    return report


def measure_coalescing(
    report: BrokerStall, logs: Logs, control: Control, paused_s: float, resumed_s: float
) -> None:
    """Count how often each asset was judged for what was written while nobody read."""
    ended = final(logs.of(Decision))
    for partition, records in enumerate(logs.aggregates):
        behind = [r for r in records if paused_s * 1000 < r.timestamp < resumed_s * 1000]
        report.behind += len(behind)
        size = sum(len(record.value or b"") for record in behind)
        report.fetches = max(report.fetches, -(-size // FETCH_BYTES))
        for record in behind:
            candidate_id = control.candidates.get(Place(partition, record.offset))
            if candidate_id is None:
                continue
            report.candidates += 1
            if candidate_id in ended:
                report.judged[(record.key or b"").decode()] += 1
    assert set(report.judged) <= set(ASSETS)
