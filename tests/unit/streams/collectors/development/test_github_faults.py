"""What goes wrong between GitHub and the source: each failure is its own, and nothing is lost by it."""

import gzip
import json
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from streams.collectors.development.github import GithubSource
from streams.collectors.development.rest import TokenError
from tests.servers.github import Github
from tests.servers.web import Body, Cut, Fault, Hang, Slow, Status, WebServer
from topics import GapDetected, GapFilled

from .listening import NOW_MS, TOKEN, Clock, Listening, listening, settings_for

HOUR = 3_600_000
NAME, OTHER = "acme/coin", "acme/other"


def source_of(github: Github, clock: Clock, *names: str, **changes: object) -> GithubSource:
    made = GithubSource(
        "github", settings_for(github, *(names or (NAME,)), **changes), now_ms=clock
    )
    patient(made, 5.0)
    return made


def patient(source: GithubSource, seconds: float) -> None:
    """Have a source wait so long for an answer."""
    source.rest._timeout_s = seconds
    if source._git is not None:
        source._git._timeout_s = seconds


def state(heard: Listening, name: str = NAME) -> str:
    return heard.source.repositories[name].words


HOSTILE = b"[" * 10_000
BROKEN = [
    (Status(500), "500"),
    (Status(502), "502"),
    (Cut(), "RemoteProtocolError"),
    (Hang(), "no whole answer"),
    (Slow(), "no whole answer"),
    (Body(b"<html>unicorn</html>", "text/html"), "commits"),
    (Body(b'{"message": "a list was due"}'), "commits"),
    (Body(HOSTILE), "commits"),
    (Status(200, {"Content-Encoding": "gzip"}, gzip.compress(b"[]")), "packed"),
]


@pytest.mark.parametrize(("fault", "told"), BROKEN)
async def test_an_answer_of_no_use_costs_nothing_but_time(fault: Fault, told: str) -> None:
    clock = Clock()
    async with Github(clock) as github:
        repo = github.repo(NAME)
        repo.commit(NOW_MS - HOUR)
        async with listening(source_of(github, clock)) as heard:
            at_ms = clock.forward(1)
            sha, issue = repo.commit(at_ms), repo.thing(at_ms)
            github.api.faults.append(fault)
            patient(heard.source, 0.3 if isinstance(fault, Hang | Slow) else 5.0)
            await heard.look()
            patient(heard.source, 5.0)
            assert heard.events == []
            assert told in state(heard)
            assert len(heard.refused) == isinstance(fault, Body)
            await heard.look()
            assert heard.ids == [f"commit/{sha}", f"issue/100/{issue}"]
            assert heard.grades == ["A", "C"]
            assert state(heard) == "seen"
            assert heard.marks == []
            assert heard.tally(clock()) == (2, len(heard.refused))


async def test_failures_wait_longer_and_as_long_as_they_are_told_to() -> None:
    clock = Clock()
    async with Github(clock) as github:
        github.repo(NAME)
        async with listening(source_of(github, clock)) as heard:
            repository = heard.source.repositories[NAME]
            pauses = []
            for _ in range(7):
                github.api.faults.append(Status(500))
                await heard.look()
                pauses.append(heard.source._pause_s(repository))
            assert pauses == [10, 20, 40, 80, 160, 300, 300]
            github.api.faults.append(Status(503, {"Retry-After": "400"}))
            await heard.look()
            assert heard.source._pause_s(repository) == 400
            await heard.look()
            assert heard.source._pause_s(repository) == 300
            github.repos[NAME].status = 404
            await heard.look()
            assert heard.source._pause_s(repository) == 900


async def test_one_item_that_cannot_be_read_is_refused_alone_and_once() -> None:
    clock = Clock()
    async with Github(clock) as github:
        repo = github.repo(NAME)
        async with listening(source_of(github, clock)) as heard:
            at_ms = clock.forward(1)
            for _ in range(3):
                repo.thing(at_ms)
            repo.issues[1]["created_at"] = "soon"
            await heard.look()
            repo.thing(at_ms)
            await heard.look()
            assert heard.ids == ["issue/100/3", "issue/100/1", "issue/100/4"]
            assert [json.loads(each.original)["number"] for each in heard.refused] == [2]
            assert heard.tally(clock()) == (3, 1)


async def test_too_large_an_answer_is_not_taken() -> None:
    clock = Clock()
    async with Github(clock) as github:
        github.repo(NAME)
        source = source_of(github, clock)
        source.rest._body_bytes_max = 500
        async with listening(source) as heard:
            assert state(heard) == "seen"
            github.api.faults.append(Body(b"[" + b" " * 500))
            await heard.look()
            assert "more than 500 bytes" in state(heard)
            await heard.look()
            assert state(heard) == "seen"


