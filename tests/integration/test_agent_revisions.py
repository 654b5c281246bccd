"""Revisions on a real broker: what was said and is not so is superseded or withdrawn, once, whatever restarts."""

import asyncio

import pytest

from agents.settings import AgentSettings, GateSettings
from tests.servers import SharedKafka
from tests.strategies.aggregates import calm, market
from topics import Aggregate
from topics.broker import apply_topics
from topics.settings import BrokerSettings

from .agent_runs import PARTITIONS, books, check, publish, until_committed, working
from .test_agent_restarts import forget_commits

pytestmark = pytest.mark.integration

SETTINGS = AgentSettings(gate=GateSettings(cool_down_s=0), tally_s=0.3)


@pytest.fixture
async def broker(kafka: SharedKafka, topic_prefix: str) -> BrokerSettings:
    """A pipeline of the test's own."""
    made = BrokerSettings(bootstrap=kafka.bootstrap, prefix=topic_prefix, partitions=PARTITIONS)
    await asyncio.to_thread(apply_topics, made)
    return made


def crash(asset: str, revision: int = 0, *, low: float = 90.0, last: float = 96.0) -> Aggregate:
    """Return an edition of a minute in which an asset falls."""
    return market(f"{asset}/USDT", 12, revision=revision, low=low, last=last)


async def test_revisions_take_back_what_they_contradict_once(broker: BrokerSettings) -> None:
    """A fall that never was is withdrawn, a wrong number superseded, one that prints alike let be; no start repeats it."""
    assets = ("BTC", "ETH", "SOL")
    places = await publish(broker, [w for one in assets for w in calm(12, f"{one}/USDT")])
    revisions = [
        crash("BTC", 1, low=99.9, last=99.95),
        crash("ETH", 1, last=95.0),
        crash("SOL", 1, last=96.00000001),
    ]
    async with working(SETTINGS, broker):
        await until_committed(
            broker, places
        )  # a state that waited would be a reason beside the fall
        places += await publish(broker, [crash(asset) for asset in assets])
        await until_committed(broker, places)
        places += await publish(broker, revisions)
        await until_committed(broker, places)
    async with working(SETTINGS, broker) as run:
        places += await publish(broker, [crash("ETH", 2, last=94.0)])
        await until_committed(broker, places)
        await forget_commits(run)
    places += await publish(broker, [market(number=14, low=90.0)])
    async with working(SETTINGS, broker):
        await until_committed(broker, places)
    found = await books(broker)
    check(found, places)
    taken = {
        a.analysis_id: (a.status, a.supersedes, a.revised_by)
        for a in found.analyses
        if a.supersedes is not None
    }
    end_ms = crash("BTC").window_end_ms
    btc, eth = (f"deep_dive/{asset}/{end_ms}" for asset in ("BTC", "ETH"))
    assert taken == {
        f"{btc}/1": ("withdrawn", f"{btc}/0", revisions[0].aggregate_id),
        f"{eth}/1": ("current", f"{eth}/0", revisions[1].aggregate_id),
        f"{eth}/2": ("current", f"{eth}/1", crash("ETH", 2).aggregate_id),
    }
    last = next(a for a in found.analyses if a.analysis_id == f"{eth}/2")
    assert "price change over 1m (ETH/USDT) was -5.00%, is -6.00%" in last.changed
