"""One listing of one repository, from its first page back to what matters no more."""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from streams.collectors.asking import DeniedError
from streams.collectors.port import SourceError

from .acts import Act, Found, Listing, Readers, Sha, decoded
from .repository import Repository
from .rest import Got, Rest

PAGES_MAX = 10
"""Of one listing and look: a thousand commits. What lies beyond is lost, and said to be."""
QUESTIONS: Mapping[Listing, tuple[str, dict[str, str]]] = {
    "commits": ("commits", {"per_page": "100"}),
    "issues": (
        "issues",
        {"state": "all", "sort": "created", "direction": "desc", "per_page": "50"},
    ),
    "releases": ("releases", {"per_page": "30"}),
    "reviews": ("pulls/comments", {"sort": "created", "direction": "desc", "per_page": "50"}),
    "comments": ("issues/comments", {"sort": "created", "direction": "desc", "per_page": "50"}),
}
"""What is asked for, newest first. Issues hold the pull requests, too."""
_EMPTY, _UNCHANGED, _OK = 409, 304, 200
_COMPARED = 100


class UnreadableError(SourceError):
    """A whole answer that cannot be read."""

    def __init__(self, message: str, original: bytes) -> None:
        """Say what it was an answer to, and keep it."""
        super().__init__(message)
        self.original = original


class Listed(Struct, frozen=True, kw_only=True):
    """A listing that has changed."""

    found: list[Found]
    etag: str | None
    cut: bool = False


class _Sha(Struct):
    sha: Sha


class _Comparison(Struct):
    total_commits: int
    commits: list[_Sha]


class Lister:
    """Reads listings, and where they have moved to."""

    def __init__(self, rest: Rest, readers: Readers) -> None:
        """Prepare; nothing is asked yet."""
        self.rest = rest
        self._readers = readers

    async def changed(
        self, repository: Repository, listing: Listing, floor_ms: int
    ) -> Listed | None:
        """Return what a listing holds above the floor and a little below it; None if it has not changed.

        Raises:
            UnreadableError: A page is no list.
            SourceError: It could not be had, or not all of it.
        """
        suffix, params = QUESTIONS[listing]
        try:
            got = await self.ask(repository, suffix, params, etag=repository.etags.get(listing))
        except DeniedError as error:
            if listing == "commits" and error.status == _EMPTY:
                return Listed(found=[], etag=None)
            raise
        if got.status == _UNCHANGED:
            return None
        etag, found, pages = got.etag, self._page(repository, listing, got), 1
        newest = found
        while got.next is not None and _reaches(newest, floor_ms):
            if pages == PAGES_MAX:
                return Listed(found=found, etag=etag, cut=True)
            got = await self.rest.get(got.next)
            newest = self._page(repository, listing, got)
            found, pages = found + newest, pages + 1
        return Listed(found=found, etag=etag)

    async def own(self, repository: Repository) -> frozenset[str]:
        """Return the newest commits of a fork that its parent does not have.

        Raises:
            SourceError: They could not be had.
        """
        suffix = f"compare/{repository.upstream}...{repository.branch}"
        first = self._comparison(await self.ask(repository, suffix, _page_of(1)))
        own = {f"commit/{commit.sha}" for commit in first.commits}
        last = -(-first.total_commits // _COMPARED)
        for page in range(
            max(2, last - 1), last + 1
        ):  # oldest first: the newest are on the last two
            more = self._comparison(await self.ask(repository, suffix, _page_of(page)))
            own |= {f"commit/{commit.sha}" for commit in more.commits}
        return frozenset(own)

    async def ask(
        self,
        repository: Repository,
        suffix: str = "",
        params: Mapping[str, str] | None = None,
        *,
        etag: str | None = None,
    ) -> Got:
        """Ask for something of a repository, at its new place if it has moved.

        Raises:
            DeniedError: It is not to be had, or has moved to where we do not follow.
            SourceError: It could not be had now.
        """
        got = await self.rest.get(_path(repository, suffix), etag=etag, params=params)
        if got.moved is not None and repository.move(got.moved):
            got = await self.rest.get(_path(repository, suffix), etag=etag, params=params)
        if got.status in (_OK, _UNCHANGED):
            return got
        msg = f"{repository.name}: {got.status}, to where it is not followed"
        raise DeniedError(msg, got.status)

    def _page(self, repository: Repository, listing: Listing, got: Got) -> list[Found]:
        try:
            return self._readers.page(listing, got.body, repository.id or 0)
        except msgspec.MsgspecError as error:
            msg = f"{repository.name}: {listing}: {error}"
            raise UnreadableError(msg[:200], got.body) from error

    def _comparison(self, got: Got) -> _Comparison:
        try:
            return decoded(got.body, _Comparison)
        except msgspec.MsgspecError as error:
            msg = f"a comparison: {error}"
            raise UnreadableError(msg[:200], got.body) from error


def _reaches(found: list[Found], floor_ms: int) -> bool:
    """Return whether the last quarter of a page is above the floor, or a part of it.

    One that is below it would do, if dates were always in order. Git's are not: a child may be older than its parent.
    """
    oldest = found[-max(1, len(found) // 4) :]
    return any(isinstance(act, Act) and act.event_ms >= floor_ms for act in oldest)


def _path(repository: Repository, suffix: str) -> str:
    return f"{repository.path}/{suffix}" if suffix else repository.path


def _page_of(number: int) -> dict[str, str]:
    return {"per_page": str(_COMPARED), "page": str(number)}
