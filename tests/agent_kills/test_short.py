"""Four faults in one round, by all three means; `make nightly` has all of them at every step."""

from pathlib import Path

import pytest

from tests.servers import SharedKafka, SharedRedis

from .faults import Fault
from .rounds import Round

pytestmark = pytest.mark.integration

FAULTS = (
    Fault("kill", "billed"),
    Fault("stop", "publish decision"),
    Fault("kill", "commit"),
    Fault("rebalance", "settle"),
)


async def test_after_every_fault_the_topics_the_bill_and_the_ledger_hold_what_they_must(
    kafka: SharedKafka, redis_server: SharedRedis, tmp_path: Path
) -> None:
    """Two agents: a paid call whose answer is lost, a zombie, a kill before the commit, a third that comes and goes.

    Nothing lost, every candidate answered, the first analysis of an id the one that is decided on, every paid call
    charged, and no more paid for nothing than was in flight.
    """
    made = Round("short/1", kafka.bootstrap, redis_server.url, tmp_path, agents=2)
    found = await made.run(FAULTS)
    assert found.verdict.examples == []
    assert found.unreached == []
    assert found.well, found
    assert found.verdict.called > 20
    assert found.verdict.charged > 0  # by the kill at `billed`


@pytest.mark.nightly
@pytest.mark.parametrize(
    "planted",
    [
        ("finishes what it reads", "publish analysis", "lost"),
        ("forgets what was said", "commit", "differing"),
        ("frees what may have been sent", "fold", "uncharged"),
    ],
)
async def test_a_defect_is_found(
    kafka: SharedKafka, redis_server: SharedRedis, tmp_path: Path, planted: tuple[str, str, str]
) -> None:
    """What is planted in the agent is what the verdict names."""
    defect, step, found = planted
    made = Round(f"{found}/1", kafka.bootstrap, redis_server.url, tmp_path, agents=1)
    made.defect = defect
    report = await made.run([Fault("kill", step)] * 3)
    assert not report.well
    assert getattr(report.verdict, found) > 0, report.verdict
