"""Four faults in one round, two of them inside the transaction; `make nightly` has two hundred."""

from pathlib import Path

import pytest

from tests.servers import SharedKafka

from .rounds import Round

pytestmark = pytest.mark.integration

FAULTS = (
    "exit: outputs written, state not",
    "freeze: all written, not committed",
    "kill",
    "exit: committed, not acknowledged",
)


async def test_after_every_fault_the_topics_hold_what_they_must(
    kafka: SharedKafka, tmp_path: Path
) -> None:
    """Two workers: ends inside and after a transaction, a zombie that is fenced, a kill; then the verdict.

    Nothing missing, wrong, extra or doubled; the aborted records are there and nobody reads them.
    """
    found = await Round("short/1", kafka.bootstrap, tmp_path, workers=2, server=None).run(FAULTS)
    assert found.verdict.examples == []
    assert found.well, found
    assert sum(found.faults.values()) == len(FAULTS)
    assert found.verdict.aborted > 0
    assert found.verdict.outputs > 100
    assert found.verdict.revisions > 0
