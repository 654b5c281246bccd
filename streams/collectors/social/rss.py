"""News from feeds (RSS, Atom), asked for in turn: what is new, and what a feed dropped before we came again.

Each feed is on its own: one that fails, hangs or lies is asked again later and told as a gap when that lasts, and
the others go on. The parser only ever sees bytes that we were given; it fetches nothing (`feed.read_feed`).
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Annotated, Literal

from msgspec import Struct, field
from pydantic import Field

from streams.collectors.asking import Answer, DeniedError, Http
from streams.collectors.coverage import Coverage
from streams.collectors.port import (
    Clock,
    Context,
    Link,
    Observation,
    Refused,
    Source,
    SourceError,
    SourceType,
    Through,
)
from streams.collectors.recall import Told
from topics import Heartbeat, Kind, Post

from .enriching import Enricher
from .feed import Feed
from .feed_process import FeedProcess
from .resuming import open_since
from .seen import Item, Seen, Shown
from .settings import Items, SocialSettings

PLATFORM = "rss"
LATENESS_MS = 120_000
"""Feeds are asked for, and caches stand before them."""
HOLD_MS = 300_000
"""A feed that fails for so long is told as a gap, and holds the others back no more."""
BODY_BYTES_MAX = 4 * 1024 * 1024
AT_ONCE = 8
"""Feeds that are asked at the same time: one that hangs holds up seven others, for `asking.TIMEOUT_S`."""
DENIED_S = 900.0
"""Until a feed that is gone, or forbidden, is asked for again."""
WAIT_S_MAX = 3_600.0
AGE_S_MAX = 86_400
NOT_MODIFIED = 304

FeedName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,39}$")]
FeedUrl = Annotated[str, Field(pattern=r"^https?://[^\s/]", max_length=2_000)]


class RssSettings(SocialSettings):
    """News from feeds."""

    type: Literal["rss"]
    feeds: dict[FeedName, FeedUrl] = Field(min_length=1, max_length=500)
    """By a name of yours: posts have it as their platform, `rss/NAME`."""
    every_s: float = Field(default=60.0, gt=0, le=3_600)
    """Between two questions to one feed. (429 and Retry-After make it longer.)"""
    ca_file: str | None = None
    """Authorities that are trusted instead of the system's."""


class _Target(Struct):
    """One feed, and how it was last time."""

    name: str
    url: str
    feed: Feed
    due_s: float = 0.0
    conditions: dict[str, str] = {}
    failed: str = ""
    fails: int = 0
    items: Items = field(default_factory=Items)


