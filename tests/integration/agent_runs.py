"""The agent role in this process: aggregates written, a worker run and stopped, and its books gone through."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from agents.account.books import Books as Account
from agents.account.ledger import Ledger
from agents.account.terms import Terms
from agents.analyst import Analyst
from agents.answer.decided import OUTCOMES
from agents.ask.breaker import CircuitBreaker
from agents.ask.claude import Claude
from agents.ask.concurrency import ConcurrencyLimit
from agents.ask.model import LanguageModel
from agents.assignment import GROUP
from agents.cache.narratives import NarrativeCache
from agents.desk import Desk, Seat
from agents.settings import AgentSettings
from agents.worker import Worker
from tests.unit.agents.fake_claude.wire import Wire
from tests.unit.agents.serving import url_of
from topics import Aggregate, Analysis, Decision, Intent, Result, Tally, encode, partition_of
from topics.deadletter import from_record
from topics.settings import BrokerSettings

from .log import decoded, read_log

WriteEntry = Callable[[Intent | Result], Awaitable[None]]
PATIENCE_S = 60.0
"""Longer than anything here takes on a busy machine."""
PARTITIONS = 2


def now_ms() -> int:
    """Return the wall clock."""
    return time.time_ns() // 1_000_000


async def until(holds: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Return when something is so."""
    async with asyncio.timeout(patience_s):
        while not holds():
            await asyncio.sleep(0.02)


class Place(NamedTuple):
    """Where a record of the aggregates stands."""

    partition: int
    offset: int


async def publish(
    broker: BrokerSettings,
    aggregates: Iterable[Aggregate | bytes],
    *,
    transaction: str | None = None,
    at_ms: int | None = None,
) -> list[Place]:
    """Write windows, each to its asset's partition, and return where they stand.

    With a ``transaction`` they go in transactions of five, each after an aborted one. ``at_ms`` is the first's
    log time, later ones follow a second after another.
    """
    topic, places = broker.topic("aggregates"), []

    async def write(producer: AIOKafkaProducer, found: Aggregate | bytes, number: int) -> None:
        value = found if isinstance(found, bytes) else encode(found)
        asset = "BTC" if isinstance(found, bytes) else found.asset
        time_ms = None if at_ms is None else at_ms + 1_000 * number
        told = await producer.send_and_wait(
            topic,
            value,
            key=asset.encode(),
            partition=partition_of(asset, broker.partitions),
            timestamp_ms=time_ms,
        )
        places.append(Place(told.partition, told.offset))

    waiting = list(enumerate(aggregates))
    options = {"transactional_id": broker.topic(transaction)} if transaction else {}
    async with (
        asyncio.timeout(PATIENCE_S),
        AIOKafkaProducer(**broker.client_options(), **options) as producer,
    ):
        if transaction is None:
            for number, found in waiting:
                await write(producer, found, number)
            return places
        while waiting:
            await producer.begin_transaction()
            await producer.send_and_wait(topic, b"never committed", partition=0)
            await producer.abort_transaction()
            async with producer.transaction():
                for number, found in waiting[:5]:
                    await write(producer, found, number)
            del waiting[:5]
    return places


async def no_journal(entry: Intent | Result) -> None:
    """Keep nothing."""
    del entry


@asynccontextmanager
async def desk_at(
    fake: Wire,
    ledger_url: str,
    prefix: str,
    settings: AgentSettings,
    write: WriteEntry = no_journal,
) -> AsyncIterator[Desk]:
    """Give all it takes to ask a fake Claude, and close it; ``write`` keeps its journal."""
    model = Claude(
        provider="anthropic", name=settings.model.name, base_url=url_of(fake), api_key="test"
    )
    async with desk_of(model, ledger_url, prefix, settings, write) as desk:
        yield desk


@asynccontextmanager
async def desk_of(
    model: LanguageModel,
    ledger_url: str,
    prefix: str,
    settings: AgentSettings,
    write: WriteEntry = no_journal,
) -> AsyncIterator[Desk]:
    """Give all it takes to ask a model, and close it."""
    terms = Terms(caps={"day/all/nano_usd": 10**9})
    ledger = Ledger(ledger_url, prefix=prefix, scope="test", terms=terms)
    try:
        await ledger.rebuild((), now_ms())
        seat = Seat(
            model,
            CircuitBreaker(settings.breaker),
            CircuitBreaker(settings.breaker),
            ConcurrencyLimit(settings.model.concurrency, lost_s=60.0),
            products=frozenset(settings.model.products),
        )
        yield Desk([seat], Account(ledger, write, now_ms=now_ms))
    finally:
        await model.close()
        await ledger.close()


class Run(NamedTuple):
    """A worker at work."""

    worker: Worker
    stop: asyncio.Event
    task: asyncio.Task[None]

    async def end(self) -> None:
        """Stop it cleanly."""
        self.stop.set()
        async with asyncio.timeout(PATIENCE_S):
            await self.task


