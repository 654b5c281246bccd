"""Hashtags of Mastodon servers: nothing is skipped, nothing comes twice, and what is shown no more is taken back."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from streams.collectors.port import Link, Observation, Refused, SourceError, Through
from streams.collectors.social import mastodon_pages
from streams.collectors.social.mastodon import HOLD_MS, Mastodon, MastodonSettings
from tests.servers.web import Body, Cut, Fault, Hang, Slow, Status, WebServer
from topics import GapDetected, GapFilled, GapPermanent, Heartbeat, Post, PostDeleted, encode

START_MS = 1_790_000_000_000


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_ms = START_MS

    def __call__(self) -> int:
        return self.now_ms


class Server:
    """A Mastodon server's hashtag timelines."""

    def __init__(self, page: int = 3) -> None:
        self.statuses: list[dict[str, Any]] = []
        self.page = page
        self.headers: dict[str, str] = {}
        self.web = WebServer(self._serve)

    def post(self, text: str, made_ms: int, *, tag: str = "bitcoin", **more: Any) -> dict[str, Any]:
        """Have a status; what is told late is put where its time belongs."""
        number = len(self.statuses)
        made = datetime.fromtimestamp(made_ms / 1_000, UTC).isoformat(timespec="milliseconds")
        status = {
            "id": str((made_ms << 16) + number),
            "uri": f"https://home.example/users/ann/statuses/{made_ms}-{number}",
            "created_at": made.replace("+00:00", "Z"),
            "account": {"id": "7", "url": f"https://home.example/@ann{number}", "bot": False},
            "content": f"<p>{text}</p>",
            "language": "en",
            "favourites_count": 1,
            "reblogs_count": 2,
            "replies_count": 3,
            "_tag": tag,
        } | more
        self.statuses.append(status)
        return status

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        tag = request.path.rpartition("/")[2]
        behind = int(request.query["min_id"])
        found = sorted(
            (s for s in self.statuses if s["_tag"] == tag and int(s["id"]) > behind),
            key=lambda status: int(status["id"]),
        )
        page = [{k: v for k, v in s.items() if k != "_tag"} for s in found[: self.page]]
        return web.json_response(page[::-1], headers=self.headers)


def source(clock: Clock, *servers: Server, **changes: Any) -> Mastodon:
    """Return a source of one hashtag of some servers, that asks as fast as it can."""
    fields: dict[str, Any] = {
        "salt": "a salt of the tests",
        "assets": ["BTC", "SOL"],
        "instances": [server.web.url for server in servers],
        "hashtags": ["bitcoin"],
        "every_s": 0.01,
    }
    settings = MastodonSettings(type="mastodon", **(fields | changes))
    return Mastodon("fedi", settings, now_ms=clock)


async def a_round(made: Mastodon) -> list[Observation]:
    """Return what one round gives; one in which nobody could be asked ends with why."""
    seen: list[Observation] = []
    try:
        async for one in made.polling.round():
            seen.append(one)  # noqa: PERF401 - what comes before an error counts
    except SourceError as error:
        seen.append(Link(state="disconnected", reason=str(error)))
    for http in made._https.values():
        await http.close()
    return seen


def said(seen: Iterable[Observation]) -> list[str]:
    """Return the texts of the posts that came, one for each asset."""
    return [one.text for one in seen if isinstance(one, Post)]


def of(seen: Iterable[Observation], *kinds: type) -> list[Any]:
    """Return what is of some kinds."""
    return [one for one in seen if isinstance(one, kinds)]


async def test_what_is_new_is_sent_once_and_a_bot_is_marked() -> None:
    """Over as many pages as it takes; HTML is none, and nothing names the author."""
    clock, server = Clock(), Server(page=3)
    async with server.web:
        made = source(clock, server)
        server.post("Bitcoin of before", START_MS - 1)
        for number in range(8):
            server.post(f"Bitcoin <b>{number}</b> &amp; <script>x()</script>", START_MS + number)
        server.post("the weather", START_MS + 9)
        server.post("Bitcoin", START_MS + 10, account={"id": "8", "url": "u", "bot": True})
        clock.now_ms += 1_000
        first, second = await a_round(made), await a_round(made)
    assert said(first) == [*(f"Bitcoin {n} &" for n in range(8)), "Bitcoin"]
    assert said(second) == []
    posts = of(first, Post)
    assert (posts[0].platform, posts[0].event_ms, posts[0].engagement) == ("mastodon", START_MS, 6)
    assert [post.bot for post in posts[-2:]] == [False, True]
    assert all(b"ann" not in encode(post) and b"home.example" not in encode(post) for post in posts)
    assert through(first) == [START_MS - 9_000]
    items = made.posts.items
    assert (items.seen, items.named, items.passed, items.refused) == (10, 9, 1, 0)


def through(seen: Iterable[Observation]) -> list[int]:
    """Return the promises."""
    return [one.through_ms for one in of(seen, Through)]


