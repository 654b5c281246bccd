"""Which of the acts that are listed are new: PURE.

A listing tells of the past as well, and git's dates can lie. New is what was not known, happened within
`HORIZON_MS` of what is covered, and is no work that was counted before under another hash.
"""

from collections.abc import Sequence

from msgspec import Struct

from streams.collectors.outbound import EVENT_MS_MIN

from .acts import Act, Unreadable

HORIZON_MS = 12 * 3_600_000
"""The fold takes no act that is later than this, so older ones are history: an import, a branch of long ago."""
KNOWN_MAX = 20_000
"""Of one repository: a thousand commits an hour for as long as the horizon. Beyond it the first are forgotten,
and an act that is listed again goes out again, which the fold drops."""


class Sifted(Struct, kw_only=True):
    """What a listing held."""

    new: list[Act]
    """Oldest first."""
    unreadable: list[Unreadable]
    history: int = 0
    rebased: int = 0


class History:
    """What is known of one repository."""

    def __init__(self, from_ms: int, *, resumed: bool) -> None:
        """Begin at a time. After another process, what it may have missed before that is new as well."""
        self._from_ms = from_ms
        self._resumed = resumed
        self._known: dict[str, int] = {}
        self._works: dict[str, str] = {}

    def floor_ms(self, covered_ms: int) -> int:
        """Return how far back listings matter."""
        return covered_ms - HORIZON_MS

    def knows(self, act_id: str) -> bool:
        """Return whether an act has been seen."""
        return act_id in self._known

    def sift(
        self,
        found: Sequence[Act | Unreadable],
        covered_ms: int,
        *,
        whole: bool,
        based: bool,
    ) -> Sifted:
        """Return what is new.

        ``whole``: this is all there is above the floor, so that what is not listed is gone. ``based``: the listing has
        been seen before, so that what is in it now and was not known came since.
        """
        floor_ms = self.floor_ms(covered_ms) if based or self._resumed else self._from_ms
        listed = {act.id for act in found if isinstance(act, Act)}
        sifted = Sifted(new=[], unreadable=[])
        for act in sorted(found, key=_when):
            key = act.digest if isinstance(act, Unreadable) else act.id
            if key in self._known:
                self._keep_work(act)
                continue
            self._keep(key, act.event_ms if isinstance(act, Act) else 0)
            if isinstance(act, Unreadable):
                sifted.unreadable.append(act)
            elif EVENT_MS_MIN <= act.event_ms < floor_ms:
                sifted.history += 1
            elif whole and self._is_rebased(act, listed, floor_ms):
                sifted.rebased += 1
            else:
                sifted.new.append(act)
            self._keep_work(act)
        return sifted

    def _is_rebased(self, act: Act, listed: set[str], floor_ms: int) -> bool:
        """Return whether this is work that was there under a hash which has left the branch."""
        before = self._works.get(act.work) if act.work else None
        if before is None or before in listed:
            return False
        return self._known.get(before, 0) >= floor_ms

    def _keep(self, key: str, event_ms: int) -> None:
        if len(self._known) >= KNOWN_MAX:
            del self._known[next(iter(self._known))]
        self._known[key] = event_ms

    def _keep_work(self, act: Act | Unreadable) -> None:
        if isinstance(act, Act) and act.work:
            if len(self._works) >= KNOWN_MAX and act.work not in self._works:
                del self._works[next(iter(self._works))]
            self._works[act.work] = act.id


def _when(found: Act | Unreadable) -> int:
    return found.event_ms if isinstance(found, Act) else 0
