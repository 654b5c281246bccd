"""`tapereader demo` as a person runs it: what it finds, what it says, and that it leaves nothing behind."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

import pytest

from deploy.demo.checks import REASONS
from deploy.demo.plan import OUTAGE_S, RECORDING_FIRST_MS
from tests.browser.chromium import find_chromium
from tests.browser.onlooker import Sighting, sighting
from tests.measured import PROCESSES
from tests.servers import UnavailableError, obtain
from tests.servers.process import survivors

SECONDS = 45
START_S = 60.0
"""Longer than the demo takes to begin on a busy machine."""
AFTER_S = 60.0
"""Longer than it takes from the end of its time to its own end."""
END_S = 5.0
"""What a Ctrl-C may take."""
LOOKED_AT = "simulated"
"""The run whose dashboard somebody looks at."""
RECORDED = "XRP"
"""Nothing is planted in what was recorded."""
MARK = "DEMO_TEST_MARK"
COMMAND = (sys.executable, "-P", "-m", "deploy", "demo")
IN_A_TERMINAL = (
    sys.executable,
    "-c",
    "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))",
)
"""Runs a command on a terminal of its own, with our pipe for a keyboard."""
KEYS = {
    "raw_events",
    "duplicates",
    "late_events",
    "dead_letters",
    "gaps",
    "aggregates",
    "revisions",
    "analyses",
    "decisions",
    "errors",
    "shift_ms",
    "aggregate_latency_ms",
    "accounted",
    "stories",
    "alerts",
    "messages",
    "told_after_ms",
}
TOLD_MS = 5_000
"""From an alert's record to its message, on a busy machine: the notifier has 500 ms on an idle one."""
GATHERED_MS = 30_000
"""More than what is gathered waits, ten seconds, and a busy machine."""

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="finds the demo's processes under /proc"
)


