"""Feeds, from a server that fails in every way."""

import asyncio
import os
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from streams.collectors.port import Link, Refused, SourceError, Through
from streams.collectors.social.feed_process import FeedProcess
from streams.collectors.social.rss import HOLD_MS, LATENESS_MS, RssSettings, RssSource
from streams.collectors.table import TYPES
from tests.servers.web import Body, Cut, Fault, Hang, Slow, Status, WebServer
from topics import GapDetected, GapFilled, GapPermanent, Heartbeat

from .watching import SALT, T0, Wall, Watched


class News:
    """A feed that keeps its newest items, with an ETag."""

    def __init__(self, *, keeps: int = 10) -> None:
        self.keeps, self.skew_s, self.age_s = keeps, 0, 0
        self.items: list[tuple[int, int, str]] = []
        self.conditional = 0

    def publish(self, number: int, at_ms: int, title: str = "Bitcoin news") -> None:
        self.items.append((number, at_ms, f"{title} {number}"))

    def body(self) -> str:
        entries = "".join(
            f"<item><guid>{number}</guid><title>{title}</title><pubDate>{self._date(at_ms)}</pubDate></item>"
            for number, at_ms, title in reversed(self.items[-self.keeps :])
        )
        return f'<?xml version="1.0"?><rss version="2.0"><channel><title>n</title>{entries}</channel></rss>'

    def _date(self, at_ms: int) -> str:
        return format_datetime(datetime.fromtimestamp(at_ms / 1_000 + self.skew_s, UTC))

    async def __call__(self, request: web.Request) -> web.Response:
        tag = f'"{len(self.items)}"'
        headers = {"ETag": tag, "Age": str(self.age_s)}
        if request.headers.get("If-None-Match") == tag:
            self.conditional += 1
            return web.Response(status=304, headers=headers)
        return web.Response(text=self.body(), content_type="application/rss+xml", headers=headers)


def watched(wall: Wall, feeds: dict[str, str], **others: object) -> Watched:
    settings = RssSettings.model_validate(
        {
            "type": "rss",
            "salt": SALT,
            "feeds": feeds,
            "assets": ("BTC", "ETH"),
            "every_s": 0.02,
            **others,
        }
    )
    return Watched(RssSource("news", settings, now_ms=wall), wall)


async def test_what_is_new_comes_once_with_its_time_and_a_promise_behind_it() -> None:
    wall, news = Wall(), News()
    news.publish(0, T0 - 10 * LATENESS_MS)
    async with WebServer(news) as server:
        seen = watched(wall, {"a": f"{server.url}/a"})
        await seen.until(lambda s: bool(s.of(Link)))
        news.publish(1, T0 + 1_000)
        news.publish(2, T0 + 2_000, "weather")
        wall.now_ms = T0 + 30_000
        await seen.until(lambda s: s.through_ms == T0 + 30_000 - LATENESS_MS)
        await seen.until(lambda _: news.conditional >= 2)
    (post,) = seen.posts
    assert (post.platform, post.post_id, post.event_ms) == ("rss/a", "1", T0 + 1_000)
    assert post.received_ms == T0 + 30_000
    items = seen.source.targets[0].items  # type: ignore[attr-defined]
    assert (items.seen, items.named, items.passed, items.refused) == (2, 1, 1, 0)
    assert seen.of(Link) == [Link(state="connected")]
    assert seen.outbound.tally.sent == 1


async def test_a_feed_that_keeps_too_few_has_exactly_that_hole() -> None:
    wall, news = Wall(), News(keeps=3)
    news.publish(1, T0)
    async with WebServer(news) as server:
        seen = watched(wall, {"a": f"{server.url}/a"})
        await seen.until(lambda s: bool(s.of(Link)))
        for number in range(2, 9):
            news.publish(number, T0 + number * 1_000)
        wall.now_ms = T0 + 20_000
        await seen.until(lambda s: len(s.of(GapPermanent)) == 2)
        news.publish(9, T0 + 21_000)
        wall.now_ms = T0 + 30_000
        await seen.until(lambda s: s.through_ms == T0 + 30_000 - LATENESS_MS)
    marks = seen.of(GapPermanent)
    assert {(m.subject, m.from_ms, m.to_ms, m.venue) for m in marks} == {  # type: ignore[union-attr]
        ("BTC", T0, T0 + 6_000, "rss"),
        ("ETH", T0, T0 + 6_000, "rss"),
    }
    assert seen.of(GapDetected) == seen.of(GapFilled) == []
    assert [post.post_id for post in seen.posts] == ["1", "6", "7", "8", "9"]


FAULTS = [
    Status(500),
    Status(503, {"Retry-After": "1"}),
    Status(429, {"Retry-After": "1"}),
    Cut(),
    Hang(),
    Body(b"\xff\xfe\x00garbage"),
    Body(b"<html>Just a moment...</html>", "text/html"),
    Body(b""),
    Body(b"/etc/passwd"),
    Body(
        b"<rss version='2.0'><channel><item><author>"
        + b"a" * 300_000
        + b"</author></item></channel></rss>"
    ),
    Body(b"x" * 5_000_000),
    Slow(0.5),
    Status(404),
]


