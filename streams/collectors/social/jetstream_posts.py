"""What a Jetstream's frames become: posts, deletions, gaps, promises. PURE: time is an argument."""

import re
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b

from msgspec import Struct

from streams.collectors.outbound import AHEAD_MS_MAX
from streams.collectors.port import Refused, Through
from topics import GapDetected, GapPermanent, Heartbeat, Post, PostDeleted

from .enriching import Enricher
from .jetstream_frames import Event, Notice, Reading, Unreadable, Version, read
from .jetstream_position import Hole, Position
from .seen import Seen
from .sent import SentPosts

PLATFORM = "bluesky"
BACKDATED_US_MAX = 3_600_000_000
"""A post that its author dates further back than this was imported: it says nothing of now. An hour is as far back as a
social window can still be changed."""
PROMISE_STEP_MS = 500
"""Of the stream's time, between two promises."""
_PLAIN_KEY = re.compile(r"[A-Za-z0-9._~:-]{1,64}")

Told = Post | PostDeleted | GapDetected | GapPermanent | Through | Refused | Notice


class Tally(Struct):
    """What became of the posts of the stream: seen = named + unnamed + known + imported + refused."""

    seen: int = 0
    named: int = 0
    """Name an asset, and are sent."""
    unnamed: int = 0
    known: int = 0
    """Sent before: what a reconnect reads again."""
    imported: int = 0
    refused: int = 0
    withdrawn: int = 0
    """Deletions, edits and ends of accounts that took something back that was sent."""


class JetstreamPosts:
    """One stream's posts, over all connections."""

    def __init__(
        self,
        source: str,
        *,
        salt: str,
        assets: Sequence[str] | None,
        followed: Sequence[str],
        lateness_ms: int,
    ) -> None:
        """Begin where the stream is when it is first asked for; ``followed`` are the subjects of what is lost."""
        self.position = Position()
        self.tally = Tally()
        self.sent = SentPosts(source, PLATFORM)
        self._source, self._lateness_ms = source, lateness_ms
        self._assets = tuple(followed)
        self._enricher = Enricher(source, salt=salt, assets=assets)
        self._key = blake2b(salt.encode(errors="replace"), digest_size=64).digest()
        self._told_ms = 0

    def resume(self, past: Iterable[object]) -> None:
        """Go on behind what the log has: the last event, or the last promise, whichever is later."""
        past = list(past)
        self.sent.resume(past, _author_of)
        for record in past:
            if isinstance(record, Heartbeat):
                self.position.resume(record.through_ms)
            elif isinstance(record, Post | PostDeleted):
                self.position.resume(record.event_ms)

    def take(self, frame: bytes | str, version: Version, received_ms: int) -> Iterator[Told]:
        """Yield what a frame becomes.

        Raises:
            RenumberedError: The host counts anew.
        """
        reading = _sensible(read(frame, version), received_ms)
        if isinstance(reading, Notice):
            yield reading
            return
        if reading.time_us is not None:
            hole = self.position.take(reading.time_us, reading.seq)
            if hole is not None:
                yield from self._lost(hole)
        if isinstance(reading, Unreadable):
            yield self._refused(reading, frame, received_ms)
        else:
            yield from self._event(reading, received_ms)
        yield from self._promise()

    def _event(self, event: Event, received_ms: int) -> Iterator[Told]:
        author = self._hash_of(event.did)
        at_ms = event.time_us // 1_000
        match event.what:
            case "made":
                yield from self._made(event, author, received_ms)
            case "deleted":
                yield from self._withdrawn(
                    self.sent.taken_back(_post_id(event.rkey, author), at_ms, received_ms)
                )
            case "edited" if self.sent.knows(post_id := _post_id(event.rkey, author)):
                # What it said before is taken back; that it was posted is counted already.
                yield from self._withdrawn(self.sent.taken_back(post_id, at_ms, received_ms))
            case "account_gone":
                yield from self._withdrawn(self.sent.place_gone(author, at_ms, received_ms))
            case _:
                pass

    def _made(self, event: Event, author: str, received_ms: int) -> Iterator[Told]:
        self.tally.seen += 1
        post_id = _post_id(event.rkey, author)
        if self.sent.knows(post_id):
            self.tally.known += 1
            return
        made_us = event.created_us
        if made_us is not None and made_us < event.time_us - BACKDATED_US_MAX:
            self.tally.imported += 1
            return
        posts = self._enricher.posts(
            Seen(
                platform=PLATFORM,
                post_id=post_id,
                author_id=event.did,
                text=event.text,
                made_ms=event.time_us // 1_000,
                received_ms=received_ms,
                languages=event.languages,
            )
        )
        if not posts:
            self.tally.unnamed += 1
            return
        self.tally.named += 1
        self.sent.sent(posts, author)
        yield from posts

    def _withdrawn(self, deletions: list[PostDeleted]) -> list[PostDeleted]:
        self.tally.withdrawn += bool(deletions)
        return deletions

    def _refused(self, reading: Unreadable, frame: bytes | str, received_ms: int) -> Refused:
        self.tally.seen += 1
        self.tally.refused += 1
        original = frame if isinstance(frame, bytes) else frame.encode(errors="replace")
        return Refused(
            reason=reading.reason,
            message=reading.message,
            original=original,
            origin=self._source,
            received_ms=received_ms,
        )

    def _lost(self, hole: Hole) -> Iterator[Told]:
        from_ms, to_ms = hole.from_us // 1_000, -(-hole.to_us // 1_000)
        for asset in self._assets:
            named = {
                "gap_id": f"{PLATFORM}/{asset}/{self._source}/{from_ms}",
                "subject": asset,
                "source": self._source,
                "venue": PLATFORM,
                "from_ms": from_ms,
                "to_ms": to_ms,
            }
            yield GapDetected(**named)  # type: ignore[arg-type]
            yield GapPermanent(
                **named,  # type: ignore[arg-type]
                reason="no host has this part of the stream any more",
            )

    def _promise(self) -> Iterator[Through]:
        reached_us = self.position.reached_us
        if reached_us is None:
            return
        through_ms = reached_us // 1_000 - self._lateness_ms
        if through_ms >= self._told_ms + PROMISE_STEP_MS:
            self._told_ms = through_ms
            yield Through(through_ms)

    def _hash_of(self, did: str) -> str:
        return blake2b(did.encode(errors="replace"), digest_size=8, key=self._key).hexdigest()


def _sensible(reading: Reading, received_ms: int) -> Reading:
    """Refuse a time that has not come: believed, it would be promised, and asked for after a cut."""
    time_us = None if isinstance(reading, Notice) else reading.time_us
    if time_us is not None and time_us > (received_ms + AHEAD_MS_MAX) * 1_000:
        ahead_s = time_us // 1_000_000 - received_ms // 1_000
        return Unreadable("absurd_time", f"{ahead_s} s ahead of its receipt")
    return reading


def _post_id(rkey: str, author: str) -> str:
    """Return an id that no other author's post has, and that names no author."""
    if not _PLAIN_KEY.fullmatch(rkey):
        rkey = blake2b(rkey.encode(errors="replace"), digest_size=16).hexdigest()
    return f"{rkey}.{author}"


def _author_of(post_id: str) -> str:
    return post_id.rpartition(".")[2]
