"""What looking at repositories costs and how soon an act is an event, measured against a GitHub on this machine.

`python -m tests.development_latency` prints it. An hour is twelve looks, as with the interval of 300 s.
"""

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import ClientSession
from msgspec.structs import replace

from streams.collectors.development.github import GithubSource
from tests.servers.github import Github, Repo, delivered, pushed
from tests.unit.streams.collectors.development.listening import (
    SECRET,
    Listening,
    listening,
    settings_for,
)
from topics import RepositoryEvent

REPOSITORIES, LOOKS = 20, 12
INTERVAL_S, ACTS, DELIVERIES = 2.0, 200, 500


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@asynccontextmanager
async def running(
    *, interval_s: float = 300.0, **changes: object
) -> AsyncIterator[tuple[Github, list[Repo], Listening]]:
    async with Github(now_ms) as github:
        repos = [github.repo(f"acme/r{n}") for n in range(REPOSITORIES)]
        for repo in repos:
            for n in range(100):
                repo.commit(now_ms() - 30 * 86_400_000 + n)
        settings = settings_for(github, *(repo.name for repo in repos), **changes)
        source = GithubSource("github", settings, now_ms=now_ms)
        source.plan = replace(source.plan, interval_s=interval_s)
        async with listening(source) as heard:
            yield github, repos, heard


async def cost(*, changing: bool) -> tuple[float, float, float]:
    """Return questions, those that count, and questions to git, of one repository in an hour."""
    async with running() as (github, repos, heard):
        begun, used, git = len(github.answers), github.used, len(github.git.requests)
        for _ in range(LOOKS):
            if changing:
                for repo in repos:
                    repo.commit(now_ms())
            await heard.look()
        asked = len(github.answers) - begun
        return (
            asked / REPOSITORIES,
            (github.used - used) / REPOSITORIES,
            (len(github.git.requests) - git) / REPOSITORIES,
        )


async def delays_by_asking() -> list[float]:
    """Return how long after acts at random times their events were there to send, in seconds."""
    rng = random.Random(7)
    async with running(interval_s=INTERVAL_S) as (_, repos, heard):
        made: dict[str, float] = {}
        seen: dict[str, float] = {}
        watching = asyncio.create_task(watch(heard, seen))
        for _ in range(ACTS):
            await asyncio.sleep(rng.expovariate(ACTS / 20))
            sha = rng.choice(repos).commit(now_ms())
            made[f"commit/{sha}"] = time.perf_counter()
        await heard.until(lambda: len(seen) == ACTS)
        watching.cancel()
        return sorted(seen[act] - at_s for act, at_s in made.items())


async def delays_by_delivery() -> list[float]:
    """Return the same, from the first byte of a delivery on."""
    webhook = {"port": 0, "secret": SECRET}
    async with running(webhook=webhook) as (_, repos, heard), ClientSession() as session:
        assert heard.source.webhooks is not None
        url = f"http://127.0.0.1:{heard.source.webhooks.port}/github"
        delays = []
        for n in range(DELIVERIES):
            repo = repos[n % REPOSITORIES]
            repo.commit(now_ms())
            request = delivered(SECRET, "push", pushed(repo, repo.commits[:1]))
            begun_s, count = time.perf_counter(), len(heard.events)
            async with session.post(url, **request) as response:
                assert response.status == 202
            while len(heard.events) == count:
                await asyncio.sleep(0)
            delays.append(time.perf_counter() - begun_s)
        return sorted(delays)


async def watch(heard: Listening, seen: dict[str, float]) -> None:
    """Note when each event was there."""
    done = 0
    while True:
        new, done = heard.seen[done:], len(heard.seen)
        for observation in new:
            if isinstance(observation, RepositoryEvent):
                seen.setdefault(observation.event_id, time.perf_counter())
        await asyncio.sleep(0.002)


def told(delays: list[float]) -> str:
    p50, p95 = delays[len(delays) // 2], delays[len(delays) * 95 // 100]
    return f"p50 {p50 * 1000:,.1f} ms, p95 {p95 * 1000:,.1f} ms, most {delays[-1] * 1000:,.1f} ms"


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


async def main() -> None:
    for changing in (False, True):
        asked, counted, git = await cost(changing=changing)
        what = "one commit before each look" if changing else "no change"
        say(
            f"{what}: {asked:.1f} questions a repository and hour, {counted:.1f} that count, {git:.1f} to git"
        )
    delays = await delays_by_asking()
    say(f"asking every {INTERVAL_S:g} s, {ACTS} acts: {told(delays)}")
    delays = await delays_by_delivery()
    say(f"delivered, {DELIVERIES} acts: {told(delays)}")


if __name__ == "__main__":
    asyncio.run(main())
