"""Who works a value out, and what becomes of those who wait for it. PURE.

What stands under a value's lease is the token of the worker that makes the value, for as long as it renews it; or,
for a while, that nobody is to make it: the model refused, or its answer could not be used.

A follower looks again and again:

=====================  ========================================================
a value                has it
declined               gives up: `declined`
the leader's token     waits
another's token        waits: somebody took over
nothing, once          takes over: the leader died, or let it be
nothing, again         gives up: `leader_lost`. One more would be one more call
its time is over       gives up: `deadline`
=====================  ========================================================
"""

from msgspec import Struct
from msgspec.structs import replace

LEASE_BYTES_MAX = 80
DECLINED = b"declined"
"""What a leader leaves behind where nobody is to ask again."""
_HELD = b"held "
LAPSES_MAX = 1
"""A lease that lapses this often is taken over; the next time nobody asks any more."""


class Held(Struct, frozen=True):
    """Somebody makes the value."""

    token: str


class Declined(Struct, frozen=True):
    """Nobody is to make it for now."""


class Ready(Struct, frozen=True):
    """The value is there."""


class Wait(Struct, frozen=True):
    """Look again."""


class TakeOver(Struct, frozen=True):
    """Try to get the lease."""


class GiveUp(Struct, frozen=True):
    """There will be no value in time."""

    reason: str


Step = Ready | Wait | TakeOver | GiveUp


class Following(Struct, frozen=True):
    """What a follower has seen."""

    leader: str | None = None
    lapses: int = 0


def held(token: str) -> bytes:
    """Return what a leader writes. A token is hexadecimal."""
    return _HELD + token.encode()


def read_lease(raw: bytes) -> Held | Declined | None:
    """Return what stands under a lease; None where nothing does, or nothing that one of us wrote."""
    if raw == DECLINED:
        return Declined()
    if raw.startswith(_HELD) and raw.isascii() and len(raw) <= LEASE_BYTES_MAX:
        return Held(raw.removeprefix(_HELD).decode())
    return None


def follow(
    seen: Following,
    lease: Held | Declined | None,
    *,
    value_is_there: bool,
    now_s: float,
    until_s: float,
) -> tuple[Following, Step]:
    """Return what a follower has seen now, and what it does.

    The lease must have been looked at before the value: a leader leaves in the other order.
    """
    if value_is_there:
        return seen, Ready()
    if isinstance(lease, Declined):
        return seen, GiveUp("declined")
    if now_s >= until_s:
        return seen, GiveUp("deadline")
    if lease is None:
        lapsed = Following(None, seen.lapses + 1)
        return lapsed, TakeOver() if lapsed.lapses <= LAPSES_MAX else GiveUp("leader_lost")
    if seen.leader is None or seen.leader == lease.token:
        return replace(seen, leader=lease.token), Wait()
    lapsed = Following(lease.token, seen.lapses + 1)
    return lapsed, Wait() if lapsed.lapses <= LAPSES_MAX else GiveUp("leader_lost")
