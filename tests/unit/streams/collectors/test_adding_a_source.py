"""The example of docs/adding-a-source.md, run as a user would: a line in the table, an entry, a check against a server."""

import importlib.util
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from aiohttp import web

from deploy.collecting.trial import Trial, attempt
from streams.collectors.outbound import Outbound
from streams.collectors.port import Context, SourceType
from tests.servers.web import Body, Cut, Fault, Status, WebServer
from topics.settings import BrokerSettings

ROOT = Path(__file__).parents[4]
NOW_MS = 1_700_000_000_000


@pytest.fixture(scope="module")
def example() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("adding", ROOT / "examples/adding_a_source.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["adding"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["adding"]


async def service(request: web.Request) -> web.Response:
    asset = request.query["asset"]
    return web.json_response({"asset": asset, "time_ms": NOW_MS, "base_24h": "1234.50", "more": []})


async def tried(example: ModuleType, *faults: Fault) -> tuple[Trial, Outbound]:
    """Ask a server that fails so, and send what comes through the real outbound."""
    source_type: SourceType = example.TYPE
    async with WebServer(service) as server:
        server.faults.extend(faults)
        settings = source_type.settings.model_validate(
            {"type": "turnover", "assets": ["BTC", "ETH"], "url": server.url, "every_s": 0.05}
        )
        context = Context(broker=BrokerSettings(), now_ms=lambda: NOW_MS)
        (source,) = source_type.create("mine", settings, context)
        outbound = Outbound("mine", "volume", context.broker, epoch=1)
        taken = Trial.take

        class Sending(Trial):
            def take(self, observation: object, at_s: float) -> None:
                outbound.take(observation, NOW_MS)  # type: ignore[arg-type]
                taken(self, observation, at_s)  # type: ignore[arg-type]

        trial = await attempt(
            source,
            seconds=1.0,
            monotonic_s=time.monotonic,
            trial=Sending(name=source.name, kind=source.kind),
        )
    return trial, outbound


async def test_it_sends_what_the_service_says(example: ModuleType) -> None:
    trial, outbound = await tried(example)
    assert trial.well
    assert set(trial.subjects) == {"BTC", "ETH"}
    assert trial.refused == 0
    assert outbound.tally.sent == trial.events > 0
    assert outbound.through_ms == NOW_MS - 90_000


@pytest.mark.parametrize(
    "fault",
    [
        Cut(),
        Status(500),
        Body(b'{"asset": "BTC"'),
        Body(b'{"asset": "XRP", "time_ms": 1, "base_24h": "1"}'),
        Body(b'{"asset": "BTC", "time_ms": 1700000000000, "base_24h": "-1"}'),
    ],
)
async def test_a_failure_costs_one_answer_and_no_more(example: ModuleType, fault: Fault) -> None:
    trial, outbound = await tried(example, fault)
    assert set(trial.subjects) == {"BTC", "ETH"}
    assert trial.refused == isinstance(fault, Body)
    assert outbound.tally.refused == trial.refused


def test_the_page_names_what_there_is() -> None:
    page = (ROOT / "docs/adding-a-source.md").read_text()
    for name in ("asking", "coverage", "spacing", "table", "port"):
        assert f"{name}.py" in page
        assert (ROOT / f"streams/collectors/{name}.py").is_file()
