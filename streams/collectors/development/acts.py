"""What GitHub's answers and deliveries say was done, by whom and when: PURE.

One act has one id, whichever way it is heard of. A commit's is its hash alone, so that a commit which is in two
repositories of an asset (a fork and its parent) is one act.
"""

import re
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

ActName = Literal["commit", "pull_request", "release", "issue", "review", "comment"]

WORDS_MAX = 200
"""Of what is told of something unreadable."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_NOREPLY = re.compile(r"(?:\d+\+)?([A-Za-z0-9\[\]_.-]+)@users\.noreply\.github\.com", re.IGNORECASE)
"""An address that GitHub gives out instead of a person's own: it holds the login."""

_T = TypeVar("_T")

Sha = Annotated[str, Meta(pattern=r"^(?:[0-9a-f]{40}|[0-9a-f]{64})$(?!\n)")]
Number = Annotated[int, Meta(ge=1, le=2**53)]


class Act(Struct, frozen=True, kw_only=True):
    """One act, before it is known whether it is new."""

    act: ActName
    id: str
    event_ms: int
    who: str
    """Login, or address, or name, in small letters: what is hashed, and never sent as it is."""
    bot: bool = False
    work: str = ""
    """Of a commit: what stays the same when it is rebased."""


class Unreadable(Struct, frozen=True, kw_only=True):
    """Something that should have been an act."""

    message: str
    original: bytes

    @property
    def digest(self) -> str:
        """What to know it by when it comes again."""
        return f"?{blake2b(self.original, digest_size=16).hexdigest()}"


Found = Act | Unreadable


class User(Struct):
    """A user, as far as it matters. GitHub writes an empty one, or none, where there is no account."""

    login: str = ""
    type: str = ""


class _Signature(Struct):
    name: str | None = None
    email: str | None = None
    date: str = ""
    username: str | None = None


class _CommitBody(Struct):
    author: _Signature | None = None
    committer: _Signature | None = None
    message: str = ""


class _Commit(Struct):
    sha: Sha
    commit: _CommitBody
    author: User | None = None


class Thing(Struct):
    """An issue, or a pull request: GitHub lists them together."""

    number: Number
    created_at: str
    user: User | None = None
    pull_request: object = None


class Release(Struct):
    """A release; a draft has no time."""

    id: Number
    published_at: str | None = None
    draft: bool = False
    author: User | None = None


class Review(Struct):
    """A review, as a delivery tells of it."""

    id: Number
    submitted_at: str | None = None
    user: User | None = None


class Remark(Struct):
    """A comment: on an issue or pull request, or on a line of one, where it belongs to a review."""

    id: Number
    created_at: str
    user: User | None = None
    pull_request_review_id: Number | None = None


class PushedCommit(Struct):
    """A commit in the delivery of a push. Its author has a login only where GitHub knows whose the address is."""

    id: Sha
    timestamp: str
    author: _Signature = msgspec.field(default_factory=_Signature)


Listing = Literal["commits", "issues", "releases", "reviews", "comments"]


