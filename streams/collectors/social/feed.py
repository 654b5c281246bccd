"""What a feed shows, which of it is new, and whether something was missed in between: PURE.

A feed shows its newest items, and drops the oldest when it is full. So nothing was missed between two answers if one of
the newest items of the first is still in the second. If not one of them is, the feed has dropped what it did not
keep until we asked: that is a hole. (Several are looked for, because an item may be taken back; the newest, because
an old one may be pinned for ever.)
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from streams.collectors.outbound import AHEAD_MS_MAX, EVENT_MS_MIN

from .seen import Item, Shown

KNOWN_MAX = 5_000
"""Ids of one feed that are remembered, besides those it shows."""
ANCHORS = 5
"""Of the newest items, one of which must be there the next time."""
REACH = 2
"""After a restart: so many items must be older than it, since a single one may be pinned."""
LOOK_BACK_MS = 600_000
"""After a restart an item of these last minutes is sent again, since it may have come late; copies are dropped by their ids."""


class Taken(Struct, frozen=True, kw_only=True):
    """What an answer changes."""

    fresh: Sequence[tuple[Item, int]]
    """What is new, with its time, oldest first."""
    old: int
    """What had been seen before, or is from before our time."""
    hole_to_ms: int | None = None
    """Something is missing, up to this time."""
    joined: bool = True
    """Nothing else is: up to the time of the question all is here."""


class Feed:
    """What is remembered of one feed."""

    def __init__(self, since_ms: int) -> None:
        """Begin with the time before which nothing is ours."""
        self._since_ms = since_ms
        self._known: dict[str, int] = {}
        """By post id, the time it was sent with; those seen last at the end."""
        self._anchors: frozenset[str] = frozenset()
        self._state = "new"

    def resume(self, since_ms: int, sent: Mapping[str, int]) -> None:
        """Go on where the log had come: everything before that time is there, and so are these posts."""
        self._since_ms, self._state = since_ms, "resumed"
        self._known = dict(sent)

    def take(self, shown: Shown, *, received_ms: int, covered_ms: int) -> Taken:
        """Take an answer, and return what is new in it and whether anything is missing behind the covered time."""
        times = {item.post_id: self._time_of(item, received_ms) for item in shown.items}
        fresh = {
            item.post_id: (item, times[item.post_id])
            for item in shown.items
            if item.post_id not in self._known and self._is_ours(item, times[item.post_id])
        }
        joined = self._is_joined(shown, times)
        hole_to_ms = None
        if not joined and shown.items and not shown.flaw:
            later = [time_ms for _, time_ms in fresh.values() if time_ms > covered_ms]
            hole_to_ms, joined = min([*later, received_ms]), True
        self._remember(times, joined=joined)
        return Taken(
            fresh=sorted(fresh.values(), key=lambda one: one[1]),
            old=len(shown.items) - len(fresh),
            hole_to_ms=hole_to_ms,
            joined=joined,
        )

    def _time_of(self, item: Item, received_ms: int) -> int:
        """Return an item's time: the feed's; where that is none or cannot be true, that of its first receipt."""
        known_ms = self._known.get(item.post_id)
        if known_ms is not None:
            return known_ms
        told_ms = item.told_ms
        if told_ms is None or not EVENT_MS_MIN <= told_ms <= received_ms + AHEAD_MS_MAX:
            return received_ms
        return told_ms

    def _is_ours(self, item: Item, time_ms: int) -> bool:
        if self._state == "going":
            return True
        # What a feed shows when it is first seen is new only as far as its date says so.
        back_ms = LOOK_BACK_MS if self._state == "resumed" else 0
        return item.told_ms == time_ms and time_ms >= self._since_ms - back_ms

    def _is_joined(self, shown: Shown, times: Mapping[str, int]) -> bool:
        if self._state == "new":
            return not shown.flaw
        if self._state == "resumed":
            before = sum(
                item.post_id in self._known
                or (times[item.post_id] == item.told_ms and item.told_ms <= self._since_ms)
                for item in shown.items
            )
            return bool(shown.items) and before >= min(REACH, len(shown.items))
        return not self._anchors.isdisjoint(times) or (not self._anchors and not shown.flaw)

    def _remember(self, times: Mapping[str, int], *, joined: bool) -> None:
        for post_id, time_ms in times.items():
            self._known.pop(post_id, None)
            self._known[post_id] = time_ms
        for post_id in list(self._known)[: max(0, len(self._known) - KNOWN_MAX - len(times))]:
            del self._known[post_id]
        if joined:  # else the next whole answer is judged by what was there before
            self._state = "going"
            self._anchors = _anchors_of(times) if times else frozenset()


def _anchors_of(times: Mapping[str, int]) -> frozenset[str]:
    """Return the newest items; of those of one time, the first and the last, since feeds run both ways."""
    newest = sorted(times, key=times.__getitem__, reverse=True)
    least_ms = times[newest[min(ANCHORS, len(newest)) - 1]]
    chosen = {post_id for post_id in newest if times[post_id] > least_ms}
    tied = [post_id for post_id in newest if times[post_id] == least_ms]
    return frozenset(chosen.union(tied[:ANCHORS], tied[-ANCHORS:]))
