"""The processes of a run: the fake, two agents each behind a relay of its own, and what they are told."""

import asyncio
import json
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from agents.settings import AgentSettings
from tests.integration.roles import Pipeline
from tests.kills.soak import rss_mb
from tests.servers.process import GuardedProcess, free_ports
from tests.unit.agents.fake_claude.wire import Wire

from .agent import Briefing
from .evidence import Change, Send
from .relay import Relay

ROOT = Path(__file__).parents[2]
AGENTS = ("one", "two")
READY_S = 60.0
SETTLED_S = 2.0
"""Both are ready for so long: the group has shared the partitions out."""
END_S = 30.0
SCOPE = "faults"
LATENCY_MS = 150


def settings_of(base_url: str, redis_url: str) -> AgentSettings:
    """Return the settings of a run: its breakers open sooner and try again sooner than the defaults.

    So many openings and trials fit into minutes. What is longer than here only lengthens recovery, by `open_s_max`.
    """
    breaker = {"window_s": 10, "slices": 5, "open_s": 1.5, "open_s_max": 3.0, "probes": 2}
    return AgentSettings.model_validate(
        {
            "breaker": {**breaker, "calls_min": 5, "slow_s": 2.5},
            "quality": {**breaker, "verdicts_min": 5},
            "model": {
                "base_url": base_url,
                "api_key": "any",
                "simulated": True,
                "timeout_s": 4.0,
                "concurrency": 8,
                "products": ["deep_dive", "state"],
            },
            # Short of time, so that states are asked about again and again; the ledger's server by another name, as it is
            # one that is never full.
            "cache": {"redis_url": redis_url.replace("127.0.0.1", "localhost"), "ttl_s": 20.0},
            "budget": {
                "redis_url": redis_url,
                "scope": SCOPE,
                "usd_per_minute": 0.5,
                "usd_per_day": 50.0,
                # Reached in most minutes, so that the invariant is seen to hold where it is tight.
                "classes": {"alert": {"usd_per_minute": 0.005}},
            },
            "deadline_s": 10.0,
            "tally_s": 1.0,
        }
    )


class Agent:
    """One process of the agent role."""

    def __init__(self, name: str, line: Pipeline, settings: AgentSettings, defect: str) -> None:
        """Write its briefing and start it."""
        self.name, self._told = name, line.folder / f"agent-{name}.told"
        (self._port,) = free_ports(1)
        tree = {
            "instance": name,
            "state_dir": str(line.folder),
            "broker": line.broker.model_dump(mode="json"),
            "probes": {"port": self._port},
            "agent": _plain(settings),
        }
        file = line.folder / f"agent-{name}.json"
        file.write_bytes(msgspec.json.encode(Briefing(tree, str(self._told), defect)))
        command = [sys.executable, "-m", "tests.faults.agent", str(file)]
        self.log = line.folder / f"agent-{name}.log"
        self._process = GuardedProcess(command, folder=ROOT, log=self.log)

    @property
    def rss_mb(self) -> float:
        """Its resident memory."""
        return rss_mb(self._process.pid)

    def check(self) -> None:
        """Raise if it has ended."""
        if not self._process.running:
            said = self.log.read_text(errors="replace").strip().splitlines()[-12:]
            words = "\n  ".join([f"agent {self.name} ended by itself; it said last:", *said])
            raise RuntimeError(words)

    def is_ready(self) -> bool:
        """Whether its partitions are assigned and folded."""
        try:
            url = f"http://127.0.0.1:{self._port}/readyz"
            with urllib.request.urlopen(url, timeout=2):
                return True
        except urllib.error.HTTPError as refused:
            refused.close()
        except OSError:
            pass
        return False

    def changes(self) -> list[Change]:
        """Return what it told of its breakers."""
        if not self._told.exists():
            return []
        decode = msgspec.json.Decoder(Change).decode
        return [decode(line) for line in self._told.read_bytes().splitlines()]

    def end(self) -> int | None:
        """Ask it to end, and return its status; None if it had to be killed."""
        return self._process.status if self._process.end(END_S) else None

    def close(self) -> None:
        """End it at once, if it has not ended."""
        self._process.kill()


class Stage:
    """What is running."""

    def __init__(self, fake: Wire, settings: AgentSettings) -> None:
        """Begin without agents. ``settings`` are the agents', with the fake's address for the relays'."""
        self.fake, self.settings = fake, settings
        self.agents: list[Agent] = []
        self.relays: list[Relay] = []

    @property
    def sends(self) -> list[Send]:
        """Every request on the wire."""
        return [send for relay in self.relays for send in relay.sends]

    async def ready(self) -> None:
        """Return when both agents have been ready for a while."""
        loop = asyncio.get_running_loop()
        since_s = loop.time()
        async with asyncio.timeout(READY_S):
            while loop.time() - since_s < SETTLED_S:
                await asyncio.sleep(0.1)
                for agent in self.agents:
                    agent.check()
                    if not await asyncio.to_thread(agent.is_ready):
                        since_s = loop.time()


@asynccontextmanager
async def staged(
    line: Pipeline, redis_url: str, *, seed: int, defect: str = ""
) -> AsyncIterator[Stage]:
    """Start everything, and end it with the block."""
    arguments = ("--port", "0", "--latency-ms", str(LATENCY_MS), "--seed", str(seed))
    child = line.start("fake-claude", *arguments)
    url = json.loads(await child.first_line())["base_url"]
    async with AsyncExitStack() as ending:
        session = await ending.enter_async_context(aiohttp.ClientSession(url))
        stage = Stage(Wire(session), settings_of(url, redis_url))
        for name in AGENTS:
            relay = Relay(name, int(url.rpartition(":")[2]))
            stage.relays.append(relay)
            way = await ending.enter_async_context(relay.serving())
            agent = Agent(name, line, settings_of(way, redis_url), defect)
            ending.callback(agent.close)
            stage.agents.append(agent)
        await stage.ready()
        yield stage


def _plain(settings: AgentSettings) -> dict[str, Any]:
    """Return settings as JSON takes them, the key in the clear: it is any word."""
    plain = settings.model_dump(mode="json", exclude_unset=True)
    plain["model"]["api_key"] = "any"
    return plain
