"""Subreddits with a key: the real client against a server that answers, fails and lies as it is told."""

from collections.abc import Iterable
from typing import Any

import pytest
from aiohttp import web

from streams.collectors.port import Context, Link, Observation, Refused, SourceError, Through
from streams.collectors.social.reddit import (
    HOLD_MS,
    RedditSettings,
    RedditSource,
    create_reddit,
)
from tests.servers.web import Body, Cut, Fault, Status, WebServer
from topics import (
    GapDetected,
    GapFilled,
    GapPermanent,
    Heartbeat,
    Post,
    PostDeleted,
    SettingsError,
    encode,
)
from topics.settings import BrokerSettings

# The client builds its question for a token as aiohttp will not have it from version 4 on.
pytestmark = [
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated:DeprecationWarning"),
]
START_MS = 1_790_000_000_000
KEY = "open-sesame-secret"


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_ms = START_MS

    def __call__(self) -> int:
        return self.now_ms


class Reddit:
    """Reddit, as far as app-only reading goes; a listing shows its newest entries, a hundred a page."""

    def __init__(self, *, shows: int = 1_000) -> None:
        self.things: list[dict[str, Any]] = []
        self.shows = shows
        self.tokens = self.submitted = 0
        self.web = WebServer(self._serve)

    def submit(self, text: str, made_ms: int, **more: Any) -> dict[str, Any]:
        """Have a submission."""
        number = self.submitted = self.submitted + 1
        thing = {
            "name": f"t3_{number:06x}",
            "created_utc": made_ms / 1_000,
            "author": f"ann{number}",
            "title": text,
            "selftext": "",
            "score": 3,
            "num_comments": 2,
            "removed_by_category": None,
            "_listing": "r/bitcoin/new",
        } | more
        self.things.append(thing)
        return thing

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/api/v1/access_token":
            self.tokens += 1
            told = await request.post()
            assert told["grant_type"] == "client_credentials"
            return web.json_response(
                {"access_token": "t", "expires_in": 3600, "scope": "*", "token_type": "bearer"}
            )
        assert request.headers["Authorization"] == "bearer t"
        listing = request.path.strip("/")
        newest = sorted(
            (t for t in self.things if t["_listing"] == listing),
            key=lambda thing: thing["created_utc"],
        )[::-1][: self.shows]
        names = [thing["name"] for thing in newest]
        after = request.query.get("after")
        at = names.index(after) + 1 if after else 0
        page = newest[at : at + int(request.query["limit"])]
        more = page[-1]["name"] if page and at + len(page) < len(newest) else None
        children = [
            {"kind": "t3", "data": {k: v for k, v in t.items() if k != "_listing"}} for t in page
        ]
        return web.json_response({"kind": "Listing", "data": {"after": more, "children": children}})


def settings(server: Reddit, **changes: Any) -> RedditSettings:
    """Return settings of one subreddit."""
    fields: dict[str, Any] = {
        "salt": "a salt of the tests",
        "assets": ["BTC", "SOL"],
        "client_id": "id",
        "client_secret": KEY,
        "user_agent": "test:tapereader:1 (by /u/nobody)",
        "subreddits": ["bitcoin"],
        "oauth_url": server.web.url,
        "reddit_url": server.web.url,
        "every_s": 0.01,
    }
    return RedditSettings(type="reddit", **(fields | changes))


def source(clock: Clock, server: Reddit, **changes: Any) -> RedditSource:
    """Return a source of that server."""
    context = Context(broker=BrokerSettings(), now_ms=clock)
    (made,) = create_reddit("reddit", settings(server, **changes), context)
    assert isinstance(made, RedditSource)
    return made


async def a_round(made: RedditSource) -> list[Observation]:
    """Return what one round gives; one in which nobody could be asked ends with why."""
    seen: list[Observation] = []
    try:
        async for one in made.polling.round():
            seen.append(one)  # noqa: PERF401 - what comes before an error counts
    except SourceError as error:
        seen.append(Link(state="disconnected", reason=str(error)))
    await made.close()
    made.polling.groups[0].due_s = 0.0
    return seen


def of(seen: Iterable[Observation], *kinds: type) -> list[Any]:
    """Return what is of some kinds."""
    return [one for one in seen if isinstance(one, kinds)]


def said(seen: Iterable[Observation]) -> list[str]:
    """Return the texts of the posts that came, the oldest first."""
    return [one.text for one in sorted(of(seen, Post), key=lambda post: post.event_ms)]


def through(seen: Iterable[Observation]) -> list[int]:
    """Return the promises."""
    return [one.through_ms for one in of(seen, Through)]


@pytest.mark.parametrize("missing", ["client_id", "client_secret", "user_agent"])
def test_without_a_key_it_does_not_start_and_says_how_to_get_one(missing: str) -> None:
    """In words that a user can act on."""
    with pytest.raises(SettingsError) as refused:
        source(Clock(), Reddit(), **{missing: "" if missing == "user_agent" else None})
    said = str(refused.value)
    assert ("by /u/you" in said) if missing == "user_agent" else ("approved" in said)
    assert KEY not in said


