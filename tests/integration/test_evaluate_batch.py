"""Recorded deep dives are asked again in one batch on real servers, killed in the middle, and paid for once."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agents.account.ledger import Ledger
from agents.account.terms import Terms
from deploy.evaluate.batch import BODY_BYTES_MAX, Options, evaluate_batch
from deploy.evaluate.batch_model import batch_model
from deploy.evaluate.batch_report import BatchReport
from deploy.evaluate.reading import EvaluateError, Range
from deploy.settings import environment_of, load
from tests.servers import SharedKafka, SharedRedis
from tests.strategies.aggregates import market
from tests.unit.agents.fake_claude.wire import Wire
from tests.unit.agents.serving import fake_claude, url_of
from topics import Aggregate, Intent, Result
from topics.broker import apply_topics
from topics.settings import BrokerSettings

from .agent_runs import PARTITIONS, PATIENCE_S, now_ms, publish, until_committed, working
from .log import decoded, read_log
from .test_agent_replay import ASSETS, SETTINGS, minutes

pytestmark = pytest.mark.integration

LATER = range(60, 80)
"""Minutes an hour on, in which the marks are."""


@pytest.fixture
async def broker(kafka: SharedKafka, topic_prefix: str) -> BrokerSettings:
    """A pipeline in which an agent without a model has answered a few deep dives."""
    made = BrokerSettings(bootstrap=kafka.bootstrap, prefix=topic_prefix, partitions=PARTITIONS)
    await asyncio.to_thread(apply_topics, made)
    later: list[Aggregate] = [
        market(f"{asset}/USDT", number, first=103.0) for number in LATER for asset in ASSETS
    ]
    async with working(SETTINGS, made):
        await until_committed(made, await publish(made, minutes(range(6))))
    await publish(made, later)
    return made


@pytest.fixture
async def fake() -> AsyncIterator[Wire]:
    """A fake Claude of the test's own."""
    async with fake_claude() as wire:
        yield wire


class Command:
    """The command as an operator gives it."""

    def __init__(self, broker: BrokerSettings, fake: Wire, redis: SharedRedis) -> None:
        agent = {
            "gate": {"cool_down_s": 0.0},
            "model": {"simulated": True, "base_url": url_of(fake), "api_key": "k"},
            "budget": {"redis_url": redis.url},
        }
        tree = {"broker": broker.model_dump(mode="json"), "agent": agent}
        self._environment = environment_of(tree, os.environ)

    async def here(self, **options: Any) -> BatchReport:
        """Do the same in this process, with these options."""
        settings = load(self._environment)
        model = batch_model(settings.agent, None)
        return await evaluate_batch(
            settings,
            Options(span=Range(None, None), model=model, **options),
            stop=asyncio.Event(),
            read=lambda _, __: None,
            told=lambda _: None,
        )

    async def begin(self, *options: str) -> asyncio.subprocess.Process:
        """Start it."""
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "deploy", "evaluate", "batch", *options),
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def killed_at_its_create(self, fake: Wire) -> None:
        """Start it, and kill it once the provider has its batch, before it has been told so."""
        process = await self.begin()
        async with asyncio.timeout(PATIENCE_S):
            while not await batches(fake):
                assert process.returncode is None, await process.communicate()
                await asyncio.sleep(0.02)
        process.kill()
        await process.communicate()

    async def run(self, *options: str) -> tuple[int, str, str]:
        """Run it to its end, and return status and what it said."""
        process = await self.begin(*options)
        async with asyncio.timeout(PATIENCE_S):
            out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()


async def batches(fake: Wire) -> int:
    """Return how many batches the provider has."""
    return len((await fake.send("GET", "/v1/messages/batches")).body["data"])


async def test_it_is_asked_and_paid_for_once_whatever_happens_to_the_command(
    broker: BrokerSettings, fake: Wire, redis_server: SharedRedis, tmp_path: Path
) -> None:
    """Killed while it waits for the create's answer, it is taken up; a third run sends nothing; nothing is published."""
    published = [await read_log(broker, name) for name in ("analyses", "decisions")]
    command, file = Command(broker, fake, redis_server), tmp_path / "out.json"
    await fake.spoil_batches(creates=["taken_and_hung"], requests={"0": "prose", "1": "expired"})
    await command.killed_at_its_create(fake)
    await fake.spoil_batches()
    status, out, err = await command.run("--json", str(file))
    assert status == 0, err
    report = json.loads(file.read_text())
    # The one that expired was not billed, and is asked again, alone.
    assert (await batches(fake), report["sent"]) == (2, 1)
    outcomes = report["outcomes"]
    assert outcomes == {"accepted": report["questions"] - 1, "schema_break": 1}
    assert report["questions"] == len(report["candidates"]) >= len(ASSETS)
    assert "simulated model say nothing of any model" in out.replace("\n", " ")
    (score,) = report["evaluation"]["scores"]
    assert score["windows"] > 0, score["lost"]
    assert score["against"].keys() == {"flat", "momentum", "rules"}

    bill = await fake.bill()
    billed = sum(total["cost_nano_usd"] for total in bill["totals"].values())
    assert billed == report["cost_nano_usd"] > 0
    ledger = Ledger(redis_server.url, prefix=broker.prefix, scope="evaluate", terms=Terms(caps={}))
    spend = await ledger.spend(now_ms())
    await ledger.close()
    assert (spend.settled, spend.reserved, spend.charged) == (billed, 0, 0)
    journal = await read_log(broker, "journal")
    intents = [entry for _, entry in decoded(journal, Intent)]
    ends = [entry for _, entry in decoded(journal, Result)]
    assert {one.attempt_id for one in intents} == {one.attempt_id for one in ends}
    assert sum(one.cost_nano_usd for one in ends) == billed

    again = await command.here()
    assert (again.sent, again.totals["cost_nano_usd"]) == (0, billed)
    with pytest.raises(EvaluateError, match="--items-max"):
        await command.here(items_max=report["questions"] - 1)
    with pytest.raises(EvaluateError, match="give a shorter span"):
        await command.here(system="word " * (BODY_BYTES_MAX // 10))
    assert await fake.bill() == bill
    assert [await read_log(broker, name) for name in ("analyses", "decisions")] == published
