"""What becomes of a candidate that is to wait, and of its partition meanwhile."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import msgspec
import pytest

from agents.account.pricing import Tariff
from agents.answering import Answering
from agents.ask.concurrency import ConcurrencyLimit
from agents.decide.candidate import Candidate
from agents.decide.inbox import Inbox
from agents.decide.partition import PartitionDecider
from agents.publisher import Publisher
from agents.settings import AgentSettings, ModelSettings
from agents.trail import Trail
from tests.servers import SharedRedis
from tests.unit.agents.ask.golden import earlier
from tests.unit.agents.office import (
    MODEL,
    SETTINGS,
    Office,
    SaidModel,
    a_ledger,
    pressing,
    said,
    seat_of,
)
from topics import BY_NAME, Analysis, Decision, Severity
from topics.record import OutRecord
from topics.settings import BrokerSettings

pytestmark = pytest.mark.integration
BROKER = BrokerSettings(prefix="test.")


class KeptOutlet:
    """Acknowledges at once, and keeps what it got."""

    def __init__(self) -> None:
        self.got: list[OutRecord] = []

    async def deliver(self, records: list[OutRecord]) -> None:
        """Take them."""
        self.got += records


class Floor:
    """An inbox, who empties it, and what is told."""

    def __init__(self, office: Office) -> None:
        self.office, self.inbox = office, Inbox(10, office.analyst.waits_for_model)
        self.decider = PartitionDecider(SETTINGS, 0, read_from=0, decide_from=0, tenure=1)
        self.deciders = {0: self.decider}
        self.outlet, self.failures = KeptOutlet(), list[Exception]()
        self.publisher = Publisher(self.outlet)
        trail = Trail(BROKER, self.publisher, self.deciders, now_ms=lambda: 5)
        self.answering = Answering(self.inbox, office.analyst, trail, self.failures.append)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Answer and publish meanwhile."""
        tasks = [asyncio.create_task(run()) for run in (self.answering.run, self.publisher.run)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def told(self, topic: str) -> list[Analysis | Decision]:
        """Return what is on a topic."""
        decode = BY_NAME[topic].decoder().decode
        return [
            decode(record.value or b"")
            for record in self.outlet.got
            if record.topic == f"test.{topic}"
        ]

    async def until_told(self, count: int) -> list[Analysis | Decision]:
        """Return the decisions when there are so many."""
        async with asyncio.timeout(30):
            while len(self.told("decisions")) < count:
                await asyncio.sleep(0.01)
        return self.told("decisions")


@asynccontextmanager
async def floor(redis: SharedRedis, prefix: str, model: SaidModel) -> AsyncIterator[Floor]:
    """Give an inbox before an analyst that asks this model."""
    async with a_ledger(redis.url, prefix) as ledger:
        yield Floor(Office(model, ledger, SETTINGS))


async def test_what_is_worth_another_send_is_sent_again_and_told_once(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """One analysis, one decision, with both attempts; made when the analysis says it was."""
    model = SaidModel(said("no JSON"), then=said())
    async with floor(redis_server, topic_prefix, model) as ours, ours.at_work():
        ours.answering.offer(ours.decider, pressing(tenure=1))
        (decision,) = await ours.until_told(1)
        (analysis,) = ours.told("analyses")
    assert isinstance(analysis, Analysis)
    assert isinstance(decision, Decision)
    assert (analysis.origin, decision.outcome) == ("model", "called")
    assert len(model.asked) == len(set(analysis.attempt_ids)) == 2
    assert decision.attempt_ids == analysis.attempt_ids
    assert decision.decided_ms == analysis.produced_ms


async def test_a_model_is_told_what_changed_since_what_its_analysis_is_told_against(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """The last analysis when it was asked, whatever is published while it thinks."""
    model = SaidModel(said(), took_s=0.3)
    async with floor(redis_server, topic_prefix, model) as ours, ours.at_work():
        first, later = earlier(pressing(), pressing()).last, earlier(pressing(), pressing()).last
        assert first is not None
        assert later is not None
        ours.decider.standing.take(msgspec.structs.replace(first, analysis_id="state/BTC/1/0"))
        ours.answering.offer(ours.decider, pressing(tenure=1))
        async with asyncio.timeout(30):
            while not model.asked:
                await asyncio.sleep(0.01)
        ours.decider.standing.take(msgspec.structs.replace(later, analysis_id="state/BTC/2/0"))
        (decision,) = await ours.until_told(1)
        (analysis,) = ours.told("analyses")
    assert isinstance(analysis, Analysis)
    assert isinstance(decision, Decision)
    assert analysis.compared_with == decision.compared_with == "state/BTC/1/0"
    told = json.loads(model.asked[0][0].user)["changed"]
    assert (
        analysis.changed[:2]
        == told[:2]
        == ["direction was flat, is down", "severity was info, is warning"]
    )


async def test_rules_tell_what_changed_since_the_last_when_they_answer(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """Nobody was asked, so nothing has to agree with what was asked."""
    async with floor(redis_server, topic_prefix, SaidModel(said())) as ours, ours.at_work():
        last = earlier(pressing(), pressing()).last
        assert last is not None
        ours.decider.standing.take(msgspec.structs.replace(last, analysis_id="state/BTC/1/0"))
        ours.answering.offer(ours.decider, pressing(left_s=-1.0, tenure=1))
        await ours.until_told(1)
        (analysis,) = ours.told("analyses")
    assert isinstance(analysis, Analysis)
    assert (analysis.origin, analysis.compared_with) == ("rules", "state/BTC/1/0")


async def test_a_newer_candidate_takes_over_what_was_sent(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """Coalescing gives an asset no more sends: the survivor has had those of both, and its analysis their cost."""
    model = SaidModel(said("no JSON"), took_s=0.3)
    async with floor(redis_server, topic_prefix, model) as ours, ours.at_work():
        older = pressing(tenure=1)
        newer = pressing(tenure=1, candidate_id="deep_dive/BTC/2/0", as_of_ms=older.as_of_ms + 1)
        ours.answering.offer(ours.decider, older)
        async with asyncio.timeout(30):
            while not model.asked:
                await asyncio.sleep(0.01)
        ours.office.slots.limit = 1.0  # the newer one waits
        ours.answering.offer(ours.decider, newer)
        gone, kept = await ours.until_told(2)
    assert isinstance(gone, Decision)
    assert isinstance(kept, Decision)
    assert (gone.outcome, gone.survivor_id) == ("coalesced", newer.candidate_id)
    assert (gone.attempt_ids, len(kept.attempt_ids)) == ([], 2)
    assert (kept.decision_id, kept.reason) == (newer.candidate_id, "schema_break")
    assert len(model.asked) == 2


async def test_a_candidate_of_a_lost_partition_does_not_wait_again(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """It is another's now, or ours anew: the aggregates are read again."""
    model = SaidModel(said("no JSON"), took_s=0.1)
    async with floor(redis_server, topic_prefix, model) as ours, ours.at_work():
        ours.answering.offer(ours.decider, pressing(tenure=1))
        async with asyncio.timeout(30):
            while not model.asked:
                await asyncio.sleep(0.01)
        ours.deciders[0] = PartitionDecider(SETTINGS, 0, read_from=0, decide_from=0, tenure=2)
        with suppress(TimeoutError):
            async with asyncio.timeout(30):
                while ours.answering.calls:
                    await asyncio.sleep(0.01)
        assert len(ours.inbox) == 0
    assert ours.outlet.got == []
    assert ours.failures == []


async def test_an_end_lets_rules_answer_what_waits_to_be_asked_again(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """What was sent for it stays in its analysis."""
    model = SaidModel(said("no JSON"))
    async with floor(redis_server, topic_prefix, model) as ours:
        later = await ours.office.later(pressing(tenure=1))
        ours.inbox.put_back(later.candidate, time.monotonic() + 3)
        await ours.answering.finish(1.0)
        assert len(ours.inbox) == 0
        outgoing = ours.publisher._queue.get_nowait()
    analysis = msgspec.json.decode(outgoing.first[0].value or b"", type=Analysis)
    assert (analysis.origin, analysis.origin_reason) == ("rules", "stopping")
    assert analysis.attempt_ids == [sent.attempt_id for sent in later.candidate.sends]


async def test_what_matters_is_answered_by_rules_where_there_is_no_room(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """From a warning on; of less a decision says that it was shed. All are told once, with nobody emptying the inbox."""
    async with floor(redis_server, topic_prefix, SaidModel(said())) as ours:
        for number in range(10):
            ours.answering.offer(ours.decider, _of(f"A{number}", "critical"))
        ours.answering.offer(ours.decider, _of("W", "warning"))
        ours.answering.offer(ours.decider, _of("I", "notice"))
        publishing = asyncio.create_task(ours.publisher.run())
        decisions = {told.asset: told for told in await ours.until_told(2)}
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)
    (analysis,) = ours.told("analyses")
    assert isinstance(analysis, Analysis)
    assert (analysis.asset, analysis.origin, analysis.origin_reason) == ("W", "rules", "inbox_full")
    told = {
        asset: (d.outcome, d.reason) for asset, d in decisions.items() if isinstance(d, Decision)
    }
    assert told == {"W": ("rules", "inbox_full"), "I": ("shed", "inbox_full")}
    assert len(ours.inbox) == 10


def _of(asset: str, severity: Severity) -> Candidate:
    return pressing(tenure=1, asset=asset, severity=severity, candidate_id=f"deep_dive/{asset}/1/0")


async def test_who_may_ask_only_a_model_that_is_busy_waits_while_another_is_free(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """The free one is not for it; it is neither given up to rules nor asked of that one."""
    first, spare = SaidModel(said(), took_s=0.5), SaidModel(said(), provider="anthropic_2")
    settings = AgentSettings(model=ModelSettings(products=("deep_dive", "state")))
    async with a_ledger(redis_server.url, topic_prefix) as ledger:
        office = Office(
            first, ledger, settings, [seat_of(spare, tariff=Tariff("anthropic", MODEL))]
        )
        office.seat.products = frozenset({"deep_dive", "state"})
        office.seat.slots = ConcurrencyLimit(1, lost_s=60.0)
        ours = Floor(office)
        async with ours.at_work():
            ours.answering.offer(ours.decider, pressing(tenure=1))
            async with asyncio.timeout(30):
                while not first.asked:
                    await asyncio.sleep(0.01)
            state = pressing(tenure=1, asset="ETH", candidate_id="state/ETH/1/0", product="state")
            ours.answering.offer(ours.decider, state)
            await ours.until_told(2)
    told = {analysis.asset: analysis for analysis in ours.told("analyses")}
    waited = told["ETH"]
    assert isinstance(waited, Analysis)
    assert waited.origin_reason != "state_by_rules"
    assert len(first.asked) >= 2  # the words of a dive are no narrative: it may be asked once more
    assert not spare.asked
