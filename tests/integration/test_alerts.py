"""Market alerts by the streams role as a process on the real Kafka: what stands in the topic, over kills, and tried again."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.alerting.backtest import Range, tried_on_aggregates
from deploy.alerting.reading import rules_of
from deploy.children import Child
from deploy.settings import Settings, environment_of
from streams.alerts.machine import Alerts
from streams.alerts.rules import compiled
from tests.servers import SharedKafka
from topics import BY_NAME, encode
from topics.alert import alert_key, transition_id
from topics.envelope import header

from .records import PATIENCE_S
from .roles import PARTITIONS, Pipeline, pipeline
from .test_streams import batch

pytestmark = pytest.mark.integration
RULES = """
[rules.busy]
severity = "warning"
headline = "{subject} traded {value} in {window}"
[[rules.busy.conditions]]
kind = "market"
window = "1m"
metric = "volume"
above = 2800
clear_below = 2300

[rules.busy_and_named]
severity = "critical"
headline = "{subject} traded {value1}, {value2} posts"
cool_down_s = 60
data_gap_s = 60
[[rules.busy_and_named.conditions]]
kind = "market"
window = "5m"
step = "1m"
metric = "volume"
above = 13000
[[rules.busy_and_named.conditions]]
kind = "social"
window = "5m"
metric = "posts"
above = 6
"""


@pytest.fixture
def line(kafka: SharedKafka, topic_prefix: str, tmp_path: Path) -> Iterator[Pipeline]:
    with pipeline(kafka.bootstrap, topic_prefix, tmp_path) as made:
        yield made


def alerting(tmp_path: Path) -> dict[str, Any]:
    """The branch of the settings: a file of rules, and none that ship."""
    file = tmp_path / "rules.toml"
    file.write_text(RULES, encoding="utf-8")
    return {
        "session_timeout_s": 2.0,
        "alerts": {"defaults": False, "files": [str(file)], "kinds_apart_s": 86_400},
    }


async def expected(line: Pipeline, tmp_path: Path) -> list[list[tuple[Any, ...]]]:
    """What the aggregates as they stand must give: key, value and id, by partition, in order."""
    rules = compiled(rules_of(tmp_path / "rules.toml"))
    decode = BY_NAME["aggregates"].decoder().decode
    out = []
    for records in await line.read("aggregates"):
        alerts = Alerts(rules, instances_max=20_000, kinds_apart_ms=86_400_000)
        for record in records:
            alerts.feed(decode(record.value))
        out.append(
            [
                (alert_key(alert).encode(), encode(alert), transition_id(alert).encode())
                for alert in alerts.outputs
            ]
        )
    return out


async def found(line: Pipeline) -> list[list[tuple[Any, ...]]]:
    """What the topic holds."""
    return [
        [(r.key, r.value, header(r.headers, "ce_id")) for r in records]
        for records in await line.read("alerts")
    ]


def tried(line: Pipeline, streams: dict[str, Any], *arguments: str) -> dict[str, Any]:
    """What `tapereader alerts test` says."""
    report = line.folder / "report.json"
    tree = {"broker": line.broker.model_dump(mode="json"), "streams": streams}
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "deploy", "alerts", "test", *arguments, "--json", str(report)],
        env=environment_of(tree, os.environ),
        capture_output=True,
        timeout=2 * PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    told: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return told


async def tried_here(line: Pipeline, streams: dict[str, Any], file: Path) -> dict[str, Any]:
    """What its other half says, which reads the windows as they stand: without another process."""
    trial = await tried_on_aggregates(
        Settings(broker=line.broker, streams=streams),  # type: ignore[arg-type]
        compiled(rules_of(file)),
        Range(from_ms=None, to_ms=None, warm_up_ms=0),
        stop=asyncio.Event(),
        begun=lambda _: None,
        told=lambda *_: None,
    )
    return trial.as_json()


async def test_transitions_are_those_of_the_published_windows_over_kills(
    line: Pipeline, tmp_path: Path
) -> None:
    """SIGKILL twice while rules fire and clear: nothing missing, nothing doubled, each byte; and so it is tried again.

    A third one when nothing is left to do, and the rules are gone: at once, though nothing more comes, what stands is
    cleared. One test, as a start of a process costs more than all that is asked of it.
    """
    rnd = random.Random(11)
    streams = alerting(tmp_path)
    worker = line.start("streams", streams=streams)
    await line.ready(worker)
    for number, minutes in enumerate((range(14), range(14, 22))):
        await line.write(batch(line, rnd, first=10_000 * number, minutes=minutes))
        await line.read_until("alerts", 5 + 20 * number)
        worker = await killed(line, worker, streams)
    await line.write(batch(line, rnd, first=20_000, minutes=range(22, 40)))
    await line.folded()
    told = await found(line)
    rules = tmp_path / "rules.toml"
    trial = asyncio.create_task(asyncio.to_thread(tried, line, streams, str(rules)))
    bare = await killed(line, worker, {**streams, "alerts": {"defaults": False}})
    assert told == await expected(line, tmp_path)
    decode = BY_NAME["alerts"].decoder().decode
    alerts = [decode(value) for records in told for _, value, _ in records]
    assert {alert.state for alert in alerts} >= {"firing", "cleared"}
    assert len({id_ for records in told for *_, id_ in records}) == len(alerts) > 50
    assert len(told) == PARTITIONS
    await assert_cleared(line, told)
    assert await bare.stop() == 0
    seen = await tried_here(line, streams, rules)
    ours = sorted(transition_id(alert) for alert in alerts)
    assert sorted(f"{a['alert_id']}/{a.get('transition', 1)}" for a in seen["transitions"]) == ours
    again = await trial
    assert _of("busy", again) == _of("busy", seen)
    assert again["warnings"] == []


async def killed(line: Pipeline, worker: Child, streams: dict[str, Any]) -> Child:
    """Kill a worker, and return the next one once it works."""
    worker.process.send_signal(signal.SIGKILL)
    worker.process.wait()
    following = line.start("streams", streams=streams)
    await line.ready(following)
    return following


async def assert_cleared(line: Pipeline, before: list[list[tuple[Any, ...]]]) -> None:
    """What stood is cleared, each once, with the reason; and nothing else is said."""
    decode = BY_NAME["alerts"].decoder().decode
    last = {key: decode(value) for records in before for key, value, _ in records}
    standing = {key for key, alert in last.items() if alert.state == "firing"}
    await line.read_until("alerts", sum(map(len, before)) + len(standing))
    ended = [
        (key, decode(value))
        for records, earlier in zip(await found(line), before, strict=True)
        for key, value, _ in records[len(earlier) :]
    ]
    assert sorted(key for key, _ in ended) == sorted(standing) != []
    assert {(alert.state, alert.reason) for _, alert in ended} == {("cleared", "rule_removed")}


def _of(rule: str, report: dict[str, Any]) -> list[dict[str, Any]]:
    """A rule on one kind is a function of that kind's raw records."""
    return [told for told in report["transitions"] if told["rule"] == rule]