@pytest.mark.parametrize(
    "fault", FAULTS, ids=[f"{n}-{type(f).__name__}" for n, f in enumerate(FAULTS)]
)
async def test_one_answer_that_is_no_use_costs_nothing_but_time(
    fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.collectors.social.rss.DENIED_S", 0.05)
    wall, news, well = Wall(), News(), News()
    well.publish(1, T0)
    async with WebServer(news) as server, WebServer(well) as other:
        seen = watched(wall, {"a": f"{server.url}/a?key=k3y", "b": f"{other.url}/b"})
        source = seen.source
        assert isinstance(source, RssSource)
        if isinstance(fault, Hang | Slow):
            source._http._timeout_s = 1.0
        await seen.until(lambda s: Link(state="connected") in s.of(Link))
        if b"aaa" in getattr(fault, "body", b""):
            source._parser._read_s = 2.0
        server.faults.append(fault)
        news.publish(2, T0 + 1_000)
        well.publish(2, T0 + 1_000)
        wall.now_ms = T0 + 10_000
        await seen.until(lambda s: len(s.posts) == 3 and not server.faults)
        await seen.until(lambda s: s.through_ms == T0 + 10_000 - LATENESS_MS)
        assert seen.failures == []
        stale = [link for link in seen.of(Link) if link.state == "stale"]  # type: ignore[union-attr]
    assert [link.reason for link in stale] == ["no answer of use from a"]  # type: ignore[union-attr]
    assert "k3y" not in str(seen.told)
    assert seen.of(GapDetected) == seen.of(GapPermanent) == []
    letters = seen.of(Refused)
    assert len(letters) == isinstance(fault, Body) - (fault == FAULTS[10])
    items = [target.items for target in source.targets]
    assert sum(i.seen for i in items) == seen.outbound.tally.sent + seen.outbound.tally.refused


def marks(seen: Watched, kind: type) -> list[GapDetected | GapFilled]:
    """Return the marks of feed a; the clock jumps here, so that b is behind as well until it is asked."""
    told = [mark for mark in seen.told if isinstance(mark, GapDetected | GapFilled)]
    return [mark for mark in told if isinstance(mark, kind) and "/a/" in mark.gap_id]


async def test_one_that_fails_for_long_is_a_gap_until_it_is_back_with_everything() -> None:
    wall, news, well = Wall(), News(), News()
    news.publish(1, T0)
    async with WebServer(well) as other, WebServer(news) as server:
        seen = watched(wall, {"a": f"{server.url}/a", "b": f"{other.url}/b"})
        await seen.until(lambda s: Link(state="connected") in s.of(Link))
        server.faults.extend([Status(500)] * 3)
        news.publish(2, T0 + 60_000)
        wall.now_ms = T0 + HOLD_MS + 1_000
        await seen.until(lambda s: len(marks(s, GapDetected)) == 2)
        await seen.until(lambda s: s.through_ms == T0 + HOLD_MS + 1_000 - LATENESS_MS)
        await seen.until(lambda s: len(marks(s, GapFilled)) == 2)
    filled = marks(seen, GapFilled)
    assert [m.gap_id for m in filled] == [m.gap_id for m in marks(seen, GapDetected)]
    assert seen.told.index(seen.posts[-1]) < seen.told.index(filled[0])
    assert [post.post_id for post in seen.posts] == ["1", "2"]


async def test_when_no_feed_answers_the_source_says_so_and_waits_as_it_is_told() -> None:
    async with WebServer(News()) as server:
        server.faults.append(Status(429, {"Retry-After": "77"}))
        seen = watched(Wall(), {"a": f"{server.url}/a"})
        with pytest.raises(SourceError, match="429") as caught:
            async for _ in seen.source.observations():
                pass
        assert 76 < (caught.value.wait_s or 0) <= 77
        assert len(server.requests) == 1


@pytest.mark.parametrize("skew_s", [-7_200, 7_200])
async def test_a_feed_whose_clock_is_wrong_loses_nothing(skew_s: int) -> None:
    wall, news = Wall(), News()
    news.skew_s = skew_s
    news.publish(1, T0)
    async with WebServer(news) as server:
        seen = watched(wall, {"a": f"{server.url}/a"})
        await seen.until(lambda s: bool(s.of(Link)))
        news.publish(2, T0 + 5_000)
        wall.now_ms = T0 + 10_000
        await seen.until(lambda s: any(post.post_id == "2" for post in s.posts))
    assert seen.outbound.tally.refused == 0
    late_ms = T0 + 5_000 + skew_s * 1_000
    assert seen.posts[-1].event_ms == (T0 + 10_000 if skew_s > 0 else late_ms)
    assert seen.of(GapPermanent) == []


async def test_what_a_cache_had_kept_covers_only_what_it_could_know() -> None:
    wall, news = Wall(), News()
    news.age_s = 300
    async with WebServer(news) as server:
        seen = watched(wall, {"a": f"{server.url}/a"})
        await seen.until(lambda s: bool(s.of(Link)))
        wall.now_ms = T0 + 100_000
        requests = len(server.requests)
        await seen.until(lambda _: len(server.requests) > requests + 2)
        assert seen.of(Through) == [Through(T0 - LATENESS_MS)]


async def test_a_restart_goes_on_where_the_log_was() -> None:
    wall, news = Wall(), News(keeps=4)
    for number in range(5):
        news.publish(number, T0 + number * 1_000)
    async with WebServer(news) as server:
        first = watched(wall, {"a": f"{server.url}/a"})
        wall.now_ms = T0 + 5_000
        await first.until(lambda s: s.through_ms == T0 + 5_000 - LATENESS_MS)
        beat = Heartbeat(source="news", epoch=1, through_ms=T0 + 5_000 - LATENESS_MS)
        news.publish(6, T0 + 6_000)
        wall.now_ms = T0 + 60_000
        second = watched(wall, {"a": f"{server.url}/a"})
        second.source.resume([*first.posts, beat])  # type: ignore[attr-defined]
        await second.until(lambda s: s.through_ms == T0 + 60_000 - LATENESS_MS)
        assert [post.post_id for post in second.posts] == ["6"]
        assert second.of(GapPermanent) == []
        for number in range(7, 20):
            news.publish(number, T0 + number * 1_000)
        third = watched(wall, {"a": f"{server.url}/a"})
        third.source.resume([*first.posts, beat])  # type: ignore[attr-defined]
        await third.until(lambda s: bool(s.of(GapPermanent)))
        mark = third.of(GapPermanent)[0]
        assert (mark.from_ms, mark.to_ms) == (T0 + 5_000, T0 + 16_000)  # type: ignore[union-attr]


async def test_a_gap_that_was_open_before_a_restart_is_ended_after_it() -> None:
    wall, news = Wall(T0 + HOLD_MS + 70_000), News()
    for number in range(5):
        news.publish(number, T0 + number * 1_000)
    gap = GapDetected(
        gap_id=f"rss/BTC/a/{T0 + 3_000}",
        subject="BTC",
        source="news",
        venue="rss",
        from_ms=T0 + 3_000,
        to_ms=T0 + HOLD_MS,
    )
    beat = Heartbeat(source="news", epoch=1, through_ms=T0 + HOLD_MS)
    async with WebServer(news) as server:
        seen = watched(wall, {"a": f"{server.url}/a"})
        seen.source.resume([gap, beat])  # type: ignore[attr-defined]
        await seen.until(lambda s: bool(s.of(GapFilled)))
        assert seen.of(GapFilled)[0].gap_id == gap.gap_id  # type: ignore[union-attr]
        assert [post.post_id for post in seen.posts] == ["0", "1", "2", "3", "4"]


async def test_certificates_are_checked(tmp_path: Path) -> None:
    authority, news = trustme.CA(), News()
    trusted = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(trusted))
    news.publish(1, T0)
    async with WebServer(news, authority=authority) as server:
        stranger = watched(Wall(), {"a": server.url})
        with pytest.raises(SourceError, match="not to be trusted"):
            async for _ in stranger.source.observations():
                pass
        friend = watched(Wall(), {"a": server.url}, ca_file=str(trusted))
        await friend.until(lambda s: len(s.posts) == 1)