async def test_a_status_that_two_servers_have_is_sent_once() -> None:
    """By its uri, which is the same on each; under whatever hashtag."""
    clock, one, other = Clock(), Server(), Server()
    async with one.web, other.web:
        made = source(clock, one, other, hashtags=["bitcoin", "btc"])
        one.post("Bitcoin", START_MS + 5, uri="https://x.example/1")
        other.post("Bitcoin", START_MS + 5, uri="https://x.example/1")
        other.post("Bitcoin", START_MS + 5, uri="https://x.example/1", tag="btc")
        clock.now_ms += 1_000
        seen = await a_round(made)
    assert said(seen) == ["Bitcoin"]
    assert made.posts.items.seen == 1


async def test_what_reaches_a_server_late_is_sent_too() -> None:
    """Its id is of the time it was made, behind what has been read."""
    clock, server = Clock(), Server()
    async with server.web:
        made = source(clock, server)
        server.post("Bitcoin in time", START_MS + 60_000)
        clock.now_ms += 120_000
        first = await a_round(made)
        server.post("Bitcoin late", START_MS + 30_000)
        server.post("Bitcoin of before the start", START_MS - 30_000)
        clock.now_ms += 30_000
        second = await a_round(made)
    assert (said(first), said(second)) == (["Bitcoin in time"], ["Bitcoin late"])


async def test_what_is_shown_no_more_is_taken_back_once() -> None:
    """Within the quarter of an hour that is read again; and not while its hashtag cannot be read."""
    clock, server = Clock(), Server()
    async with server.web:
        made = source(clock, server)
        for number in range(5):
            server.post(f"Bitcoin and $SOL {number}", START_MS + number)
        clock.now_ms += 1_000
        posts = of(await a_round(made), Post)
        del server.statuses[1]
        server.web.faults.append(Status(500))
        broken = await a_round(made)
        clock.now_ms += 1_000
        made.polling.groups[0].due_s = 0.0
        after, again = await a_round(made), await a_round(made)
        clock.now_ms += 1_000_000
        await a_round(made)
        del server.statuses[-1]
        late = await a_round(made)
    assert of(broken, PostDeleted) == of(again, PostDeleted) == of(late, PostDeleted) == []
    told = of(after, PostDeleted)
    assert [one.subject for one in told] == ["BTC", "SOL"]
    assert {one.post_id for one in told} == {posts[2].post_id}


@pytest.mark.parametrize(
    "fault",
    [
        Status(500),
        Status(429, {"Retry-After": "0"}),
        Status(404),
        Cut(),
        Body(b"<html>busy</html>", "text/html"),
        Body(b"{}"),
        Body(b"[" * 200_000),
        Body(rb'["\ud800"]'),
        Hang(),
        Slow(0.2),
    ],
    ids=lambda fault: repr(fault)[:40],
)
@pytest.mark.parametrize("page", [0, 1])
async def test_a_fault_loses_nothing_and_invents_no_gap(fault: Fault, page: int) -> None:
    """On the first page or the next one: the round after it brings what is missing, and only that."""
    clock, server = Clock(), Server(page=2)
    async with server.web:
        made = source(clock, server)
        (http,) = made._https.values()
        if isinstance(fault, Hang | Slow):
            http._timeout_s = 2.0
        for number in range(5):
            server.post(f"Bitcoin {number}", START_MS + number)
        clock.now_ms += 1_000
        server.web.faults.extend([_page_of(server, 2)] * page + [fault])
        broken = await a_round(made)
        http._timeout_s = 15.0
        made.polling.groups[0].due_s = 0.0
        after = await a_round(made)
        idle = await a_round(made)
    assert any(one.state == "disconnected" for one in of(broken, Link))
    assert said(broken) + said(after) == [f"Bitcoin {n}" for n in range(5)]
    assert said(idle) == of(broken + after + idle, GapDetected, PostDeleted) == []
    assert through(broken) == [START_MS - 10_000]
    assert through(after) == [START_MS - 9_000]
    items = made.posts.items
    assert items.seen == items.named + items.passed + items.refused
    assert len(of(broken, Refused)) == items.refused


def _page_of(server: Server, count: int) -> Body:
    page = [{k: v for k, v in s.items() if k != "_tag"} for s in server.statuses[:count]]
    return Body(json.dumps(page[::-1]).encode())


async def test_a_hashtag_that_fails_for_long_is_a_gap_until_it_is_read() -> None:
    """From what was covered; of each asset; the other server's promises go on meanwhile. Then all of it comes."""
    clock, well, ill = Clock(), Server(), Server()
    async with well.web, ill.web:
        made = source(clock, well, ill)
        clock.now_ms += 1_000
        await a_round(made)
        ill.web.faults.extend([Status(503)] * 2)
        ill.post("Bitcoin unread", START_MS + 10_000)
        clock.now_ms += HOLD_MS + 1_000
        broken = await a_round(made)
        made.polling.groups[1].due_s = 0.0
        more = await a_round(made)
        made.polling.groups[1].due_s = 0.0
        clock.now_ms += 1_000
        after = await a_round(made)
    gaps = of(broken, GapDetected)
    assert [(one.subject, one.from_ms) for one in gaps] == [
        ("BTC", START_MS + 1_000),
        ("SOL", START_MS + 1_000),
    ]
    assert of(more, GapDetected, GapFilled) == []
    assert through(broken) == [START_MS + HOLD_MS + 2_000 - 10_000]
    assert any(one.state == "stale" for one in of(broken, Link))
    assert said(after) == ["Bitcoin unread"]
    filled = of(after, GapFilled)
    assert [one.gap_id for one in filled] == [one.gap_id for one in gaps]
    assert [one.to_ms for one in filled] == [one.to_ms for one in gaps]
    assert of(broken + more + after, GapPermanent) == []


