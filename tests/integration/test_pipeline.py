"""The whole path as processes on the real Kafka and Redis: recorded trades in, aggregates and analyses out."""

import asyncio
import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers import SharedKafka, SharedRedis
from topics import BY_NAME, Aggregate, Analysis, Decision, Tally, Trade

from .folded import assert_as_folded
from .records import PATIENCE_S
from .roles import Pipeline, pipeline

pytestmark = pytest.mark.integration
RECORDING = Path("deploy/data/binance-xrpeth-aggtrades-2019-10.jsonl.gz")
FIRST_MS = 1_570_752_011_620
SPAN_MS = 4 * 3_600_000


@pytest.fixture
def line(kafka: SharedKafka, topic_prefix: str, tmp_path: Path) -> Iterator[Pipeline]:
    with pipeline(kafka.bootstrap, topic_prefix, tmp_path) as made:
        made.measured = True
        yield made


def recorded() -> list[dict[str, Any]]:
    """The trades of the first hours, as the venue printed them."""
    with gzip.open(RECORDING, "rt") as lines:
        trades = [json.loads(line) for line in lines]
    return [t for t in trades if t["T"] < FIRST_MS + SPAN_MS]


def collect_settings() -> dict[str, Any]:
    """The recording as fast as it goes."""
    source = {
        "type": "recorded",
        "files": [str(RECORDING.resolve())],
        "format": "binance.aggtrades",
        "venue": "binance",
        "subject": "XRP/ETH",
        "to_ms": FIRST_MS + SPAN_MS,
    }
    return {"sources": {"recording": source}}


async def decoded(line: Pipeline, name: str) -> list[tuple[int, int, Any]]:
    """Partition, offset and event of each record of a topic."""
    decode = BY_NAME[name].decoder().decode
    return [
        (r.partition, r.offset, decode(r.value)) for part in await line.read(name) for r in part
    ]


async def test_recorded_trades_become_aggregates_and_analyses(
    line: Pipeline, redis_server: SharedRedis
) -> None:
    """Every trade exact, every window as the fold says, every aggregate accounted for, every fact found."""
    fake = line.start("fake-claude")
    base_url = json.loads(await asyncio.to_thread(line.first_line, fake))["base_url"]
    model = {
        "base_url": base_url,
        "api_key": "simulated",
        "simulated": True,
        "products": ["state", "deep_dive"],
    }
    budget = {"redis_url": redis_server.url, "usd_per_day": 1.0}
    agent = {"model": model, "budget": budget, "tally_s": 0.5, "deadline_s": 60.0}
    roles = [line.start("streams"), line.start("agent", agent=agent)]
    for role in roles:
        await line.ready(role)
    collect = line.start("collect", "recording", collect=collect_settings())
    assert await collect.ended(PATIENCE_S) == 0
    await line.folded()
    await assert_as_folded(line)
    await _assert_raw_is_exact(line)
    aggregates = await decoded(line, "aggregates")
    assert len(aggregates) > 300
    await _until_answered(line, len(aggregates))
    await _assert_the_example_reads(line)
    for role in reversed(roles):
        assert await role.stop() == 0
    await _assert_accounted(line, aggregates)
    await _assert_grounded(line, [event for _, _, event in aggregates])


async def _assert_raw_is_exact(line: Pipeline) -> None:
    """Each of the recording's trades once, with its digits, side and times."""
    sent = [e for _, _, e in await decoded(line, "raw.market") if isinstance(e, Trade)]
    found = [(t.trade_id, str(t.price), str(t.size), t.side, t.event_ms, t.sequence) for t in sent]
    assert found == [
        (str(t["a"]), t["p"], t["q"], "sell" if t["m"] else "buy", t["T"], t["a"])
        for t in recorded()
    ]


async def _until_answered(line: Pipeline, aggregates: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while await _accounted(line) < aggregates:
            await asyncio.sleep(0.2)


async def _accounted(line: Pipeline) -> int:
    said = [event for _, _, event in await decoded(line, "decisions")]
    tallied = sum(t.folded + t.uninteresting for t in said if isinstance(t, Tally))
    # An alert's decision stands for the alert, and for no aggregate.
    return tallied + sum(isinstance(d, Decision) and d.alert_id is None for d in said)


async def _assert_accounted(line: Pipeline, aggregates: list[tuple[int, int, Aggregate]]) -> None:
    """Decisions and tallies cover every aggregate exactly once, and each analysis has its decision."""
    said = [event for _, _, event in await decoded(line, "decisions")]
    assert await _accounted(line) == len(aggregates)
    analyses = [event for _, _, event in await decoded(line, "analyses")]
    answered = {d.analysis_id for d in said if isinstance(d, Decision) and d.analysis_id}
    assert {a.analysis_id for a in analyses} == answered
    assert len(analyses) == len(answered)
    assert {a.origin for a in analyses} >= {"model"}
    assert sum(a.cost_nano_usd for a in analyses) > 0
    assert all(a.simulated for a in analyses if a.origin == "model")


async def _assert_the_example_reads(line: Pipeline) -> None:
    """What the README tells people to start from prints each headline."""
    analyses = [event for _, _, event in await decoded(line, "analyses")]
    example = await asyncio.create_subprocess_exec(
        *(sys.executable, "examples/consume_analyses.py"),
        *("--bootstrap", line.broker.bootstrap, "--prefix", line.broker.prefix),
        *("--count", str(len(analyses))),
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE_S):
        out, _ = await example.communicate()
    assert example.returncode == 0
    assert sorted(a.headline for a in analyses) == sorted(
        next(a.headline for a in analyses if line.endswith(a.headline))
        for line in out.decode().splitlines()
    )


async def _assert_grounded(line: Pipeline, aggregates: list[Aggregate]) -> None:
    """Every fact of every analysis is a number of an aggregate that is there, in that revision."""
    published = {a.aggregate_id: a for a in aggregates}
    checked = 0
    analyses = await decoded(line, "analyses")
    for _, _, analysis in analyses:
        assert isinstance(analysis, Analysis)
        for fact in analysis.facts:
            aggregate = published[fact.aggregate_id]
            assert aggregate.revision == fact.revision
            if fact.metric in ("close", "volume"):
                assert getattr(aggregate.values, fact.metric) == fact.value
                checked += 1
    assert checked >= 2 * len(analyses) > 0
