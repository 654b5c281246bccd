"""A message batch as the API shows it, and how one is told to be ours. PURE.

A batch has no name that a client could give it, and its requests are not shown while it is under way. What is known of
it is when it was created, how many requests it has, and, once it has ended, their custom ids, with what came of each.
A custom id of ours is the item key of its question. So whether a batch is the one whose create was never answered is
seen by its time and size first, and by its ids in the end.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from agents.ask.prompt import Prompt

LIFE_MS = 24 * 3_600_000
"""After that what is not answered expires. (anthropic 2.12.0, `MessageBatch.expires_at`)"""
CLOCK_MS_MAX = 300_000
"""How far the provider's clock may be behind ours: a batch created earlier than that before its intents is another's."""

Kind = Literal["succeeded", "errored", "canceled", "expired"]
_Count = Annotated[int, Meta(ge=0, le=1_000_000)]
_Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
"""It becomes a part of a path."""


class Request(Struct, frozen=True, kw_only=True):
    """One question of a batch: its item key is its custom id."""

    prompt: Prompt
    attempt_id: str
    output_tokens_max: int


class Batch(Struct, frozen=True, kw_only=True):
    """A batch at the provider."""

    id: str
    created_ms: int
    requests: int
    has_ended: bool
    is_archived: bool
    """Its results are not there any more."""


class Page(Struct, frozen=True):
    """Some batches, the newest first."""

    batches: Sequence[Batch]
    last_id: str | None
    """Behind which the next page begins; None where there is none."""


class Came(Struct, frozen=True):
    """What came of one request."""

    custom_id: str
    kind: Kind
    message: bytes
    """Of one that succeeded, the API's message."""
    words: str = ""
    """Of one that did not, what the API says of it."""


class Sought(Struct, frozen=True):
    """The batch that was created of these items, if it was."""

    keys: frozenset[str]
    since_ms: int
    """No earlier, by our clock."""

    def may_be(self, batch: Batch) -> bool:
        """Return whether it can be a batch, by what is seen of one that is under way."""
        is_late = batch.created_ms >= self.since_ms - CLOCK_MS_MAX
        return is_late and batch.requests == len(self.keys)

    def is_past(self, batch: Batch) -> bool:
        """Return whether it cannot be a batch, nor any older one."""
        return batch.created_ms < self.since_ms - CLOCK_MS_MAX

    def is_it(self, custom_ids: Iterable[str]) -> bool:
        """Return whether these are its ids, all of them: one with some of ours and others asks the same for somebody else."""
        return set(custom_ids) == self.keys


def digest_of(keys: Iterable[str]) -> str:
    """Return our name for the batch of some items: of these, and of no others, in whatever order."""
    return sha256("".join(sorted(keys)).encode()).hexdigest()


class _Counts(Struct):
    processing: _Count
    succeeded: _Count
    errored: _Count
    canceled: _Count
    expired: _Count


class _Batch(Struct):
    id: _Id
    processing_status: Literal["in_progress", "canceling", "ended"]
    request_counts: _Counts
    created_at: Annotated[datetime, Meta(tz=True)]
    archived_at: datetime | None = None


class _Page(Struct):
    data: list[_Batch]
    has_more: bool
    last_id: str | None = None


class _Failure(Struct, frozen=True):
    type: str = ""
    message: str = ""


class _Error(Struct, frozen=True):
    error: _Failure = _Failure()


class _Result(Struct):
    type: Kind
    message: msgspec.Raw = msgspec.Raw(b"")
    error: _Error = _Error()


class _Line(Struct):
    custom_id: str
    result: _Result


_decode_batch = msgspec.json.Decoder(_Batch).decode
_decode_page = msgspec.json.Decoder(_Page).decode
_decode_line = msgspec.json.Decoder(_Line).decode


def batch_of(body: bytes) -> Batch:
    """Return the batch in an answer.

    Raises:
        msgspec.DecodeError: It is none.
    """
    return _batch(_decode_batch(body))


def page_of(body: bytes) -> Page:
    """Return a page of a list.

    Raises:
        msgspec.DecodeError: It is none.
    """
    page = _decode_page(body)
    last = page.data[-1].id if page.data else None
    return Page([_batch(one) for one in page.data], last if page.has_more else None)


def results_of(body: bytes) -> dict[str, Came]:
    """Return what came of each request, by its custom id; of several with one id the first counts.

    Raises:
        msgspec.DecodeError: A line is none.
    """
    found: dict[str, Came] = {}
    for line in body.split(b"\n"):
        if line.strip():
            told = _decode_line(line)
            error = told.result.error.error
            words = f"{error.type}: {error.message}" if error.type else ""
            came = Came(told.custom_id, told.result.type, bytes(told.result.message), words)
            found.setdefault(told.custom_id, came)
    return found


def _batch(told: _Batch) -> Batch:
    counts = told.request_counts
    return Batch(
        id=told.id,
        created_ms=int(told.created_at.timestamp() * 1000),
        requests=counts.processing
        + counts.succeeded
        + counts.errored
        + counts.canceled
        + counts.expired,
        has_ended=told.processing_status == "ended",
        is_archived=told.archived_at is not None,
    )
