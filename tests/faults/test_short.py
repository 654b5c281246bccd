"""Three minutes in which everything fails in turn; `make soak` has twenty."""

from pathlib import Path

import pytest

from agents.fake_claude.faults import FAULTS
from tests.servers import SharedKafka, SharedRedis

from .report import table
from .run import RECOVERY_S, Run

pytestmark = pytest.mark.integration

NOT_BILLED = {
    "overloaded",
    "rate_limited",
    "ramp_limited",
    "spend_limited",
    "error",
    "overloaded_stream",
}
"""Faults that come before the model: 529 where no stream was asked for."""
BEFORE_THE_MODEL = {"overloaded", "rate_limited", "ramp_limited", "server_error"}
"""Outcomes of such faults."""
DEFECT_S = 75.0
UNSEEN_MAX = 3
"""Faults that hit nothing, where a slow machine asks little in their span."""


async def test_whatever_the_model_does_every_aggregate_has_its_fate_and_every_dollar_its_place(
    kafka: SharedKafka, redis_server: SharedRedis, tmp_path: Path
) -> None:
    """Nothing of all that the judge looks for; the model answers in between, and again when it has healed."""
    run = Run(seed=1, seconds=180.0, recovery_s=10 * RECOVERY_S)
    verdict = await run.go(kafka.bootstrap, redis_server.url, tmp_path)
    assert verdict.faultless, table(verdict)
    assert run.statuses == [0, 0]
    figures = verdict.figures
    assert figures["aggregates_read"] > 150 * 180
    assert figures["model_share_of_deep_dives"] > 0.1
    assert sum(figures["openings"].values()) > 3
    unseen = set(FAULTS) - NOT_BILLED - figures["faults_billed"].keys()
    assert len(unseen) <= UNSEEN_MAX, unseen
    assert len(BEFORE_THE_MODEL & figures["outcomes"].keys()) >= len(BEFORE_THE_MODEL) - 1


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("defect", "sort"), [("asks while open", "sent_while_open"), ("leaks", "grown")]
)
async def test_a_defect_of_the_agents_is_found_in_a_run(
    kafka: SharedKafka, redis_server: SharedRedis, tmp_path: Path, defect: str, sort: str
) -> None:
    """By the witness on the wire, which asks no breaker; by the processes' own memory."""
    run = Run(seed=1, seconds=DEFECT_S, recovery_s=10 * RECOVERY_S, defect=defect)
    verdict = await run.go(kafka.bootstrap, redis_server.url, tmp_path)
    assert verdict.defects[sort] > 0, table(verdict)
