"""Stories and comments of Hacker News, by its public API: every number is read, or told as missing.

The newest number is asked for in turn, and then each item since; deleted and dead ones are read and say nothing. A
text that its author delays comes when it is shown, with the time it was written.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Literal

from pydantic import Field

from streams.collectors.asking import Http
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
from topics import GapMark, Heartbeat, Kind, Post, PostDeleted

from .enriching import Enricher
from .hackernews_api import HackerNewsApi
from .resuming import open_since
from .seen import Seen
from .sent import SentPosts
from .settings import Items, SocialSettings
from .stories import Delayed, HnItem, Range

URL = "https://hacker-news.firebaseio.com"
PLATFORM = TARGET = "hackernews"
LATENESS_MS = 120_000
HOLD_MS = 300_000
"""Items that cannot be had for so long are told as a gap."""
AT_ONCE = 8
BODY_BYTES_MAX = 1 << 20
"""Of an item. Stories with thousands of comments name them all: some 10 kB."""
CHANGED_EVERY_MS = 60_000
"""Between two questions for what has changed. The API tells of the last minutes' changes; authors may delete for two hours."""
SEARCH_STEPS_MAX = 40
"""To find the number of a time: each step goes back twice as far."""
SECOND_MS = 1_000
"""What times are told in."""


class HackerNewsSettings(SocialSettings):
    """Stories and comments of Hacker News."""

    type: Literal["hackernews"]
    stories: bool = True
    """Stories, polls and jobs."""
    comments: bool = True
    every_s: float = Field(default=30.0, gt=0, le=3_600)
    """Between two questions for the newest number."""
    per_minute: float = Field(default=120.0, gt=0, le=6_000)
    """Questions. Some ten items are made a minute, on busy days thirty."""
    url: str = Field(default=URL, pattern=r"^https?://[^\s/]")
    ca_file: str | None = None
    """Authorities that are trusted instead of the system's."""


