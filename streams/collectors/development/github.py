"""Acts in repositories, from GitHub: looked at one after the other, and told of by webhooks where they are set up.

What is counted, and how, is written down in docs/operating/development-source.md.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress

from streams.collectors.asking import DeniedError, Http
from streams.collectors.coverage import Coverage
from streams.collectors.lateness import LATENESS_MS
from streams.collectors.port import (
    Clock,
    Context,
    Link,
    Observation,
    Source,
    SourceError,
    SourceType,
    Through,
)
from topics import (
    GapMark,
    Heartbeat,
    Kind,
    PostDeleted,
    RawEvent,
)

from .acts import Readers
from .grading import LAG_MS
from .inbox import Inbox
from .listing import Lister
from .looking import Look, Looker
from .refs import PREFIX_BYTES
from .repository import Repository, follow
from .rest import Rest, TokenError, allowance_of
from .settings import GithubSettings, plan_of
from .takeover import Takeover
from .webhooks import Webhooks

QUEUE_MAX = 5_000
"""Observations between GitHub and the runner: two pushes of the largest size. Beyond it looks wait, and deliveries
are turned away."""
GIT_PER_MINUTE = 120.0
"""Git's own servers say no limit; one question a look and repository stays far below what one clone costs them."""
RETRY_S = 10.0
"""After a failure, doubled with each further one up to the interval."""
GONE_S = 900.0
"""Between two looks at a repository that is not to be had."""
TICK_S = 1.0
"""Between two tellings of how far time has come, as the heartbeats of this kind."""
DOWN_AFTER = 3
"""Failures in a row, of whatever repositories: then it is not the repositories."""


