"""Hacker News, from a server that speaks its API and fails in every way."""

import asyncio
from pathlib import Path

import msgspec
import pytest
import trustme
from aiohttp import web

from streams.collectors.port import Link, Refused, SourceError
from streams.collectors.social.hackernews import (
    CHANGED_EVERY_MS,
    HOLD_MS,
    LATENESS_MS,
    HackerNewsSettings,
    HackerNewsSource,
)
from streams.collectors.social.stories import AHEAD_MAX, DELAYED, DELAYED_EVERY_MS, PATIENCE_MS
from streams.collectors.table import TYPES
from tests.servers.web import Body, Cut, Fault, Hang, Slow, Status, WebServer
from topics import GapDetected, GapFilled, GapPermanent, Heartbeat, PostDeleted

from .watching import SALT, T0, Wall, Watched

FIRST = 1_000


class Board:
    """Items by number."""

    def __init__(self) -> None:
        self.items: dict[int, object] = {}
        self.newest = FIRST
        self.hidden: set[int] = set()
        self.broken: set[int] = set()
        self.changed: list[int] = []

    def add(self, at_ms: int, text: str = "bitcoin", **others: object) -> int:
        self.newest += 1
        item = {
            "id": self.newest,
            "type": "comment",
            "by": "ann",
            "time": at_ms // 1_000,
            "text": text,
        }
        self.items[self.newest] = {**item, **others}
        return self.newest

    async def __call__(self, request: web.Request) -> web.Response:
        if request.path == "/v0/maxitem.json":
            return web.Response(text=str(self.newest))
        if request.path == "/v0/updates.json":
            return web.json_response({"items": self.changed, "profiles": ["ann"]})
        number = int(request.path.removeprefix("/v0/item/").removesuffix(".json"))
        if number in self.broken:
            return web.Response(status=500)
        item = None if number in self.hidden else self.items.get(number)
        return web.Response(body=msgspec.json.encode(item), content_type="application/json")


def watched(wall: Wall, server: WebServer, **others: object) -> Watched:
    settings = HackerNewsSettings.model_validate(
        {
            "type": "hackernews",
            "salt": SALT,
            "url": server.url,
            "assets": ("BTC", "ETH"),
            "every_s": 0.01,
            "per_minute": 6_000,
            **others,
        }
    )
    return Watched(HackerNewsSource("hn", settings, now_ms=wall), wall)


def source(seen: Watched) -> HackerNewsSource:
    assert isinstance(seen.source, HackerNewsSource)
    return seen.source


async def begun(seen: Watched) -> None:
    await seen.until(lambda s: bool(s.of(Link)))


async def test_every_item_since_the_beginning_is_read_once() -> None:
    wall, board = Wall(), Board()
    board.add(T0 - 5_000)
    async with WebServer(board) as server:
        seen = watched(wall, server)
        await begun(seen)
        for number in range(20):
            board.add(T0 + number * 1_000, "bitcoin" if number % 2 else "weather")
        board.add(T0 + 30_000, "", deleted=True)
        board.add(T0 + 31_000, "bitcoin", dead=True)
        board.add(T0 + 32_000, "<p>see", type="story", title="Show HN: ETH &amp; more", score=3)
        wall.now_ms = T0 + 60_000
        await seen.until(lambda s: s.through_ms == T0 + 60_000 - LATENESS_MS)
        asked = [path for path in server.paths if "item/" in path]
    assert len(asked) == len(set(asked)) == 23
    assert [int(post.post_id) - FIRST - 2 for post in seen.posts] == [*range(1, 20, 2), 22]
    assert (seen.posts[0].event_ms, seen.posts[0].received_ms) == (T0 + 1_000, T0 + 60_000)
    assert (seen.posts[-1].text, seen.posts[-1].engagement) == ("Show HN: ETH & more see", 3)
    items = source(seen).items
    assert (items.seen, items.named, items.passed, items.refused) == (23, 11, 12, 0)
    assert seen.outbound.tally.sent == 11
    assert [
        told for told in seen.told if isinstance(told, GapDetected | GapFilled | GapPermanent)
    ] == []


