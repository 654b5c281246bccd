"""States that are told again, as the inbox's owner has them: beside calls, within a bound, and when it all ends."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from agents import answering
from agents.account.ledger import Ledger
from agents.ask.concurrency import ConcurrencyLimit
from agents.cache.narratives import NarrativeCache
from agents.decide.candidate import Candidate
from agents.decide.partition import PartitionDecider
from agents.worker import Worker
from tests.servers import SharedRedis
from tests.unit.agents.cache.caches import cache
from tests.unit.agents.office import Office, SaidModel, a_ledger, pressing, said
from tests.unit.agents.test_answering import Floor
from tests.unit.agents.test_narrating import OTHER, SETTINGS, due, narrated, of_assets
from topics import Analysis, Decision, Result
from topics.settings import BrokerSettings

pytestmark = pytest.mark.integration


def state(candidate: Candidate) -> Candidate:
    """Return a state's candidate as the gate makes it of the partition at hand."""
    return replace(candidate, tenure=1, candidate_id=f"state/{candidate.asset}/1/0")


def states(count: int) -> list[Candidate]:
    """Return candidates of so many assets in one state."""
    return [state(candidate) for candidate in of_assets(count)]


class Held(SaidModel):
    """A model that says nothing before it is let."""

    def __init__(self) -> None:
        super().__init__(narrated())
        self.go = asyncio.Event()

    async def ask(self, *prompt: object, **limits: object) -> object:  # type: ignore[override]
        """Wait, and say it."""
        asked = super().ask(*prompt, **limits)  # type: ignore[arg-type]
        reply = await asked
        await self.go.wait()
        return reply


class Hall(Floor):
    """An inbox before an analyst with a cache."""

    def __init__(self, model: Held, ledger: Ledger, kept: NarrativeCache) -> None:
        super().__init__(Office(model, ledger, SETTINGS, cache=kept))
        self.model, self.kept = model, kept

    async def until_asked(self, count: int) -> None:
        """Return when the model has been asked so often."""
        async with asyncio.timeout(30):
            while len(self.model.asked) < count:
                await asyncio.sleep(0.01)

    async def until_waiting(self, count: int) -> None:
        """Return when so many wait for words."""
        async with asyncio.timeout(30):
            while self.kept.waiting < count:
                await asyncio.sleep(0.01)

    def reasons(self) -> Counter[str]:
        """Return why each decision was as it was."""
        return Counter(told.reason for told in self.told("decisions") if isinstance(told, Decision))


@pytest.fixture
async def hall(redis_server: SharedRedis, topic_prefix: str) -> AsyncIterator[Hall]:
    """Where a model is asked about states, and holds its answers back."""
    async with a_ledger(redis_server.url, topic_prefix) as ledger, cache(None, "") as asker:
        yield Hall(Held(), ledger, asker.cache)


@asynccontextmanager
async def asking(hall: Hall) -> AsyncIterator[None]:
    """Answer and publish meanwhile; what is under way at the end is ended."""
    run = asyncio.create_task(hall.answering.run())
    publish = asyncio.create_task(hall.publisher.run())
    try:
        yield
    finally:
        for task in (run, publish, *hall.answering.calls):
            task.cancel()
        await asyncio.gather(run, publish, *hall.answering.calls, return_exceptions=True)


async def test_what_is_known_is_told_while_the_model_is_busy_and_a_deep_dive_waits(
    hall: Hall,
) -> None:
    """It needs no place, and takes none."""
    hall.office.slots = hall.office.seat.slots = ConcurrencyLimit(1, lost_s=60.0)
    hall.model.go.set()
    async with asking(hall):
        hall.answering.offer(hall.decider, states(1)[0])
        await hall.until_told(1)
        hall.model.go.clear()
        hall.model.reply = said()
        for asset in ("ETH", "XRP"):
            dive = pressing(tenure=1, asset=asset, candidate_id=f"deep_dive/{asset}/1/0")
            hall.answering.offer(hall.decider, dive)
        await hall.until_asked(2)
        hall.answering.offer(hall.decider, state(due(OTHER)))
        decisions = await hall.until_told(2)
        assert (len(hall.model.asked), len(hall.inbox)) == (2, 1)
    last = decisions[-1]
    assert isinstance(last, Decision)
    assert (last.asset, last.outcome, last.reason) == ("DOGE", "cached", "l1")


