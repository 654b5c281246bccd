"""Fills of OKX's REST, put together as its stream does it: PURE."""

from decimal import Context, Decimal, Inexact, InvalidOperation

import msgspec
from msgspec import Struct

from topics import Trade

from .reading import Filled

_SUM = Context(prec=200, traps=[Inexact, InvalidOperation])
"""Of sizes: exact, or an error."""


class Fill(Struct, gc=False):
    """One fill of REST, and what it can be put together with."""

    number: int
    source: str
    trade: Trade

    def follows(self, other: "Fill") -> bool:
        """Return whether it and the one before it are one taker's, at one price of one source."""
        mine, its = self.trade, other.trade
        return self.number == other.number + 1 and (
            (mine.event_ms, mine.price, mine.side, self.source)
            == (its.event_ms, its.price, its.side, other.source)
        )


def put_together(
    fills: dict[int, Fill], first: int, last: int, before: Trade, why_not: str
) -> Filled:
    """Return the trades that the fills of a hole make, without those of the trade behind it."""
    try:
        end = _end_of_hole(fills, last, before)
        proven = end is not None
        if end is None:
            # What is at another price or side, and what is below it, cannot be the trade's behind the hole.
            others = (at for at in fills if not _alike(fills[at], before))
            end = max(others, default=first - 1)
        trades = _as_streamed(fills, first, end)
    except (Inexact, InvalidOperation, ValueError) as error:
        return Filled(trades=[], whole=False, reason=f"unreadable sizes: {error}"[:200])
    if not proven:
        why_not = why_not or f"the fills of {before.trade_id} do not make up its size"
    missing = next((at for at in range(first, end + 1) if at not in fills), None)
    if missing is not None:
        why_not = why_not or f"the venue does not have {missing}"
    return Filled(trades=trades, whole=not why_not, reason=why_not[:200])


def _end_of_hole(fills: dict[int, Fill], last: int, before: Trade) -> int | None:
    """Return the last fill that is not one of the trade behind the hole; None if that cannot be told."""
    size, at = Decimal(0), last
    while size < before.size:
        if at not in fills or not _alike(fills[at], before):
            return None
        size = _SUM.add(size, fills[at].trade.size)
        at -= 1
    return at if size == before.size else None


def _alike(fill: Fill, trade: Trade) -> bool:
    return (fill.trade.price, fill.trade.side) == (trade.price, trade.side)


def _as_streamed(fills: dict[int, Fill], first: int, end: int) -> list[Trade]:
    """Return the trades that the stream makes of fills, up to ``end``: the last one's id, and the sum of the sizes.

    One of which a fill may be among those that are missing is left out: its size would be wrong.
    """
    takers: list[list[Fill]] = []
    for fill in (fills[at] for at in sorted(fills) if at <= end):
        if takers and fill.follows(takers[-1][-1]):
            takers[-1].append(fill)
        else:
            takers.append([fill])
    return [
        _sum(taker)
        for taker in takers
        if (taker[0].number == first or taker[0].number - 1 in fills)
        and taker[-1].number + 1 in fills
    ]


def _sum(taker: list[Fill]) -> Trade:
    size = taker[0].trade.size
    for fill in taker[1:]:
        size = _SUM.add(size, fill.trade.size)
    return msgspec.structs.replace(taker[-1].trade, size=size)
