"""Candidates that wait for their turn: at most one an asset, the most pressing first. PURE.

Waiting makes a candidate more pressing at one rate for all, so the order is by a key that never changes: the time
it came, less a head start for its severity, and for an alert. Hence nobody starves: what comes more than the
longest head start after a candidate never goes before it, whatever its asset, its partition or its severity, and
of what came earlier there is at most one an asset. Apart from that, its deadline takes a candidate from the
queue for the model to the one for rules. What was taken over before this process began waits, as long as it may, for
the one that takes it over again.
"""

from collections.abc import Callable
from math import inf
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from topics import Severity

from .candidate import Candidate, coalesced
from .heap import LazyHeap

HEAD_START_S: dict[Severity, float] = {
    "info": 0.0,
    "notice": 10.0,
    "warning": 60.0,
    "critical": 600.0,
}
"""How much longer a candidate of less severity must have waited to go first."""
ALERT_HEAD_START_S = 3_600.0
"""Of a firing alert, beside that of its severity: no candidate without one waits so long."""
HEAD_START_S_MAX = ALERT_HEAD_START_S + max(HEAD_START_S.values())

Lane = Literal["rules", "model", "asleep"]


class Put(Struct, frozen=True):
    """What putting a candidate in did to others."""

    waiting: Candidate
    absorbed: Candidate | None = None
    """The older candidate of the same asset, which lives on in `waiting`."""
    shed: Candidate | None = None
    """The least pressing one, which had to go because the inbox was full; it may be the new one itself."""


class _Entry(Struct):
    candidate: Candidate
    arrival: int
    """The order among equals; what takes another over has that one's."""
    lane: Lane


class Inbox:
    """The waiting candidates of one worker."""

    def __init__(
        self, capacity: int, wants_model: Callable[[Candidate], bool] = lambda _: True
    ) -> None:
        """Hold at most ``capacity`` assets. ``wants_model`` says, once for all, who is not for rules alone."""
        self._capacity, self._wants_model = capacity, wants_model
        self._entries: dict[int, _Entry] = {}
        """By a number of its own for each; a candidate that changes gets a new one."""
        self._of_asset: dict[str, int] = {}
        self._count = 0
        self._lanes: dict[Lane, LazyHeap] = {
            lane: LazyHeap(self._belongs_to(lane)) for lane in ("rules", "model", "asleep")
        }
        self._deadlines = LazyHeap(self._is_timed)
        self._least = LazyHeap(self._entries.__contains__)

    def __len__(self) -> int:
        """How many wait."""
        return len(self._entries)

    def put(self, candidate: Candidate) -> Put:
        """Take a candidate; one of the same asset that waits already is absorbed."""
        older = self._pop_asset(candidate.asset)
        if older is None:
            return self._add(candidate, None)
        both = coalesced(older.candidate, candidate)
        return self._add(both, older.candidate, older.arrival)

    def put_back(self, candidate: Candidate, not_before_s: float) -> Put:
        """Take a candidate back that must wait until a time; of it and one of its asset the newer absorbs the other.

        That may be either: two of one asset can be under way at once, and the older one come back first.
        """
        candidate = replace(candidate, not_before_s=max(candidate.not_before_s, not_before_s))
        other = self._pop_asset(candidate.asset)
        if other is None:
            return self._add(candidate, None)
        older, newer = sorted((candidate, other.candidate), key=lambda found: found.read_to)
        return self._add(coalesced(older, newer), older, other.arrival)

    def take(self, now_s: float, *, model_is_free: bool) -> Candidate | None:
        """Return the most pressing candidate that can be answered now, or None.

        While the model is busy those that want it go on waiting, until their deadline.
        """
        self._wake(now_s)
        found = self._lanes["rules"].first()
        if model_is_free:
            asking = self._lanes["model"].first()
            found = asking if found is None or (asking is not None and asking < found) else found
        return None if found is None else self._pop(found[1]).candidate

    def end_alert(self, asset: str, alert_id: str) -> Candidate | None:
        """Let go of an alert that fires no more; return the candidate that waited for nothing else, now gone.

        One with other causes goes on waiting, its reasons complete, in the place they give it.
        """
        number = self._of_asset.get(asset)
        if number is None:
            return None
        candidate, arrival = self._entries[number].candidate, self._entries[number].arrival
        left = tuple(cause for cause in candidate.alerts if cause.alert_id != alert_id)
        if len(left) == len(candidate.alerts):
            return None
        self._pop(number)
        if not left and not candidate.offsets:
            return candidate
        self._add(replace(candidate, alerts=left), None, arrival)
        return None

    def remove_partition(self, partition: int) -> list[Candidate]:
        """Return the candidates of a partition that is no longer ours, and hold them no more."""
        gone = [n for n, e in self._entries.items() if e.candidate.partition == partition]
        return [self._pop(number).candidate for number in gone]

    def _add(self, candidate: Candidate, absorbed: Candidate | None, arrival: int = -1) -> Put:
        self._count += 1
        number, living = self._count, len(self._entries) + 1
        arrival = number if arrival < 0 else arrival
        lane: Lane = "rules"
        asleep_to_s = candidate.not_before_s if candidate.heir is None else inf
        if candidate.heir is not None:
            lane = "asleep"
        elif self._wants_model(candidate):
            lane = "asleep" if candidate.not_before_s > 0 else "model"
        self._entries[number] = _Entry(candidate, arrival, lane)
        self._of_asset[candidate.asset] = number
        press = _press(candidate)
        key = (asleep_to_s, arrival) if lane == "asleep" else (press, arrival)
        self._lanes[lane].push(key, number, living)
        self._deadlines.push((candidate.deadline_s, arrival), number, living)
        self._least.push((-press, -arrival), number, living)
        return Put(candidate, absorbed, self._shed())

    def _shed(self) -> Candidate | None:
        if len(self._entries) <= self._capacity:
            return None
        least = self._least.first()
        return None if least is None else self._pop(least[1]).candidate

    def _wake(self, now_s: float) -> None:
        """Move to the model's lane what has slept enough, and to the rules' lane what is past its deadline."""
        while (found := self._lanes["asleep"].first()) is not None and found[0][0] <= now_s:
            self._move(found[1], "model")
        while (found := self._deadlines.first()) is not None and found[0][0] < now_s:
            self._move(found[1], "rules")

    def _move(self, number: int, lane: Lane) -> None:
        entry = self._entries[number]
        if entry.lane != lane:
            entry.lane = lane
            key = (_press(entry.candidate), entry.arrival)
            self._lanes[lane].push(key, number, len(self._entries))

    def _pop_asset(self, asset: str) -> _Entry | None:
        number = self._of_asset.get(asset)
        return None if number is None else self._pop(number)

    def _pop(self, number: int) -> _Entry:
        entry = self._entries.pop(number)
        del self._of_asset[entry.candidate.asset]
        return entry

    def _is_timed(self, number: int) -> bool:
        """Whether a deadline still matters to it: rules answer it as soon as they can anyway."""
        entry = self._entries.get(number)
        return entry is not None and entry.lane != "rules"

    def _belongs_to(self, lane: Lane) -> Callable[[int], bool]:
        def belongs(number: int) -> bool:
            entry = self._entries.get(number)
            return entry is not None and entry.lane == lane

        return belongs


def _press(candidate: Candidate) -> float:
    alert_s = ALERT_HEAD_START_S if candidate.alerts else 0.0
    return candidate.enqueued_s - HEAD_START_S[candidate.severity] - alert_s
