"""Who of several replicas collects: a lease, and what is done without an answer about it. PURE.

====================================  =============================================================================
the lease is ours                     leads until shortly before it ends, by its own clock from before it asked
it is somebody else's                 stands by
no answer, while ours lasts           leads on
no answer, ours is over               stands by: another may have it
no answer for `ALONE_S` after that,   leads without a lease, and says so: whoever reached Redis would be in the log
and no greater epoch in the log       by now
never led, no answer for              the same: nobody else seems to be there. Two who both think so double every
`ALONE_SILENT_S`, and the log silent  event, which the fold drops; that is less bad than none of them
====================================  =============================================================================
"""

from typing import Literal, Protocol

from msgspec import Struct

ALONE_S = 5.0
"""Longer than another takes over and beats: its heartbeats are in the log then."""
ALONE_SILENT_S = 20.0
"""For one that did not lead: longer than the last leader waits, so that it is the last one's turn first."""
MARGIN_FRACTION = 0.1
"""Of the lease's length: two clocks run apart, and a request that has left is on its way."""

State = Literal["leads", "leads_alone", "standby"]


class LeaseError(Exception):
    """There was no answer: nobody knows who leads. The message is for people."""


class LeaseStore(Protocol):
    """Where leases are kept, for all replicas."""

    async def take(self, name: str, token: str, length_s: float, *, epoch_min: int) -> int | None:
        """Take a lease, or hold on to one that is ours; return its epoch, greater than any before, or None if it is another's.

        Raises:
            LeaseError: There was no answer.
        """

    async def renew(self, name: str, token: str, length_s: float) -> bool:
        """Hold a lease for longer, and return whether it is still ours.

        Raises:
            LeaseError: There was no answer.
        """

    async def leave(self, name: str, token: str) -> None:
        """Give a lease back, if it is ours.

        Raises:
            LeaseError: There was no answer; it ends by itself.
        """


class Heard(Struct, frozen=True):
    """What the log says of an entry's sources."""

    epoch: int
    """The greatest of their heartbeats; less than 0 without any."""
    silent_s: float
    """Since the last of them was logged."""


class Lease:
    """One replica's view of one lease. Times are of its own monotonic clock."""

    def __init__(self, *, length_s: float, now_s: float) -> None:
        """Begin as one who stands by."""
        self.epoch: int | None = None
        """Of its last leadership."""
        self.held = False
        """Whether the lease is ours, as far as we were told."""
        self.why = "has not asked yet"
        self._length_s = length_s
        self._until_s = float("-inf")
        self._alone = False
        self._unanswered_s: float | None = now_s
        """Since when nobody has answered; None after an answer."""

    def granted(self, epoch: int, asked_s: float) -> None:
        """Note that it is ours, from when it was asked for."""
        self.epoch, self.held, self._alone, self._unanswered_s = epoch, True, False, None
        self._until_s = asked_s + self._length_s * (1 - MARGIN_FRACTION)
        self.why = ""

    def renewed(self, asked_s: float) -> None:
        """Note that it is still ours."""
        self._until_s = asked_s + self._length_s * (1 - MARGIN_FRACTION)
        self._unanswered_s, self.why = None, ""

    def refused(self) -> None:
        """Note that it is another's."""
        self.held, self._alone, self._unanswered_s = False, False, None
        self._until_s = float("-inf")
        self.why = "another leads"

    def unanswered(self, now_s: float, why: str) -> None:
        """Note that there was no answer."""
        if self._unanswered_s is None:
            self._unanswered_s = now_s
        self.why = why
        if now_s >= self._until_s:
            self.held = False

    def consider(self, now_s: float, heard: Heard | None) -> None:
        """Lead without a lease if nobody has answered for long, and nobody else leads as far as the log says.

        What the log says is not known (None) where it cannot be read: then nothing could be sent either.
        """
        if self._unanswered_s is None or heard is None or self.leads(now_s):
            return
        since_s = now_s - max(self._unanswered_s, self._until_s)
        if self.epoch is not None:
            self._alone = since_s >= ALONE_S and heard.epoch <= self.epoch
        elif since_s >= ALONE_SILENT_S and heard.silent_s >= ALONE_SILENT_S:
            self._alone, self.epoch = True, heard.epoch + 1

    def leads(self, now_s: float) -> bool:
        """Return whether anything may be sent now."""
        return self._alone or now_s < self._until_s

    def left_s(self, now_s: float) -> float:
        """Return how long it leads if nothing is heard."""
        return float("inf") if self._alone else self._until_s - now_s

    def state(self, now_s: float) -> State:
        """Return what it does now."""
        if self._alone:
            return "leads_alone"
        return "leads" if now_s < self._until_s else "standby"