class GithubSource:
    """The repositories of one entry of the settings."""

    kind: Kind = "development"

    def __init__(
        self, name: str, settings: GithubSettings, *, now_ms: Clock, tick_s: float = TICK_S
    ) -> None:
        """Prepare; nothing is asked before the first observation is.

        Raises:
            SettingsError: What is asked for is not to be had.
        """
        self.name = name
        self.plan = plan_of(name, settings)
        self.repositories: dict[str, Repository] = {}
        """By name, as the settings write it."""
        self.looks: dict[str, int] = {}
        """By repository: how often it has been looked at, and all that was found has been handed on."""
        self.webhooks: Webhooks | None = None
        self._settings, self._now_ms, self._tick_s = settings, now_ms, tick_s
        token = None if settings.token is None else settings.token.get_secret_value()
        self.rest = Rest(
            url=settings.url,
            token=token,
            allowance=allowance_of(settings.url, token, self.plan.limit),
            now_ms=now_ms,
            ca_file=settings.ca_file,
        )
        self._git = _git(settings, now_ms)
        self._readers = Readers(settings.bots)
        self.looker = Looker(
            name,
            lister=Lister(self.rest, self._readers),
            git=self._git,
            git_url=settings.git_url,
            acts=settings.acts,
            salt=settings.salt.get_secret_value().encode(),
            now_ms=now_ms,
        )
        interval_ms = int(self.plan.interval_s * 1000)
        self._coverage = Coverage(
            name,
            name,
            hold_ms=max(2 * interval_ms + 60_000, LAG_MS),
            lateness_ms=LATENESS_MS[self.kind],
        )
        self._takeover = Takeover(name, lateness_ms=LATENESS_MS[self.kind])
        self._queue: asyncio.Queue[Observation | Exception] = asyncio.Queue(QUEUE_MAX)
        self._wake = asyncio.Event()
        self._link: Link | None = None
        self._failures = 0

    def resume(self, past: Sequence[RawEvent | PostDeleted | GapMark | Heartbeat]) -> None:
        """Go on from the last promise in the log: what came after it, or before it too late, is looked for again."""
        self._takeover.take(past)

    def look_now(self, repository: Repository) -> None:
        """Have a repository looked at without waiting for its turn."""
        repository.due_s = 0.0
        self._wake.set()

    async def observations(self) -> AsyncIterator[Observation]:
        """Look, listen, and yield what is found.

        Raises:
            SourceError: GitHub refuses the token, or the webhooks' address cannot be had.
        """
        self._follow()
        self._link = None
        tasks = [asyncio.create_task(self._guarded(part)) for part in (self._looks, self._ticks)]
        try:
            await self._listen()
            while True:
                taken = await self._queue.get()
                if isinstance(taken, Exception):
                    raise taken
                yield taken
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self.webhooks is not None:
                await self.webhooks.close()
            await self.rest.close()
            if self._git is not None:
                await self._git.close()

    def _follow(self) -> None:
        """Begin with every repository, once: what is known of them survives a failure."""
        if self.repositories:
            return
        covered_ms = self._takeover.covered_ms
        from_ms = self._now_ms() if covered_ms is None else covered_ms
        for name, subjects in self.plan.subjects.items():
            self.repositories[name] = follow(
                name, subjects, from_ms, resumed=covered_ms is not None
            )
            self._coverage.follow(name, subjects, from_ms)
            gap = self._takeover.open_gap(name, subjects)
            if gap is not None:
                self._coverage.reopen(name, gap.from_ms, gap.to_ms)

    async def _listen(self) -> None:
        if self._settings.webhook is None:
            return
        inbox = Inbox(
            self.name,
            repositories=self.repositories,
            coverage=self._coverage,
            looker=self.looker,
            queue=self._queue,
            look_now=self.look_now,
            now_ms=self._now_ms,
        )
        self.webhooks = Webhooks(
            self._settings.webhook, self._readers, inbox.delivered, inbox.undelivered
        )
        try:
            await self.webhooks.open()
        except OSError as error:
            webhook = self._settings.webhook
            msg = f"{self.name}: cannot listen on {webhook.host}:{webhook.port}: {error.strerror}"
            raise SourceError(msg) from error

    async def _guarded(self, part: Callable[[], Awaitable[None]]) -> None:
        """Run a part, and hand its failure to whoever takes the observations."""
        try:
            await part()
        except Exception as error:  # noqa: BLE001 - whoever takes the observations sees it
            await self._queue.put(error)

    async def _ticks(self) -> None:
        """Tell the promises, and the holes as they grow."""
        while True:
            marks, through_ms = self._coverage.advance(self._now_ms())
            for mark in marks:
                await self._queue.put(mark)
            if through_ms is not None:
                await self._queue.put(Through(through_ms))
            await asyncio.sleep(self._tick_s)

    async def _looks(self) -> None:
        clock = asyncio.get_running_loop().time
        await self._link_to("connecting", "")
        for repository in self.repositories.values():
            repository.due_s = 0.0
        while True:
            repository = min(self.repositories.values(), key=lambda each: each.due_s)
            wait_s = repository.due_s - clock()
            if wait_s > 0:
                self._wake.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), wait_s)
                continue
            await self._look(repository, clock())
            repository.due_s = clock() + self._pause_s(repository)

    async def _look(self, repository: Repository, now_s: float) -> None:
        before_ms = self._coverage.covered_ms(repository.name)
        look = await self.looker.look(repository, before_ms, now_s)
        for observation in look.observations:
            await self._queue.put(observation)
        # Behind the events: a promise must not come before what it promises.
        if look.covered_ms is not None:
            marks = (
                self._coverage.lost(repository.name, look.covered_ms, look.lost)
                if look.lost
                else self._coverage.covered(repository.name, look.covered_ms)
            )
            for mark in marks:
                await self._queue.put(mark)
        await self._tell(look)
        self.looks[repository.name] = self.looks.get(repository.name, 0) + 1
        if isinstance(look.failure, TokenError):
            raise look.failure

    async def _tell(self, look: Look) -> None:
        """Say whether GitHub is there. A refusal is an answer."""
        if look.failure is None or isinstance(look.failure, DeniedError):
            self._failures = 0
            await self._link_to("connected", "")
            return
        self._failures += 1
        if self._failures >= min(DOWN_AFTER, len(self.repositories)):
            await self._link_to("disconnected", str(look.failure)[:200])

    async def _link_to(self, state: str, reason: str) -> None:
        if self._link is None or self._link.state != state:
            self._link = Link(state=state, reason=reason)  # type: ignore[arg-type]
            await self._queue.put(self._link)

    def _pause_s(self, repository: Repository) -> float:
        if not repository.failures:
            return self.plan.interval_s
        if repository.gone:
            return max(GONE_S, self.plan.interval_s)
        grown_s = min(RETRY_S * 2.0 ** min(repository.failures - 1, 10), self.plan.interval_s)
        return float(max(grown_s, repository.wait_s))


def _git(settings: GithubSettings, now_ms: Clock) -> Http | None:
    if not settings.witness or "commit" not in settings.acts:
        return None
    return Http(
        now_ms=now_ms,
        per_minute=GIT_PER_MINUTE,
        burst=10,
        body_bytes_max=PREFIX_BYTES,
        prefix=True,
        ca_file=settings.ca_file,
    )


def create_github(name: str, settings: GithubSettings, context: Context) -> list[Source]:
    """Return the source of that name.

    Raises:
        SettingsError: What is asked for is not to be had.
    """
    return [GithubSource(name, settings, now_ms=context.now_ms)]


TYPE = SourceType(
    name="github",
    about="commits, pull requests, releases, issues and who made them, of the repositories of assets",
    kinds=("development",),
    settings=GithubSettings,
    create=create_github,
    limits="60 questions an hour without a token, 5,000 with one; kept to, spread over the hour, by all sources together",
    key="none for a few repositories; a token (no rights needed) for more",
)