async def test_a_restart_sends_what_nobody_sent_and_fills_the_gap() -> None:
    """An hour later; what the log has is not sent again, and what vanished meanwhile is taken back."""
    clock, server = Clock(), Server()
    async with server.web:
        before = source(clock, server)
        server.post("Bitcoin and gone", START_MS + 500)
        server.post("Bitcoin 1", START_MS + 600)
        clock.now_ms += 1_000
        past: list[Any] = [
            *of(await a_round(before), Post),
            Heartbeat(source="fedi", epoch=0, through_ms=START_MS - 9_000),
        ]
        del server.statuses[0]
        server.post("Bitcoin 2", START_MS + 1_200_000)
        clock.now_ms += 3_600_000
        made = source(clock, server)
        made.resume(past)
        seen = await a_round(made)
    assert said(seen) == ["Bitcoin 2"]
    assert [one.post_id for one in of(seen, PostDeleted)] == [past[0].post_id]
    (gap, _), (filled, _) = of(seen, GapDetected), of(seen, GapFilled)
    assert (gap.gap_id, gap.from_ms) == (filled.gap_id, START_MS - 9_000)
    assert through(seen) == [START_MS + 3_601_000 - 10_000]


async def test_a_limit_that_is_nearly_reached_is_obeyed() -> None:
    """The server says what is left, and until when; other servers are asked on."""
    clock, server, other = Clock(), Server(), Server()
    async with server.web, other.web:
        made = source(clock, server, other)
        reset = datetime.fromtimestamp(START_MS / 1_000 + 200, UTC).isoformat()
        server.headers = {"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": reset}
        await a_round(made)
        asked = len(server.web.requests)
        await a_round(made)
        assert len(server.web.requests) == asked
        assert len(other.web.requests) == 2
        server.headers = {"X-RateLimit-Remaining": "299", "X-RateLimit-Reset": "soon"}
        made.polling.groups[0].due_s = 0.0
        await a_round(made)
        await a_round(made)
        assert len(server.web.requests) == asked + 2


async def test_what_is_no_status_becomes_one_letter_and_the_others_come() -> None:
    """Though it is shown each time."""
    clock, server = Clock(), Server(page=9)
    async with server.web:
        made = source(clock, server)
        for number, change in enumerate(
            [{"id": 5}, {"id": "x"}, {"created_at": "then"}, {"account": None}, {"content": 7}]
        ):
            server.post("Bitcoin", START_MS + number)
            server.statuses[-1] |= {"_broken": change}
        server.post("Bitcoin", START_MS + 9)
        clock.now_ms += 1_000
        page = [
            {k: v for k, v in s.items() if k[0] != "_"} | s.get("_broken", {})
            for s in server.statuses
        ]
        server.web.faults.append(Body(json.dumps([*page, None, 7, "x"]).encode()))
        server.web.faults.append(Body(b"[]"))
        server.web.faults.append(Body(json.dumps([*page, None, 7, "x"]).encode()))
        server.web.faults.append(Body(b"[]"))
        first, second = await a_round(made), await a_round(made)
    assert said(first) == ["Bitcoin"]
    assert len(of(first, Refused)) == made.posts.items.refused == 8
    assert of(second, Refused, Post, PostDeleted) == []


async def test_a_server_that_shows_the_same_for_ever_is_left() -> None:
    """Nor does one without end hold a round up."""
    clock, server = Clock(), Server()
    async with server.web:
        made = source(clock, server)
        server.post("Bitcoin", START_MS + 5)
        clock.now_ms += 1_000
        server.web.faults.extend([_page_of(server, 1)] * 3)
        seen = await a_round(made)
        assert len(server.web.requests) == 2
    assert said(seen) == ["Bitcoin"]
    assert any("ends at" in one.reason for one in of(seen, Link))


async def test_a_token_goes_to_its_server_alone() -> None:
    """And nowhere else: neither into words nor into another server's log."""
    clock, server, other = Clock(), Server(), Server()
    async with server.web, other.web:
        made = source(clock, server, other, tokens={server.web.url: "sesame"})
        server.web.faults.append(Status(401))
        other.web.faults.append(Status(401))
        seen = await a_round(made)
        assert server.web.requests[0].headers["Authorization"] == "Bearer sesame"
        assert "Authorization" not in other.web.requests[0].headers
    assert "sesame" not in repr(seen) + repr(made._settings)


def test_an_id_is_of_its_time() -> None:
    """Those of a time on are above the one before it."""
    behind = mastodon_pages.id_before(START_MS)
    assert behind < START_MS << 16 == behind + 1
    assert mastodon_pages.time_of(behind + 1) == START_MS
    assert mastodon_pages.time_of(behind) == START_MS - 1
