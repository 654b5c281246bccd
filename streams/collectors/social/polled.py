"""Posts of platforms that are asked in turn: what is new, what was taken back, what is missing. PURE.

Each question reads the recent past anew. So what reaches a platform late is seen, and so is what it shows no more: a
post that was sent, was made within what was read in full, and is not there, was taken back by its author or the
platform. Beyond `AGAIN_MS` nobody looks.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from hashlib import blake2b

from msgspec import Struct

from streams.collectors.coverage import Coverage
from streams.collectors.port import Refused, Through
from streams.collectors.recall import PAST_MS
from topics import GapMark, Heartbeat, Post, PostDeleted

from .enriching import Enricher
from .resuming import open_since
from .seen import Seen
from .sent import SentPosts
from .settings import Items

AGAIN_MS = 900_000
"""How far back is read each time: a quarter of an hour, as long as posts' texts are of use to anybody."""
MET_MAX = 50_000
"""Posts that name no asset, and what cannot be read, that are remembered: each question shows them again."""
UNPLACED = ""
"""Where posts were seen of which only the log tells."""

Told = Post | PostDeleted | GapMark | Through | Refused


class Shown(Struct, frozen=True, kw_only=True):
    """One post as a platform shows it."""

    post_id: str
    made_ms: int
    seen: Seen | None
    """None where it is shown as taken back."""


class PolledPosts:
    """What one source has asked of one platform."""

    def __init__(
        self,
        source: str,
        platform: str,
        targets: Sequence[str],
        *,
        enricher: Enricher,
        followed: Sequence[str],
        hold_ms: int,
        lateness_ms: int,
        now_ms: int,
    ) -> None:
        """Begin with now: what was made before is nobody's business."""
        self.items = Items()
        self.sent = SentPosts(source, platform)
        self._enricher, self._followed = enricher, tuple(followed)
        self._targets, self._lateness_ms = tuple(targets), lateness_ms
        self._coverage = Coverage(source, platform, hold_ms=hold_ms, lateness_ms=lateness_ms)
        self._floor_ms = now_ms
        self._met: OrderedDict[str | bytes, None] = OrderedDict()
        self._has_resumed = False
        self._shown: set[str] = set()
        self._read: dict[str, int] = {}
        """Since when each target was read in full in this round."""
        for target in targets:
            self._coverage.follow(target, followed, now_ms)

    def resume(self, past: Sequence[object]) -> None:
        """Go on where the log's last promise of this source was, and at the beginnings of gaps that are open."""
        self.sent.resume(past, lambda _: UNPLACED)
        beats = [told.through_ms for told in past if isinstance(told, Heartbeat)]
        if not beats:
            return
        newest_ms = max(
            told.received_ms if isinstance(told, Post | PostDeleted) else told.through_ms
            for told in past
            if isinstance(told, Post | PostDeleted | Heartbeat)
        )
        reached_ms = max(beats)
        self._has_resumed = True
        for target in self._targets:
            covered_ms = open_since(past, target, reached_ms)  # type: ignore[arg-type]
            self._coverage.follow(target, self._followed, covered_ms)
        # Of what was made before, the log's last minutes may not tell that it was sent.
        self._floor_ms = min(reached_ms, newest_ms - PAST_MS)

    def since_ms(self, target: str) -> int:
        """Return from which time on a target is to be read."""
        return max(self._floor_ms, self._coverage.covered_ms(target) - AGAIN_MS)

    def covered_ms(self, target: str) -> int:
        """Return up to which time everything of a target has been sent."""
        return self._coverage.covered_ms(target)

    def shown(self, target: str, shown: Shown) -> Iterator[Told]:
        """Take a post as it is shown now, new or not."""
        self._shown.add(shown.post_id)
        if self.sent.knows(shown.post_id):
            self.sent.seen_at(shown.post_id, target)
            if shown.seen is None:
                at_ms = self._coverage.covered_ms(target)
                yield from self.sent.taken_back(shown.post_id, at_ms, at_ms)
            return
        if shown.made_ms < self._floor_ms or shown.post_id in self._met:
            return
        self.items.seen += 1
        posts = [] if shown.seen is None else self._enricher.posts(shown.seen)
        if posts:
            self.items.named += 1
            self.sent.sent(posts, target)
            yield from posts
        else:
            self.items.passed += 1
            self._is_new(shown.post_id)

    def refused(self, original: bytes) -> bool:
        """Take what cannot be read, and return whether it was not seen before: each question shows it again."""
        is_new = self._is_new(blake2b(original, digest_size=16).digest())
        self.items.seen += is_new
        self.items.refused += is_new
        return is_new

    def _is_new(self, item: str | bytes) -> bool:
        """Return whether something of which nothing was sent is met for the first time."""
        is_new = item not in self._met
        self._met[item] = None
        self._met.move_to_end(item)
        if len(self._met) > MET_MAX:
            self._met.popitem(last=False)
        return is_new

    def read(self, target: str, since_ms: int, through_ms: int) -> Iterator[Told]:
        """Say that all of a target since a time, and before ``through_ms``, has been shown."""
        self._read[target] = since_ms
        yield from self._coverage.covered(target, through_ms)

    def partly(self, target: str, through_ms: int) -> Iterator[Told]:
        """Say that of a target what is before ``through_ms`` has been shown, and that there is more."""
        yield from self._coverage.covered(target, through_ms)

    def lost(self, target: str, to_ms: int, reason: str) -> Iterator[Told]:
        """Say that what was made between the covered time and ``to_ms`` is not shown any more."""
        yield from self._coverage.lost(target, to_ms, reason)

    def begin(self, now_ms: int) -> Iterator[Told]:
        """Begin a round of questions. The first after a restart tells what is missing since, so that it can be filled."""
        self._shown.clear()
        self._read.clear()
        if self._has_resumed:
            self._has_resumed = False
            yield from self._advance(now_ms)

    def end(self, now_ms: int) -> Iterator[Told]:
        """End a round: tell what is shown no more, and what can be promised."""
        places = set(self._read)
        if len(places) == len(self._targets):
            places.add(UNPLACED)
        if self._read:
            since_ms = max(self._read.values())
            yield from self.sent.vanished(self._shown, since_ms, places, now_ms)
        yield from self._advance(now_ms)

    def _advance(self, now_ms: int) -> Iterator[Told]:
        marks, through_ms = self._coverage.advance(now_ms)
        yield from marks
        if through_ms is not None:
            yield Through(through_ms)
