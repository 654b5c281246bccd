"""Each role as a process on the real Kafka: what a monitor, an operator and a supervisor see of it."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from deploy.children import Child
from deploy.settings import environment_of
from tests.servers import KafkaServer, SharedKafka, SharedRedis
from topics import BY_NAME, KINDS, Status

from .records import PATIENCE_S
from .roles import Pipeline, pipeline, values

pytestmark = pytest.mark.integration
BEGAN_MS = time.time_ns() // 1_000_000
ROLES = ("collect", "streams", "agent")
SECRET = "not-for-anybodys-eyes"  # noqa: S105 - nobody's
END_S = 10.0
"""What a role may take to end before supervisors kill it; it takes less than one second, and two more where Faust hangs."""
AWAY_END_S = 20.0
"""And what it may take while no broker answers: less than the half minute a cluster gives by default."""
METRICS = {
    "collect": (
        r'tapereader_collect_events_sent_total{kind="market",source="invented"} [1-9]',
        r'tapereader_collect_queue{kind="social",source="invented"} ',
        r'tapereader_collect_gaps_total{kind="market",mark="detected",source="invented"} ',
    ),
    "streams": (
        r"tapereader_streams_partitions 4\.0",
        r'tapereader_streams_records{kind="market",outcome="applied"} [1-9]',
        r'tapereader_streams_watermark_milliseconds{kind="market"} [1-9]',
        r"tapereader_streams_checkpoint_seconds_count [1-9]",
        r"tapereader_streams_outputs_total ",
    ),
    "agent": (
        r"tapereader_agent_aggregates_total [1-9]",
        r"tapereader_agent_inbox ",
        r'tapereader_agent_breaker_state{breaker="breaker/anthropic/claude-haiku-5-5",state="closed"} 1\.0',
        r"tapereader_agent_spent_dollars ",
        r"tapereader_agent_calls_total{",
    ),
}
PARTS = {
    # Acts in repositories come from a place of their own.
    "collect": {
        f"{'simforge' if kind == 'development' else 'invented'}/{kind}": {"connected"}
        for kind in KINDS
    },
    "streams": {"role": {"running"}} | {kind: {"running"} for kind in KINDS},
    "agent": {
        "role": {"running"},
        "breaker/anthropic/claude-haiku-5-5": {"closed"},
        "cache": {"own"},
        "budget/default": {"open"},
    },
}
MEASURES = {
    "collect": {
        *("sent", "refused", "queued", "spill_bytes", "defects", "through_ms", "last_event_ms"),
        *("gaps_detected", "gaps_filled", "gaps_permanent"),
    },
    "streams": {"partitions", "checkpoints"},
    "agent": {"waiting", "calls_in_flight", "unfinished"},
}


def collect_settings() -> dict[str, Any]:
    """An invented market of ten hours ago, two minutes of it a second: a restart goes on where it would be now."""
    source = {"type": "synthetic", "seed": 2, "hours": 1000}
    pace = {"wall_ms": BEGAN_MS, "event_ms": BEGAN_MS - 10 * 3_600_000, "speed": 120.0}
    return {"sources": {"invented": source}, "pace": pace}


def start(line: Pipeline, role: str, agent: dict[str, Any] | None = None) -> Child:
    """Start a role that says as much as it can, with every secret a role can have."""
    arguments = ("invented",) if role == "collect" else ()
    broker = line.broker.model_dump(mode="json") | {"username": "one", "password": f"{SECRET}-1"}
    return line.start(
        role,
        *arguments,
        broker=broker,
        collect=collect_settings(),
        agent=agent or {},
        log={"level": "debug"},
    )


class Running(NamedTuple):
    """All three roles at work."""

    line: Pipeline
    folder: Path
    children: dict[str, Child]
    began_ms: int

    def statuses(self, role: str) -> dict[str, Status]:
        """Return the latest of each part that a role has told of."""
        decode = BY_NAME["status"].decoder().decode
        told = [decode(value) for value in values(asyncio.run(self.line.read("status")))]
        latest = sorted((s for s in told if s.role == role), key=lambda status: status.at_ms)
        return {status.part: status for status in latest}


def eventually(holds: Callable[[], bool], patience_s: float = PATIENCE_S) -> bool:
    give_up_s = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > give_up_s:
            return False
        time.sleep(0.1)
    return True


@pytest.fixture(scope="module")
def running(
    kafka: SharedKafka, redis_server: SharedRedis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """The roles of one pipeline, side by side: killed once, and started again under their names."""
    folder = tmp_path_factory.mktemp("roles")
    prefix = f"roles.{os.getpid()}-{int(time.time())}."
    began_ms = time.time_ns() // 1_000_000
    with pipeline(kafka.bootstrap, prefix, folder) as line:
        fake = line.start("fake-claude")
        agent = {
            "model": {
                "base_url": json.loads(line.first_line(fake))["base_url"],
                "api_key": f"{SECRET}-2",
                "simulated": True,
                "products": ["state", "deep_dive"],
            },
            "budget": {"redis_url": redis_server.url, "usd_per_day": 1.0},
        }
        for child in all_ready(line, agent).values():
            child.process.send_signal(signal.SIGKILL)
            child.process.wait()
        line.measured = True
        yield Running(line, folder, all_ready(line, agent), began_ms)


def all_ready(line: Pipeline, agent: dict[str, Any] | None = None) -> dict[str, Child]:
    """Start all three, and return when each may be relied on."""
    children = {role: start(line, role, agent) for role in ROLES}
    for child in children.values():
        asyncio.run(line.ready(child))
    return children


@pytest.mark.parametrize("role", ROLES)
def test_a_monitor_sees_that_it_is_well_and_what_it_does(running: Running, role: str) -> None:
    """/healthz, /readyz, and the metrics by the names dashboards know, with numbers in them."""
    child = running.children[role]
    for path in ("healthz", "readyz"):
        assert running.line.page(child, path) == (200, "ok\n")

    def lacking() -> list[str]:
        status, text = running.line.page(child, "metrics")
        assert status == 200
        return [
            wanted for wanted in METRICS[role] if not re.search(f"^{wanted}", text, re.MULTILINE)
        ]

    eventually(lambda: not lacking())
    assert lacking() == []


@pytest.mark.parametrize("role", ROLES)
def test_the_status_topic_has_each_of_its_parts(running: Running, role: str) -> None:
    """In the state of a role that works, fresh, and measured."""

    def states() -> dict[str, set[str]]:
        # A prompt's quality is a part once an answer was judged by it.
        return {
            part: {status.state}
            for part, status in running.statuses(role).items()
            if not (part.startswith("quality/") and status.state == "closed")
        }

    eventually(lambda: states() == PARTS[role])
    assert states() == PARTS[role]
    told = running.statuses(role)
    now_ms = time.time_ns() // 1_000_000
    for status in told.values():
        assert status.instance == "0"
        assert running.began_ms <= status.since_ms <= status.at_ms <= now_ms < status.expires_ms
    whole = next(iter(PARTS[role]))
    assert set(told[whole].measures) == MEASURES[role]


@pytest.mark.parametrize("role", ROLES)
def test_its_log_is_json_lines_without_secrets(running: Running, role: str) -> None:
    """Even at its most talkative; each line says of which process it is."""
    text = (running.folder / f"{role}-0.log").read_text()
    told = [json.loads(line) for line in text.splitlines()]
    assert {(line["role"], line["instance"]) for line in told} == {(role, "0")}
    assert all({"event", "level", "timestamp"} <= set(line) for line in told)
    begun = [line for line in told if line["event"] == "started"]
    assert len(begun) == 2  # it was killed once
    assert all(re.fullmatch(r"http://127\.0\.0\.1:\d+", line["probes"]) for line in begun)
    assert {"status"} <= {line["event"] for line in told}
    assert not [line for line in told if "exception" in line]
    assert SECRET not in text


def test_no_secret_is_in_any_topic_of_people_or_in_the_probes(running: Running) -> None:
    """What everybody may read."""
    for topic in ("status", "feed.status", "decisions", "analyses", "deadletters"):
        found = asyncio.run(running.line.read(topic))
        assert not [r for part in found for r in part if SECRET.encode() in (r.value or b"")], topic
    for child in running.children.values():
        for path in ("metrics", "healthz", "readyz"):
            assert SECRET not in running.line.page(child, path)[1]


def test_people_are_told_how_a_source_runs(running: Running, tmp_path: Path) -> None:
    """By the command, out of the topics: its state, what it sent, and each feed's last event and gaps."""
    broker = running.line.broker.model_dump(mode="json")
    around = environment_of({"broker": broker, "collect": collect_settings()}, os.environ)

    def told(*arguments: str) -> str:
        return subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-P", "-m", "deploy", "collect", *arguments],
            cwd=tmp_path,
            env=around,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=True,
        ).stdout

    assert eventually(lambda: "invented/market connected" in told("list"))
    said = told("check", "invented")
    assert re.search(r"invented/market at 0: connected .* for .*; sent [1-9]", said)
    assert re.search(r"sim\w+ [A-Z]+/USDT: connected, last event .* ago, [0-9,]+ sent, gaps", said)