@asynccontextmanager
async def working(
    settings: AgentSettings,
    broker: BrokerSettings,
    desk: Desk | None = None,
    *,
    instance: str = "one",
    clock: Callable[[], int] = now_ms,
    cache: NarrativeCache | None = None,
) -> AsyncIterator[Run]:
    """Run a worker until it is warm; at the end stop it cleanly, if it has not ended."""
    analyst = Analyst(settings, desk, now_ms=clock, cache=cache)
    worker = Worker(settings, broker, analyst, instance_id=instance, now_ms=clock)
    stop = asyncio.Event()
    run = Run(worker, stop, asyncio.create_task(worker.run(stop)))
    try:
        await until(lambda: worker.ready or run.task.done())
        yield run
        if not run.task.done():
            await run.end()
    finally:
        run.task.cancel()
        await asyncio.gather(run.task, return_exceptions=True)


async def committed(broker: BrokerSettings) -> dict[int, int]:
    """Return the group's offset of each partition that has one."""
    admin = AIOKafkaAdminClient(**broker.client_options())
    await admin.start()
    try:
        found = await admin.list_consumer_group_offsets(broker.topic(GROUP))
        return {place.partition: told.offset for place, told in found.items() if told.offset >= 0}
    finally:
        await admin.close()


async def until_committed(broker: BrokerSettings, places: Iterable[Place]) -> None:
    """Return when the group has committed past each of these records."""
    ends = Counter[int]()
    for place in places:
        ends[place.partition] = max(ends[place.partition], place.offset + 1)
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = await committed(broker)
            if all(found.get(partition, 0) >= end for partition, end in ends.items()):
                return
            await asyncio.sleep(0.1)


def place_of(decision: Decision) -> Place:
    """Return where the aggregate stands that a decision accounts for."""
    return Place(decision.aggregates_partition, decision.last_offset)


class Books(NamedTuple):
    """All that workers have written, in order."""

    analyses: list[Analysis]
    decisions: list[Decision]
    tallies: list[Tally]
    letters: list[Place]
    """Where the records of the dead letters stand."""

    def twice(self) -> list[str]:
        """Return every id that is there more than once, over all runs."""
        ids = Counter(
            [f"analysis {a.analysis_id}" for a in self.analyses]
            + [f"decision {d.decision_id}" for d in self.decisions]
            + [t.tally_id for t in self.tallies]
            + [f"letter {place}" for place in self.letters]
        )
        return [name for name, count in ids.items() if count > 1]

    def accounted(self) -> Counter[int]:
        """Return how many records of each partition have been accounted for, whatever by."""
        count = Counter[int](place.partition for place in self.letters)
        # A revision that several analyses cite has a decision for each.
        decided = {place_of(d) for d in self.decisions if d.alert_id is None}
        count.update(place.partition for place in decided)
        for tally in self.tallies:
            count[tally.aggregates_partition] += tally.folded + tally.uninteresting
        return count


async def books(broker: BrokerSettings) -> Books:
    """Return what stands in the agent's topics, each record readable by its contract."""
    said = decoded(await read_log(broker, "analyses"), Analysis)
    told = await read_log(broker, "decisions")
    letters = [
        from_record(r.key, r.value, r.headers, 0) for r in await read_log(broker, "deadletters")
    ]
    decisions, tallies = decoded(told, Decision), decoded(told, Tally)
    assert len(decisions) + len(tallies) == len(told)
    standing = [(r, a.asset) for r, a in said] + [(r, d.asset) for r, d in decisions]
    for record, asset in standing:
        assert record.partition == partition_of(asset, broker.partitions)
    return Books(
        [a for _, a in said],
        [d for _, d in decisions],
        [t for _, t in tallies],
        [Place(letter.partition or 0, letter.offset or 0) for letter in letters],
    )


def check(found: Books, places: list[Place]) -> None:
    """Check that every record is accounted for exactly once, and every decision has what it names."""
    assert found.twice() == []
    assert found.accounted() == Counter(place.partition for place in places)
    standing = set(places)
    own = [place_of(d) for d in found.decisions]
    first = [place_of(d) for d in found.decisions if d.reason not in ("revised", "withdrawn")]
    assert len(set(first)) == len(first)
    assert set(own) <= standing - set(found.letters)
    told = {analysis.analysis_id: analysis for analysis in found.analyses}
    answered = [d for d in found.decisions if d.outcome in ("called", "cached", "rules")]
    assert {d.analysis_id for d in answered} == set(told)
    for decision in answered:
        analysis = told[decision.decision_id]
        assert analysis.as_of_ms == decision.as_of_ms
        assert analysis.trigger.reasons == decision.reasons
        assert decision.outcome == OUTCOMES.get(analysis.origin, "called")
        assert decision.narrative_attempt_id == analysis.narrative_attempt_id
        told_by = "withdrawn" if analysis.status == "withdrawn" else analysis.origin_reason
        assert told_by == decision.reason
    ids = {d.decision_id for d in found.decisions}
    assert {d.survivor_id for d in found.decisions if d.outcome == "coalesced"} <= ids