@pytest.mark.parametrize(("chosen", "posts"), [("stories", ["2"]), ("comments", ["1"])])
async def test_stories_or_comments_alone(chosen: str, posts: list[str]) -> None:
    wall, board = Wall(), Board()
    async with WebServer(board) as server:
        seen = watched(wall, server, **{"stories": False, "comments": False, chosen: True})
        await begun(seen)
        board.add(T0)
        board.add(T0, type="story", title="bitcoin")
        wall.now_ms = T0 + 1_000
        await seen.until(lambda s: s.through_ms == T0 + 1_000 - LATENESS_MS)
    assert [str(int(post.post_id) - FIRST) for post in seen.posts] == posts


async def test_an_item_that_is_not_shown_yet_holds_the_promise_and_is_no_gap_when_it_comes() -> (
    None
):
    wall, board = Wall(), Board()
    async with WebServer(board) as server:
        seen = watched(wall, server)
        await begun(seen)
        board.add(T0 + 1_000)
        board.hidden.add(board.add(T0 + 2_000))
        board.add(T0 + 3_000)
        wall.now_ms = T0 + 60_000
        await seen.until(lambda s: len(s.posts) == 2)
        await seen.until(lambda s: s.through_ms == T0 + 1_000 - LATENESS_MS)
        board.hidden.clear()
        await seen.until(lambda s: s.through_ms == T0 + 60_000 - LATENESS_MS)
    assert [int(post.post_id) - FIRST for post in seen.posts] == [1, 3, 2]
    assert seen.of(GapDetected) == seen.of(GapPermanent) == []


@pytest.mark.parametrize("kind", ["hidden", "broken"])
async def test_an_item_that_never_comes_is_exactly_one_hole(kind: str) -> None:
    wall, board = Wall(), Board()
    async with WebServer(board) as server:
        seen = watched(wall, server)
        await begun(seen)
        board.add(T0 + 1_000)
        getattr(board, kind).add(board.add(T0 + 2_000))
        board.add(T0 + 3_000)
        wall.now_ms = T0 + 60_000
        await seen.until(lambda s: len(s.posts) == 2)
        wall.now_ms += PATIENCE_MS
        await seen.until(lambda s: s.through_ms == wall.now_ms - LATENESS_MS)
    marks = seen.of(GapPermanent)
    assert [(m.subject, m.from_ms, m.to_ms) for m in marks] == [  # type: ignore[union-attr]
        ("BTC", T0 + 1_000, T0 + 4_000),
        ("ETH", T0 + 1_000, T0 + 4_000),
    ]
    assert seen.of(GapDetected) == []


async def test_two_in_one_second_hide_no_hole_between_them() -> None:
    wall, board = Wall(), Board()
    async with WebServer(board) as server:
        seen = watched(wall, server)
        await begun(seen)
        board.add(T0 + 1_000)
        board.hidden.add(board.add(T0 + 1_000))
        board.add(T0 + 1_000)
        wall.now_ms = T0 + 60_000
        await seen.until(lambda s: len(s.posts) == 2)
        wall.now_ms += PATIENCE_MS
        await seen.until(lambda s: len(s.of(GapPermanent)) == 2)
    assert {(m.from_ms, m.to_ms) for m in seen.of(GapPermanent)} == {(T0 + 1_000, T0 + 2_000)}  # type: ignore[union-attr]


