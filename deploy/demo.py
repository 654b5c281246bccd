"""Everything on one machine: embedded servers, every role as a process joined by Kafka only, one screen."""

import asyncio
import json
import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from msgspec import Struct

from streams.serving.feed import Feed
from streams.serving.view import View
from topics import KINDS, PipelineError, raw_topic
from topics.broker import BrokerSettings, apply_topics

from .children import Child, Children
from .embedded import PARTITIONS
from .report import Run, findings, report
from .role import ending
from .screen import Screen
from .settings import environment_of
from .witness import Witness

SPEED = 60
"""Market time against wall time."""
HOURS = 60
"""How long ago the demo's market begins; an hour of wall time brings it to now."""
START_MINUTE = 40
"""Of an hour: so that an hourly window ends within the first half minute of wall time."""
RECORDING = "binance-xrpeth-aggtrades-2019-10.jsonl.gz"
RECORDING_FIRST_MS = 1_570_752_011_620
SEED = 1
READY_S = 60.0
LEAD_MS = 3_000
"""The market begins this long after its collector's start, which takes a moment."""
SETTLE_S = 15.0
"""How long the roles may take to finish what was sent."""
MODELS = ("rules", "simulated")
OUTAGE = [{"fault": "overloaded", "seconds": [12, 24]}]
"""The planted outage of the simulated model, in seconds since its first request."""

_HOUR_MS = 3_600_000


class Plan(Struct, frozen=True):
    """When the demo's market begins, and by how much the recording is shifted into it."""

    start_ms: int
    began_ms: int
    """The wall time of `start_ms`."""
    shift_ms: int

    def event_ms(self, now_ms: int) -> int:
        """Return the market's time at a wall time."""
        return self.start_ms + (now_ms - self.began_ms) * SPEED


def plan(began_ms: int) -> Plan:
    """Return the plan for a market that begins at a wall time."""
    latest_ms = began_ms - (HOURS - 1) * _HOUR_MS
    start_ms = latest_ms // _HOUR_MS * _HOUR_MS + START_MINUTE * 60_000
    if start_ms > latest_ms:
        start_ms -= _HOUR_MS
    return Plan(start_ms, began_ms, start_ms + 1_000 - RECORDING_FIRST_MS)


def run_demo(*, seconds: int, report_file: Path | None, model: str) -> int:
    """Run the demo and return its exit status: 0 when all that was planted was seen and everything adds up."""
    if model not in MODELS:
        _say(f"tapereader: --model {model}: one of {', '.join(MODELS)}")
        return 2
    with (
        tempfile.TemporaryDirectory(prefix="tapereader-demo-") as folder,
        as_file(files("deploy").joinpath("data", RECORDING)) as recording,
    ):
        result = asyncio.run(Demo(Path(folder), recording, model=model).run(seconds))
    text = json.dumps(result, indent=2) + "\n"
    if report_file is not None:
        report_file.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 1 if result["errors"] or not result["accounted"] else 0


