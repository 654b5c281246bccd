"""Which posts were sent, so that none is sent twice and one that is taken back can be told: PURE.

Nothing of a post is kept but its id, its assets, its time and where it was seen. Nobody's memory is endless: what was sent
longer ago than `KEPT_MS`, or before the last `POSTS_MAX` posts, or by a process whose end the log's last minutes do
not show, is not known here, and its deletion is only counted.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from msgspec import Struct

from topics import Post, PostDeleted

POSTS_MAX = 100_000
"""Posts remembered: some 30 MB."""
KEPT_MS = 7 * 86_400_000
"""As long as the raw topic keeps them: of an older one there is no record that a deletion could be about."""
OUT_OF_ORDER_MS = 3_600_000
"""How far behind a later one a post may have been made; as far as an event can still change a window."""


class _Sent(Struct):
    at_ms: int
    place: str
    assets: tuple[str, ...]
    """None once it was taken back."""


class SentPosts:
    """The posts that one source has sent of one platform."""

    def __init__(
        self, source: str, platform: str, *, most: int = POSTS_MAX, kept_ms: int = KEPT_MS
    ) -> None:
        """Begin with none."""
        self.unknown = 0
        """Deletions of posts that are not known here."""
        self._source, self._platform = source, platform
        self._most, self._kept_ms = most, kept_ms
        self._posts: OrderedDict[str, _Sent] = OrderedDict()
        self._places: dict[str, set[str]] = {}

    def __len__(self) -> int:
        """Return how many posts are remembered."""
        return len(self._posts)

    def knows(self, post_id: str) -> bool:
        """Return whether a post was sent, also if it has been taken back since."""
        return post_id in self._posts

    def resume(self, past: Iterable[object], place_of: Callable[[str], str]) -> None:
        """Take what stands in the log; ``place_of`` says by a post's id where it was seen, if it can be told."""
        for record in past:
            if isinstance(record, Post):
                self.sent([record], place_of(record.post_id))
            elif isinstance(record, PostDeleted) and record.post_id in self._posts:
                self._posts[record.post_id].assets = ()

    def sent(self, posts: Sequence[Post], place: str) -> None:
        """Remember a post, one event an asset."""
        for post in posts:
            known = self._posts.get(post.post_id)
            if known is None:
                self._posts[post.post_id] = _Sent(post.event_ms, place, (post.subject,))
                self._places.setdefault(place, set()).add(post.post_id)
                self._forget(post.event_ms)
            elif known.assets and post.subject not in known.assets:
                known.assets = (*known.assets, post.subject)

    def seen_at(self, post_id: str, place: str) -> None:
        """Note where a post that was sent is seen now."""
        known = self._posts.get(post_id)
        if known is not None and known.place != place:
            self._leave(post_id, known.place)
            known.place = place
            self._places.setdefault(place, set()).add(post_id)

    def taken_back(self, post_id: str, event_ms: int, received_ms: int) -> list[PostDeleted]:
        """Return what is to be told of a post that was taken back, once: one for each of its assets."""
        known = self._posts.get(post_id)
        if known is None:
            self.unknown += 1
            return []
        assets, known.assets = known.assets, ()
        return [
            PostDeleted(
                subject=asset,
                source=self._source,
                platform=self._platform,
                post_id=post_id,
                event_ms=max(event_ms, known.at_ms),
                received_ms=received_ms,
            )
            for asset in assets
        ]

    def place_gone(self, place: str, event_ms: int, received_ms: int) -> list[PostDeleted]:
        """Return what is to be told when all that was seen at a place is taken back."""
        return [
            told
            for post_id in sorted(self._places.get(place, ()))
            for told in self.taken_back(post_id, event_ms, received_ms)
        ]

    def vanished(
        self, shown: Collection[str], since_ms: int, places: Collection[str], now_ms: int
    ) -> list[PostDeleted]:
        """Return what is to be told of posts made since a time that are ``shown`` no more at places read in full."""
        gone = [
            post_id
            for post_id, known in self._since(since_ms)
            if known.assets and known.place in places and post_id not in shown
        ]
        return [told for post_id in gone for told in self.taken_back(post_id, now_ms, now_ms)]

    def _since(self, since_ms: int) -> Iterator[tuple[str, _Sent]]:
        for post_id, known in reversed(self._posts.items()):
            if known.at_ms < since_ms - OUT_OF_ORDER_MS:
                return
            if known.at_ms >= since_ms:
                yield post_id, known

    def _forget(self, now_ms: int) -> None:
        while len(self._posts) > self._most:
            self._drop()
        while self._posts and next(iter(self._posts.values())).at_ms < now_ms - self._kept_ms:
            self._drop()

    def _drop(self) -> None:
        post_id, known = self._posts.popitem(last=False)
        self._leave(post_id, known.place)

    def _leave(self, post_id: str, place: str) -> None:
        there = self._places[place]
        there.discard(post_id)
        if not there:
            del self._places[place]
