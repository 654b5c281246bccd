"""Mastodon's hashtags, asked for in turn at the servers that you name.

A page is asked for by the id that it begins behind, the oldest first, and the next one until there is none: so nothing
is skipped, however long nobody asked. Ids are times, and a status that reached the server late has the id of
when it was made; therefore the last quarter of an hour is read each time (`polled.py`). What reaches a server later than that is
missed, and nothing shows it.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from streams.collectors.asking import Answer, Http
from streams.collectors.port import (
    Clock,
    Context,
    Observation,
    Refused,
    Source,
    SourceError,
    SourceType,
)
from topics import Kind

from .enriching import Enricher
from .mastodon_pages import PLATFORM, id_before, read_page, time_of
from .polled import PolledPosts
from .polling import Polling
from .settings import SocialSettings

PAGE = 40
"""Statuses of a page: the most that servers give."""
PAGES_MAX = 250
"""Of one hashtag in one round; the next round goes on."""
PER_MINUTE = 50
"""Questions to one server; servers allow 300 in five minutes."""
BURST = 10
HOLD_MS = 300_000
"""A hashtag that fails for so long is told as a gap, and holds the others back no more."""
LAST_OF_LIMIT = 1
"""Questions that are left unasked before a server's limit is reached."""

Instance = Annotated[str, Field(pattern=r"^https?://[^\s/?#]+$", max_length=300)]
Hashtag = Annotated[str, Field(pattern=r"^\w{1,100}$")]


class MastodonSettings(SocialSettings):
    """Hashtags of Mastodon servers."""

    type: Literal["mastodon"]
    instances: tuple[Instance, ...] = Field(min_length=1, max_length=50)
    """Addresses of servers, without a path. A status that several of them have is sent once."""
    hashtags: tuple[Hashtag, ...] = Field(min_length=1, max_length=100)
    """Without the `#`."""
    tokens: dict[Instance, SecretStr] = Field(default_factory=dict)
    """Access tokens, by server, where one shows nothing without."""
    every_s: float = Field(default=30.0, gt=0, le=3_600)
    """Between two rounds."""
    lateness_ms: int = Field(default=10_000, ge=0, le=600_000)
    """How far behind the time of the question promises stay."""
    ca_file: str | None = None
    """Authorities that are trusted instead of the system's."""


class Mastodon:
    """Hashtags of some servers."""

    kind: Kind = "social"

    def __init__(self, name: str, settings: MastodonSettings, *, now_ms: Clock) -> None:
        """Prepare; nothing is asked before the first observation is."""
        self.name = name
        self._settings, self._now_ms = settings, now_ms
        salt = settings.salt.get_secret_value()
        self._key = blake2b(salt.encode(errors="replace"), digest_size=64).digest()
        self._places = {
            f"{urlsplit(instance).netloc}/{tag}": (instance, tag)
            for instance in settings.instances
            for tag in settings.hashtags
        }
        self.posts = PolledPosts(
            name,
            PLATFORM,
            list(self._places),
            enricher=Enricher(name, salt=salt, assets=settings.assets),
            followed=settings.followed(),
            hold_ms=HOLD_MS,
            lateness_ms=settings.lateness_ms,
            now_ms=now_ms(),
        )
        self._https = {instance: self._http(instance) for instance in settings.instances}
        groups = [
            [target for target, place in self._places.items() if place[0] == instance]
            for instance in settings.instances
        ]
        self.polling = Polling(
            self.posts, groups, self._ask, every_s=settings.every_s, now_ms=now_ms
        )
        self._letters = 0

    def resume(self, past: Sequence[object]) -> None:
        """Go on where the log's last promise was."""
        self.posts.resume(past)

    async def observations(self) -> AsyncIterator[Observation]:
        """Yield what is seen, for ever.

        Raises:
            SourceError: Not one server could be asked.
        """
        try:
            async for observation in self.polling.observations():
                yield observation
        finally:
            for http in self._https.values():
                await http.close()

    async def _ask(self, target: str, seen: list[Observation]) -> float:
        instance, tag = self._places[target]
        asked_ms, since_ms = self._now_ms(), self.posts.since_ms(target)
        behind, wait_s = id_before(since_ms), 0.0
        for _ in range(PAGES_MAX):
            answer = await self._https[instance].get(
                f"{instance}/api/v1/timelines/tag/{tag}",
                params={"min_id": str(behind), "limit": str(PAGE)},
            )
            newest_id = self._take(target, answer, seen)
            if newest_id is None:
                seen += self.posts.read(target, since_ms, asked_ms)
                return _wait_s(answer)
            if newest_id <= behind:
                msg = f"what is asked for behind {behind} ends at {newest_id}"
                raise SourceError(msg)
            behind = newest_id
            if wait_s := _wait_s(answer):
                break
        seen += self.posts.partly(target, min(asked_ms, time_of(behind)))
        return wait_s

    def _take(self, target: str, answer: Answer, seen: list[Observation]) -> int | None:
        """Take a page, and return its newest id; None if it is empty."""
        try:
            page = read_page(answer.body, key=self._key, received_ms=answer.received_ms)
        except ValueError as error:
            self._refuse("malformed", str(error), answer.body, answer, seen)
            msg = f"{target}: {error}"
            raise SourceError(msg) from error
        for status in page.statuses:
            seen += self.posts.shown(target, status)
        for item in page.unreadable:
            self._refuse("invalid", item.message, item.original, answer, seen)
        return page.newest_id if page.statuses or page.unreadable else None

    def _refuse(
        self, reason: str, message: str, original: bytes, answer: Answer, seen: list[Observation]
    ) -> None:
        if not self.posts.refused(original):
            return
        self._letters += 1
        seen.append(
            Refused(
                reason=reason,
                message=message[:200],
                original=original,
                origin=f"{self.name}/{answer.received_ms}/{self._letters}",
                received_ms=answer.received_ms,
            )
        )

    def _http(self, instance: str) -> Http:
        token = self._settings.tokens.get(instance)
        told = {} if token is None else {"Authorization": f"Bearer {token.get_secret_value()}"}
        return Http(
            now_ms=self._now_ms,
            per_minute=PER_MINUTE,
            burst=BURST,
            headers=told,
            ca_file=self._settings.ca_file,
        )


def _wait_s(answer: Answer) -> float:
    """Return how long a server wants to be left alone, by its count of what is left of its limit."""
    left, reset = (answer.headers.get(f"x-ratelimit-{what}", "") for what in ("remaining", "reset"))
    if not (left.isascii() and left.isdecimal()) or int(left[:9]) > LAST_OF_LIMIT:
        return 0.0
    try:
        at = datetime.fromisoformat(reset)
        return max(0.0, at.timestamp() - answer.received_ms / 1_000)
    except (ValueError, OverflowError):
        return 60.0


def create_mastodon(name: str, settings: MastodonSettings, context: Context) -> list[Source]:
    """Return the source of that name."""
    return [Mastodon(name, settings, now_ms=context.now_ms)]


TYPE = SourceType(
    name="mastodon",
    about="Mastodon: hashtags of the servers that you name",
    kinds=("social",),
    settings=MastodonSettings,
    create=create_mastodon,
    limits="50 questions a minute and server (they allow 60), and what a server's headers say is left",
    key="none; a token of a server that shows nothing without (`tokens`)",
)
