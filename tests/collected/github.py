"""GitHub, asked and told: a service that fails and limits, repositories that are away, deliveries of every kind."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientSession

from streams.collectors.development.github import GithubSource
from streams.collectors.spacing import Spacing
from tests.servers.github import Github, Repo, delivered, described, pushed
from tests.servers.web import Body, Cut, Hang, Slow, Status
from tests.unit.streams.collectors.development.listening import SECRET, settings_for

from .clock import Behind
from .scene import Expected, Hole, Running, Scene
from .waits import some

NAMES = ("acme/one", "acme/two")
ANSWER_S = 1.0
BEYOND_HOLD_MS = 720_000
"""Two intervals, and two minutes."""
FAULTS = (
    Status(500),
    Status(502),
    Status(429, {"Retry-After": "1"}),
    Status(403, {"Retry-After": "1"}),
    Cut(),
    Hang(),
    Slow(0.05),
    Body(b"<html>unicorn</html>", "text/html"),
    Body(b'{"message": "a list was due"}'),
    Body(b"[" * 10_000),
)


class Watched:
    """The repositories, the source of the moment, and how to have it look."""

    def __init__(self, github: Github, clock: Behind, name: str, **settings: Any) -> None:
        self.github, self.clock, self.name = github, clock, name
        self.repos = [github.repo(each) for each in NAMES]
        self._settings = settings_for(github, *NAMES, **settings)
        self.sources: list[GithubSource] = []
        self.planted = 0

    def make(self) -> GithubSource:
        source = GithubSource(self.name, self._settings, now_ms=self.clock)
        source._tick_s = 0.02
        source.rest._timeout_s = ANSWER_S
        wide = Spacing(
            per_minute=60_000, burst=100
        )  # this machine may be asked as often as we like
        source.rest._allowance._spacing = wide
        if source._git is not None:
            source._git._timeout_s = ANSWER_S
            source._git._spacing = wide
        self.sources.append(source)
        return source

    async def begun(self, running: Running) -> None:
        await running.until(lambda: bool(self.sources[-1].repositories))
        await running.until(lambda: set(self.sources[-1].looks) >= set(NAMES), "the first looks")

    async def look(self, running: Running) -> None:
        """Have every repository looked at once more."""
        source = self.sources[-1]
        before = dict(source.looks)
        for repository in source.repositories.values():
            source.look_now(repository)
        await running.until(
            lambda: all(source.looks[name] > before.get(name, 0) for name in NAMES), "a look"
        )

    def work(self) -> None:
        """Have an act of each kind in each repository."""
        for repo in self.repos:
            at_ms = self.clock()
            repo.commit(at_ms)
            repo.thing(at_ms)
            repo.thing(at_ms, pull=True)
            repo.release(at_ms)
            self.planted += 4


@asynccontextmanager
async def polled(*, short: bool) -> AsyncIterator[Scene]:
    """Give the scene of one that asks."""
    clock = Behind()
    async with Github(clock) as github:
        watched = Watched(github, clock, "github")

        async def play(running: Running) -> Expected:
            return await _ask(running, watched, short=short)

        yield Scene(
            name="github",
            kind="development",
            label="GitHub, polling",
            material="invented after GitHub's REST documents and gitprotocol-http",
            faults="500, 502, 429 and 403 with Retry-After, cut, hang, slow bytes, HTML, hostile JSON, an item of no sense,"
            " listing behind git, 500 and 404 beyond the hold",
            make=watched.make,
            play=play,
            clock=clock,
        )


async def _ask(running: Running, watched: Watched, *, short: bool) -> Expected:
    clock = running.clock
    want = Expected(wall_of=clock.wall_of)
    await watched.begun(running)
    letters = 0
    for fault in (None, *some(FAULTS, short=short)):
        clock.forward(1_000)
        watched.work()
        watched.repos[0].hidden = 1 if fault is None else 0
        if fault is not None:
            watched.github.api.faults.append(fault)
            letters += isinstance(fault, Body)
        await watched.look(running)
        await watched.look(running)
        missing = 1 if fault is None else 0
        await running.came(watched.planted - missing + letters)
    watched.repos[0].thing(clock())
    watched.repos[0].issues[0]["created_at"] = "soon"
    letters += 1
    await watched.look(running)
    await running.came(watched.planted + letters)
    for status in (500, 404):
        clock.forward(5_000)
        watched.repos[0].status = status
        hole_ms = clock()
        for _ in range(2):
            clock.forward(BEYOND_HOLD_MS // 2)
            watched.repos[1].commit(clock())
            watched.planted += 1
            await watched.look(running)
        want.holes.append(Hole("BTC", hole_ms, "filled"))
        await running.until(lambda: running.told[0] >= len(want.holes), "the gap")
        watched.repos[0].status = 200
        watched.work()
        clock.forward(2_000)  # answers tell the time to the second
        await watched.look(running)
        await running.until(lambda: running.told[1] >= len(want.holes), "its end")
    await running.came(watched.planted + letters)
    want.events = watched.planted + letters
    return want


@asynccontextmanager
async def hooked(*, short: bool) -> AsyncIterator[Scene]:  # noqa: ARG001 - it is short
    """Give the scene of one that is told."""
    clock = Behind()
    async with Github(clock) as github:
        watched = Watched(github, clock, "hooks", webhook={"port": 0, "secret": SECRET})

        async def play(running: Running) -> Expected:
            return await _tell(running, watched)

        yield Scene(
            name="hooks",
            kind="development",
            label="GitHub, webhooks",
            material="invented after octokit/webhooks and GitHub's documents",
            faults="unsigned, wrongly signed, of strangers, delivered twice, replayed, signed and unreadable, pings, while"
            " REST is away",
            make=watched.make,
            play=play,
            clock=clock,
        )


class Hook:
    """Delivers, and checks what is answered."""

    def __init__(self, watched: Watched, session: ClientSession) -> None:
        webhooks = watched.sources[-1].webhooks
        assert webhooks is not None
        self._url, self._session = f"http://127.0.0.1:{webhooks.port}/github", session
        self._deliveries = 0
        self.twice = 0
        """Acts that were delivered before."""

    async def deliver(self, event: str, payload: object, due: int, secret: str = SECRET) -> None:
        self._deliveries += 1
        request = delivered(secret, event, payload, str(self._deliveries))
        async with self._session.post(self._url, **request) as response:
            assert response.status == due, (event, response.status)


async def _tell(running: Running, watched: Watched) -> Expected:
    await watched.begun(running)
    clock, repo = running.clock, watched.repos[0]
    async with ClientSession() as session:
        hook = Hook(watched, session)
        for _ in range(20):
            clock.forward(1_000)
            await _deliver(hook, repo, clock)
            watched.planted += 3
            await running.came(watched.planted)
        # A stranger's, and what nobody signed for us.
        stranger = Repo("acme/stranger", 999)
        stranger.commit(clock())
        await hook.deliver("push", pushed(stranger, stranger.commits), 404)
        await hook.deliver("push", {}, 401, "another secret")
        await hook.deliver("ping", {"zen": "x"}, 200)
        # What nobody can read, though it is signed: three letters.
        await hook.deliver("push", {"repository": 1}, 400)
        await hook.deliver("push", pushed(repo, []) | {"commits": [{"id": "no"}, 7]}, 202)
        letters = 3
        await running.came(watched.planted + letters)
        repo.status = 500
        await watched.look(running)
        await _deliver(hook, repo, clock)
        watched.planted += 3
        await running.came(watched.planted + letters)
        repo.status = 200
        watched.work()
        await watched.look(running)
        await running.came(watched.planted + letters)
    events = watched.planted + letters + hook.twice
    return Expected(events=events, twice=hook.twice, wall_of=clock.wall_of)


async def _deliver(hook: Hook, repo: Repo, clock: Behind) -> None:
    """Deliver three acts, each of them twice; asking will show them once more."""
    at_ms = clock()
    repo.commit(at_ms)
    repo.thing(at_ms)
    repo.thing(at_ms, pull=True)
    about = {"action": "opened", "repository": described(repo)}
    for _ in range(2):
        await hook.deliver("push", pushed(repo, repo.commits[:1]), 202)
        await hook.deliver("issues", {"issue": repo.issues[1]} | about, 202)
        await hook.deliver("pull_request", {"pull_request": repo.issues[0]} | about, 202)
    hook.twice += 3