async def test_what_is_new_is_sent_once() -> None:
    """Over as many pages as it takes; comments too, where they are wanted; nobody is named."""
    clock, server = Clock(), Reddit()
    async with server.web:
        made = source(clock, server, comments=True)
        server.submit("Bitcoin of before", START_MS - 1_000)
        for number in range(150):
            server.submit(f"Bitcoin {number}", START_MS + number * 1_000)
        server.submit("the weather", START_MS + 151_000)
        server.submit(
            "", START_MS + 152_000, body="buy $SOL now", _listing="r/bitcoin/comments", title=""
        )
        server.submit("Bitcoin", START_MS + 153_000, author="AutoModerator")
        clock.now_ms += 200_000
        first, second = await a_round(made), await a_round(made)
    assert said(first) == [*(f"Bitcoin {n}" for n in range(150)), "buy $SOL now", "Bitcoin"]
    assert said(second) == []
    post = of(first, Post)[0]
    assert (post.platform, post.engagement) == ("reddit", 5)
    assert all(b"ann" not in encode(one) for one in of(first, Post))
    assert [one.bot for one in of(first, Post) if one.text == "Bitcoin"] == [True]
    assert through(first) == [START_MS + 190_000]
    items = made.posts.items
    assert (items.seen, items.named, items.passed, items.refused) == (153, 152, 1, 0)
    assert server.tokens == 2, "one for each connection"


async def test_what_the_listing_shows_no_more_is_a_gap_to_the_second() -> None:
    """From what was covered to the oldest entry there is; what was there before is not asked for again."""
    clock, server = Clock(), Reddit(shows=120)
    async with server.web:
        made = source(clock, server)
        await a_round(made)
        for number in range(200):
            server.submit(f"Bitcoin {number}", START_MS + 10_000 + number * 1_000)
        clock.now_ms += 300_000
        seen, after = await a_round(made), await a_round(made)
    assert said(seen) == [f"Bitcoin {n}" for n in range(80, 200)]
    hole = (START_MS, START_MS + 10_000 + 80_000)
    lost = of(seen, GapPermanent)
    assert [(one.subject, one.from_ms, one.to_ms) for one in lost] == [
        ("BTC", *hole),
        ("SOL", *hole),
    ]
    assert of(after, GapPermanent, GapDetected, Post, PostDeleted) == []
    assert through(seen) == [START_MS + 290_000]


async def test_a_listing_that_is_new_is_whole() -> None:
    """What has never had a page of entries has lost none."""
    clock, server = Clock(), Reddit()
    async with server.web:
        made = source(clock, server)
        await a_round(made)
        server.submit("Bitcoin", START_MS + 10_000)
        clock.now_ms += 60_000
        seen = await a_round(made)
    assert said(seen) == ["Bitcoin"]
    assert of(seen, GapPermanent, GapDetected) == []


@pytest.mark.parametrize(
    "change",
    [
        {"author": None},
        {"author": "[deleted]"},
        {"selftext": "[removed]"},
        {"removed_by_category": "moderator"},
        None,
    ],
    ids=str,
)
async def test_what_was_taken_back_is_told_once(change: dict[str, Any] | None) -> None:
    """Shown as such, or shown no more."""
    clock, server = Clock(), Reddit()
    async with server.web:
        made = source(clock, server)
        for number in range(3):
            server.submit(f"Bitcoin and $SOL {number}", START_MS + number * 1_000)
        clock.now_ms += 60_000
        posts = of(await a_round(made), Post)
        if change is None:
            del server.things[1]
        else:
            server.things[1] |= change
        server.submit("Bitcoin", START_MS + 30_000, author=None)
        after, again = await a_round(made), await a_round(made)
    told = of(after, PostDeleted)
    assert sorted(one.subject for one in told) == ["BTC", "SOL"]
    assert {one.post_id for one in told} == {one.post_id for one in posts if one.text.endswith("1")}
    assert of(again, PostDeleted, Post) == said(after) == []


@pytest.mark.parametrize(
    "fault",
    [
        Status(404),
        Status(403),
        Cut(),
        Status(429, {"Retry-After": "7"}),
        Status(302, {"Location": "/elsewhere"}),
        Body(b"<html>", "text/html"),
        Body(b"{"),
        Body(b"[]"),
        Body(b'{"data":{"children":5}}'),
        Body(b"[" * 100_000),
    ],
    ids=lambda fault: repr(fault)[:40],
)
async def test_a_fault_loses_nothing_and_invents_no_gap(fault: Fault) -> None:
    """The round after it brings all of it; the key is in no word that is said of it."""
    clock, server = Clock(), Reddit()
    async with server.web:
        made = source(clock, server)
        await a_round(made)
        for number in range(3):
            server.submit(f"Bitcoin {number}", START_MS + number * 1_000)
        clock.now_ms += 60_000
        server.web.faults.extend([Body(b'{"access_token":"t","expires_in":60,"scope":"*"}'), fault])
        broken, after = await a_round(made), await a_round(made)
    assert any(one.state == "disconnected" for one in of(broken, Link))
    assert said(broken) == []
    assert said(after) == [f"Bitcoin {n}" for n in range(3)]
    assert of(broken + after, GapDetected, GapPermanent, PostDeleted) == []
    items = made.posts.items
    assert items.seen == items.named + items.passed + items.refused
    assert len(of(broken, Refused)) == items.refused
    assert KEY not in repr(broken)


