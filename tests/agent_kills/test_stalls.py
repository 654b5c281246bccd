"""The two stalls, of a quarter of a minute; `make nightly` has ten minutes of each."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.roles import Pipeline, pipeline
from tests.servers import Distribution, SharedKafka, SharedRedis
from tests.unit.agents.serving import fake_claude

from .cluster import Cluster
from .rounds import LATENCY_MS, settings_of
from .stalls import LATE_S_MAX, hang_model, refuse_writes

pytestmark = pytest.mark.integration

STALL_S = 15.0
BACKLOG_MAX = 40
"""In place of the role's own, so that a short stall comes to it."""


@pytest.fixture
def line(kafka: SharedKafka, topic_prefix: str, tmp_path: Path) -> Iterator[Pipeline]:
    """A pipeline of the test's own."""
    with pipeline(kafka.bootstrap, topic_prefix, tmp_path) as made:
        yield made


@pytest.fixture
def cluster(kafka_distribution: Distribution, tmp_path: Path) -> Iterator[Cluster]:
    """Two brokers of the test's own."""
    made = Cluster(kafka_distribution, tmp_path)
    yield made
    made.close()


async def test_a_model_that_hangs_makes_no_analysis_late_and_moves_no_partition(
    line: Pipeline, redis_server: SharedRedis, tmp_path: Path
) -> None:
    """Rules answer alerts and falls by their deadlines, windows are read on, and the model is asked when it heals."""
    async with fake_claude(latency_ms=LATENCY_MS) as fake:
        settings = settings_of(
            fake,
            redis_server.url,
            breaker={"window_s": 10, "calls_min": 4, "open_s": 1, "open_s_max": 4},
            deadline_s=4.0,
        )
        found = await hang_model(line, tmp_path, settings, fake, stall_s=STALL_S, recover_s=60.0)
    assert found.verdict.examples == []
    assert found.held, found
    assert found.candidates > 20
    assert found.alerts > 2
    assert found.by_model == 0
    assert found.late_s < LATE_S_MAX
    assert found.tally_late_s < LATE_S_MAX


async def test_brokers_that_refuse_are_waited_for_and_each_asset_is_judged_at_its_newest_window(
    cluster: Cluster, redis_server: SharedRedis, topic_prefix: str, tmp_path: Path
) -> None:
    """Reading pauses at the bound and goes on when they heal; the group never misses the member that waits."""
    broker = await asyncio.to_thread(cluster.start, topic_prefix, 4)
    async with fake_claude(latency_ms=LATENCY_MS) as fake:
        with pipeline(broker.bootstrap, topic_prefix, tmp_path) as line:
            found = await refuse_writes(
                line,
                tmp_path,
                settings_of(fake, redis_server.url),
                fake,
                stall_s=STALL_S,
                fail=cluster.copying.kill,
                heal=cluster.copying.start,
                backlog_max=BACKLOG_MAX,
            )
    assert found.verdict.examples == []
    assert found.held, found
    assert found.candidates > 2 * found.judged.total() > 0  # the rest are coalesced
    assert max(found.judged.values()) <= found.judged_max