class HackerNewsSource:
    """Reads number after number, and remembers how far it has come."""

    kind: Kind = "social"

    def __init__(self, name: str, settings: HackerNewsSettings, *, now_ms: Clock) -> None:
        """Prepare; nothing is asked for before the first observation is."""
        self.name = name
        self.items = Items()
        self._settings, self._now_ms = settings, now_ms
        self._enricher = Enricher(
            name, salt=settings.salt.get_secret_value(), assets=settings.assets
        )
        self._coverage = Coverage(name, PLATFORM, hold_ms=HOLD_MS, lateness_ms=LATENESS_MS)
        self._coverage.follow(TARGET, settings.followed(), now_ms())
        self._begun = False
        self._numbers = Range(0, 0)
        self._resumed_ms: int | None = None
        self._delayed = Delayed()
        self._sent = SentPosts(name, PLATFORM)
        self._changed_ms = now_ms()
        self._api = HackerNewsApi(
            name,
            settings.url,
            Http(
                now_ms=now_ms,
                per_minute=settings.per_minute,
                burst=AT_ONCE,
                body_bytes_max=BODY_BYTES_MAX,
                ca_file=settings.ca_file,
            ),
        )

    def resume(self, past: Sequence[Told]) -> None:
        """Go on where the log's last promise of this source was."""
        self._sent.resume(past, lambda _: "")
        beats = [told.through_ms for told in past if isinstance(told, Heartbeat)]
        if not beats:
            return
        promised_ms = min(max(beats) + LATENESS_MS, self._now_ms())
        covered_ms = open_since(past, TARGET, promised_ms)
        self._coverage.follow(TARGET, self._settings.followed(), covered_ms)
        # All before the promise is in the log; what is between it and its lateness may be.
        self._resumed_ms = min(covered_ms, max(beats))

    async def observations(self) -> AsyncIterator[Observation]:
        """Yield what is seen, for ever: the runner stops us.

        Raises:
            SourceError: The API could not be reached, or refused.
        """
        try:
            while True:
                for told in self._told():
                    yield told
                asked_ms = self._now_ms()
                wanted = await self._wanted()
                yield Link(state="connected")
                async for observation in self._round(wanted, asked_ms):
                    yield observation
                await asyncio.sleep(self._settings.every_s)
        finally:
            await self._api.close()

    async def _round(self, wanted: Sequence[int], asked_ms: int) -> AsyncIterator[Observation]:
        """Read what is wanted and what is due again, and say how far that goes, even when it ends with an error."""
        failed: SourceError | None = None
        try:
            for at in range(0, len(wanted), AT_ONCE):
                async for observation in self._read(wanted[at : at + AT_ONCE]):
                    yield observation
        except SourceError as error:
            failed = error
        for told in (*self._advanced(asked_ms), *self._told()):
            yield told
        if failed is not None:
            raise failed
        async for observation in self._read(self._delayed.due(self._now_ms())[:AT_ONCE]):
            yield observation
        for deletion in await self._taken_back():
            yield deletion

    async def _taken_back(self) -> list[PostDeleted]:
        """Look again at those posts of ours that have changed, and return what of them was deleted or is dead."""
        deletions: list[PostDeleted] = []
        if self._now_ms() < self._changed_ms + CHANGED_EVERY_MS:
            return deletions
        self._changed_ms = self._now_ms()
        for number in await self._api.changed():
            if self._sent.knows(str(number)):
                item = await self._api.item(number)
                if isinstance(item, HnItem) and (item.deleted or item.dead):
                    now_ms = self._now_ms()
                    deletions += self._sent.taken_back(str(number), now_ms, now_ms)
        return deletions

    def _told(self) -> Iterator[Observation]:
        marks, through_ms = self._coverage.advance(self._now_ms())
        yield from marks
        if through_ms is not None:
            yield Through(through_ms)

    async def _wanted(self) -> list[int]:
        newest = await self._api.newest()
        if not self._begun:
            since_ms = self._resumed_ms
            through = newest if since_ms is None else await self._number_at(since_ms, newest)
            self._numbers, self._begun = Range(through, newest), True
        return self._numbers.wanted(newest)

    async def _number_at(self, time_ms: int, newest: int) -> int:
        """Return a number before which all was made by that time: at most twice as far back as need be."""
        back = 1
        for _ in range(SEARCH_STEPS_MAX):
            number = max(0, newest - back)
            if number == 0:
                break
            item = await self._api.item(number)
            if isinstance(item, HnItem) and 0 < item.time * SECOND_MS <= time_ms:
                return number
            back *= 2
        return max(0, newest - back)

    async def _read(self, numbers: Sequence[int]) -> AsyncIterator[Observation]:
        """Ask for a few items at once, and yield what is made of them, in order.

        Raises:
            SourceError: None could be had, or we are told to wait. One that fails alone is as one that is not shown.
        """
        told = await asyncio.gather(*map(self._api.tried, numbers))
        failed = {
            number: item
            for number, item in zip(numbers, told, strict=True)
            if isinstance(item, SourceError)
        }
        for number, item in zip(numbers, told, strict=True):
            if not isinstance(item, SourceError):
                for observation in self._take(number, item):
                    yield observation
        for number in failed:
            if number not in self._delayed.waiting:
                self._numbers.not_shown(number, self._now_ms())
        for error in failed.values():
            if error.wait_s is not None or len(failed) == len(numbers):
                raise error

    def _take(self, number: int, item: HnItem | Refused | None) -> Iterator[Observation]:
        now_ms = self._now_ms()
        if number in self._delayed.waiting:
            made_ms = self._delayed.waiting[number][0]
        elif item is None:
            self._numbers.not_shown(number, now_ms)
            return
        else:
            made_ms = item.received_ms if isinstance(item, Refused) else item.time * SECOND_MS
            self._numbers.read(number, made_ms)
        if _is_delayed(item) and self._delayed.waits(number, made_ms, now_ms):
            return
        self._delayed.waiting.pop(number, None)
        self.items.seen += 1
        if item is None:
            self.items.passed += 1
            return
        if isinstance(item, Refused):
            self.items.refused += 1
            yield item
            return
        posts = self._posts(item, now_ms)
        self._sent.sent(posts, "")
        self.items.named += bool(posts)
        self.items.passed += not posts
        yield from posts

    def _posts(self, item: HnItem, received_ms: int) -> list[Post]:
        chosen = self._settings.comments if item.type == "comment" else self._settings.stories
        if not chosen or item.deleted or item.dead or item.is_delayed:
            return []
        return self._enricher.posts(
            Seen(
                platform=PLATFORM,
                post_id=str(item.id),
                author_id=item.by,
                text=item.plain,
                made_ms=item.time * SECOND_MS,
                received_ms=received_ms,
                engagement=item.score + max(item.descendants, len(item.kids)),
            )
        )

    def _advanced(self, asked_ms: int) -> Iterator[GapMark]:
        """Say how far all has been read, and what has been given up."""
        while True:
            time_ms = self._numbers.advance()
            if self._numbers.is_whole:
                yield from self._coverage.covered(TARGET, asked_ms)
                return
            if time_ms is not None:
                yield from self._coverage.covered(TARGET, min(time_ms, asked_ms))
            lost = self._numbers.lost(self._now_ms())
            if lost is None:
                return
            reason = f"{lost.count} items are not shown, or too far behind"
            # It was made in the second of the item before it, of the one behind it, or between.
            to_ms = min(lost.to_ms + SECOND_MS, asked_ms)
            to_ms = max(to_ms, self._coverage.covered_ms(TARGET) + 1)
            yield from self._coverage.lost(TARGET, to_ms, reason)


def _is_delayed(item: HnItem | Refused | None) -> bool:
    return item is None or (isinstance(item, HnItem) and item.is_delayed)


def create_hackernews(name: str, settings: HackerNewsSettings, context: Context) -> list[Source]:
    """Return the source of that name."""
    return [HackerNewsSource(name, settings, now_ms=context.now_ms)]


TYPE = SourceType(
    name="hackernews",
    about="stories and comments of Hacker News, every one of them",
    kinds=("social",),
    settings=HackerNewsSettings,
    create=create_hackernews,
    limits="none is told; kept to 120 questions a minute",
)
