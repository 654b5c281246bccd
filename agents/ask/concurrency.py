"""How many calls to one model may be in flight at once: additive increase, multiplicative decrease. PURE.

The limit grows by one for each limit's worth of successes, while it is what holds us back; it is cut to `CUT` of
itself on overload, and at most once for the calls that were in flight together, as TCP cuts once per round trip
(RFC 5681). Time is an argument, in seconds of a clock that does not go back.
"""

from msgspec import Struct

from agents.ask.outcomes import Concurrency

START = 4.0
"""The limit to begin with, if the maximum allows it: what a few overloads cut to 1, and a minute's calls double."""
CUT = 0.7
RAMP_CUT = 0.5
RAMP_S = 300.0
"""After "you grew too fast" the limit grows slowly for so long: five of the provider's minutes."""
RAMP_SHARE = 0.1
"""Of the usual increase, during it."""


class Slot(Struct, frozen=True):
    """Leave to have one call in flight; it must be reported or given back."""

    number: int
    since_s: float


class ConcurrencyLimit:
    """Slots of one (provider, model)."""

    def __init__(self, maximum: int, *, lost_s: float) -> None:
        """Allow at most ``maximum`` at once, and count a slot out for at most ``lost_s``, which no call lasts.

        Raises:
            ValueError: ``maximum`` is below 1, or ``lost_s`` is not above 0.
        """
        if maximum < 1 or lost_s <= 0:
            msg = f"a maximum of {maximum} calls, lost after {lost_s:g} s: 1 and above 0 are the least"
            raise ValueError(msg)
        self.limit = min(START, float(maximum))
        self.lost = 0
        """Slots that nobody gave back."""
        self._maximum, self._lost_s = float(maximum), lost_s
        self._out: dict[int, Slot] = {}
        self._issued = 0
        self._cut_at = 0
        """The last slot that had been given when the limit was cut: those up to it say nothing new."""
        self._slow_until_s = float("-inf")

    @property
    def in_flight(self) -> int:
        """Slots that are out."""
        return len(self._out)

    @property
    def allowed(self) -> int:
        """Calls that may be in flight: whole ones."""
        return int(self.limit)

    def has_room(self, now_s: float) -> bool:
        """Return whether there is a slot to take."""
        self._drop_lost(now_s)
        return len(self._out) < self.allowed

    def take(self, now_s: float) -> Slot | None:
        """Return a slot, or None when as many are out as may be."""
        if not self.has_room(now_s):
            return None
        self._issued += 1
        slot = Slot(self._issued, now_s)
        self._out[slot.number] = slot
        return slot

    def report(self, slot: Slot, change: Concurrency, now_s: float) -> None:
        """Take a slot back with what came of its call. Once counts, and a slot given up for lost not at all."""
        saturated = len(self._out) >= self.allowed
        if self._out.pop(slot.number, None) is None:
            return
        match change:
            case Concurrency.UP if saturated:
                self._raise(now_s)
            case Concurrency.DOWN if slot.number > self._cut_at:
                self._lower(CUT)
            case Concurrency.HALVE:
                self._slow_until_s = now_s + RAMP_S
                if slot.number > self._cut_at:
                    self._lower(RAMP_CUT)
            case _:
                pass

    def give_back(self, slot: Slot) -> None:
        """Take a slot back whose call was never made."""
        self._out.pop(slot.number, None)

    def _raise(self, now_s: float) -> None:
        share = RAMP_SHARE if now_s < self._slow_until_s else 1.0
        self.limit = min(self._maximum, self.limit + share / self.limit)

    def _lower(self, factor: float) -> None:
        self.limit = max(1.0, self.limit * factor)
        self._cut_at = self._issued

    def _drop_lost(self, now_s: float) -> None:
        """Give up those that are out too long. They were given in order, so the oldest come first."""
        for slot in list(self._out.values()):
            if now_s - slot.since_s < self._lost_s:
                break
            del self._out[slot.number]
            self.lost += 1