class Readers:
    """Turns what GitHub says into acts."""

    def __init__(self, bots: frozenset[str]) -> None:
        """Take the logins, in small letters, that are bots although nothing else says so."""
        self._bots = bots

    def page(self, listing: Listing, body: bytes, repository_id: int) -> list[Found]:
        """Return what one page of a listing holds, in its order.

        Raises:
            msgspec.MsgspecError: It is no list.
        """
        found: list[Found] = []
        for item in decoded(body, list[Raw]):
            found += self.item(listing, bytes(item), repository_id)
        return found

    def item(self, listing: Listing, item: bytes, repository_id: int) -> list[Found]:
        """Return the act that one item of a listing is, if it is one."""
        try:
            act = self._act(listing, item, repository_id)
        except (msgspec.MsgspecError, ValueError, OverflowError) as error:
            return [Unreadable(message=str(error)[:WORDS_MAX], original=item)]
        return [] if act is None else [act]

    def _act(self, listing: Listing, item: bytes, repository_id: int) -> Act | None:
        match listing:
            case "commits":
                return self._commit(decoded(item, _Commit))
            case "issues":
                thing = decoded(item, Thing)
                return self.thing(thing, repository_id, pull=thing.pull_request is not None)
            case "releases":
                return self.release(decoded(item, Release))
            case "reviews":
                return self._reviewed(decoded(item, Remark))
            case "comments":
                return self.comment(decoded(item, Remark))

    def thing(self, thing: Thing, repository_id: int, *, pull: bool) -> Act:
        """Return the opening of an issue or a pull request."""
        act: ActName = "pull_request" if pull else "issue"
        return self._by(
            act, f"{act}/{repository_id}/{thing.number}", ms_of(thing.created_at), thing.user
        )

    def release(self, release: Release) -> Act | None:
        """Return the publication of a release, if it is public."""
        if release.draft or release.published_at is None:
            return None
        return self._by(
            "release", f"release/{release.id}", ms_of(release.published_at), release.author
        )

    def review(self, review: Review) -> Act | None:
        """Return a review, if it has been submitted."""
        if review.submitted_at is None:
            return None
        return self._by("review", f"review/{review.id}", ms_of(review.submitted_at), review.user)

    def comment(self, remark: Remark) -> Act:
        """Return a comment."""
        return self._by("comment", f"comment/{remark.id}", ms_of(remark.created_at), remark.user)

    def pushed(self, item: bytes) -> Found:
        """Return a commit of a push."""
        try:
            commit = decoded(item, PushedCommit)
            who = _who(commit.author.username, commit.author)
            return Act(
                act="commit",
                id=f"commit/{commit.id}",
                event_ms=ms_of(commit.timestamp),
                who=who,
                bot=self._is_bot(who, ""),
            )
        except (msgspec.MsgspecError, ValueError, OverflowError) as error:
            return Unreadable(message=str(error)[:WORDS_MAX], original=item)

    def _reviewed(self, remark: Remark) -> Act | None:
        """Return the review that a line's comment belongs to; its first comment is what tells of it."""
        if remark.pull_request_review_id is None:
            return None
        review_id = f"review/{remark.pull_request_review_id}"
        return self._by("review", review_id, ms_of(remark.created_at), remark.user)

    def _commit(self, commit: _Commit) -> Act:
        """Return a commit: its author's, at the time it was committed.

        Authored time can be weeks before a squash or a rebase brings the commit onto the branch.
        """
        author = commit.commit.author or _Signature()
        committer = commit.commit.committer or author
        user = commit.author or User()
        who = _who(user.login, author)
        kept = f"{who}\0{author.date}\0{commit.commit.message}".encode("utf-8", "surrogatepass")
        return Act(
            act="commit",
            id=f"commit/{commit.sha}",
            event_ms=ms_of(committer.date),
            who=who,
            bot=self._is_bot(who, user.type),
            work=blake2b(kept, digest_size=16).hexdigest(),
        )

    def _by(self, act: ActName, act_id: str, event_ms: int, user: User | None) -> Act:
        user = user or User()
        who = _who(user.login, _Signature())
        return Act(act=act, id=act_id, event_ms=event_ms, who=who, bot=self._is_bot(who, user.type))

    def _is_bot(self, who: str, account: str) -> bool:
        return account == "Bot" or who.endswith("[bot]") or who in self._bots


def decoded(body: bytes, kind: type[_T]) -> _T:
    """Return what JSON holds.

    Raises:
        msgspec.MsgspecError: It is something else, or none that can be read.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (RecursionError, UnicodeError) as error:
        raise msgspec.DecodeError(str(error)) from error


def ms_of(told: str) -> int:
    """Return a time, as ISO 8601 with its zone, in milliseconds since 1970; before it, less than 0.

    Raises:
        ValueError: It is none, or has no zone.
        OverflowError: It is past what a calendar holds.
    """
    at = datetime.fromisoformat(told)
    if at.tzinfo is None:
        msg = f"{told!r} has no time zone"
        raise ValueError(msg)
    return (at - _EPOCH) // _MS


def hashed(who: str, salt: bytes) -> str:
    """Return what stands for somebody: 16 digits that nobody without the salt can try names on."""
    return blake2b(who.encode("utf-8", "surrogatepass"), digest_size=8, key=salt[:64]).hexdigest()


def _who(login: str | None, signature: _Signature) -> str:
    """Return the login; else the one in an address of GitHub's; else the address; else the name."""
    if login:
        return login.lower()
    email = (signature.email or "").strip()
    own = _NOREPLY.fullmatch(email)
    if own is not None:
        return own[1].lower()
    return (email or signature.name or "ghost").lower()
