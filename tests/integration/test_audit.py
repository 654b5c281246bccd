"""`tapereader audit` over what the streams role has written to the real Kafka."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from deploy.settings import environment_of
from tests.everything import everything
from tests.servers import SharedKafka
from topics import KINDS, partition_of
from topics.outbox import OutRecord

from .records import PATIENCE_S
from .roles import PARTITIONS, Pipeline, pipeline

pytestmark = pytest.mark.integration
ASSETS = ("BTC", "ETH")


class Said(NamedTuple):
    status: int | None
    out: str
    error: str


@pytest.fixture
def line(kafka: SharedKafka, topic_prefix: str, tmp_path: Path) -> Iterator[Pipeline]:
    with pipeline(kafka.bootstrap, topic_prefix, tmp_path) as made:
        yield made


async def audit(line: Pipeline, *arguments: str) -> Said:
    """Run the command as an operator does."""
    tree = {"broker": line.broker.model_dump(mode="json")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "deploy", "audit", *arguments),
        env=environment_of(tree, os.environ),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, error = await asyncio.wait_for(process.communicate(), 2 * PATIENCE_S)
    return Said(process.returncode, out.decode(), error.decode())


def raw_records(line: Pipeline) -> list[OutRecord]:
    """Every asset's log of every kind, in the partition where it belongs."""
    return [
        line.raw(kind, partition_of(asset, PARTITIONS), key, value)
        for kind in KINDS
        for asset in ASSETS
        for key, value in everything(kind, asset, seed=3, steps=40)
    ]


async def test_the_audit_agrees_and_sees_one_planted_record(line: Pipeline, tmp_path: Path) -> None:
    """Over all kinds and a kill in the middle: 0 when all is well, 1 with each difference in a sentence; 2 before."""
    records, file = raw_records(line), tmp_path / "audit.json"
    said = await audit(line)
    assert said.status == 2
    assert "has folded nothing there" in said.error
    worker = line.start("streams")
    await line.ready(worker)
    await line.write(records[: len(records) // 2])
    await line.read_until("aggregates", 20)
    worker.process.send_signal(signal.SIGKILL)
    worker.process.wait()
    await line.write(records[len(records) // 2 :])
    again = line.start("streams")
    await line.ready(again)
    await line.folded()

    said = await audit(line, "--all", "--json", str(file))
    assert (said.status, said.error) == (0, ""), said
    assert said.out.endswith("everything agrees\n")
    report = json.loads(file.read_text())
    assert sum(part["records"] for part in report["parts"]) == len(records)
    for name in ("aggregates", "late", "deadletters"):
        there = sum(map(len, await line.read(name)))
        counted = {"deadletters": "dead_letters"}.get(name, name)
        assert sum(part[counted] for part in report["parts"]) == there > 0
    assert all(
        sum(part["counts"][c] for part in report["parts"]) > 0 for c in ("marks", "corrected")
    )

    sampled = await audit(line, "--sample", "3", "--kind", "market", "--json", str(file))
    assert sampled.status == 0, sampled
    part = next(p for p in json.loads(file.read_text())["parts"] if p["records"])
    assert part["strata"]["revised"] == part["strata"]["hopping"] == 3
    assert 3 <= part["compared"] <= 15 < part["aggregates"]

    partition, place = await plant(line)
    said = await audit(line, "--all")
    assert said.status == 1
    assert f"aggregates/{partition} at {place}: market/" in said.out
    assert "stands there a second time, with other contents" in said.out
    assert said.out.endswith("1 difference\n")
    assert await again.stop() == 0


async def plant(line: Pipeline) -> tuple[int, int]:
    """Write an aggregate once more, with another volume; return where it stands."""
    for partition, records in enumerate(await line.read("aggregates")):
        for record in records:
            body: dict[str, Any] = json.loads(record.value)
            if body["values"]["kind"] == "market":
                body["values"]["volume"] += 1e-8
                topic, value = line.broker.topic("aggregates"), json.dumps(body).encode()
                told = list(record.headers)
                await line.write([OutRecord(topic, partition, record.key, value, told)])
                return partition, (await line.read("aggregates"))[partition][-1].offset
    pytest.fail("no market aggregate")
