"""A long run of acts, faults and deliveries: each act is an event once, and each hole is told and closed."""

import random
from collections import Counter

import pytest
from aiohttp import ClientSession

from streams.collectors.development.github import GithubSource
from tests.servers.github import Github, Repo, delivered, pushed
from tests.servers.web import Body, Cut, Status
from topics import GapDetected, GapFilled

from .listening import SECRET, Clock, Listening, listening, settings_for

NAMES = ("acme/one", "acme/two")
HOLD_S = 660.0
"""Two intervals and a minute: behind that, what is not covered is a hole."""


class Run:
    """One run: what was planted, by its seed."""

    def __init__(self, seed: int, github: Github, clock: Clock, heard: Listening) -> None:
        self.rng = random.Random(seed)
        self.github, self.clock, self.heard = github, clock, heard
        self.planted: list[str] = []
        self.malformed = 0

    def act(self, repo: Repo) -> None:
        at_ms = self.clock() - self.rng.choice([0, 1_000, 3_600_000])
        kind = self.rng.randrange(4)
        if kind == 0:
            self.planted.append(f"issue/{repo.id}/{repo.thing(at_ms)}")
        elif kind == 1:
            self.planted.append(f"pull_request/{repo.id}/{repo.thing(at_ms, pull=True)}")
        elif kind == 2:
            self.planted.append(f"release/{repo.release(at_ms)}")
        else:
            self.planted.append(f"commit/{repo.commit(at_ms)}")

    def fault(self) -> None:
        kind = self.rng.randrange(4)
        if kind == 0:
            self.github.api.faults.append(Body(b"no list", "text/plain"))
            self.malformed += 1
        elif kind < 3:
            self.github.api.faults.append((Status(502), Cut())[kind - 1])

    async def deliver(self, repo: Repo) -> None:
        webhooks = self.heard.source.webhooks
        assert webhooks is not None
        request = delivered(SECRET, "push", pushed(repo, repo.commits[:3]))
        url = f"http://127.0.0.1:{webhooks.port}/github"
        async with ClientSession() as session, session.post(url, **request) as response:
            assert response.status == 202


@pytest.mark.parametrize("seed", range(4))
async def test_every_act_is_an_event_once_whatever_fails(seed: int) -> None:
    clock = Clock()
    async with Github(clock) as github:
        repos = [github.repo(name) for name in NAMES]
        webhook = {"port": 0, "secret": SECRET}
        source = GithubSource("github", settings_for(github, *NAMES, webhook=webhook), now_ms=clock)
        async with listening(source) as heard:
            run = Run(seed, github, clock, heard)
            for _ in range(20):
                clock.forward(run.rng.choice([1, 60, 300]))
                for _ in range(run.rng.randrange(4)):
                    run.act(run.rng.choice(repos))
                for repo in repos:
                    repo.hidden = run.rng.choice([0, 0, 0, 1])
                if run.rng.random() < 0.4 and repos[0].commits:
                    await run.deliver(repos[0])
                run.fault()
                await heard.look()
            for repo in repos:
                repo.hidden = 0
            github.api.faults.clear()
            await heard.look()
            assert Counter(heard.ids) == Counter(run.planted)
            sent, refused = heard.tally(clock())
            assert (sent, refused) == (len(run.planted), len(heard.refused))
            assert len(heard.refused) == run.malformed
            told = [mark.gap_id for mark in heard.marks if isinstance(mark, GapDetected)]
            filled = [mark.gap_id for mark in heard.marks if isinstance(mark, GapFilled)]
            assert set(told) == set(filled)
            assert len(filled) == len(set(filled))


async def test_each_planted_hole_is_told_exactly_and_none_is_invented() -> None:
    clock = Clock()
    async with Github(clock) as github:
        one, two = (github.repo(name) for name in NAMES)
        source = GithubSource("github", settings_for(github, *NAMES), now_ms=clock)
        async with listening(source) as heard:
            holes = []
            for n in range(6):
                begun_ms = source._coverage.covered_ms(NAMES[0])
                one.status = 500 if n % 2 == 0 else 404
                # Within the hold no failure is a hole; beyond it each is one.
                for _ in range(2):
                    clock.forward((HOLD_S + 2) / 2 if n < 4 else (HOLD_S - 60) / 2)
                    two.commit(clock())
                    await heard.look()
                if n < 4:
                    holes.append((begun_ms, clock()))
                    await heard.until(lambda: len(heard.marks) == 2 * len(holes) - 1)
                one.status = 200
                await heard.look()
            detected = [m for m in heard.marks if isinstance(m, GapDetected)]
            filled = [m for m in heard.marks if isinstance(m, GapFilled)]
            assert [(m.from_ms, m.to_ms) for m in detected] == holes
            assert [(m.from_ms, m.to_ms) for m in filled] == holes
            assert [m.gap_id for m in detected] == [m.gap_id for m in filled]
            assert len(heard.events) == 12