async def test_beyond_the_bound_a_state_has_rules_and_a_deep_dive_is_asked_about(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two wait for words; what comes then is not waited for. A slot of its own bounds the dive."""
    monkeypatch.setattr(answering, "CALLS_MAX", 2)
    five = states(5)
    async with asking(hall):
        for candidate in five[:2]:
            hall.answering.offer(hall.decider, candidate)
        await hall.until_waiting(2)
        for candidate in five[2:]:
            hall.answering.offer(hall.decider, candidate)
        hall.answering.offer(hall.decider, pressing(tenure=1, asset="ETH"))
        await hall.until_told(3)
        await hall.until_asked(2)
        assert len(hall.answering.calls) == 3
        assert hall.reasons() == {"calls_full": 3}
        hall.model.go.set()
        await hall.until_told(5)
    assert hall.reasons()["joined"] == 1
    rules = [one for one in hall.told("analyses") if isinstance(one, Analysis)]
    assert {one.origin for one in rules if one.origin_reason == "calls_full"} == {"rules"}


async def test_a_worker_counts_calls_and_not_who_waits_for_words(hall: Hall) -> None:
    """As `calls_in_flight` of the role's part."""
    broker = BrokerSettings(prefix="test.")
    worker = Worker(SETTINGS, broker, hall.office.analyst, instance_id="agent-0", now_ms=lambda: 5)
    async with asking(hall):
        for candidate in states(4):
            hall.answering.offer(hall.decider, candidate)
        await hall.until_waiting(4)
        await hall.until_asked(1)
        assert worker.calls_in_flight == 1
        hall.model.go.set()
        await hall.until_told(4)
    assert worker.calls_in_flight == 0


async def test_of_a_partition_that_is_gone_who_waits_for_words_tells_nothing(hall: Hall) -> None:
    """Whoever has it now tells it. The words are kept for others."""
    async with asking(hall):
        for candidate in states(3):
            hall.answering.offer(hall.decider, candidate)
        await hall.until_waiting(3)
        await hall.until_asked(1)
        hall.deciders[0] = PartitionDecider(SETTINGS, 0, read_from=0, decide_from=0, tenure=2)
        hall.model.go.set()
        async with asyncio.timeout(30):
            while hall.answering.calls:
                await asyncio.sleep(0.01)
        assert (len(hall.inbox), hall.outlet.got, hall.failures) == (0, [], [])
        hall.answering.offer(hall.deciders[0], replace(state(due(OTHER)), tenure=2))
        (decision,) = await hall.until_told(1)
    assert isinstance(decision, Decision)
    assert decision.reason == "l1"


async def test_an_end_waits_for_those_who_wait_for_words(hall: Hall) -> None:
    """One call, and all are told."""
    async with asking(hall):
        for candidate in states(4):
            hall.answering.offer(hall.decider, candidate)
        await hall.until_waiting(4)
        await hall.until_asked(1)
        finishing = asyncio.create_task(hall.answering.finish(30.0))
        await asyncio.sleep(0.05)
        assert not finishing.done()
        hall.model.go.set()
        await finishing
        await hall.until_told(4)
    assert hall.reasons() == {"answered": 1, "joined": 3}


async def test_a_call_that_outlives_its_worker_is_charged_when_the_cache_ends(hall: Hall) -> None:
    """It goes on when who asked is gone: the cache ends it, as any call that is cancelled, while the books are open."""
    async with asking(hall):
        for candidate in states(3):
            hall.answering.offer(hall.decider, candidate)
        await hall.until_waiting(3)
        await hall.until_asked(1)
        await hall.answering.finish(0.01)
    assert (len(hall.answering.calls), hall.office.slots.in_flight) == (0, 1)
    assert (await hall.office.spend()).reserved > 0
    await hall.kept.close()
    assert hall.office.slots.in_flight == 0
    spend = await hall.office.spend()
    assert (spend.reserved, spend.settled) == (0, 0)
    assert spend.charged > 0
    (result,) = [one for one in hall.office.journal if isinstance(one, Result)]
    assert result.known == "charged_unknown"
    assert hall.failures == []
    assert hall.outlet.got == []


async def test_what_a_make_raises_ends_the_worker_once(hall: Hall) -> None:
    """The others of the state have rules."""
    hall.model.reply = RuntimeError("a defect")
    hall.model.go.set()
    hall.model.took_s = 0.2
    async with asking(hall):
        for candidate in states(3):
            hall.answering.offer(hall.decider, candidate)
        await hall.until_told(2)
    assert [str(error) for error in hall.failures] == ["a defect"]
    assert hall.reasons() == {"failed": 2}
