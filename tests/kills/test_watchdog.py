"""Workers that live and do nothing, as processes on the real Kafka: they end, and say why."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from streams.engine.fatal import EXIT_FATAL
from tests.integration.records import PATIENCE_S
from tests.integration.roles import Pipeline, pipeline
from tests.servers import KafkaServer, SharedKafka

from .crew import Worker
from .tape import Tape

pytestmark = pytest.mark.integration
STALLED_S = 5.0


@pytest.fixture
def line(kafka: SharedKafka, topic_prefix: str, tmp_path: Path) -> Iterator[Pipeline]:
    with pipeline(kafka.bootstrap, topic_prefix, tmp_path) as made:
        yield made


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(2 * PATIENCE_S):
        while not holds():
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("defect", ["takes no slices", "never recovers"])
async def test_a_worker_that_hangs_ends_itself(line: Pipeline, tmp_path: Path, defect: str) -> None:
    """Its fold takes no slices; or Faust waits for ever for a changelog's marker, its own tasks not started.

    The one that is started after it goes on, and folds everything.
    """
    worker = Worker("w", line.broker, tmp_path, stalled_s=STALLED_S)
    tape = Tape(line.broker, defect)
    try:
        worker.start()
        await line.write(tape.tick())
        await line.folded()
        worker.close()
        await line.write(tape.tick())
        worker.defect = defect
        worker.start()
        await _until(lambda: not worker.running)
        worker.wanted = False
        worker.look()
        assert worker.deaths[-1].status == EXIT_FATAL
        assert "fatal: no progress for 5 s: " in worker.said()
        worker.defect = ""
        worker.start()
        await line.folded()
        assert worker.close() == 0
    finally:
        worker.kill()


async def test_no_lag_and_a_broker_that_does_not_answer_are_no_stall(
    start_kafka: Callable[..., KafkaServer], topic_prefix: str, tmp_path: Path
) -> None:
    """Longer than the time in each; then it folds what comes."""
    server = start_kafka()
    with pipeline(server.bootstrap, topic_prefix, tmp_path) as line:
        worker = Worker("w", line.broker, tmp_path, stalled_s=STALLED_S, session_timeout_s=30.0)
        tape = Tape(line.broker, "quiet")
        try:
            worker.start()
            await line.write(tape.tick())
            await line.folded()
            await asyncio.sleep(1.5 * STALLED_S)
            server.pause()
            await asyncio.sleep(1.5 * STALLED_S)
            server.resume()
            await line.write(tape.tick())
            await line.folded()
            assert "no progress" not in worker.said()
            assert worker.running
        finally:
            worker.kill()