async def test_a_second_page_that_fails_is_asked_for_again_with_the_first() -> None:
    clock = Clock()
    async with Github(clock) as github:
        repo = github.repo(NAME)
        async with listening(source_of(github, clock, acts=["issue"])) as heard:
            at_ms = clock.forward(1)
            for _ in range(60):
                repo.thing(at_ms)
            github.api.faults.extend([Body(b""), Status(500)])
            github.api.faults[0] = Body(json.dumps(repo.issues[:50]).encode())
            # The first page comes, with no word of a second one: what is told is taken.
            await heard.look()
            assert len(heard.events) == 50
            # Now the whole, whose second page fails after the first.
            repo.thing(at_ms)
            await heard.look()
            await heard.look()
            assert len(heard.events) == 61
            assert len(set(heard.ids)) == 61


async def test_what_is_not_to_be_had_is_a_gap_of_its_own_and_no_end() -> None:
    for status, words in ((404, "deleted or private"), (451, "blocked"), (403, "forbidden")):
        clock = Clock()
        async with Github(clock) as github:
            gone, here = github.repo(NAME), github.repo(OTHER)
            async with listening(source_of(github, clock, NAME, OTHER)) as heard:
                gone.status = status
                for _ in range(2):
                    clock.forward(500)
                    here.commit(clock())
                    await heard.look()
                assert words in state(heard)
                assert len(heard.events) == 2
                await heard.until(lambda: heard.marks != [])
                (mark,) = heard.marks
                assert isinstance(mark, GapDetected)
                assert (mark.from_ms, mark.to_ms) == (NOW_MS - 1_000 + 1_000, clock())
                assert heard.through_ms == clock() - 600_000
                gone.status = 200
                await heard.look()
                assert [type(each) for each in heard.marks] == [GapDetected, GapFilled]
                assert state(heard) == "seen"
                assert heard.links == ["connecting", "connected"]


async def test_a_renamed_repository_is_followed_and_keeps_its_name_in_events() -> None:
    clock = Clock()
    async with Github(clock) as github:
        repo = github.repo(NAME)
        async with listening(source_of(github, clock)) as heard:
            repo.moved_to = "new/name"
            sha = repo.commit(clock.forward(1))
            await heard.look()
            assert heard.ids == [f"commit/{sha}"]
            assert heard.events[0].repository == NAME
            again = repo.commit(clock.forward(1))
            await heard.look()
            assert heard.ids == [f"commit/{sha}", f"commit/{again}"]
            assert heard.grades[-1] == "A"  # git is asked under the new name
            assert state(heard) == "seen, now new/name"


async def test_another_repository_under_the_same_name_is_not_counted() -> None:
    clock = Clock()
    async with Github(clock) as github:
        github.repo(NAME).commit(NOW_MS - HOUR)
        async with listening(source_of(github, clock)) as heard:
            del github.repos[NAME]
            github.repo("x/filler")
            squatted = github.repo(NAME)
            squatted.commit(clock.forward(1))
            await heard.look()
            assert heard.events == []
            assert "another repository has its name" in state(heard)


async def test_a_redirection_elsewhere_is_not_followed_and_the_token_stays() -> None:
    clock = Clock()

    async def trap(_: web.Request) -> web.Response:
        return web.json_response([])

    async with Github(clock) as github, WebServer(trap) as elsewhere:
        github.repo(NAME)
        async with listening(source_of(github, clock)) as heard:
            where = f"{elsewhere.url}/repositories/100/commits"
            github.api.faults.append(Status(301, {"Location": where}))
            await heard.look()
            assert "not followed" in state(heard)
            link = {"Link": f'<{where}>; rel="next"', "ETag": '"x"'}
            github.api.faults.append(Status(200, link, b"[]"))
            await heard.look()
            await heard.look()
            assert elsewhere.requests == []
            assert {r.headers["Authorization"] for r in github.api.requests} == {f"token {TOKEN}"}
            assert all("Authorization" not in r.headers for r in github.git.requests)


async def test_an_empty_repository_is_nothing_to_worry_about() -> None:
    clock = Clock()
    async with Github(clock) as github:
        repo = github.repo(NAME)
        async with listening(source_of(github, clock)) as heard:
            github.api.faults.append(Status(409))
            await heard.look()
            assert state(heard) == "seen"
            repo.commit(clock.forward(1))
            await heard.look()
            assert heard.grades == ["A"]


