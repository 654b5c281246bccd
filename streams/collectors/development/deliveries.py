"""What a webhook's delivery says: PURE. The same acts, with the same ids, as asking would find.

Shapes after GitHub's documents of webhook events, and the examples in octokit/webhooks.
"""

import hmac
from hashlib import sha256

import msgspec
from msgspec import Raw, Struct

from .acts import Found, Number, Readers, Release, Remark, Review, Thing, decoded

PUSHED_MAX = 2_048
"""A push's delivery tells of no more commits; one of so many may have had others."""


_EVENTS = ("push", "issues", "pull_request", "release", "pull_request_review", "issue_comment")
"""Of a repository, always. Others may be an organisation's or an app's."""


class DeliveryError(ValueError):
    """What was delivered cannot be read."""


class _Repository(Struct):
    id: Number
    full_name: str
    default_branch: str = ""
    fork: bool = False


class _Envelope(Struct):
    repository: _Repository
    action: str = ""


class _Addressed(Struct):
    repository: object = None


class _Push(Struct):
    ref: str
    commits: list[Raw] = []
    forced: bool = False
    created: bool = False
    deleted: bool = False


class _Issue(Struct):
    issue: Thing


class _Pull(Struct):
    pull_request: Thing


class _Release(Struct):
    release: Release


class _Review(Struct):
    review: Review


class _Comment(Struct):
    comment: Remark


class Delivery(Struct, frozen=True, kw_only=True):
    """What is in one delivery."""

    repository_id: int
    full_name: str
    found: tuple[Found, ...] = ()
    look: bool = False
    """What happened is not all in here: the repository must be asked."""


def signed(body: bytes, secret: bytes, signature: str) -> bool:
    """Return whether the header `X-Hub-Signature-256` is this body's under our secret; in constant time."""
    due = "sha256=" + hmac.new(secret, body, sha256).hexdigest()
    return hmac.compare_digest(due.encode(), signature.encode("utf-8", "surrogateescape"))


def read(event: str, body: bytes, readers: Readers) -> Delivery:
    """Return what the delivery of an event says. Events and actions that are no acts say nothing.

    Raises:
        DeliveryError: It is not what GitHub's documents say that it is.
    """
    try:
        if event not in _EVENTS and decoded(body, _Addressed).repository is None:
            return Delivery(repository_id=0, full_name="")
        envelope = decoded(body, _Envelope)
        repository = envelope.repository
        found: tuple[Found, ...] = ()
        look = False
        if event == "push":
            found, look = _push(decoded(body, _Push), repository, readers)
        else:
            found = _act(event, envelope, body, readers)
    except (msgspec.MsgspecError, ValueError, OverflowError) as error:
        msg = f"a delivery of {event[:40]!r}: {str(error)[:200]}"
        raise DeliveryError(msg) from error
    return Delivery(
        repository_id=repository.id, full_name=repository.full_name, found=found, look=look
    )


def _push(push: _Push, repository: _Repository, readers: Readers) -> tuple[tuple[Found, ...], bool]:
    """Return the commits that came onto the default branch, and whether the branch must be looked at instead.

    After a force push the same work has other hashes, and a fork's push may bring its parent's commits: the
    delivery cannot tell them apart.
    """
    if push.ref != f"refs/heads/{repository.default_branch}" or push.deleted:
        return (), False
    if push.forced or push.created or repository.fork:
        return (), True
    found = tuple(readers.pushed(bytes(item)) for item in push.commits)
    return found, len(found) >= PUSHED_MAX


def _act(event: str, envelope: _Envelope, body: bytes, readers: Readers) -> tuple[Found, ...]:
    act: Found | None = None
    match event, envelope.action:
        case "issues", "opened":
            issue = decoded(body, _Issue).issue
            act = readers.thing(issue, envelope.repository.id, pull=False)
        case "pull_request", "opened":
            pull = decoded(body, _Pull).pull_request
            act = readers.thing(pull, envelope.repository.id, pull=True)
        case "release", "published":
            act = readers.release(decoded(body, _Release).release)
        case "pull_request_review", "submitted":
            act = readers.review(decoded(body, _Review).review)
        case "issue_comment", "created":
            act = readers.comment(decoded(body, _Comment).comment)
    return () if act is None else (act,)