async def test_too_far_behind_is_a_hole_up_to_where_it_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streams.collectors.social.stories.AHEAD_MAX", 10)
    wall, board = Wall(), Board()
    async with WebServer(board) as server:
        seen = watched(wall, server)
        await begun(seen)
        for number in range(1, 16):
            board.add(T0 + number * 1_000)
        wall.now_ms = T0 + 60_000
        await seen.until(lambda s: s.through_ms == T0 + 60_000 - LATENESS_MS)
    assert [int(post.post_id) - FIRST for post in seen.posts] == [*range(6, 16)]
    mark = seen.of(GapPermanent)[0]
    assert (mark.from_ms, mark.to_ms) == (T0, T0 + 7_000)  # type: ignore[union-attr]
    assert AHEAD_MAX == 2_000


async def test_a_text_that_is_delayed_comes_when_it_is_shown_with_its_time() -> None:
    wall, board = Wall(), Board()
    async with WebServer(board) as server:
        seen = watched(wall, server)
        await begun(seen)
        number = board.add(T0 + 1_000, DELAYED)
        never = board.add(T0 + 1_000, DELAYED)
        wall.now_ms = T0 + 10_000
        await seen.until(lambda s: s.through_ms == T0 + 10_000 - LATENESS_MS)
        board.items[number] = {
            "id": number,
            "type": "comment",
            "time": T0 // 1_000 + 1,
            "text": "btc",
        }
        wall.now_ms += DELAYED_EVERY_MS
        await seen.until(lambda s: len(s.posts) == 1)
        assert seen.posts[0].event_ms == T0 + 1_000
        board.hidden.add(never)
        wall.now_ms = T0 + 10**6
        await seen.until(lambda s: source(s).items.passed == 1)
    assert source(seen)._delayed.waiting == {}
    assert source(seen).items.seen == 2


