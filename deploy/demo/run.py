"""Everything on one machine: embedded servers, every role as a process joined by Kafka only, one screen."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deploy.children import Child, Children
from deploy.escaping import escaped
from deploy.role import ending, now_ms
from deploy.screen import Screen
from deploy.settings import environment_of
from streams.serving.feed import Feed
from streams.serving.view import View
from topics import KINDS, PipelineError, raw_topic
from topics.broker import apply_topics
from topics.settings import BrokerSettings

from . import plan
from .checks import Run, findings
from .embedded import PARTITIONS
from .model import first_asked_ms
from .outlets import Outlets
from .report import report
from .witness import Witness

READY_S = 60.0
LEAD_MS = 1_500
"""From the start of the collector to the market's begin: it is up by then."""
BEGUN_S = 6.0
"""How long the first event may take, until people may look all the same."""
SETTLE_S = 15.0
"""How long the roles may take to finish what was sent."""
BREAK_OFF_S = 2.5
"""For a role to end after a Ctrl-C, all at once: the whole takes less than 5 s."""


class BrokenOffError(PipelineError):
    """Told to stop before there was anything to report."""


class Demo:
    """One run."""

    def __init__(
        self,
        folder: Path,
        recording: Path,
        *,
        model: str,
        picture_file: Path | None,
        dashboard: bool = True,
    ) -> None:
        """Prepare; nothing is started before `run`."""
        self._outlets = Outlets(dashboard=dashboard)
        self._picture_file = picture_file
        self._folder, self._recording = folder, recording
        self._simulated = model == "simulated"
        self._view, self._witness = View(), Witness()
        self._children = Children(folder)
        self._roles: dict[str, Child] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._stop = asyncio.Event()
        self._errors: list[str] = []
        self._settings: dict[str, Any] = {}
        self._model_url: str | None = None

    async def run(self, seconds: int) -> dict[str, Any]:
        """Start everything, watch until the time is over or Ctrl-C, stop everything, and say what was seen.

        Raises:
            BrokenOffError: Told to stop before the market had begun.
            PipelineError: A role could not be started, or ended by itself.
        """
        async with ending(self._stop, None), self._outlets.listening():
            with self._children:
                try:
                    return await self._run(seconds)
                finally:
                    for task in self._tasks:
                        task.cancel()
                    await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, seconds: int) -> dict[str, Any]:
        say(f"starting: broker, Redis, streams, agent ... {self._outlets.words}".rstrip())
        broker = await self._start()
        feed = Feed(
            broker,
            self._view,
            since_ms=0,
            seen=self._witness.seen,
            also=("streams-state-changelog",),
        )
        self._tasks.append(asyncio.create_task(feed.run()))
        # The embedded broker cannot be asked for offsets by time: an agent that comes later misses what is there.
        await self._ready()
        planned = plan.plan(now_ms() + LEAD_MS)
        self._settings["collect"] = plan.collect_settings(planned, self._recording)
        self._roles["collect"] = self._child("collect", "collect", "recording", "simulated")
        screen = self._screen(planned, broker)
        painting = asyncio.create_task(screen.run())
        self._tasks.append(painting)
        # Not before: neither the first screen nor the market's begin waits for what the dashboard imports.
        await self._until(self._begun, BEGUN_S)
        self._settings |= self._outlets.settings()
        self._roles |= {role: self._child(role, role) for role in self._outlets.roles}
        await self._until(_never, (seconds or plan.HOURS * 60) - self._age_s(planned))
        painting.cancel()
        await asyncio.gather(painting, return_exceptions=True)
        self._tasks.remove(painting)
        if self._picture_file is not None:
            screen.picture(self._picture_file)
        until_ms = planned.event_ms(now_ms())
        await self._end_roles(feed)
        run = Run(
            seed=plan.SEED,
            start_ms=planned.start_ms,
            until_ms=until_ms,
            shift_ms=planned.shift_ms,
            speed=plan.SPEED,
            outage_s=plan.OUTAGE_S if self._simulated else None,
            model_began_ms=await first_asked_ms(self._model_url),
            messages=len(self._outlets.receiver.messages),
            bounds={raw_topic(kind): await feed.bounds(raw_topic(kind)) for kind in KINDS},
        )
        # Of a run that was broken off nobody can say whether all was found.
        found = None if self._stop.is_set() else findings(run, self._witness, self._view)
        return report(run, self._witness, self._view, found, [*self._errors, *feed.evicted])

    def _child(self, name: str, *arguments: str, piped: bool = False) -> Child:
        """Start a role with this process's environment, our settings and nobody else's, and our folder."""
        environment = environment_of(self._settings, os.environ) | {"TMPDIR": str(self._folder)}
        return self._children.start(name, arguments, environment, piped=piped)

    async def _start(self) -> BrokerSettings:
        """Start all but the collector, each as soon as what it needs is known."""
        embedded = self._child("embedded", "embedded", piped=True)
        fake = self._fake_claude() if self._simulated else None
        places = await self._line(embedded)
        broker = BrokerSettings(bootstrap=places["kafka"], partitions=PARTITIONS, embedded=True)
        await asyncio.to_thread(apply_topics, broker)
        self._settings = {
            "instance": "demo",
            "state_dir": str(self._folder),
            "probes": {"port": 0},
            "broker": broker.model_dump(mode="json"),
        }
        self._roles["streams"] = self._child("streams", "streams")
        self._model_url = None if fake is None else (await self._line(fake))["base_url"]
        self._settings["agent"] = plan.agent_settings(self._model_url, places["redis"])
        self._roles["agent"] = self._child("agent", "agent")
        return broker

    def _fake_claude(self) -> Child:
        script = self._folder / "outage.json"
        script.write_text(json.dumps(plan.outage_script()), encoding="utf-8")
        arguments = ("fake-claude", "--latency-ms", "400", "--script", str(script))
        return self._child("fake-claude", *arguments, piped=True)

    async def _line(self, child: Child) -> dict[str, str]:
        """Return the JSON line a child prints when it is up."""
        reading = asyncio.create_task(child.first_line())

        async def has_spoken() -> bool:
            return reading.done()

        spoken = await self._until(has_spoken, READY_S)
        self._check_begun(f"{child.name} is not up", begun=spoken)
        if not reading.result():
            await child.ended(1.0)
            child.check()
        return dict(json.loads(reading.result()))

    async def _ready(self) -> None:
        """Return when streams and agent are running."""

        def waiting() -> list[str]:
            found = {name: self._view.part(name, "role", now_ms()) for name in self._roles}
            return [name for name, s in found.items() if s is None or s.state != "running"]

        async def none_waits() -> bool:
            return not waiting()

        begun = await self._until(none_waits, READY_S)
        self._check_begun(f"not ready: {', '.join(waiting())}", begun=begun)

    def _check_begun(self, else_words: str, *, begun: bool) -> None:
        if self._stop.is_set():
            msg = "stopped before the market began"
            raise BrokenOffError(msg)
        if not begun:
            msg = f"{else_words} after {READY_S:.0f} s"
            raise PipelineError(msg)

    async def _until(self, holds: Callable[[], Awaitable[bool]], timeout_s: float) -> bool:
        """Wait until something holds; False when the time is over or we are told to stop.

        Raises:
            ChildError: A role ended meanwhile.
            Exception: What stopped the feed, or the screen.
        """
        give_up_s = time.monotonic() + timeout_s
        while not await holds():
            if self._stop.is_set() or time.monotonic() > give_up_s:
                return False
            self._children.check()
            for task in self._tasks:
                if task.done():
                    task.result()
            await asyncio.sleep(0.1)
        return True

    async def _end_roles(self, feed: Feed) -> None:
        """Let all that was sent be finished, and end the roles; after a Ctrl-C end them at once."""

        async def is_settled() -> bool:
            return await self._folded(feed) and await feed.caught_up() and self._answered()

        if not self._stop.is_set():
            await self._end("collect")
            await self._until(is_settled, SETTLE_S)
        if not self._stop.is_set():
            for role in ("agent", "streams"):
                await self._end(role)
            await self._until(feed.caught_up, SETTLE_S)
            await self._until(self._told, SETTLE_S)
            for role in self._outlets.roles:
                await self._end(role)
        await asyncio.gather(*(role.stop(BREAK_OFF_S) for role in self._roles.values()))

    async def _end(self, role: str) -> None:
        if status := await self._roles[role].stop():
            self._errors.append(f"{role} did not end cleanly: status {status}")

    async def _folded(self, feed: Feed) -> bool:
        """Return whether the streams role has committed everything the raw topics hold."""
        for kind in KINDS:
            for partition, (_, end) in (await feed.bounds(raw_topic(kind))).items():
                meta = self._witness.metas.get((kind, partition))
                if end and (meta is None or meta.next_offset != end):
                    return False
        return True

    async def _begun(self) -> bool:
        """Return whether anything has come of the market."""
        return self._view.counts.raw_events > 0

    async def _told(self) -> bool:
        """Return whether somebody was told of everything that fired."""
        return not self._witness.told_of_alerts().waiting

    def _answered(self) -> bool:
        """Return whether the agent has said of every aggregate what became of it."""
        counts = self._view.counts
        return counts.decided + counts.tallied >= counts.aggregates

    def _screen(self, planned: plan.Plan, broker: BrokerSettings) -> Screen:
        start = datetime.fromtimestamp(planned.start_ms / 1000, UTC)
        return Screen(
            self._view,
            title=f"Tapereader demo: a recorded and an invented market at {plan.SPEED} times their speed",
            hint=(
                f"The market began {start:%Y-%m-%d %H:%M}Z; the recording is shifted by"
                f" {planned.shift_ms} ms. Kafka: {broker.bootstrap}. Ctrl-C stops everything."
                f" {self._outlets.words or 'Next: docs/ARCHITECTURE.md'}"
            ),
            event_now_ms=planned.event_ms,
        )

    @staticmethod
    def _age_s(planned: plan.Plan) -> float:
        return (now_ms() - planned.began_ms) / 1000


async def _never() -> bool:
    return False


def say(words: str) -> None:
    """Tell a person, beside whatever reads the report."""
    sys.stderr.write(escaped(words, keep="\n") + "\n")
    sys.stderr.flush()
