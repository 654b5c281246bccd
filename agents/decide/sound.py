"""Can these numbers be computed with, and these names be shown? The contract allows windows no market can make. PURE.

A window that is not sound is refused before it is folded: a price of 0 would otherwise end the process at every
division by it, again and again, because the context keeps it. Names stand in texts for people and in what a model is
asked: one with an escape sequence or a sentence in it is refused as well.
"""

import re

from topics import Aggregate, DevelopmentValues, MarketValues, SocialValues, VolumeValues
from topics.units import (
    ASSET_PATTERN,
    EPOCH_MS_MAX,
    INSTRUMENT_PATTERN,
    NAME_PATTERN,
    NUMBER_MAX,
    NUMBER_MIN,
)

LOG_RETURN_MAX = 100.0
"""Beyond what any two prices within their bounds give (76)."""
AMOUNT_MIN, AMOUNT_MAX = 1e-9, 1e30
"""Sums are on a grid of 1e-8, so what is not 0 is not smaller; no sum of a window is larger."""
COUNT_MAX = 2**63 - 1
_ID = re.compile(r"[a-z]+/[A-Z0-9._:/-]+(?:/[0-9]+){4}(?:/e[0-9]+)?")
"""What `topics.aggregate.aggregate_id` makes. A text that takes an analysis back cites it."""
_DAY_MS = 86_400_000


def unsound(aggregate: Aggregate) -> str | None:
    """Return what cannot be computed with, in words, or None."""
    if aggregate.window_end_ms > EPOCH_MS_MAX - _DAY_MS:
        return f"the window ends at {aggregate.window_end_ms} ms, beyond the year 9999"
    if (misnamed := _misnamed(aggregate)) is not None:
        return misnamed
    match aggregate.values:
        case MarketValues() as market:
            return _market(market)
        case VolumeValues(flow=flow, level=level):
            return _amounts(flow=flow, level=level or 0.0)
        case SocialValues(posts=posts):
            return _counts(posts=posts)
        case DevelopmentValues(events=events, commits=commits):
            return _counts(events=events, commits=commits)


def _misnamed(aggregate: Aggregate) -> str | None:
    is_market = isinstance(aggregate.values, MarketValues)
    if not re.search(INSTRUMENT_PATTERN if is_market else ASSET_PATTERN, aggregate.subject):
        return f"the subject {aggregate.subject!a} is no {'instrument' if is_market else 'asset'}"
    if not _ID.fullmatch(aggregate.aggregate_id):
        return f"{aggregate.aggregate_id[:64]!a} is no id of an aggregate"
    for venue in aggregate.completeness.holed_venues:
        if not re.search(NAME_PATTERN, venue):
            return f"{venue[:64]!a} is no name of a venue"
    return None


def _market(market: MarketValues) -> str | None:
    for name in ("open", "high", "low", "close"):
        price = getattr(market, name)
        if not NUMBER_MIN <= price <= NUMBER_MAX:
            return f"{name} is {price:g}: no price"
    if abs(market.log_return) > LOG_RETURN_MAX:
        return f"log_return is {market.log_return:g}: no return of two prices"
    return _amounts(volume=market.volume) or _counts(trades=market.trades)


def _amounts(**amounts: float) -> str | None:
    for name, amount in amounts.items():
        if amount != 0 and not AMOUNT_MIN <= amount <= AMOUNT_MAX:
            return f"{name} is {amount:g}: no sum of amounts"
    return None


def _counts(**counts: int) -> str | None:
    for name, count in counts.items():
        if count > COUNT_MAX:
            return f"{name} has {len(str(count))} digits: no count"
    return None