class RssSource:
    """Asks for each feed in turn, and remembers what it has seen."""

    kind: Kind = "social"

    def __init__(self, name: str, settings: RssSettings, *, now_ms: Clock) -> None:
        """Prepare; nothing is asked for before the first observation is."""
        self.name = name
        self._settings, self._now_ms = settings, now_ms
        begun_ms = now_ms()
        self._enricher = Enricher(
            name, salt=settings.salt.get_secret_value(), assets=settings.assets
        )
        self._coverage = Coverage(name, PLATFORM, hold_ms=HOLD_MS, lateness_ms=LATENESS_MS)
        self.targets = [
            _Target(feed, url, Feed(begun_ms - LATENESS_MS))
            for feed, url in sorted(settings.feeds.items())
        ]
        for target in self.targets:
            self._coverage.follow(target.name, settings.followed(), begun_ms)
        self._http = Http(
            now_ms=now_ms,
            per_minute=60 * AT_ONCE,
            burst=AT_ONCE,
            body_bytes_max=BODY_BYTES_MAX,
            headers={
                "Accept": "application/rss+xml, application/atom+xml, application/xml, */*;q=0.1"
            },
            ca_file=settings.ca_file,
        )
        self._parser = FeedProcess()
        self._link: Link | None = None

    def resume(self, past: Sequence[Told]) -> None:
        """Go on where the log's last promise of this source was."""
        beats = [told.through_ms for told in past if isinstance(told, Heartbeat)]
        if not beats:
            return
        promised_ms = min(max(beats) + LATENESS_MS, self._now_ms())
        for target in self.targets:
            covered_ms = open_since(past, target.name, promised_ms)
            self._coverage.follow(target.name, self._settings.followed(), covered_ms)
            platform = f"{PLATFORM}/{target.name}"
            sent = {
                told.post_id: told.event_ms
                for told in past
                if isinstance(told, Post) and told.platform == platform
            }
            target.feed.resume(covered_ms, sent)

    async def observations(self) -> AsyncIterator[Observation]:
        """Yield what is seen, for ever: the runner stops us.

        Raises:
            SourceError: Not one feed could be had.
        """
        self._link = None
        try:
            while True:
                for told in self._told():
                    yield told
                clock = asyncio.get_running_loop()
                due = sorted(self.targets, key=lambda target: target.due_s)[:AT_ONCE]
                await asyncio.sleep(max(0.0, due[0].due_s - clock.time()))
                due = [target for target in due if target.due_s <= clock.time()]
                asked_ms = self._now_ms()
                answers = await asyncio.gather(*map(self._ask, due))
                for target, answer in zip(due, answers, strict=True):
                    if answer is not None:
                        async for observation in self._read(target, answer, asked_ms):
                            yield observation
                for link in self._links():
                    yield link
        finally:
            await self._http.close()
            await self._parser.close()

    def _told(self) -> Iterator[Observation]:
        marks, through_ms = self._coverage.advance(self._now_ms())
        yield from marks
        if through_ms is not None:
            yield Through(through_ms)

    def _links(self) -> Iterator[Link]:
        failed = [target for target in self.targets if target.failed]
        if len(failed) == len(self.targets):
            wait_s = min(target.due_s for target in failed) - asyncio.get_running_loop().time()
            raise SourceError(failed[0].failed, wait_s=max(0.0, wait_s))
        names = ", ".join(target.name for target in failed)
        link = Link(state="connected")
        if failed:
            link = Link(state="stale", reason=f"no answer of use from {names}"[:200])
        if link != self._link:
            self._link = link
            yield link

    async def _ask(self, target: _Target) -> Answer | None:
        clock = asyncio.get_running_loop()
        try:
            answer = await self._http.get(target.url, headers=target.conditions)
        except SourceError as error:
            self._fail(target, error)
            return None
        target.due_s = clock.time() + self._settings.every_s
        return answer

    def _fail(self, target: _Target, error: SourceError) -> None:
        """Note that a feed was of no use, and when it is asked for again: ever later, and not before it wants."""
        target.failed = str(error)
        target.fails += 1
        wait_s = self._settings.every_s * min(2 ** min(target.fails - 1, 10), 30)
        if isinstance(error, DeniedError):
            wait_s = max(wait_s, DENIED_S)
        wait_s = max(min(wait_s, WAIT_S_MAX), min(error.wait_s or 0.0, WAIT_S_MAX))
        target.due_s = asyncio.get_running_loop().time() + wait_s

    async def _read(
        self, target: _Target, answer: Answer, asked_ms: int
    ) -> AsyncIterator[Observation]:
        through_ms = asked_ms - _age_ms(answer)
        if answer.status == NOT_MODIFIED:
            target.failed, target.fails = "", 0
            for mark in self._coverage.covered(target.name, through_ms):
                yield mark
            return
        try:
            shown = await self._parser.read(answer.body, answer.headers.get("content-type", ""))
        except SourceError as error:
            shown = Shown(items=(), flaw=str(error))
        if shown.flaw and not shown.items:
            yield self._refused(target, answer, shown.flaw)
            self._fail(target, SourceError(f"{target.name}: {shown.flaw}"))
            return
        for observation in self._take(target, shown, answer, through_ms):
            yield observation

    def _take(
        self, target: _Target, shown: Shown, answer: Answer, through_ms: int
    ) -> Iterator[Observation]:
        covered_ms = self._coverage.covered_ms(target.name)
        taken = target.feed.take(shown, received_ms=answer.received_ms, covered_ms=covered_ms)
        counted = target.items
        counted.seen += len(taken.fresh)
        for item, made_ms in taken.fresh:
            posts = self._enricher.posts(_seen(target, item, made_ms, answer.received_ms))
            counted.named += bool(posts)
            counted.passed += not posts
            yield from posts
        if taken.hole_to_ms is not None:
            reason = f"{target.name} shows {len(shown.items)} items, and none that it showed before"
            yield from self._coverage.lost(target.name, taken.hole_to_ms, reason)
        if not taken.joined:
            self._fail(target, SourceError(f"{target.name}: {shown.flaw or 'it shows nothing'}"))
            return
        target.failed, target.fails = "", 0
        target.conditions = _conditions(answer)
        yield from self._coverage.covered(target.name, through_ms)

    def _refused(self, target: _Target, answer: Answer, flaw: str) -> Refused:
        target.items.seen += 1
        target.items.refused += 1
        return Refused(
            reason="malformed",
            message=flaw,
            original=answer.body,
            origin=f"{self.name}/{target.name}/{answer.received_ms}",
            received_ms=answer.received_ms,
        )


def _seen(target: _Target, item: Item, made_ms: int, received_ms: int) -> Seen:
    return Seen(
        platform=f"{PLATFORM}/{target.name}",
        post_id=item.post_id,
        author_id=item.author,
        text=item.text,
        made_ms=made_ms,
        received_ms=received_ms,
    )


def _conditions(answer: Answer) -> dict[str, str]:
    """Return what makes the next question conditional on a change (RFC 9110, 13.1)."""
    told = (("If-None-Match", "etag"), ("If-Modified-Since", "last-modified"))
    return {asks: answer.headers[tells] for asks, tells in told if tells in answer.headers}


def _age_ms(answer: Answer) -> int:
    """Return for how long a cache had kept an answer: what came since is not in it."""
    age = answer.headers.get("age", "")
    return min(int(age[:9]), AGE_S_MAX) * 1_000 if age.isascii() and age.isdecimal() else 0


def create_rss(name: str, settings: RssSettings, context: Context) -> list[Source]:
    """Return the source of that name."""
    return [RssSource(name, settings, now_ms=context.now_ms)]


TYPE = SourceType(
    name="rss",
    about="news from feeds (RSS, Atom) that you name",
    kinds=("social",),
    settings=RssSettings,
    create=create_rss,
    limits="one question a feed and minute, fewer when it says so; a feed shows its newest 10 to 100 items",
)