class Demo:
    """One run."""

    def __init__(self, folder: Path, recording: Path, *, model: str) -> None:
        """Prepare; nothing is started before `run`."""
        self._folder, self._recording, self._model = folder, recording, model
        self._view, self._witness = View(), Witness()
        self._errors: list[str] = []
        self._broker = BrokerSettings()
        self._settings: dict[str, Any] = {}

    async def run(self, seconds: int) -> dict[str, Any]:
        """Start everything, watch until the time is over or Ctrl-C, stop everything, and say what was seen.

        Raises:
            PipelineError: A role could not be started, or ended by itself.
        """
        stop = asyncio.Event()
        async with ending(stop, None):
            with Children(self._folder) as children:
                roles = await self._start(children)
                feed = Feed(
                    self._broker,
                    self._view,
                    since_ms=0,
                    seen=self._witness.seen,
                    also=("streams-state-changelog",),
                )
                feeding = asyncio.create_task(feed.run())
                try:
                    await self._until_ready(children, feeding)
                    return await self._observe(children, roles, feed, feeding, seconds, stop)
                finally:
                    feeding.cancel()
                    await asyncio.gather(feeding, return_exceptions=True)

    async def _start(self, children: Children) -> dict[str, Child]:
        _say("starting: broker, Redis, streams, agent ...")
        clean = self._environment()
        places = await _line(children.start("embedded", ["embedded"], clean, piped=True))
        self._broker = BrokerSettings(
            bootstrap=places["kafka"], partitions=PARTITIONS, embedded=True
        )
        await asyncio.to_thread(apply_topics, self._broker)
        agent = await self._agent_settings(children, places["redis"])
        self._settings = {
            "instance": "demo",
            "state_dir": str(self._folder),
            "probes": {"port": 0},
            "broker": self._broker.model_dump(mode="json"),
            "agent": {"tally_s": 1.0, **agent},
        }
        return {
            name: children.start(name, [name], self._environment()) for name in ("streams", "agent")
        }

    async def _observe(  # noqa: PLR0917 - one run's parts
        self,
        children: Children,
        roles: dict[str, Child],
        feed: Feed,
        feeding: "asyncio.Task[None]",
        seconds: int,
        stop: asyncio.Event,
    ) -> dict[str, Any]:
        planned = plan(time.time_ns() // 1_000_000 + LEAD_MS)
        self._settings["collect"] = self._collect_settings(planned)
        sources = ["collect", "recording", "simulated"]
        collect = children.start("collect", sources, self._environment())
        painting = asyncio.create_task(self._screen(planned).run())
        give_up_s = time.monotonic() + (seconds or HOURS * 60) + LEAD_MS / 1000
        try:
            while not stop.is_set() and time.monotonic() < give_up_s:
                children.check()
                if feeding.done():
                    feeding.result()
                await asyncio.sleep(0.2)
        finally:
            painting.cancel()
            await asyncio.gather(painting, return_exceptions=True)
        until_ms = planned.event_ms(time.time_ns() // 1_000_000)
        await collect.stop()
        if not stop.is_set():  # a Ctrl-C asks for an end now, not for a settled account
            await self._settle(feed)
        for name in ("agent", "streams"):
            if await roles[name].stop() != 0:
                self._errors.append(f"{name} did not end cleanly")
        return await self._result(feed, planned, until_ms, whole=not stop.is_set())

    def _screen(self, planned: Plan) -> Screen:
        start = datetime.fromtimestamp(planned.start_ms / 1000, UTC)
        return Screen(
            self._view,
            title=f"Tapereader demo: a recorded and an invented market at {SPEED} times their speed",
            hint=(
                f"The market began {start:%Y-%m-%d %H:%M}Z; the recording is shifted by"
                f" {planned.shift_ms} ms. Kafka: {self._broker.bootstrap}. Ctrl-C stops everything."
                " Next: docs/ARCHITECTURE.md"
            ),
            event_now_ms=planned.event_ms,
        )

    async def _settle(self, feed: Feed) -> None:
        """Let streams fold what was sent, and the agent and the feed read what came of it."""
        give_up_s = time.monotonic() + SETTLE_S
        while time.monotonic() < give_up_s and not await self._folded(feed):  # noqa: ASYNC110 - asks a broker
            await asyncio.sleep(0.2)
        await asyncio.sleep(2.0)

    async def _folded(self, feed: Feed) -> bool:
        for kind in KINDS:
            for partition, (_, end) in (await feed.bounds(raw_topic(kind))).items():
                meta = self._witness.metas.get((kind, partition))
                if end and (meta is None or meta.next_offset != end):
                    return False
        return True

    async def _result(
        self, feed: Feed, planned: Plan, until_ms: int, *, whole: bool
    ) -> dict[str, Any]:
        run = Run(
            seed=SEED,
            start_ms=planned.start_ms,
            until_ms=until_ms,
            shift_ms=planned.shift_ms,
            speed=SPEED,
            bounds={raw_topic(kind): await feed.bounds(raw_topic(kind)) for kind in KINDS},
        )
        found = findings(run, self._witness, self._view)
        errors = [*self._errors, *feed.evicted]
        return report(run, self._witness, self._view, found, errors, whole=whole)

    async def _until_ready(self, children: Children, feeding: "asyncio.Task[None]") -> None:
        give_up_s = time.monotonic() + READY_S
        waiting = {"streams", "agent"}
        while waiting:
            children.check()
            if feeding.done():
                feeding.result()
            now_ms = time.time_ns() // 1_000_000
            for role in sorted(waiting):
                status = self._view.part(role, "role", now_ms)
                if status is not None and status.state == "running":
                    waiting.discard(role)
            if time.monotonic() > give_up_s:
                msg = f"not ready within {READY_S:.0f} s: {', '.join(sorted(waiting))}"
                raise PipelineError(msg)
            await asyncio.sleep(0.1)

    async def _agent_settings(self, children: Children, redis: str) -> dict[str, Any]:
        if self._model == "rules":
            return {}
        script = self._folder / "outage.json"
        script.write_text(json.dumps(OUTAGE), encoding="utf-8")
        arguments = ["fake-claude", "--latency-ms", "400", "--script", str(script)]
        fake = children.start("fake-claude", arguments, self._environment(), piped=True)
        return {
            "model": {
                "base_url": (await _line(fake))["base_url"],
                "api_key": "simulated",
                "simulated": True,
                "products": ["state", "deep_dive"],
            },
            "budget": {"redis_url": redis, "usd_per_day": 0.05},
            "breaker": {"open_s": 4.0, "calls_min": 4, "window_s": 20.0},
        }

    def _collect_settings(self, planned: Plan) -> dict[str, Any]:
        pace = {"event_ms": planned.start_ms, "wall_ms": planned.began_ms, "speed": SPEED}
        recording = {
            "type": "recorded",
            "files": [str(self._recording)],
            "format": "binance.aggtrades",
            "venue": "binance",
            "subject": "XRP/ETH",
            "shift_ms": planned.shift_ms,
        }
        simulated = {"type": "synthetic", "seed": SEED}
        return {"pace": pace, "sources": {"recording": recording, "simulated": simulated}}

    def _environment(self) -> dict[str, str]:
        """Return this process's environment, with our settings and nobody else's."""
        return environment_of(self._settings, os.environ)


async def _line(child: Child) -> dict[str, str]:
    """Return the JSON line a child prints when it is ready."""
    out = child.process.stdout
    line = await asyncio.to_thread(out.readline) if out else b""
    if not line:
        child.process.wait()
        child.check()
    return dict(json.loads(line))


def _say(words: str) -> None:
    sys.stderr.write(words + "\n")
    sys.stderr.flush()
