"""The same market told otherwise: another name, other units of price, upside down."""

from collections.abc import Callable, Iterable

import msgspec
from msgspec.structs import replace

from topics import Aggregate, MarketValues, SocialValues
from topics.aggregate import Score, aggregate_id

PRICES = ("open", "high", "low", "close", "vwap")
TURNED = {"price_drop": "price_jump", "price_jump": "price_drop"}
_SIGNED = ("log_return", "taker_buy_ratio", "tone_mean")


def renamed(log: Iterable[Aggregate], asset: str) -> list[Aggregate]:
    """Return the same windows of another asset."""
    return [_named(aggregate, asset) for aggregate in log]


def scaled(log: Iterable[Aggregate], factor: float) -> list[Aggregate]:
    """Return the same windows with prices in other units: a power of two leaves every ratio as it is, to the bit."""
    return [_priced(aggregate, lambda price: price * factor) for aggregate in log]


def flipped(log: Iterable[Aggregate]) -> list[Aggregate]:
    """Return windows in which what rose fell as far by its logarithm, buyers were sellers, and glad posts were sad."""
    return [_flipped(aggregate) for aggregate in log]


def _named(aggregate: Aggregate, asset: str) -> Aggregate:
    _, slash, quote = aggregate.subject.partition("/")
    subject = f"{asset}{slash}{quote}"
    return replace(
        aggregate,
        asset=asset,
        subject=subject,
        aggregate_id=aggregate_id(
            aggregate.kind,
            subject,
            window_ms=aggregate.window_ms,
            step_ms=aggregate.step_ms,
            start_ms=aggregate.window_start_ms,
            revision=aggregate.revision,
        ),
    )


def _priced(aggregate: Aggregate, price: Callable[[float], float]) -> Aggregate:
    values = aggregate.values
    if not isinstance(values, MarketValues):
        return aggregate
    told = {name: price(getattr(values, name)) for name in PRICES}
    closes = {venue: price(close) for venue, close in values.venue_close.items()}
    return replace(aggregate, values=replace(values, **told, venue_close=closes))


def _flipped(aggregate: Aggregate) -> Aggregate:
    scores = {
        name: Score(z=-score.z, median=_median(name, score.median)) if name in _SIGNED else score
        for name, score in aggregate.scores.items()
    }
    values = aggregate.values
    if isinstance(values, SocialValues):
        turned: msgspec.Struct = replace(values, tone_mean=-values.tone_mean)
    elif isinstance(values, MarketValues):
        turned = _turned(values)
    else:
        turned = values
    return replace(aggregate, scores=scores, values=turned)


def _turned(values: MarketValues) -> MarketValues:
    square = values.open * values.open
    return replace(
        values,
        high=square / values.low,
        low=square / values.high,
        close=square / values.close,
        log_return=-values.log_return,
        taker_buy_ratio=None if values.taker_buy_ratio is None else 1 - values.taker_buy_ratio,
    )


def _median(name: str, median: float) -> float:
    return 1 - median if name == "taker_buy_ratio" else -median
