"""Situations of a market for the rules analyst, by name."""

from agents.decide.candidate import Candidate
from tests.strategies.aggregates import calm, development, holed, market, silent, social, volume
from tests.unit.agents.candidates import candidate

from .moments import AFTER, events, larger, minutes, moment, posts, scored

_SCORED_FALL = [
    *minutes(94.5, 75.0, realised_volatility=0.012, taker_buy_ratio=0.22)[:-1],
    scored(
        minutes(94.5, 75.0, realised_volatility=0.012, taker_buy_ratio=0.22)[-1],
        log_return=(-21.4, 0.0001),
        volume=(9.7, 11.0),
        realised_volatility=(12.2, 0.0008),
        taker_buy_ratio=(-3.4, 0.51),
    ),
]
_VENUES = {"binance": 0.93, "okx": 0.07}

SITUATIONS: dict[str, Candidate] = {
    "crash with scores": moment(
        *_SCORED_FALL,
        *larger(95.0, 94.0),
        *posts(12),
        *events(38),
        reasons=("price_drop", "volume_spike"),
        severity="critical",
    ),
    "crash against the hour": moment(
        *minutes(94.5, 75.0),
        *larger(97.5, 101.0),
        reasons=("price_drop", "volume_spike"),
        severity="critical",
    ),
    "wick that came back": moment(
        *minutes(99.9, 40.0, low=93.0), *larger(99.8, 100.1), reasons=("price_drop",)
    ),
    "jump on full volume": moment(
        *minutes(103.5, 45.0, taker_buy_ratio=0.81), *larger(104.0, 105.0), reasons=("price_jump",)
    ),
    "rise on thin volume": moment(*minutes(100.5, 3.0), *larger(101.0, 102.0)),
    "volume without a move": moment(
        *minutes(100.05, 62.5, venue_share=_VENUES), reasons=("volume_without_move",)
    ),
    "posts without volume": moment(
        *minutes(100.0, 10.0), *posts(80, 0.6), reasons=("social_spike",)
    ),
    "glad posts in a fall": moment(
        *minutes(99.0, 20.0), *larger(98.0, 97.0), *posts(60, 0.7), reasons=("social_spike",)
    ),
    "development silent in a rise": moment(
        *minutes(100.3, 12.0), *larger(100.6, 102.0), *events(4), reasons=("development_drop",)
    ),
    "venues apart": moment(*minutes(98.8, 25.0, venue_spread=0.0063), reasons=("state_changed",)),
    "takers against the price": moment(
        *minutes(99.2, 18.0, taker_buy_ratio=0.72), *larger(99.0, 99.4)
    ),
    "quiet": moment(*minutes(100.0, 8.0), *larger(100.05, 100.1), *posts(9), volume(number=11)),
    "ranging": moment(*minutes(100.3, 11.0), *larger(99.9, 100.2, high=102.5, low=98.5)),
    "holed and silent": moment(
        *calm(3, "BTC/USD"),
        market("BTC/USD", 3, last=96.0, completeness=silent("kraken")),
        development(number=-1, completeness=holed("github")),
        reasons=("price_drop",),
    ),
    "late data": moment(
        *minutes(100.0, 10.0)[:-1], market(number=AFTER - 1, revision=2, last=99.5)
    ),
    "posts alone": moment(social(posts=3), reasons=("state_first",)),
    "nothing": candidate(facts=(), reasons=("state_first",)),
}