class Demo:
    """A demo as a process, whose whole family can be found by a mark in its environment."""

    def __init__(
        self, folder: Path, *options: str, terminal: bool = False, measured: bool = False
    ) -> None:
        """``measured``: with coverage, which makes it three times as slow."""
        self.mark = f"{MARK}={folder}"
        self.folder = folder / "temporary"
        self.folder.mkdir(parents=True)
        self._out = folder / "output"
        left_out = () if measured else (PROCESSES,)
        with self._out.open("wb") as out:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                [*(IN_A_TERMINAL if terminal else ()), *COMMAND, *options],
                env={
                    **{key: value for key, value in os.environ.items() if key not in left_out},
                    MARK: str(folder),
                    "TMPDIR": str(self.folder),
                    "TERM": "xterm",
                    "COLUMNS": "100",
                },
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
            )

    @property
    def said(self) -> str:
        return self._out.read_text(errors="replace")

    def family(self, *words: str) -> list[int]:
        """Return the demo's processes whose command has all the words."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                command = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
                if self._is_ours(entry) and set(words) <= set(command):
                    found.append(int(entry.name))
            except OSError:  # it has ended meanwhile
                continue
        return found

    def _is_ours(self, entry: Path) -> bool:
        environment = (entry / "environ").read_bytes().decode(errors="replace").split("\0")
        # Redis overwrites its environment; it works in our folder.
        return self.mark in environment or (entry / "cwd").readlink().is_relative_to(self.folder)

    def press(self, key: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(key)
        self.process.stdin.flush()

    def until(self, holds: Callable[[], bool], patience_s: float = START_S) -> None:
        """Return when something is so; fail when the demo has ended first."""
        give_up_s = time.monotonic() + patience_s
        while not holds():
            assert self.process.poll() is None, self.said
            assert time.monotonic() < give_up_s, self.said
            time.sleep(0.02)

    def end(self, patience_s: float) -> int:
        """Return its status, once it has ended and nothing of it is left."""
        try:
            status = self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            pytest.fail(f"still running after {patience_s} s, having said:\n{self.said}")
        assert self.family() == []
        assert list(self.folder.iterdir()) == []
        return status

    def close(self) -> None:
        """End whatever a failed test has left."""
        if self.process.stdin:
            self.process.stdin.close()
        survivors(self.family(), 0.0)
        self.process.wait(END_S)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Demo]]:
    """Start a demo that ends with the test."""
    demos: list[Demo] = []

    def begin(*options: str, **how: bool) -> Demo:
        demos.append(Demo(tmp_path / f"demo-{len(demos)}", *options, **how))
        return demos[-1]

    yield begin
    for demo in demos:
        demo.close()


class Outcome(NamedTuple):
    status: int
    report: dict[str, Any]
    said: str
    picture: str
    sighting: Sighting | None
    """What somebody saw on the dashboard meanwhile; None where nobody looked."""


def outcome_of(demo: Demo, files: Path) -> Outcome:
    seen = looked_at(demo) if files.name == LOOKED_AT else None
    status = demo.end(START_S + SECONDS + AFTER_S)
    report, picture = files.with_suffix(".json"), files.with_suffix(".svg")
    assert report.exists(), demo.said
    return Outcome(status, json.loads(report.read_text()), demo.said, picture.read_text(), seen)


def looked_at(demo: Demo) -> Sighting | None:
    """Look at the dashboard while the demo runs, where there is a Chromium to look with."""
    try:
        program = find_chromium(os.environ)
    except UnavailableError:
        return None
    demo.until(lambda: "Dashboard: " in demo.said)
    demo.until(lambda: b"Tapereader" in shown(demo))
    return asyncio.run(sighting(program, address_of(demo), but=f"/{RECORDED}/"))


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """Both whole runs, one after the other: side by side they are more than two cores can do in time."""
    folder = tmp_path_factory.mktemp("runs")
    return {model: whole_run(folder, model) for model in ("rules", "simulated")}


def whole_run(folder: Path, model: str) -> Outcome:
    demo = Demo(
        folder / model,
        *("--model", model, "--seconds", str(SECONDS)),
        *("--report", str(folder / f"{model}.json")),
        *("--picture", str(folder / f"{model}.svg")),
    )
    try:
        return outcome_of(demo, folder / model)
    finally:
        demo.close()


@pytest.mark.parametrize("model", ["rules", "simulated"])
def test_everything_planted_is_found_and_everything_adds_up(
    outcomes: dict[str, Outcome], model: str
) -> None:
    """The report of the first minute anybody sees of this project."""
    status, told, said, *_ = outcomes[model]
    assert (status, told["errors"]) == (0, []), said
    assert set(told) >= KEYS
    assert told["accounted"] is True
    assert told["broken_off"] is False
    assert told["incidents"] == {"planted": 5, "seen": 5}
    for planted in ("duplicates", "late_events", "dead_letters", "gaps", "gaps_filled"):
        assert told[planted] > 0, planted
    assert told["corrected"] > 0
    assert told["revisions"] > 0
    assert told["minute_windows"] >= 40
    assert told["raw_events"] == told["applied"] + told["duplicates"] + told["late_events"]
    assert told["aggregates"] == told["aggregates_decided"] + told["aggregates_tallied"]
    assert told["decisions"] > told["aggregates_decided"]  # an alert's has no aggregate of its own
    assert told["analyses"] > 20
    assert told["shift_ms"] > time.time() * 1000 - RECORDING_FIRST_MS - 62 * 3_600_000
    latency = told["aggregate_latency_ms"]
    assert 0 < latency["p50"] <= latency["p95"] < 5_000
    assert latency["n"] > 500
    assert "5 of 5 incidents found; everything adds up" in said


@pytest.mark.parametrize("model", ["rules", "simulated"])
def test_each_incident_is_noticed_alerted_on_and_told(
    outcomes: dict[str, Outcome], model: str
) -> None:
    """By the rules that ship, to a receiver that got every message; what can be over by then has cleared."""
    _, told, said, *_ = outcomes[model]
    stories = {story["incident"]: story for story in told["stories"]}
    assert set(stories) == set(REASONS)
    for name, story in stories.items():
        assert story["noticed"], said
        if story["said"]["origin"] == "rules":
            assert story["asset"] in story["said"]["headline"]
        first = story["alerts"][0]
        assert first["headline"]
        firsts = [page for page in first["paged"] if page["step"] == "firing"]
        assert [page["receiver"] for page in firsts] == ["demo"], name
        assert firsts[0]["after_aggregate_ms"] is not None
    assert {"flash_crash", "volume_surge", "wash_trading", "social_pump", "developer_exodus"} <= {
        alert["rule"] for story in stories.values() for alert in story["alerts"]
    }
    (crash,) = [a for a in stories["flash_crash"]["alerts"] if a["rule"] == "flash_crash"]
    assert (crash["severity"], crash["state"]) == ("critical", "cleared")
    assert told["alerts"]["firing"] > told["alerts"]["cleared"] > 0
    assert told["messages"] >= len(stories)
    # Of some ten messages p95 is the slowest, which may have been gathered for ten seconds.
    assert 0 < told["told_after_ms"]["p50"] < TOLD_MS
    assert told["told_after_ms"]["p95"] < GATHERED_MS


def test_who_looks_at_the_dashboard_sees_an_incident_as_it_happens(
    outcomes: dict[str, Outcome],
) -> None:
    """An alert of a planted one appears by itself; its page leads to an analysis, which names it."""
    obtain("browser", lambda: find_chromium(os.environ), os.environ)
    outcome = outcomes[LOOKED_AT]
    seen = outcome.sighting
    assert seen is not None
    stories = outcome.report["stories"]
    (told,) = [a for story in stories for a in story["alerts"] if a["alert_id"] == seen.alert_id]
    assert seen.same_document
    assert seen.headline == told["headline"]
    assert told["headline"] in seen.alert_page
    assert seen.leads_back, seen.analysis_page
    assert seen.problems == []


def test_without_a_model_the_rules_answer_everything(outcomes: dict[str, Outcome]) -> None:
    """And nothing is spent."""
    told = outcomes["rules"].report
    assert told["analyses_by_model"] == 0
    assert told["cost_nano_usd"] == 0
    assert told["breaker_states"] == []


def test_the_simulated_model_fails_as_planned_and_comes_back(outcomes: dict[str, Outcome]) -> None:
    """Its outage opens the breaker, rules answer meanwhile, and the bill is counted."""
    told = outcomes["simulated"].report
    assert sum(OUTAGE_S) / 2 < SECONDS  # the outage is over when the run is
    assert 0 < told["analyses_by_model"] < told["analyses"]
    states = told["breaker_states"]
    assert states[0] == "closed"
    assert "open" in states
    assert states[-1] == "closed"
    assert told["cost_nano_usd"] > 0


def test_the_picture_shows_what_the_screen_showed(outcomes: dict[str, Outcome]) -> None:
    """It needs nothing from anywhere: no address but the format's own, and the dashboard's as words."""
    for model, outcome in outcomes.items():
        shown = "".join(ET.fromstring(outcome.picture).itertext()).replace("\xa0", " ")  # noqa: S314 - ours
        assert "latest one-minute windows" in shown
        assert "XRP/ETH" in shown
        assert ("breaker" in shown) == (model == "simulated")
        addresses = re.findall(r"https?://[^\"'<]*", outcome.picture)
        assert addresses[0] == "http://www.w3.org/2000/svg"
        assert all(address.startswith("http://127.0.0.1:") for address in addresses[1:])
        assert "href" not in outcome.picture


def test_ctrl_c_ends_everything_at_once(start: Callable[..., Demo]) -> None:
    """In a terminal, where the whole foreground hears it; it is the usual end, so no error."""
    demo = start(terminal=True, measured=True)
    demo.until(lambda: re.search(r"watermark lag +market \d", demo.said) is not None)
    pressed_s = time.monotonic()
    demo.press(b"\x03")
    assert demo.end(END_S) == 0, demo.said
    assert time.monotonic() - pressed_s < END_S
    assert "broken off" in demo.said
    assert "Traceback" not in demo.said


@pytest.mark.parametrize("role", ["embedded", "agent"])
def test_ctrl_c_while_it_starts_ends_it_too(start: Callable[..., Demo], role: str) -> None:
    """Before there is anything to see."""
    demo = start(terminal=True)
    demo.until(lambda: bool(demo.family("deploy", role)))
    demo.press(b"\x03")
    assert demo.end(END_S) == 0, demo.said
    assert "stopped before the market began" in demo.said
    assert "Traceback" not in demo.said


def test_a_run_of_a_length_that_is_broken_off_has_failed(start: Callable[..., Demo]) -> None:
    """What was asked for was not done: scripts must notice."""
    demo = start("--seconds", "600", measured=True)
    demo.until(lambda: " events/s" in demo.said)
    demo.process.send_signal(signal.SIGTERM)
    assert demo.end(END_S) == 1
    assert "broken off" in demo.said


@pytest.mark.parametrize("role", ["streams", "embedded", "serve"])
def test_a_role_that_dies_ends_the_demo_by_its_name(start: Callable[..., Demo], role: str) -> None:
    """Nobody watches half a pipeline; what the dead one started dies too. The dashboard is where it was said to be."""
    demo = start("--seconds", "600")
    demo.until(lambda: bool(demo.family("deploy", "collect")))
    if role == "serve":
        demo.until(lambda: b"Tapereader" in shown(demo))
    (pid,) = demo.family("deploy", role)
    os.kill(pid, signal.SIGKILL)
    assert demo.end(END_S) == 1
    assert f"tapereader: {role} ended by itself with SIGKILL" in demo.said
    assert "Traceback" not in demo.said.partition("it said last")[0]


def address_of(demo: Demo) -> str:
    """Return where the demo told that its dashboard is."""
    found = re.search(r"Dashboard: (http://127\.0\.0\.1:\d+)\n", demo.said)
    assert found is not None, demo.said
    return found[1]


def shown(demo: Demo) -> bytes:
    """Return the page at the address the demo told; nothing while nobody answers."""
    try:
        with urllib.request.urlopen(address_of(demo), timeout=END_S) as answer:  # noqa: S310 - our own
            return bytes(answer.read())
    except OSError:
        return b""


def test_killed_itself_it_leaves_no_process(start: Callable[..., Demo]) -> None:
    """Its roles notice, each by its end of a pipe."""
    demo = start("--seconds", "600")
    demo.until(lambda: bool(demo.family("deploy", "collect")))
    time.sleep(1.0)  # into the collector's start
    family = demo.family()
    assert len(family) >= 6  # the demo, three roles, the broker, Redis
    demo.process.kill()
    assert survivors(family, END_S) == []


def test_wrong_options_are_refused_before_anything_starts(start: Callable[..., Demo]) -> None:
    """With what is allowed; 2 as for every wrong option."""
    demos = {
        "one of rules, simulated": start("--model", "oracle"),
        "its folder does not exist": start("--report", "/no/such/folder/report.json"),
        "greater than or equal to 0": start("--seconds", "-1"),
    }
    for words, demo in demos.items():
        assert demo.end(START_S) == 2
        assert words in demo.said
