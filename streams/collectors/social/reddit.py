"""Reddit's newest submissions, and comments if you want them, with a key of yours.

A listing is read from its newest entry back to the last quarter of an hour before what is known, and shows a thousand entries
at most. Where it ends before that, what lies between is told as a gap. (Asking for what is `before` a known
entry would be cheaper, but shows nothing for ever once that entry is taken back.)
"""

import ssl
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from aiohttp import ClientSession, ClientTimeout, TCPConnector
from pydantic import Field, SecretStr

from streams.collectors.asking import DeniedError, wait_of
from streams.collectors.port import (
    Clock,
    Context,
    Observation,
    Refused,
    Source,
    SourceError,
    SourceType,
)
from topics import Kind, SettingsError

from .enriching import Enricher
from .polled import PolledPosts
from .polling import Polling
from .reddit_pages import PLATFORM, Page, read_page
from .settings import SocialSettings

if TYPE_CHECKING:
    from asyncpraw import Reddit

PAGE = 100
"""Entries of a page: the most there are."""
LISTING_MAX = 1_000
"""Entries of a listing: the most that Reddit shows."""
HOLD_MS = 600_000
"""A listing that fails for so long is told as a gap, and holds the others back no more."""
TIMEOUT_S = 15
"""For a part of an answer to come."""
KEY_WORDS = (
    "Reddit answers nobody without a key. Ask for one: https://support.reddithelp.com/hc/en-us/articles/"
    "42728983564564 (since November 2025 each use of the API has to be approved), make an app of type"
    " 'script' or 'web app' at https://www.reddit.com/prefs/apps, and give its id and secret as client_id and"
    " client_secret, by environment or secret file"
)
_REFUSED, _TOO_MANY, _BROKEN = 400, 429, 500

Subreddit = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_]{1,20}$")]


class RedditSettings(SocialSettings):
    """Subreddits, with a key of yours."""

    type: Literal["reddit"]
    client_id: SecretStr | None = None
    client_secret: SecretStr | None = None
    user_agent: str = Field(default="", max_length=200)
    """As Reddit wants it: `platform:app:version (by /u/you)`."""
    subreddits: tuple[Subreddit, ...] = Field(min_length=1, max_length=100)
    comments: bool = False
    """Whether comments are read too."""
    every_s: float = Field(default=60.0, gt=0, le=3_600)
    """Between two rounds. A key has 100 questions a minute; a round has one a subreddit, and one more with comments."""
    lateness_ms: int = Field(default=10_000, ge=0, le=600_000)
    """How far behind the time of the question promises stay."""
    oauth_url: str = "https://oauth.reddit.com"
    reddit_url: str = "https://www.reddit.com"
    ca_file: str | None = None
    """Authorities that are trusted instead of the system's."""


def create_reddit(name: str, settings: RedditSettings, context: Context) -> list[Source]:
    """Return the source of that name.

    Raises:
        SettingsError: There is no key.
    """
    if not (settings.client_id and settings.client_secret):
        msg = f"sources.{name}: {KEY_WORDS}"
        raise SettingsError(msg)
    if not settings.user_agent:
        msg = f"sources.{name}.user_agent: Reddit wants to know who asks: platform:app:version (by /u/you)"
        raise SettingsError(msg)
    key = (settings.client_id, settings.client_secret)
    return [RedditSource(name, settings, key=key, now_ms=context.now_ms)]


