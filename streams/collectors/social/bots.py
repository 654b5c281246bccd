"""Posts that look like a machine's: by how often an author posts, and how often a text is posted: PURE."""

from bisect import insort
from collections import OrderedDict
from collections.abc import Hashable

AUTHOR_POSTS, AUTHOR_SPAN_MS = 6, 60_000
"""An author with so many posts about assets within a minute is taken for a machine."""
TEXT_POSTS, TEXT_SPAN_MS = 5, 600_000
"""A text posted so many times within ten minutes is taken for a machine's, whoever posts it."""
REMEMBERED_MAX = 20_000
"""Authors, and texts, that are remembered: those seen last."""
_KEPT = 16
"""Times kept of each: more than what makes a machine."""


class _Often:
    """Whether something happened so many times within a span that ends with the time asked about."""

    def __init__(self, times: int, span_ms: int) -> None:
        self._times, self._span_ms = times, span_ms
        self._seen: OrderedDict[Hashable, list[tuple[int, str]]] = OrderedDict()

    def note(self, key: Hashable, at_ms: int, post_id: str) -> bool:
        """Take one time; the same post is counted once, and late ones at their place."""
        times = self._seen.pop(key, [])
        if (at_ms, post_id) not in times:
            insort(times, (at_ms, post_id))
            del times[:-_KEPT]
        self._seen[key] = times
        if len(self._seen) > REMEMBERED_MAX:
            self._seen.popitem(last=False)
        within = sum(at_ms - self._span_ms < made_ms <= at_ms for made_ms, _ in times)
        return within >= self._times


class Bots:
    """What is remembered of the last posts: hashes and times, no names and no texts."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self._authors = _Often(AUTHOR_POSTS, AUTHOR_SPAN_MS)
        self._texts = _Often(TEXT_POSTS, TEXT_SPAN_MS)

    def looks_like_one(self, *, author: str, simhash: str, made_ms: int, post_id: str) -> bool:
        """Take a post, and return whether it looks like a machine's by those before it."""
        often = self._authors.note(author, made_ms, post_id)
        copied = self._texts.note(simhash, made_ms, post_id)
        return often or copied
