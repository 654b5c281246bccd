"""Keeps one set of instruments heard: by one connection, or by two while one follows the other.

A venue that ends its connections after a day, or says that it will, is left before it does: the next connection is
opened, both are heard for a while, and then the old one is closed. What comes twice is dropped by its id.
"""

from collections.abc import Callable, Sequence
from zlib import crc32

from streams.collectors.port import Link, SourceError

from .budget import DialBudget
from .session import Session
from .venues import Venue

OVERLAP_S = 5.0
"""For which both connections are heard: more than one can be behind the other."""
SURE_S = 1.0
"""Heard together for so long, nothing is lost between two connections if the old one ends by itself."""
EARLY_MIN_S, EARLY_MAX_S = 60.0, 900.0
"""Before the venue's end of a connection: spread, so that not all of them follow at once."""
EARLY_SHARE = 0.1
"""Of a life that is short."""
WAIT_FIRST_S, WAIT_MOST_S = 0.5, 60.0
"""Between dials, ever longer while they fail."""
WORKED_S = 10.0
"""A connection that lasted so long has worked."""


class Shard:
    """One set of instruments. It does nothing but in `tick`."""

    def __init__(
        self,
        number: int,
        symbols: tuple[str, ...],
        make: Callable[[], Session],
        budget: DialBudget,
        *,
        life_s: float | None,
    ) -> None:
        """Prepare; nothing is dialled."""
        self.number, self.symbols = number, symbols
        self.current: Session | None = None
        self.following: Session | None = None
        self.left: list[Session] = []
        """Connections to close; the caller takes them away."""
        self.broke = False
        """Whether it has not been heard for a moment; the caller takes that away."""
        self.failure: Exception | None = None
        """Why there is no connection now."""
        self._make, self._budget, self._life_s = make, budget, life_s
        self._due_s = 0.0
        self._place_s: float | None = None
        """When the budget allows the next dial."""
        self._begun_s = 0.0
        self._failures = 0

    @property
    def heard(self) -> bool:
        """Whether a connection brings what there is."""
        return self.current is not None and self.current.subscribed_s is not None

    def sessions(self) -> list[Session]:
        """Return the connections there are."""
        return [session for session in (self.current, self.following) if session is not None]

    def begin(self) -> None:
        """Dial as soon as the budget allows it: whoever stopped us has waited."""
        self._due_s, self.failure, self.broke = 0.0, None, False

    def tick(self, now_s: float) -> None:
        """Do what is due."""
        self._end_following(now_s)
        self._end_current(now_s)
        if self.current is None:
            self.current = self._dial(now_s)
            if self.current is not None:
                self.failure, self._begun_s = None, now_s
        elif self.following is None and self._leaves(self.current, now_s):
            self.following = self._dial(now_s)

    def stop(self) -> list[Session]:
        """Let go of every connection, and return those to close."""
        sessions = [*self.left, *self.sessions()]
        self.current = self.following = None
        self.left = []
        return sessions

    def _end_following(self, now_s: float) -> None:
        following = self.following
        if following is None:
            return
        if following.ended is not None:  # the old one is heard still
            self._fail(following, now_s)
            self.following = None
        elif following.subscribed_s is not None and now_s - following.subscribed_s >= OVERLAP_S:
            if self.current is not None:
                self.left.append(self.current)
            self.current, self.following, self._begun_s = following, None, now_s

    def _end_current(self, now_s: float) -> None:
        current = self.current
        if current is None or current.ended is None:
            return
        # What the old one had not brought when it ended, the next had begun to bring long before.
        self.broke = not self._overlapped(now_s)
        if now_s - self._begun_s >= WORKED_S:
            self._failures = 0
        if self.following is not None:
            self.left.append(current)
            self.current, self.following, self._begun_s = self.following, None, now_s
            return
        self._fail(current, now_s)
        self.current, self.failure = None, current.ended

    def _overlapped(self, now_s: float) -> bool:
        following = self.following
        if following is None or following.subscribed_s is None:
            return False
        return now_s - following.subscribed_s >= SURE_S

    def _fail(self, session: Session, now_s: float) -> None:
        self.left.append(session)
        self._failures += 1
        wait_s = min(WAIT_MOST_S, WAIT_FIRST_S * 2 ** min(self._failures - 1, 10))
        told_s = session.ended.wait_s if isinstance(session.ended, SourceError) else None
        # Not all at once: half of the wait depends on the connection's name.
        self._due_s = now_s + max(wait_s * (0.5 + _share(session.place) / 2), told_s or 0.0)

    def _leaves(self, current: Session, now_s: float) -> bool:
        if current.farewell is not None:
            return True
        if self._life_s is None or current.subscribed_s is None:
            return False
        early_s = EARLY_MIN_S + (EARLY_MAX_S - EARLY_MIN_S) * _share(current.place)
        early_s = min(early_s, self._life_s * EARLY_SHARE * (1 + _share(current.place)))
        return now_s - self._begun_s >= self._life_s - early_s

    def _dial(self, now_s: float) -> Session | None:
        if now_s < self._due_s:
            return None
        if self._place_s is None:
            self._place_s = now_s + self._budget.wait_s(now_s)
        if now_s < self._place_s:
            return None
        self._place_s = None
        session = self._make()
        session.start()
        return session


def _share(place: str) -> float:
    """Return a number from 0 to 1 that depends on nothing but a connection's name."""
    return crc32(place.encode()) / 2**32


_budgets: dict[str, DialBudget] = {}


def budget_of(venue: str, connections_per_5_min: int) -> DialBudget:
    """Return the budget of a venue, one for all its sources in this process."""
    return _budgets.setdefault(venue, DialBudget(connections_per_5_min))


def parts_of(venue: Venue, wish: int | None) -> list[tuple[str, ...]]:
    """Return the symbols of each connection: as many as the venue allows, or fewer if wished."""
    most = venue.limits.symbols_max
    size = min(most, wish or most)
    symbols = [market.symbol for market in venue.markets]
    return [tuple(symbols[at : at + size]) for at in range(0, len(symbols), size)]


def link_of(shards: Sequence[Shard]) -> Link:
    """Return the state of a source whose connections are in these."""
    down = [shard for shard in shards if not shard.heard]
    if not down:
        stale = any(shard.current.stale for shard in shards if shard.current is not None)
        return Link(state="stale", reason="no data for long") if stale else Link(state="connected")
    if len(down) == len(shards):
        return Link(state="connecting")
    why = next((f"; {shard.failure}" for shard in down if shard.failure is not None), "")
    return Link(
        state="stale", reason=f"{len(down)} of {len(shards)} connections are down{why}"[:200]
    )


def failure_of(shards: Sequence[Shard]) -> SourceError | None:
    """Return why a source has no connection at all, with what it was asked to wait; None if it has one."""
    failures = [shard.failure for shard in shards]
    if not all(failure is not None for failure in failures):
        return None
    waits = [f.wait_s for f in failures if isinstance(f, SourceError) and f.wait_s]
    return SourceError(str(failures[-1]), wait_s=max(waits, default=None))
