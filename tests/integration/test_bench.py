"""`tapereader bench` on the real Kafka, as a person runs it: it checks its own results. Times are bounded loosely."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.settings import environment_of
from tests.servers import SharedKafka
from topics.broker import BrokerSettings, admin_client

pytestmark = pytest.mark.integration
PATIENCE_S = 240.0
IMPATIENT = (
    "import topics.broker; topics.broker._TIMEOUT_S = 0.5; from deploy.cli import main; main()"
)
"""The command, with less patience for a broker."""

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(kafka: SharedKafka, topic_prefix: str, tmp_path: Path) -> Run:
    """Run a command of `tapereader bench`, which must end well, and return its report."""
    prefix = "bench." + topic_prefix.partition(".")[2]  # without the test's name, which is long
    broker = BrokerSettings(bootstrap=kafka.bootstrap, prefix=prefix)

    def command(*arguments: str) -> dict[str, Any]:
        file = tmp_path / "report.json"
        told = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-P", "-m", "deploy", "bench", *arguments, "--json", str(file)],
            env=environment_of({"broker": broker.model_dump(mode="json")}, os.environ),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert told.returncode == 0, told.stderr + told.stdout
        assert "right" in told.stdout
        names = admin_client(broker).list_topics(timeout=PATIENCE_S).topics
        assert not [name for name in names if name.startswith(prefix)]
        report: dict[str, Any] = json.loads(file.read_text())
        assert report["right"] is True
        return report

    return command


def test_windows_are_measured_beside_their_controls(run: Run) -> None:
    """Every event applied and in a window, each process with its figures, and nothing left on the broker."""
    report = run("windows", "--events", "20000", "--runs", "1", "--stock-events", "300")
    (one,) = report["runs"]
    ours, ceiling, stock = one["ours"], one["ceiling"], one["stock"]
    assert (ours["applied"], ours["counted"], ours["still_open"]) == (20_000, 20_000, 0)
    assert (ours["errors"], ours["rebalances"]) == ([], 0)
    assert ours["outputs"] > ours["windows"] > 1_500
    assert ours["changelog_bytes_per_event"] > ours["changelog_records_per_event"] > 0
    for span in (ours["span"], ceiling, stock["span"]):
        assert span["events_per_s"] > 10
        assert 0 < span["cpu_us_per_event"] < 100_000
        assert 10 < span["rss_mb_max"] < 1_000
    assert stock["windows"] > stock["closed_right"]
    assert set(report["ratios"]) == {"ours to ceiling", "ours to stock"}
    assert report["plan"]["work"]["events"] == 20_000


@pytest.mark.nightly
def test_latency_is_measured_at_a_steady_pace(run: Run) -> None:
    """The windows of one minute's end: not before the promise behind it, and soon after."""
    report = run("latency", "--rate", "500", "--seconds", "6", "--assets", "40")
    assert report["instants"] == 1
    assert report["windows"] >= 40
    assert report["rate_reached"] == pytest.approx(500, rel=0.5)
    assert 0 <= report["processing_ms"]["p50"] <= report["processing_ms"]["p95"] < 5_000
    assert 2_000 <= report["freshness_ms"]["p50"] < 10_000


@pytest.mark.nightly
def test_a_backlog_is_caught_up_without_losing_the_group(run: Run) -> None:
    """Told in tenths; trades without sequence numbers are in `windows --no-sequence`."""
    report = run("backlog", "--events", "20000", "--minutes", "3")
    assert report["ours"]["rebalances"] == 0
    assert report["parts"][-1]["read"] > 20_000
    assert all(part["rss_mb"] > 10 for part in report["parts"])


def test_without_sequence_numbers_the_result_is_right_too(run: Run) -> None:
    """Then every id is remembered for its while."""
    arguments = ("--events", "5000", "--runs", "1", "--no-sequence", "--no-controls")
    report = run("windows", *arguments, "--minutes", "2")
    assert report["ratios"] == {}
    assert report["runs"][0]["ceiling"] is None


def test_no_broker_is_a_sentence(tmp_path: Path) -> None:
    """Exit 2, before anything is generated."""
    tree = {"broker": {"bootstrap": "127.0.0.1:1"}}
    told = subprocess.run(  # noqa: S603 - a constant of this file
        [sys.executable, "-P", "-c", IMPATIENT, "bench", "windows"],
        env=environment_of(tree, os.environ),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr.startswith("tapereader: no Kafka broker answered within")