def _environment_of(pid: int) -> set[str]:
    told = Path(f"/proc/{pid}/environ").read_text("utf-8")
    return {variable.partition("=")[0] for variable in told.split("\0") if variable}


async def test_the_reading_process_is_ended_when_it_takes_too_long_and_has_none_of_our_keys() -> (
    None
):
    hostile = (
        b"<rss version='2.0'><channel><item><author>"
        + b"a" * 300_000
        + b"</author></item></channel></rss>"
    )
    process = FeedProcess()
    assert (await process.read(b"<rss version='2.0'><channel/></rss>", "text/xml")).flaw == ""
    assert process._process is not None
    pid = process._process.pid
    assert _environment_of(pid) == {"PYTHONPATH"}
    ticks, process._read_s = 0, 1.5

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    with pytest.raises(SourceError, match=r"within 1\.5 s"):
        await process.read(hostile, "text/xml")
    ticking.cancel()
    assert ticks > 50, "nothing else stood still"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    process._read_s = 10.0
    assert (await process.read(b"<rss version='2.0'><channel/></rss>", "text/xml")).flaw == ""
    await process.close()


def test_it_stands_in_the_table_and_its_settings_are_checked() -> None:
    assert TYPES["rss"].settings is RssSettings
    with pytest.raises(ValueError, match="salt"):
        watched(Wall(), {"a": "https://x.example"}, salt="short")
    with pytest.raises(ValueError, match="feeds"):
        watched(Wall(), {"a": "file:///etc/passwd"})
    assert SALT not in repr(
        RssSettings.model_validate(
            {"type": "rss", "salt": SALT, "feeds": {"a": "https://x.example"}}
        )
    )