@pytest.mark.parametrize(
    "limit",
    [
        Status(429, {"Retry-After": "1"}),
        Status(403, {"Retry-After": "1"}),
        Status(403, {"Retry-After": "soon"}, b'{"message": "secondary rate limit"}'),
        Status(429, {"Retry-After": "Fri, 02 Oct 2099 00:00:00 GMT"}),
        Status(403, {"Retry-After": "9" * 30}),
        Status(403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "never"}),
        Status(403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9" * 10}),
    ],
)
async def test_a_secondary_limit_stops_everybody_with_that_token(limit: Fault) -> None:
    clock = Clock()
    async with Github(clock) as github:
        repo = github.repo(NAME)
        one, two = source_of(github, clock), source_of(github, clock)
        async with listening(one) as heard, listening(two) as other:
            sha = repo.commit(clock.forward(1))
            github.api.faults.append(limit)
            await heard.look()
            assert "GitHub's limit" in state(heard)
            asked = len(github.answers)
            wait_s = two.rest._allowance.wait_s(0.0)
            assert one.rest._allowance is two.rest._allowance
            assert wait_s > 0.5
            two.look_now(two.repositories[NAME])
            await other.until(lambda: two.rest.waiting_s > 0)
            assert len(github.answers) == asked
            two.rest._allowance.blocked_until_s = 0.0
            await heard.look()
            assert heard.ids == [f"commit/{sha}"]


async def test_when_the_hour_is_spent_nothing_is_asked_until_the_next() -> None:
    clock = Clock()
    async with Github(clock, limit=3) as github:
        github.repo(NAME)
        source = source_of(github, clock)
        async with listening(source, first=False) as heard:
            await heard.until(lambda: source.rest.waiting_s > 100)
            assert len(github.answers) <= 3
            assert 403 not in github.statuses


async def test_a_token_that_is_refused_ends_the_session_and_is_not_shown() -> None:
    clock = Clock()
    async with Github(clock) as github:
        github.repo(NAME)
        source = source_of(github, clock)
        async with listening(source) as heard:
            github.tokens = {"another"}
            source.look_now(source.repositories[NAME])
            await heard.until(lambda: heard.failed is not None)
            assert isinstance(heard.failed, TokenError)
            assert heard.failed.wait_s == 300.0
            assert TOKEN not in str(heard.failed) + repr(heard.seen)


async def test_nobody_there_is_told_and_what_was_missed_comes_later() -> None:
    clock = Clock()
    async with Github(clock) as github:
        repo = github.repo(NAME)
        async with listening(source_of(github, clock)) as heard:
            await github.api.__aexit__(None, None, None)
            sha = repo.commit(clock.forward(1))
            await heard.look()
            assert "ConnectError" in state(heard)
            assert github.api.url not in state(heard)
            assert heard.links == ["connecting", "connected", "disconnected"]
            again = github.api = WebServer(github._api)
            again._port = int(heard.source.rest._url.rpartition(":")[2])
            await again.__aenter__()
            await heard.look()
            assert heard.ids == [f"commit/{sha}"]
            assert heard.grades == ["A"]
            assert heard.links[-1] == "connected"
            assert heard.marks == []


async def test_clocks_that_differ_promise_no_more_than_github_has_seen() -> None:
    clock = Clock()
    async with Github(clock) as github:
        github.repo(NAME)
        github.skew_ms = -120_000
        async with listening(source_of(github, clock)) as heard:
            assert heard.source._coverage.covered_ms(NAME) == NOW_MS  # where it began
            clock.forward(500)
            await heard.look()
            assert heard.source._coverage.covered_ms(NAME) == clock() - 120_000
            github.skew_ms = -86_400_000  # absurd: not believed
            await heard.look()
            assert heard.source._coverage.covered_ms(NAME) == clock()


async def test_a_certificate_is_checked_and_may_be_ones_own(tmp_path: Path) -> None:
    clock = Clock()
    authority = trustme.CA()
    trusted = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(trusted))
    async with Github(clock, authority=authority) as github:
        github.repo(NAME).commit(NOW_MS)
        stranger = source_of(github, clock)
        async with listening(stranger) as heard:
            assert "certificate" in state(heard).lower()
            assert github.answers == []
        friend = source_of(github, clock, ca_file=str(trusted))
        async with listening(friend) as heard:
            assert heard.grades == ["A"]


@pytest.mark.parametrize(
    "fault", [Status(500), Cut(), Hang(), Slow(0.2), Body(b"0001"), Body(b"x" * 100_000)]
)
async def test_a_witness_that_fails_is_a_grade_and_no_more(fault: Fault) -> None:
    clock = Clock()
    async with Github(clock) as github:
        repo = github.repo(NAME)
        async with listening(source_of(github, clock)) as heard:
            repo.commit(clock.forward(1))
            github.git.faults.append(fault)
            if isinstance(fault, Hang | Slow):
                assert heard.source._git is not None
                heard.source._git._timeout_s = 0.3
            await heard.look()
            assert heard.grades == ["C"]
            assert state(heard) == "seen"