class RedditSource:
    """The listings of some subreddits."""

    kind: Kind = "social"

    def __init__(
        self,
        name: str,
        settings: RedditSettings,
        *,
        key: tuple[SecretStr, SecretStr],
        now_ms: Clock,
    ) -> None:
        """Prepare; nothing is asked before the first observation is."""
        self.name = name
        self._settings, self._key, self._now_ms = settings, key, now_ms
        listings = ("new", "comments") if settings.comments else ("new",)
        targets = [f"r/{one}/{listing}" for one in settings.subreddits for listing in listings]
        self.posts = PolledPosts(
            name,
            PLATFORM,
            targets,
            enricher=Enricher(name, salt=settings.salt.get_secret_value(), assets=settings.assets),
            followed=settings.followed(),
            hold_ms=HOLD_MS,
            lateness_ms=settings.lateness_ms,
            now_ms=now_ms(),
        )
        self.polling = Polling(
            self.posts, [targets], self._ask, every_s=settings.every_s, now_ms=now_ms
        )
        self._reddit: Reddit | None = None
        self._letters = 0

    def resume(self, past: Sequence[object]) -> None:
        """Go on where the log's last promise was."""
        self.posts.resume(past)

    async def observations(self) -> AsyncIterator[Observation]:
        """Yield what is seen, for ever.

        Raises:
            SourceError: Reddit did not answer, or does not accept the key.
        """
        try:
            async for observation in self.polling.observations():
                yield observation
        finally:
            await self.close()

    async def close(self) -> None:
        """Close the connection; the next question opens it anew."""
        reddit, self._reddit = self._reddit, None
        if reddit is not None:
            await reddit.close()

    async def _ask(self, target: str, seen: list[Observation]) -> float:
        asked_ms, since_ms = self._now_ms(), self.posts.since_ms(target)
        covered_ms = self.posts.covered_ms(target)
        after, shown = "", 0
        oldest_ms: int | None = None
        while True:
            page = await self._page(target, after, seen)
            for thing in reversed(page.things):
                seen += self.posts.shown(target, thing)
            shown += len(page.things) + len(page.unreadable)
            oldest_ms = min(filter(None, (oldest_ms, page.oldest_ms)), default=None)
            if oldest_ms is not None and oldest_ms < since_ms:
                break
            if not page.after or page.after == after or shown >= LISTING_MAX:
                # A listing that is not a page long is all there ever was.
                if oldest_ms is not None and oldest_ms > covered_ms and shown >= PAGE:
                    reason = f"{target} shows its {shown} newest entries, and none of before"
                    seen += self.posts.lost(target, oldest_ms, reason)
                since_ms = since_ms if oldest_ms is None else max(since_ms, oldest_ms)
                break
            after = page.after
        seen += self.posts.read(target, since_ms, asked_ms)
        return 0.0

    async def _page(self, target: str, after: str, seen: list[Observation]) -> Page:
        params: dict[str, str | int] = {"limit": PAGE} | ({"after": after} if after else {})
        told = await self._get(target, params)
        received_ms = self._now_ms()
        try:
            page = read_page(told, received_ms=received_ms)
        except ValueError as error:
            self._refuse("malformed", str(error), repr(told)[:10_000].encode(), seen)
            msg = f"{target}: {error}"
            raise SourceError(msg) from error
        for item in page.unreadable:
            self._refuse("invalid", item.message, item.original, seen)
        return page

    async def _get(self, target: str, params: dict[str, str | int]) -> object:
        from asyncprawcore import (  # noqa: PLC0415 - for those who have a key only
            AsyncPrawcoreException,
            OAuthException,
            RequestException,
            ResponseException,
        )

        if self._reddit is None:
            self._reddit = self._connected()
        try:
            told: object = await self._reddit.request(method="GET", path=target, params=params)
        except OAuthException as error:
            msg = f"Reddit does not accept the key: {error.error}"
            raise SourceError(msg) from None
        except ResponseException as error:
            raise self._failed(error.response) from None
        except RequestException as error:
            # Not the exception itself: it holds the question, and with it the key.
            why = error.original_exception
            msg = f"Reddit: {type(why).__name__}: {why}"
            raise SourceError(msg) from None
        except (AsyncPrawcoreException, ValueError) as error:
            msg = f"Reddit: {type(error).__name__}"
            raise SourceError(msg) from None
        return told

    def _failed(self, response: Any) -> SourceError:  # noqa: ANN401 - aiohttp's, or a test's
        headers = {name.lower(): value for name, value in response.headers.items()}
        msg = f"Reddit: {response.status}"
        if _REFUSED < response.status < _BROKEN and response.status not in (401, _TOO_MANY):
            return DeniedError(msg, response.status)
        wait_s = wait_of(headers, self._now_ms())
        if wait_s is None and response.status == _TOO_MANY:
            reset = headers.get("x-ratelimit-reset", "")
            wait_s = float(reset[:9]) if reset.isdecimal() else 60.0
        return SourceError(msg, wait_s=wait_s)

    def _refuse(self, reason: str, message: str, original: bytes, seen: list[Observation]) -> None:
        if not self.posts.refused(original):
            return
        self._letters += 1
        received_ms = self._now_ms()
        seen.append(
            Refused(
                reason=reason,
                message=message[:200],
                original=original,
                origin=f"{self.name}/{received_ms}/{self._letters}",
                received_ms=received_ms,
            )
        )

    def _connected(self) -> "Reddit":
        from asyncpraw import Reddit  # noqa: PLC0415 - takes half a second, for those who have a key only

        settings = self._settings
        trusted = ssl.create_default_context(cafile=settings.ca_file)
        session = ClientSession(
            connector=TCPConnector(ssl=trusted),
            timeout=ClientTimeout(total=None),
            trust_env=True,
        )
        return Reddit(
            client_id=self._key[0].get_secret_value(),
            client_secret=self._key[1].get_secret_value(),
            user_agent=settings.user_agent,
            check_for_updates=False,
            requestor_kwargs={"session": session},
            oauth_url=settings.oauth_url,
            reddit_url=settings.reddit_url,
            timeout=TIMEOUT_S,
        )


TYPE = SourceType(
    name="reddit",
    about="Reddit: new submissions of the subreddits that you name, and comments",
    kinds=("social",),
    settings=RedditSettings,
    create=create_reddit,
    limits="100 questions a minute and key, kept to by what its headers say; a listing shows its newest 1,000",
    key="an approved app's id and secret (client_id, client_secret); each use must be approved since November 2025",
)