async def test_what_is_taken_back_after_it_was_sent_is_told_once_an_asset() -> None:
    wall, board = Wall(), Board()
    async with WebServer(board) as server:
        seen = watched(wall, server)
        await begun(seen)
        gone = board.add(T0 + 1_000, "bitcoin and ethereum")
        kept = board.add(T0 + 2_000)
        wall.now_ms = T0 + 10_000
        await seen.until(lambda s: len(s.posts) == 3)
        board.items[gone] = {"id": gone, "deleted": True, "time": T0 // 1_000 + 1}
        board.changed = [gone, kept, 7]
        wall.now_ms += CHANGED_EVERY_MS
        await seen.until(lambda s: len(s.of(PostDeleted)) == 2)
        wall.now_ms += CHANGED_EVERY_MS
        await seen.until(lambda _: server.paths.count("/v0/updates.json") == 2)
        await seen.until(lambda s: s.through_ms == wall.now_ms - LATENESS_MS)
    told = [one for one in seen.told if isinstance(one, PostDeleted)]
    assert [(one.subject, one.post_id) for one in told] == [("BTC", str(gone)), ("ETH", str(gone))]
    assert "/v0/item/7.json" not in server.paths


FAULTS = [
    Status(500),
    Status(503, {"Retry-After": "1"}),
    Status(429, {"Retry-After": "1"}),
    Cut(),
    Hang(),
    Slow(0.3),
    Body(b"x" * 2_000_000),
    Status(401),
    Status(404),
    Body(b"<html>Just a moment...</html>", "text/html"),
    Body(b'{"id": 7}'),
    Body(b'{"id": 1001, "time": "now"}'),
    Body(b"[" * 100_000),
    Body(b"\xff\x00"),
]


@pytest.mark.parametrize(
    "fault", FAULTS, ids=[f"{n}-{type(f).__name__}" for n, f in enumerate(FAULTS)]
)
@pytest.mark.parametrize("question", ["newest", "item"])
async def test_one_answer_that_is_no_use_costs_nothing_but_itself(
    fault: Fault, question: str
) -> None:
    wall, board = Wall(), Board()
    async with WebServer(board) as server:
        seen = watched(wall, server, every_s=0.05)
        if isinstance(fault, Hang | Slow):
            source(seen)._api._http._timeout_s = 0.7
        await begun(seen)
        board.add(T0 + 1_000)
        board.add(T0 + 2_000)
        wall.now_ms = T0 + 10_000
        if question == "item":
            asked = len(server.requests)
            while len(server.requests) == asked:
                await asyncio.sleep(0)
        server.faults.append(fault)
        await seen.until(lambda s: s.through_ms == T0 + 10_000 - LATENESS_MS and not server.faults)
    tally = seen.outbound.tally
    assert len(seen.posts) == tally.sent
    assert tally.sent + tally.refused == source(seen).items.seen == 2
    letters = [told for told in seen.told if isinstance(told, Refused)]
    assert len(letters) == tally.refused
    assert all(isinstance(fault, Body) and letter.original == fault.body for letter in letters)
    assert seen.of(GapDetected) == seen.of(GapPermanent) == []


async def test_a_board_that_is_away_for_long_is_a_gap_until_everything_has_been_read() -> None:
    wall, board = Wall(), Board()
    async with WebServer(board) as server:
        seen = watched(wall, server)
        await begun(seen)
        board.add(T0 + 1_000)
        wall.now_ms = T0 + HOLD_MS + 1_000
        server.faults.extend([Status(500)] * 3)
        await seen.until(lambda s: len(s.of(GapFilled)) == 2)
    assert [m.gap_id for m in seen.of(GapFilled)] == [m.gap_id for m in seen.of(GapDetected)[:2]]  # type: ignore[union-attr]
    assert seen.told.index(seen.posts[0]) < seen.told.index(seen.of(GapFilled)[0])
    assert len(seen.failures) >= 2


async def test_it_waits_as_long_as_it_is_told() -> None:
    async with WebServer(Board()) as server:
        server.faults.append(Status(429, {"Retry-After": "77"}))
        with pytest.raises(SourceError, match="429") as caught:
            async for _ in source(watched(Wall(), server)).observations():
                pass
    assert caught.value.wait_s == 77


@pytest.mark.parametrize("skew_s", [-600, 600])
async def test_a_board_whose_clock_is_wrong_invents_no_gap(skew_s: int) -> None:
    wall, board = Wall(), Board()
    async with WebServer(board) as server:
        seen = watched(wall, server)
        await begun(seen)
        board.add(T0 + skew_s * 1_000)
        wall.now_ms = T0 + 10_000
        await seen.until(lambda s: s.through_ms == T0 + 10_000 - LATENESS_MS)
    assert seen.of(GapDetected) == seen.of(GapPermanent) == []
    assert seen.outbound.tally.sent + seen.outbound.tally.refused == 1
    assert seen.outbound.tally.refused == (skew_s > 0), "an event from the future is a dead letter"


async def test_a_restart_goes_on_where_the_log_was() -> None:
    wall, board = Wall(), Board()
    for number in range(50):
        board.add(T0 + number * 10_000)
    promised_ms = T0 + 300_000
    wall.now_ms = T0 + 600_000
    async with WebServer(board) as server:
        seen = watched(wall, server)
        source(seen).resume([Heartbeat(source="hn", epoch=1, through_ms=promised_ms)])
        await seen.until(lambda s: s.through_ms == T0 + 600_000 - LATENESS_MS)
    times = [post.event_ms for post in seen.posts]
    assert times[-1] == T0 + 490_000
    assert times == sorted(times)
    assert set(range(promised_ms + 10_000, T0 + 500_000, 10_000)) <= set(times)
    assert seen.of(GapPermanent) == []


async def test_certificates_are_checked(tmp_path: Path) -> None:
    authority, board = trustme.CA(), Board()
    trusted = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(trusted))
    async with WebServer(board, authority=authority) as server:
        with pytest.raises(SourceError, match="not to be trusted"):
            async for _ in source(watched(Wall(), server)).observations():
                pass
        await begun(watched(Wall(), server, ca_file=str(trusted)))


def test_it_stands_in_the_table() -> None:
    assert TYPES["hackernews"].settings is HackerNewsSettings