async def test_a_server_that_fails_thrice_is_asked_again_later() -> None:
    """The client tries three times by itself, and takes seconds for it."""
    clock, server = Clock(), Reddit()
    async with server.web:
        made = source(clock, server)
        server.submit("Bitcoin", START_MS)
        clock.now_ms += 60_000
        token = Body(b'{"access_token":"t","expires_in":60,"scope":"*"}')
        server.web.faults.extend([token, *[Status(503)] * 3])
        broken, after = await a_round(made), await a_round(made)
    assert any("503" in one.reason for one in of(broken, Link))
    assert said(after) == ["Bitcoin"]


async def test_a_key_that_is_not_accepted_is_said_in_words() -> None:
    """Without the key."""
    clock, server = Clock(), Reddit()
    async with server.web:
        made = source(clock, server)
        server.web.faults.append(Status(401))
        seen = await a_round(made)
        server.web.faults.append(Body(b'{"error":"invalid_grant"}'))
        more = await a_round(made)
    assert "401" in of(seen, Link)[-1].reason
    assert "does not accept the key: invalid_grant" in of(more, Link)[-1].reason
    assert KEY not in repr(seen) + repr(more) + repr(made._settings)


async def test_what_is_no_entry_becomes_one_letter_and_the_others_come() -> None:
    """Though it is shown each time."""
    clock, server = Clock(), Reddit()
    async with server.web:
        made = source(clock, server)
        for change in ({"name": ""}, {"created_utc": "x"}, {"created_utc": -1}, {"title": 7}):
            server.submit("Bitcoin", START_MS + 1_000)
            server.things[-1]["_broken"] = change
        server.submit("Bitcoin", START_MS + 2_000)
        clock.now_ms += 60_000
        data = [t | t.pop("_broken", {}) for t in server.things]
        children = [*({"data": thing} for thing in data), None, 5, {"data": None}]
        told = web.json_response({"data": {"children": children}})
        token = Body(b'{"access_token":"t","expires_in":60,"scope":"*"}')
        assert isinstance(told.body, bytes)
        server.web.faults.extend([token, Body(told.body)] * 2)
        first, second = await a_round(made), await a_round(made)
    assert said(first) == ["Bitcoin"]
    assert len(of(first, Refused)) == made.posts.items.refused == 7
    assert of(second, Refused, Post, PostDeleted) == []


async def test_a_subreddit_that_fails_for_long_is_a_gap_until_it_is_read() -> None:
    """The other one's promises go on meanwhile."""
    clock, server = Clock(), Reddit()
    async with server.web:
        made = source(clock, server, subreddits=["bitcoin", "solana"])
        clock.now_ms += 1_000
        await a_round(made)
        server.submit("Bitcoin unread", START_MS + 10_000)
        clock.now_ms += HOLD_MS + 1_000
        token = Body(b'{"access_token":"t","expires_in":60,"scope":"*"}')
        server.web.faults.extend([token, Status(403)])
        broken = await a_round(made)
        after = await a_round(made)
    gaps, filled = of(broken, GapDetected), of(after, GapFilled)
    assert {one.from_ms for one in gaps} == {START_MS + 1_000}
    assert [one.gap_id for one in filled] == [one.gap_id for one in gaps]
    assert len(gaps) == 2
    assert through(broken) == [START_MS + HOLD_MS + 2_000 - 10_000]
    assert said(after) == ["Bitcoin unread"]


async def test_a_restart_goes_on_where_the_log_ends() -> None:
    """What the log has is not sent again, and what lies between is."""
    clock, server = Clock(), Reddit()
    async with server.web:
        before = source(clock, server)
        server.submit("Bitcoin 0", START_MS + 1_000)
        clock.now_ms += 20_000
        past = of(await a_round(before), Post)
        past.append(Heartbeat(source="reddit", epoch=0, through_ms=START_MS + 10_000))
        server.submit("Bitcoin 1", START_MS + 400_000)
        clock.now_ms += 3_600_000
        made = source(clock, server)
        made.resume(past)
        seen = await a_round(made)
    assert said(seen) == ["Bitcoin 1"]
    assert {one.gap_id for one in of(seen, GapDetected)} == {
        one.gap_id for one in of(seen, GapFilled)
    }
    assert of(seen, GapPermanent) == []
    assert through(seen) == [START_MS + 3_620_000 - 10_000]