def stop(children: dict[str, Child], within_s: float) -> dict[str, int]:
    """Ask all to end, and return the status of each; less than 0 if it had to be killed."""

    async def all_stopped() -> list[int]:
        return await asyncio.gather(*(child.stop(within_s) for child in children.values()))

    return dict(zip(children, asyncio.run(all_stopped()), strict=True))


def test_a_role_that_is_told_to_end_ends_well_and_soon(running: Running) -> None:
    """By SIGTERM, and it says so.

    The last of those who look at what it ends; the others, behind it, have the machine to themselves.
    """
    began_s = time.monotonic()
    assert stop(running.children, END_S) == dict.fromkeys(ROLES, 0)
    assert time.monotonic() - began_s < END_S
    for role in ROLES:
        last = (running.folder / f"{role}-0.log").read_text().splitlines()[-1]
        assert json.loads(last)["event"] == "stopped"


def test_without_a_broker_a_role_that_is_told_to_end_ends(
    start_kafka: Callable[..., KafkaServer], tmp_path: Path
) -> None:
    """In the middle of its work, the broker gone: in bounded time, and what was not sent is said."""
    server = start_kafka()
    with pipeline(server.bootstrap, "away.", tmp_path) as line:
        children = all_ready(line)
        asyncio.run(line.read_until("aggregates", 1))
        server.kill()
        time.sleep(1.0)
        children[
            "collect"
        ].check()  # it holds its source back; the others may end, to be started again
        assert [status for status in stop(children, AWAY_END_S).values() if status < 0] == []
        said = (tmp_path / "collect-0.log").read_text().splitlines()
        assert "The next start finds the hole" in said[-1]
        complaints = [words for words in map(_event, said) if words.startswith("Unable")]
        assert 0 < len(complaints) == len(set(complaints))  # not thirty a second


def test_streams_end_well_in_the_middle_of_a_rebalance(kafka: SharedKafka, tmp_path: Path) -> None:
    """Stopped longer than its session lasts, it rejoins when it goes on, and is told to end meanwhile.

    Faust then waits for its own thread for ever, which must hold up nobody.
    """
    with pipeline(kafka.bootstrap, f"moving.{os.getpid()}-{int(time.time())}.", tmp_path) as line:
        start(line, "collect")
        for wait_s in (0.1, 0.4, 0.8):
            child = start(line, "streams")
            asyncio.run(line.ready(child))
            child.process.send_signal(signal.SIGSTOP)
            time.sleep(2.5)
            child.process.send_signal(signal.SIGCONT)
            time.sleep(wait_s)
            assert asyncio.run(child.stop(END_S)) == 0
        said = (tmp_path / "streams-0.log").read_text()
        assert said.count('"event": "stopped"') >= 3


def _event(line: str) -> str:
    return str(json.loads(line)["event"]) if line.startswith("{") else line
