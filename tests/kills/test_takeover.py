"""A partition that was kept goes on while the others are taken over, on the real Kafka."""

import asyncio
from pathlib import Path

import pytest

from tests.integration.roles import pipeline
from tests.servers import SharedKafka

from .crew import Crew, Worker
from .load import Load

pytestmark = pytest.mark.integration
PATIENCE_S = 15.0


async def test_a_checkpoint_between_loading_and_reading_hangs_nobody(
    kafka: SharedKafka, topic_prefix: str, tmp_path: Path
) -> None:
    """What was folded before the rebalance is committed before Faust looks for the changelogs' ends.

    It must not take that for records that it still has to read: they do not come, and the worker would hang
    with all partitions.
    """
    with pipeline(kafka.bootstrap, topic_prefix, tmp_path) as line:
        first, second = (
            Worker(f"w{n}", line.broker, tmp_path, session_timeout_s=5.0) for n in range(2)
        )
        first.defect = "tells late"
        load = Load(line.broker, 20, 1)
        load.begin(300)
        try:
            async with Crew([first]) as crew, asyncio.timeout(4 * PATIENCE_S):
                await _at_work(first)
                crew.workers.append(second)
                second.start()
                await _at_work(second)
                await asyncio.to_thread(load.end)
                async with asyncio.timeout(PATIENCE_S):
                    while not await line._all_folded(0):
                        await asyncio.sleep(0.2)
                assert await crew.leave() == [0, 0]
        finally:
            load.end()


async def test_a_state_that_loads_longer_than_a_session_is_loaded(
    kafka: SharedKafka, topic_prefix: str, tmp_path: Path
) -> None:
    """The member stays in the group meanwhile: it loads once, and goes on to work."""
    with pipeline(kafka.bootstrap, topic_prefix, tmp_path) as line:
        worker = Worker("w", line.broker, tmp_path, session_timeout_s=2.0)
        worker.defect = "loads long"
        load = Load(line.broker, 20, 1)
        load.past()
        async with Crew([worker]) as crew, asyncio.timeout(2 * PATIENCE_S):
            await _at_work(worker)
            assert [s.what for s in worker.steps()].count("loaded") == 1
            assert await crew.leave() == [0]


async def _at_work(worker: Worker) -> None:
    while not worker.working:
        await asyncio.sleep(0.05)
