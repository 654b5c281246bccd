"""GitHub's deliveries as the fast path, over HTTP."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession

from streams.collectors.development.github import GithubSource
from streams.collectors.development.webhooks import IN_FLIGHT_MAX
from tests.servers.github import Github, Repo, delivered, described, pushed, told, user

from .listening import NOW_MS, SECRET, Clock, Listening, listening, settings_for

HOUR = 3_600_000
NAME = "acme/coin"


class Hook:
    """A repository, its source, and a way to deliver to it."""

    def __init__(self, github: Github, repo: Repo, clock: Clock, heard: Listening) -> None:
        self.github, self.repo, self.clock, self.heard = github, repo, clock, heard

    @property
    def url(self) -> str:
        assert self.heard.source.webhooks is not None
        return f"http://127.0.0.1:{self.heard.source.webhooks.port}/github"

    @property
    def received(self) -> Any:
        assert self.heard.source.webhooks is not None
        return self.heard.source.webhooks.received

    async def post(self, **request: Any) -> int:
        async with ClientSession() as session, session.post(self.url, **request) as response:
            return response.status

    async def deliver(self, event: str, payload: object, secret: str = SECRET) -> int:
        return await self.post(**delivered(secret, event, payload))


@asynccontextmanager
async def hooked(**changes: Any) -> AsyncIterator[Hook]:
    clock = Clock()
    async with Github(clock) as github:
        repo = github.repo(NAME)
        webhook = {"port": 0, "secret": SECRET}
        settings = settings_for(github, NAME, webhook=webhook, **changes)
        async with listening(GithubSource("github", settings, now_ms=clock)) as heard:
            yield Hook(github, repo, clock, heard)


async def test_what_is_delivered_is_an_event_at_once_and_asking_finds_nothing_new() -> None:
    async with hooked() as hook:
        at_ms = hook.clock.forward(60)
        asked = len(hook.github.answers)
        hook.repo.commit(at_ms, "Ann")
        hook.repo.thing(at_ms, "bob", pull=True)
        about = {"repository": described(hook.repo)}
        assert await hook.deliver("push", pushed(hook.repo, hook.repo.commits)) == 202
        pull = {"action": "opened", "pull_request": hook.repo.issues[0]} | about
        assert await hook.deliver("pull_request", pull) == 202
        assert hook.heard.ids == [f"commit/{hook.repo.commits[0]['sha']}", "pull_request/100/1"]
        assert hook.heard.grades == ["C", "C"]
        assert len(hook.github.answers) == asked
        await hook.heard.look()
        assert len(hook.heard.events) == 2
        assert hook.heard.marks == []


async def test_asking_and_delivery_make_the_same_event_but_for_the_grade() -> None:
    events = []
    for by_delivery in (True, False):
        async with hooked() as hook:
            hook.repo.commit(hook.clock.forward(60), "Ann")
            if by_delivery:
                await hook.deliver("push", pushed(hook.repo, hook.repo.commits))
            else:
                await hook.heard.look()
            (event,) = hook.heard.events
            events.append(event)
    by_delivery_, by_asking = events
    assert (by_delivery_.grade, by_asking.grade) == ("C", "A")
    same = {"subject", "source", "repository", "event_id", "event_ms", "act", "author", "bot"}
    assert all(getattr(by_delivery_, name) == getattr(by_asking, name) for name in same)


async def test_a_delivery_that_comes_again_or_late_does_nothing() -> None:
    async with hooked() as hook:
        hook.repo.commit(hook.clock.forward(60))
        payload = pushed(hook.repo, hook.repo.commits)
        old = hook.repo.commit(NOW_MS - 30 * 24 * HOUR)
        replayed = pushed(hook.repo, [c for c in hook.repo.commits if c["sha"] == old])
        for _ in range(3):
            assert await hook.deliver("push", payload) == 202
        assert await hook.deliver("push", replayed) == 202
        assert len(hook.heard.events) == 1
        assert hook.heard.tally(hook.clock()) == (1, 0)


@pytest.mark.parametrize(
    "signature", [None, "", "sha256=", "sha256=" + "0" * 64, "sha1=" + "0" * 40, "\u00e9"]
)
async def test_what_is_not_signed_is_turned_away_unread(signature: str | None) -> None:
    async with hooked() as hook:
        hook.repo.commit(hook.clock.forward(60))
        request = delivered(SECRET, "push", pushed(hook.repo, hook.repo.commits))
        del request["headers"]["X-Hub-Signature-256"]
        if signature is not None:
            request["headers"]["X-Hub-Signature-256"] = signature
        assert await hook.post(**request) == 401
        assert await hook.deliver("push", {}, "another secret") == 401
        assert hook.received.unsigned == 2
        assert hook.heard.events == []


async def test_an_unknown_repository_is_refused() -> None:
    async with hooked() as hook:
        stranger = Repo("acme/stranger", 999)
        stranger.commit(hook.clock.forward(60))
        assert await hook.deliver("push", pushed(stranger, stranger.commits)) == 404
        squatter = Repo(NAME, 998)
        squatter.commit(hook.clock())
        assert await hook.deliver("push", pushed(squatter, squatter.commits)) == 404
        assert hook.received.unknown == 2
        assert hook.heard.events == []


async def test_a_force_push_has_the_branch_looked_at() -> None:
    async with hooked() as hook:
        looks = hook.heard.source.looks[NAME]
        sha = hook.repo.commit(hook.clock.forward(60))
        assert await hook.deliver("push", pushed(hook.repo, hook.repo.commits, forced=True)) == 202
        await hook.heard.until(lambda: hook.heard.source.looks[NAME] > looks)
        assert hook.heard.ids == [f"commit/{sha}"]
        assert hook.heard.grades == ["A"]


async def test_what_is_signed_and_unreadable_is_refused_with_its_bytes() -> None:
    async with hooked() as hook:
        hostile = delivered(SECRET, "push", {"repository": 1}, "12-ab\u00ff\u00fe")
        assert await hook.post(**hostile) == 400
        payload = pushed(hook.repo, []) | {"commits": [{"id": "no"}, 7]}
        assert await hook.deliver("push", payload) == 202
        await hook.heard.until(lambda: len(hook.heard.refused) == 3)
        assert hook.heard.refused[0].origin == "github/webhook/12-ab"
        assert hook.heard.refused[0].original == b'{"repository": 1}'
        assert hook.heard.tally(hook.clock()) == (0, 3)


async def test_a_ping_and_what_is_no_act_are_answered() -> None:
    async with hooked() as hook:
        assert await hook.deliver("ping", {"zen": "x"}) == 200
        starred = {"action": "created", "repository": described(hook.repo)}
        assert await hook.deliver("star", starred) == 202
        comment = {"id": 1, "created_at": told(NOW_MS), "user": user("ann")}
        commented = {"action": "created", "comment": comment, "repository": described(hook.repo)}
        assert await hook.deliver("issue_comment", commented) == 202
        assert hook.heard.events == []  # comments were not chosen


async def test_without_room_a_delivery_is_turned_away_whole() -> None:
    async with hooked() as hook:
        at_ms = hook.clock.forward(60)
        for _ in range(3):
            hook.repo.commit(at_ms)
        hook.heard.source._queue._maxsize = 2  # type: ignore[attr-defined]
        payload = pushed(hook.repo, hook.repo.commits)
        assert await hook.deliver("push", payload) == 503
        assert (hook.received.turned_away, hook.heard.events) == (1, [])
        hook.heard.source._queue._maxsize = 3  # type: ignore[attr-defined]
        assert await hook.deliver("push", payload) == 202
        assert len(hook.heard.events) == 3


async def test_bodies_are_bounded_in_size_time_and_number() -> None:
    async with hooked() as hook:
        webhooks = hook.heard.source.webhooks
        assert webhooks is not None
        webhooks._read_s = 0.2
        webhooks._runner.app._client_max_size = 1_000
        assert await hook.post(data=b"x" * 1_001) == 413
        begun = b"POST /github HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"
        slow = [
            await asyncio.open_connection("127.0.0.1", webhooks.port) for _ in range(IN_FLIGHT_MAX)
        ]
        for _, writer in slow:
            writer.write(begun)
        await hook.heard.until(lambda: webhooks._in_flight == IN_FLIGHT_MAX)
        assert await hook.post(data=b"x") == 503
        assert [(await reader.readline())[:12] for reader, _ in slow] == [b"HTTP/1.1 408"] * 8
        for _, writer in slow:
            writer.close()
        assert await hook.post(data=b"x") == 401
        received = hook.received
        assert (received.too_large, received.too_slow, received.turned_away) == (1, 8, 1)


async def test_an_address_that_is_taken_is_told() -> None:
    clock = Clock()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        async with Github(clock) as github:
            webhook = {"port": taken.getsockname()[1], "secret": SECRET}
            source = GithubSource(
                "github", settings_for(github, NAME, webhook=webhook), now_ms=clock
            )
            async with listening(source, first=False) as heard:
                await heard.until(lambda: heard.failed is not None)
                assert "cannot listen on 127.0.0.1" in str(heard.failed)


async def test_deliveries_go_on_while_github_cannot_be_asked() -> None:
    async with hooked() as hook:
        await hook.github.api.__aexit__(None, None, None)
        sha = hook.repo.commit(hook.clock.forward(60))
        await hook.heard.look()
        assert hook.heard.links[-1] == "disconnected"
        assert await hook.deliver("push", pushed(hook.repo, hook.repo.commits)) == 202
        assert hook.heard.ids == [f"commit/{sha}"]
