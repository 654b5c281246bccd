"""Moments of a market that texts are held against, with every kind of fact in them."""

import msgspec

from agents.decide.candidate import Candidate
from tests.strategies.aggregates import (
    FIVE_MS,
    HOUR_MS,
    MINUTE_MS,
    development,
    market,
    market_values,
    social,
    volume,
    window,
)
from tests.unit.agents.candidates import candidate_of
from topics import Aggregate
from topics.aggregate import Score

AFTER = 60
"""The minute that is the latest; the hour, the five minutes and the posts end with it."""


def minutes(
    last: float, amount: float, *, subject: str = "BTC/USDT", **values: object
) -> list[Aggregate]:
    """Return twenty calm minutes and one that ends at ``last``, from 100, on ``amount`` of volume."""
    calm = [market(subject, number) for number in range(AFTER - 21, AFTER - 1)]
    made = msgspec.structs.replace(market_values(last=last, volume=amount), **values)
    return [*calm, window(made, subject, kind="market", number=AFTER - 1)]


def larger(
    five: float, hour: float, *, subject: str = "BTC/USDT", **values: object
) -> list[Aggregate]:
    """Return the five minutes and the hour that end with the latest minute, from 100 each."""
    return [
        window(
            msgspec.structs.replace(market_values(last=last, volume=20.0), **values),
            subject,
            kind="market",
            number=AFTER * MINUTE_MS // size_ms - 1,
            window_ms=size_ms,
        )
        for last, size_ms in ((five, FIVE_MS), (hour, HOUR_MS))
    ]


def posts(latest: int, tone: float = 0.1, *, usual: int = 10) -> list[Aggregate]:
    """Return five spans of posts, all alike but the latest."""
    calm = [social(number=number, posts=usual) for number in range(7, 11)]
    return [*calm, social(number=11, posts=latest, tone=tone)]


def events(latest: int, *, usual: int = 40) -> list[Aggregate]:
    """Return four hours of development that end with the latest minute."""
    return [
        msgspec.structs.replace(
            development(number=0, events=count), window_start_ms=development().window_start_ms + at
        )
        for count, at in (
            (usual, -3 * HOUR_MS),
            (usual, -2 * HOUR_MS),
            (usual, -HOUR_MS),
            (latest, 0),
        )
    ]


def scored(aggregate: Aggregate, n: int = 288, **scores: tuple[float, float]) -> Aggregate:
    """Return a window with robust scores: of each value its z and its median."""
    told = {name: Score(z=z, median=median) for name, (z, median) in scores.items()}
    return msgspec.structs.replace(aggregate, scores=told, history_n=n)


def moment(
    *windows: Aggregate, reasons: tuple[str, ...] = ("state_expired",), **changes: object
) -> Candidate:
    """Return the candidate of these windows, led by the last market window among them."""
    ordered = sorted(windows, key=lambda w: (w.window_end_ms, w.kind == "market", -w.window_ms))
    return candidate_of(ordered, reasons=reasons, **changes)


FALL = moment(*minutes(96.0, 30.0), *larger(97.0, 99.0), *posts(12), *events(38), volume(number=11))
"""A fall over all windows, on three times the usual volume, with posts and development about as usual."""
RISE = moment(*minutes(104.0, 3.0), *larger(103.0, 101.0), *posts(80, 0.6), *events(4))
"""A rise over all windows on thin volume, with many glad posts and little development."""
